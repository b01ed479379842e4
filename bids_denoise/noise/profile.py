"""What the spectrum of the noise along one axis tells of the history of an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.noise.tiles import EDGE, corner_cosines, grid_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import BoolArray, FloatArray

    DoubleArray = npt.NDArray[np.float64]

LENGTH = 32
"""Voxels of the pieces of lines that are looked at; shorter axes are not described."""

MOST_PIECES = 1000
FEWEST_PIECES = 20

QUIET = 0.2
"""Quantile of the power over the pieces: those with little anatomy."""

SHARP = 0.2
"""A spectrum that falls from 3/4 to 1/4 within this share of the Nyquist frequency was cut."""

KEPT = 0.55
"""Interpolation keeps at least this much of the level at half the Nyquist frequency..."""

VANISHED = 0.15
"""... and leaves less than this of it at the edge."""


@dataclass(frozen=True)
class Profile:
    """Noise along one axis, from pieces of lines with high frequencies across.

    `frequencies` (n,) from 0 to 1, the Nyquist frequency; `levels` (n,) in image units.
    """

    frequencies: DoubleArray
    levels: DoubleArray


def profile_of(data: FloatArray, region: BoolArray, axis: int) -> Profile | None:
    """Return the spectrum of `data` (x, y, z) along `axis` in `region`; None if it is too small."""
    if data.shape[axis] < LENGTH:
        return None
    edges = tuple(
        LENGTH if axis == each else min(EDGE, length) for each, length in enumerate(data.shape)
    )
    starts, inside = grid_of(region, edges, 1)
    where = np.argwhere(inside)
    if len(where) < FEWEST_PIECES:
        return None
    where = where[np.unique(np.linspace(0, len(where) - 1, MOST_PIECES).astype(int))]
    across = [corner_cosines(edge) for each, edge in enumerate(edges) if each != axis]
    taper = np.hanning(LENGTH + 2)[1:-1]
    taper /= np.sqrt(np.sum(taper**2))
    powers = []
    for place in where:
        cube = data[
            tuple(
                slice(start[index], start[index] + edge)
                for start, index, edge in zip(starts, place, edges, strict=True)
            )
        ]
        lines = np.einsum("lyz,ay,bz->lab", np.moveaxis(cube, axis, 0), *across, optimize=True)
        waves = np.fft.rfft(lines * taper[:, np.newaxis, np.newaxis], axis=0)
        powers.append(np.mean(np.abs(waves) ** 2, axis=(1, 2)))
    levels = np.sqrt(np.quantile(powers, QUIET, axis=0))
    return Profile(np.linspace(0, 1, len(levels)), levels)


def told_by(profile: Profile) -> str:
    """Return in words what was done to an image whose noise is not white along an axis."""
    # The first and last values are those of real, not complex waves.
    relative = profile.levels[:-1] / np.median(profile.levels[1:4])
    high = _last_above(profile.frequencies, relative, 0.75)
    low = _last_above(profile.frequencies, relative, 0.25)
    if relative[-1] < 0.25 and low - high < SHARP:
        return f"k-space is empty beyond {(high + low) / 2:.2f} of its extent (zero-filled)"
    middle = float(np.interp(0.5, profile.frequencies[:-1], relative))
    if middle > KEPT and profile.levels[-1] < VANISHED * np.median(profile.levels[1:4]):
        return "power vanishes at the edge of k-space (interpolated)"
    return "power falls towards the edge of k-space (filtered or smoothed)"


def _last_above(frequencies: DoubleArray, relative: DoubleArray, level: float) -> float:
    """Return the frequency at which `relative` falls below `level` for good."""
    above = np.flatnonzero(relative >= level)
    last = int(above[-1])
    if last == len(relative) - 1:
        return float(frequencies[last])
    drop = (relative[last] - level) / (relative[last] - relative[last + 1])
    return float(frequencies[last] + drop * (frequencies[1] - frequencies[0]))
