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

KEPT = 0.8
"""Share of pure noise energies that lies below the cut."""

ROUNDS = 30
LOCAL_ROUNDS = 12


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


def local_floor(
    energies: FloatArray | DoubleArray, inside: BoolArray, freedom: int, width: tuple[float, ...]
) -> DoubleArray:
    """Return the floor around each tile, float64 (i, j, k), by Gaussian weights.

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
    for _ in range(LOCAL_ROUNDS):
        low = inside & (energies <= limit * level)
        level = _averaged(energies, low, width, overall * kept_mean) / kept_mean
    return level


def _averaged(
    energies: FloatArray | DoubleArray, chosen: BoolArray, width: tuple[float, ...], far: float
) -> DoubleArray:
    from scipy.ndimage import gaussian_filter

    weight = gaussian_filter(chosen.astype(np.float64), width, mode="constant")
    total = gaussian_filter(np.where(chosen, energies, 0.0), width, mode="constant")
    # A trace of the overall level takes over where no tile is near.
    return np.asarray((total + 1e-6 * far) / (weight + 1e-6))


@cache
def _cut(freedom: int) -> tuple[float, float]:
    """Return the cut in units of the scale, and the mean of the noise energies below it."""
    from scipy.stats import chi2

    quantile = float(chi2.ppf(KEPT, freedom))
    return quantile / freedom, float(chi2.cdf(quantile, freedom + 2)) / KEPT
