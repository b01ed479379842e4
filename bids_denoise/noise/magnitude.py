"""How much of the noise is left in a magnitude image."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import FloatArray

    DoubleArray = npt.NDArray[np.float64]

RAYLEIGH_MEAN = float(np.sqrt(np.pi / 2))
"""Mean of magnitude data without signal, in units of sigma."""

RAYLEIGH_VARIANCE = 2 - np.pi / 2
"""Variance of magnitude data without signal, in units of sigma^2."""


def variance_share(mean: FloatArray | DoubleArray) -> DoubleArray:
    r"""Return the variance of Rician data in units of sigma^2, from their `mean` in sigma.

    The correction factor :math:`\xi` of Koay & Basser (2006, doi:10.1016/j.jmr.2006.01.016) as
    a function of what is measured, mean / sigma, instead of the unknown signal: 0.43 without
    signal, 1 at high signal.

    Examples
    --------
    >>> variance_share(np.array([1.2533, 3.0, 100.0])).round(2)
    array([0.43, 0.92, 1.  ])
    """
    means, shares = _table()
    return np.interp(mean, means, shares)


@cache
def _table() -> tuple[DoubleArray, DoubleArray]:
    from scipy.special import i0e, i1e

    signal = np.linspace(0, 20, 2001)
    quarter = signal**2 / 4
    means = RAYLEIGH_MEAN * ((1 + 2 * quarter) * i0e(quarter) + 2 * quarter * i1e(quarter))
    shares = 2 + signal**2 - means**2
    shares[-1] = 1.0
    return means, shares
