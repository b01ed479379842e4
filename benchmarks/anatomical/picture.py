"""Before, after and what was removed, for one image and some methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.anatomical.cases import cases, with_noise

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from benchmarks.anatomical.store import Store
    from bids_denoise.values import FloatArray

REMOVED = 3.0
"""Removed noise is shown from minus to plus this many sigma."""


def draw(path: Path, rows: list[dict[str, Any]], store: Store, given: argparse.Namespace) -> None:
    """Draw a slice of the truth, of the noisy image and of results, and what they removed."""
    shown = {
        row["key"]["method"]: row
        for row in rows
        if row["key"]["image"] == given.picture_image
        and row["key"]["level"] == given.picture_level
        and row["key"]["method"] in {*given.picture_methods, "noisy"}
    }
    case = next(cases(given.real, [given.picture_image], given.slices, few_mice=False), None)
    if case is None or "noisy" not in shown:
        print(f"no picture: {given.picture_image} at {given.picture_level} % was not run")
        return
    noisy = with_noise(case, given.picture_level, given.law)
    panels: list[tuple[str, FloatArray]] = [("truth", case.truth), ("noisy", noisy.data)]
    for name in given.picture_methods:
        voxels = store.voxels(shown[name]["key"]) if name in shown else None
        if voxels is not None:
            panels.append((shown[name]["label"], voxels))
    psnr = {row["label"]: row["psnr"] for row in shown.values()}
    _plot(path, panels, psnr, (case.peak, noisy.sigma))


def _plot(
    path: Path,
    panels: list[tuple[str, FloatArray]],
    psnr: dict[str, float],
    scale: tuple[float, float],
) -> None:
    from matplotlib.figure import Figure
    from PIL import Image

    peak, sigma = scale
    noisy = dict(panels)["noisy"]
    middle = noisy.shape[2] // 2
    figure = Figure(figsize=(2.6 * len(panels), 6.2), layout="constrained")
    axes = figure.subplots(2, len(panels), squeeze=False)
    for column, (label, data) in enumerate(panels):
        value = f"\n{psnr[label]:.2f} dB" if label in psnr else "\n"
        top, low = axes[:, column]
        top.imshow(np.rot90(data[..., middle]), cmap="gray", vmin=0, vmax=peak)
        top.set_title(label + value, fontsize=10)
        if label != "noisy":
            gone = np.rot90((noisy - data)[..., middle])
            limit = REMOVED * sigma
            low.imshow(gone, cmap="gray", vmin=-limit, vmax=limit)
            low.set_title("the noise" if label == "truth" else "removed", fontsize=10)
        for each in (top, low):
            each.set_axis_off()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    Image.open(path).convert("L").quantize(64).save(path, optimize=True)
