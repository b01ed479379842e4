"""The floor of many noise energies: what is left where there is no structure.

An energy is a mean of `freedom` squared coefficients: chi-square distributed for noise alone,
and larger where there is anatomy. The floor is the scale whose lower part of the chi-square
law the lowest energies follow. It is found by a fixed point: average the energies below
a quantile of the law at the present scale, undo what the cut took away, repeat.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import BoolArray, FloatArray

    DoubleArray = npt.NDArray[np.float64]

KEPT = 0.9
"""Share of pure noise energies that lies below the cut."""

ROUNDS = 30
LOCAL_ROUNDS = 12

TRACE = 1e-6
RIDGE = 0.1


def floor(energies: FloatArray | DoubleArray, freedom: int, start: float = 0.3) -> float:
    """Return the floor of `energies` (n,), that is sigma^2; 0 when the lowest are 0.

    Parameters
    ----------
    energies
        Mean squares of `freedom` coefficients each.
    freedom
        Number of coefficients.
    start
        Quantile of the energies that the fixed point starts from.
    """
    limit, kept_mean = _cut(freedom)
    level = float(np.quantile(energies, start))
    for _ in range(ROUNDS):
        low = energies[energies <= limit * level]
        level = float(low.mean(dtype=np.float64)) / kept_mean
    return level


def share_at_floor(energies: FloatArray | DoubleArray, freedom: int) -> float:
    """Return which share of `energies` (n,), in units of the floor, noise explains: 0 to 1."""
    limit, _ = _cut(freedom)
    return min(1.0, float((energies <= limit).mean()) / KEPT)


def local_floor(
    energies: FloatArray | DoubleArray, inside: BoolArray, freedom: int, width: tuple[float, ...]
) -> DoubleArray:
    """Return the floor around each tile, float64 (i, j, k): a local line with Gaussian weights.

    A line, not a mean, because at the rim of the head all neighbours lie on one side.

    Parameters
    ----------
    energies
        (i, j, k).
    inside
        bool (i, j, k): the tiles that count.
    freedom
        Number of coefficients in each energy.
    width
        Standard deviation of the weights along each axis, in tiles.

    Returns
    -------
    numpy.ndarray
        Tiles far from all others get the floor of the whole.
    """
    limit, kept_mean = _cut(freedom)
    overall = floor(energies[inside], freedom)
    level = np.full(energies.shape, overall)
    for turn in range(LOCAL_ROUNDS):
        low = inside & (energies <= limit * level)
        line = turn >= LOCAL_ROUNDS - 2
        level = _local_fit(energies, low, width, overall * kept_mean, line) / kept_mean
    return level


def _local_fit(
    energies: FloatArray | DoubleArray,
    chosen: BoolArray,
    width: tuple[float, ...],
    far: float,
    line: bool,
) -> DoubleArray:
    """Return the local mean of the chosen energies, or the local line at each tile."""
    from scipy.ndimage import gaussian_filter

    def gathered(values: DoubleArray | float) -> DoubleArray:
        each = np.where(chosen, values, 0.0)
        return np.asarray(gaussian_filter(each, width, mode="constant"))

    # A trace of the overall level takes over where no tile is near.
    weight = gathered(1.0) + TRACE
    mean = (gathered(energies.astype(np.float64)) + TRACE * far) / weight
    if not line:
        return mean
    at = [
        grid / each
        for grid, each in zip(np.indices(chosen.shape, dtype=np.float64), width, strict=True)
    ]
    centre = [gathered(axis) / weight for axis in at]
    together = np.empty((*chosen.shape, 3, 3))
    with_energy = np.empty((*chosen.shape, 3))
    for one in range(3):
        with_energy[..., one] = gathered(at[one] * energies) / weight - centre[one] * mean
        for other in range(3):
            product = gathered(at[one] * at[other]) / weight
            together[..., one, other] = product - centre[one] * centre[other]
    # The ridge keeps the slope tame where the neighbours lie in a plane.
    slope = np.linalg.solve(together + RIDGE * np.eye(3), with_energy[..., np.newaxis])[..., 0]
    offset = np.stack([axis - middle for axis, middle in zip(at, centre, strict=True)], axis=-1)
    fitted = mean + np.sum(slope * offset, axis=-1)
    return np.asarray(np.clip(fitted, mean / 2, mean * 2))


@cache
def _cut(freedom: int) -> tuple[float, float]:
    """Return the cut in units of the scale, and the mean of the noise energies below it."""
    from scipy.stats import chi2

    quantile = float(chi2.ppf(KEPT, freedom))
    return quantile / freedom, float(chi2.cdf(quantile, freedom + 2)) / KEPT
