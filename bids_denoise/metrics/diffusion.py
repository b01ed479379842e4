"""What only diffusion series have: shells, and the signal to noise in each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.metrics.comparison import compare
from bids_denoise.metrics.texture import texture_metrics

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.metrics.comparison import Comparison
    from bids_denoise.values import BoolArray, Denoised, FloatArray, Image, Noise

    Precise = npt.NDArray[np.float64]

SHELL_GAP = 100.0
"""b-values in s/mm^2 that are further apart than this belong to different shells."""

MOST_SHELLS = 6
"""With more shells than this (DSI, say) b-values are counted in thousands."""

VOLUMES_OF_A_SHELL = 4
"""Volumes of each shell that are looked at."""


def shells(bvals: Precise) -> dict[str, npt.NDArray[np.int64]]:
    """Return the volumes of each shell by name, lowest b first.

    Examples
    --------
    >>> {name: each.tolist() for name, each in shells(np.array([0, 995, 1005, 5])).items()}
    {'b0': [0, 3], 'b1000': [1, 2]}
    """
    order = np.argsort(bvals, kind="stable")
    starts = np.flatnonzero(np.diff(bvals[order]) > SHELL_GAP) + 1
    groups = np.split(order, starts)
    if len(groups) > MOST_SHELLS:
        thousands = np.round(bvals / 1000)
        groups = [np.flatnonzero(thousands == each) for each in np.unique(thousands)]
    return {f"b{50 * round(float(np.median(bvals[g])) / 50)}": np.sort(g) for g in groups}


def shell_snr(
    image: Image, denoised: Denoised, noise: Noise, head: BoolArray
) -> dict[str, tuple[float | None, float | None]]:
    """Return the SNR before and after by shell, lowest b first; none without b-values.

    Median signal of the head over the finest texture (`texture_metrics`) in the difference of two
    volumes of the shell, mean over volumes; of a shell with one volume, in that volume.
    """
    if image.bvals is None:
        return {}
    found = {}
    for name, volumes in shells(image.bvals).items():
        some = [int(each) for each in volumes[:VOLUMES_OF_A_SHELL]]
        found[name] = _mean_snr(compare(image, denoised, noise, head, some))
    return found


def _mean_snr(pairs: tuple[Comparison, ...]) -> tuple[float | None, float | None]:
    """Return the mean over volumes of median signal over the noise in it, before and after."""
    ratios: tuple[list[float], list[float]] = ([], [])
    for pair, partner in zip(pairs, (*pairs[1:], *pairs[:1]), strict=True):
        levels = texture_metrics(pair, None if partner is pair else partner)[:2]
        for data, level, into in zip((pair.before, pair.after), levels, ratios, strict=True):
            if level:
                into.append(float(np.median(data[pair.head])) / level)
    before, after = (float(np.mean(each)) if each else None for each in ratios)
    return before, after


def same_contrast(bvals: Precise | None, volume: int, count: int) -> int | None:
    """Return the volume next to `volume` that has its contrast: without b-values, any; or None."""
    alike = np.arange(count)
    if bvals is not None:
        alike = next(each for each in shells(bvals).values() if volume in each)
    others = alike[alike != volume]
    return int(others[np.argmin(np.abs(others - volume))]) if len(others) else None


def above_unweighted(data: FloatArray, bvals: Precise, head: BoolArray) -> float | None:
    """Return the share of weighted values of the head, in %, that exceed the mean at b = 0.

    Diffusion only takes signal away: what is above is noise, motion or a fault of a denoiser. None
    without volumes of both kinds, b = 0 being below `SHELL_GAP`.
    """
    weighted = bvals >= SHELL_GAP
    if weighted.all() or not weighted.any() or not head.any():
        return None
    above = 0
    for plane, where in zip(data, head, strict=True):
        inside = plane[where]
        unweighted = inside[:, ~weighted].mean(axis=1, dtype=np.float64)
        above += int(np.count_nonzero(inside[:, weighted] > unweighted[:, np.newaxis]))
    return 100 * (above / (np.count_nonzero(head) * np.count_nonzero(weighted)))
