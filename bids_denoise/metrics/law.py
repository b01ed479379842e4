"""What a noise law does to a signal: the mean and the spread of what is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import FloatArray, Law

    Precise = npt.NDArray[np.float64]

LOWEST_RICIAN_VARIANCE = 2 - np.pi / 2
"""Variance of the Rayleigh law, in units of sigma^2: the least a Rician variance can be."""

HIGH_SIGNAL = 12.0
"""From this signal in sigma on, the first terms in 1 / signal are exact to 1e-4 sigma."""


def bias_and_spread(
    signal: FloatArray, sigma: FloatArray, law: Law
) -> tuple[FloatArray, FloatArray]:
    """Return by how much the measured mean exceeds `signal`, and the standard deviation around it.

    For Rician data the bias falls from 1.25 sigma without signal to 0 at high signal, and the
    standard deviation rises from 0.655 sigma to sigma (Koay & Basser 2006,
    doi:10.1016/j.jmr.2006.01.016).

    Parameters
    ----------
    signal
        The noise-free signal, any shape; negative values count as 0 for magnitude data.
    sigma
        Standard deviation of the Gaussian noise of each channel, of the same shape; where it is
        0 both results are 0.
    law
        Only ``rician`` has a bias here. For ``nc-chi`` the number of coils is not known, so
        it is treated like ``gaussian``, which it approaches at high signal.

    Returns
    -------
    bias, spread
        float32, the shape of `signal`, in image units.
    """
    if law != "rician":
        return np.zeros(signal.shape, dtype=np.float32), sigma.astype(np.float32)
    ratio = np.maximum(signal, 0) / np.where(sigma > 0, sigma, np.float32(1))
    bias = 0.5 / np.maximum(ratio, 1)
    variance = 1 - 0.5 / np.maximum(ratio, 1) ** 2
    low = ratio < HIGH_SIGNAL
    bias[low], variance[low] = _exact(ratio[low].astype(np.float64))
    return np.asarray(bias * sigma), np.asarray(np.sqrt(variance) * sigma)


def _exact(ratio: Precise) -> tuple[Precise, Precise]:
    """Return bias and variance at sigma = 1, by Laguerre's L_1/2 in scaled Bessel functions."""
    from scipy.special import i0e, i1e

    half = (ratio / 2) ** 2
    mean = np.sqrt(np.pi / 2) * ((1 + 2 * half) * i0e(half) + 2 * half * i1e(half))
    variance = np.clip(2 + ratio**2 - mean**2, LOWEST_RICIAN_VARIANCE, 1)
    return mean - ratio, variance
