"""Noise levels of tiles: one for many, a local one for each, and the map made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.noise.floor import floor, local_floor
from bids_denoise.noise.magnitude import RAYLEIGH_VARIANCE, variance_share
from bids_denoise.noise.tiles import Tiles, spread

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import BoolArray, FloatArray, Law

    DoubleArray = npt.NDArray[np.float64]

WIDTH = (1 / 12, 6.0, 10.0)
"""Standard deviation of the weights of the local floor: share of an axis, least and most voxels."""

UNEVEN = 0.07
"""Half the logarithmic range of the local floor (5th to 95th percentile), or `UNCERTAIN` standard
errors of it if that is more, up to which sigma is constant. From twice that on it is as
the local floor says; in between, in between."""

UNCERTAIN = 2.5

NEAR_AIR = 1.31
"""A tile of lower mean / sigma is taken for air: two standard errors above Rayleigh noise."""

ROUNDS = 5
LOCAL_ROUNDS = 4


def seen_share(means: FloatArray, sigma: float | DoubleArray, law: Law) -> DoubleArray:
    """Return the variance of the noise of tiles in units of sigma^2, from their means.

    Parameters
    ----------
    means
        (..., 8) mean of each octant of a tile.
    sigma
        One number, or one for each tile (...).
    law
        Only ``rician`` data show less than sigma^2.
    """
    if law != "rician" or not np.all(sigma):
        return np.ones(means.shape[:-1])
    relative = means / np.asarray(sigma)[..., np.newaxis]
    # The mean over an octant is too noisy to tell air from very little signal.
    air = relative.mean(axis=-1) < NEAR_AIR
    return np.where(air, RAYLEIGH_VARIANCE, variance_share(relative).mean(axis=-1))


def level_of(tiles: Tiles, chosen: BoolArray, law: Law) -> float:
    """Return sigma of the tiles `chosen` (i, j, k): their floor, corrected for magnitude data."""
    energy, means = tiles.energy[chosen], tiles.means[chosen]
    sigma = float(np.sqrt(floor(energy, tiles.freedom)))
    for _ in range(ROUNDS):
        sigma = float(np.sqrt(floor(energy / seen_share(means, sigma, law), tiles.freedom)))
    return sigma


def local_level(tiles: Tiles, used: BoolArray, law: Law) -> tuple[DoubleArray, DoubleArray]:
    """Return the local sigma^2 of each tile, and the share of it that is seen."""
    pairs = zip(_widths(tiles.shape), tiles.steps, strict=True)
    width = tuple(voxels / step for voxels, step in pairs)
    level = np.full(tiles.energy.shape, level_of(tiles, used, law) ** 2)
    for _ in range(LOCAL_ROUNDS):
        share = seen_share(tiles.means, np.sqrt(level), law)
        level = local_floor(tiles.energy / share, used, tiles.freedom, width)
    return level, share


def sigma_map(tiles: Tiles, used: BoolArray, law: Law) -> FloatArray:
    """Return sigma of white noise (x, y, z), constant unless it clearly varies."""
    level, _ = local_level(tiles, used, law)
    middle = float(np.median(level[used]))
    if middle == 0:
        return np.zeros(tiles.shape, np.float32)
    logarithm = np.log(np.maximum(level, 1e-2 * middle) / middle) / 2
    low, high = np.quantile(logarithm[used], (0.05, 0.95))
    # A Gaussian of width w weighs as much as (2 sqrt(pi) w)^3 equal voxels.
    voxels = np.prod([2 * np.sqrt(np.pi) * each for each in _widths(tiles.shape)])
    freedom = tiles.freedom * max(1.0, float(voxels / np.prod(tiles.edges)))
    even = max(UNEVEN, UNCERTAIN / np.sqrt(2 * freedom))
    weight = float(np.clip((high - low) / 2 / even - 1, 0, 1))
    if weight == 0:
        return np.full(tiles.shape, np.sqrt(middle), np.float32)
    return np.float32(np.sqrt(middle)) * np.exp(spread(weight * logarithm, tiles))


def _widths(shape: tuple[int, ...]) -> list[float]:
    return [float(np.clip(WIDTH[0] * length, *WIDTH[1:])) for length in shape]
