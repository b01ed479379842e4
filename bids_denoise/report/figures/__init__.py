"""All figures of one image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise import scratch
from bids_denoise.intensity import window
from bids_denoise.metrics.comparison import chosen_volumes, compare, head_of
from bids_denoise.metrics.diffusion import shell_snr, shells
from bids_denoise.metrics.residual import standardised
from bids_denoise.metrics.series import dvars, temporal_snr, volume_ratios
from bids_denoise.metrics.sharpness import edge_profile
from bids_denoise.report.figures import charts, planes
from bids_denoise.report.figures.style import save_drawing, save_picture
from bids_denoise.report.figures.views import middle_of, views_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from bids_denoise.metrics.comparison import Comparison
    from bids_denoise.report.figures.views import Views
    from bids_denoise.values import BoolArray, Denoised, FloatArray, Image, Noise

CARPET_ROWS = 600
CARPET_WINDOW = (-2.5, 2.5)
"""In standard deviations of each voxel's series before."""

RESIDUAL_WINDOW = 3.0
"""In standard deviations of the noise, either way."""

MOST_SHELLS_SHOWN = 6


@dataclass(frozen=True)
class _Shown:
    """What all figures of one image share."""

    image: Image
    denoised: Denoised
    noise: Noise
    head: BoolArray
    pair: Comparison
    views: Views

    def volumes(self, index: int) -> tuple[FloatArray, FloatArray]:
        """Return a volume (x, y, z) before and after."""
        if self.image.data.ndim == 3:
            return self.image.data, self.denoised.data
        before, after = (
            next(scratch.volumes(data, [index])) for data in (self.image.data, self.denoised.data)
        )
        return before, after


def draw(
    image: Image, denoised: Denoised, noise: Noise, folder: Path, stem: str
) -> dict[str, Path]:
    """Draw every figure of an image.

    Parameters
    ----------
    image, denoised, noise
        What went in, what came out, and the noise that was estimated.
    folder
        Where the files go; it exists.
    stem
        Their names are ``<stem>_<figure>.png`` or ``.svg``.

    Returns
    -------
    dict
        Path of each figure by its name. Names that end in ``_before`` and ``_after`` belong
        together: same size, same scale, made to be laid over each other.
    """
    shown = _shown(image, denoised, noise)
    pictures = _planes(shown)
    drawings = _charts(shown)
    if image.data.ndim == 4:
        drawings |= _series_charts(shown)
        pictures |= _diffusion(shown) if image.bvals is not None else _time(shown)
    files = {
        name: save_picture(each, folder / f"{stem}_{name.replace('_', '-')}.png")
        for name, each in pictures.items()
    }
    for name, each in drawings.items():
        files[name] = save_drawing(each, folder / f"{stem}_{name.replace('_', '-')}.svg")
    return files


def _shown(image: Image, denoised: Denoised, noise: Noise) -> _Shown:
    head = head_of(image)
    first = chosen_volumes(image)[0]
    pair = compare(image, denoised, noise, head, [first])[0]
    after = denoised.data
    if image.data.ndim > 3:
        after = next(scratch.volumes(denoised.data, [first]))
    views = views_of(after, head, image.affine)
    return _Shown(image, denoised, noise, head, pair, views)


def _planes(shown: _Shown) -> dict[str, Figure]:
    before, after = shown.volumes(chosen_volumes(shown.image)[0])
    range_shown = window(after, middle_of(shown.head))
    sigma = shown.noise.sigma
    inside = sigma[shown.head & (sigma > 0)]
    level = float(np.median(inside)) if inside.size else 1.0
    limit = RESIDUAL_WINDOW * level
    low, high = (float(e) for e in np.percentile(inside, (1, 99))) if inside.size else (0.0, 1.0)
    spread = (min(low, 0.8 * level), max(high, 1.2 * level))
    return {
        "image_before": planes.planes_figure(before, shown.views, range_shown),
        "image_after": planes.planes_figure(after, shown.views, range_shown),
        "removed": planes.planes_figure(
            before - after, shown.views, (-limit, limit), bar="before minus after"
        ),
        "sigma": planes.planes_figure(
            np.where(shown.head, sigma, np.nan), shown.views, spread, "cividis", "sigma"
        ),
    }


def _charts(shown: _Shown) -> dict[str, Figure]:
    residual = standardised(shown.pair)[shown.pair.head]
    drawn = {"histogram": charts.residual_histogram(residual)}
    profile = edge_profile(shown.pair)
    if profile is not None:
        drawn["edges"] = charts.edge_chart(profile)
    return drawn


def _series_charts(shown: _Shown) -> dict[str, Figure]:
    image, denoised, head = shown.image, shown.denoised, shown.head
    ratios = volume_ratios(image, denoised, shown.noise, head)
    groups = shells(image.bvals) if image.bvals is not None else {}
    drawn = {"volumes": charts.volumes_chart(ratios, groups)}
    if image.bvals is None:
        changes = (dvars(data, head) for data in (image.data, denoised.data))
        drawn["dvars"] = charts.dvars_chart(*changes)
    else:
        snr = shell_snr(image, denoised, shown.noise, head)
        drawn["shell_snr"] = charts.shells_chart(snr)
    return drawn


def _time(shown: _Shown) -> dict[str, Figure]:
    before, after = (
        np.where(shown.head, temporal_snr(data), np.float32(np.nan))
        for data in (shown.image.data, shown.denoised.data)
    )
    inside = after[shown.head]
    high = float(np.percentile(inside, 98)) if inside.size else 1.0
    scale = (0.0, max(high, 1e-3))
    first, second = _carpets(shown)
    return {
        "tsnr_before": planes.planes_figure(before, shown.views, scale, "viridis", "tSNR"),
        "tsnr_after": planes.planes_figure(after, shown.views, scale, "viridis", "tSNR"),
        "carpet_before": planes.carpet(first, CARPET_WINDOW),
        "carpet_after": planes.carpet(second, CARPET_WINDOW),
    }


def _carpets(shown: _Shown) -> tuple[FloatArray, FloatArray]:
    """Return the series of voxels all over the head (voxels, t), the bright ones first."""
    where = np.flatnonzero(shown.head)
    where = where[:: max(1, len(where) // CARPET_ROWS)][:CARPET_ROWS]
    volumes = shown.image.data.shape[-1]
    before, after = (
        np.asarray(data.reshape(-1, volumes)[where], dtype=np.float32)
        for data in (shown.image.data, shown.denoised.data)
    )
    order = np.argsort(-before.mean(axis=1), kind="stable")
    spread = before.std(axis=1, keepdims=True)
    spread[spread == 0] = 1
    first, second = ((data - data.mean(axis=1, keepdims=True)) / spread for data in (before, after))
    return first[order], second[order]


def _diffusion(shown: _Shown) -> dict[str, Figure]:
    """Return the axial plane of one volume of each shell, before and after."""
    if shown.image.bvals is None:
        return {}
    inside = shown.noise.sigma[shown.head]
    limit = RESIDUAL_WINDOW * (float(np.median(inside)) if inside.size else 1.0) or 1.0
    columns = {}
    for name, volumes in list(shells(shown.image.bvals).items())[:MOST_SHELLS_SHOWN]:
        before, after = shown.volumes(int(volumes[len(volumes) // 2]))
        scale = window(after, middle_of(shown.head))
        parts = ((before, scale), (after, scale), (before - after, (-limit, limit)))
        columns[f"b = {name[1:]} s/mm²"] = [(shown.views.cuts(e)[2], span) for e, span in parts]
    return {"shells": planes.montage(columns, ("before", "after", "removed"))}
