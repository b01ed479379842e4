"""Variance stabilisation of Rician data, and its exact unbiased inverse.

Foi (2011), Noise estimation and removal in MR imaging: the variance-stabilization approach,
doi:10.1109/ISBI.2011.5872758.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray

FARTHEST = 14.0
"""Signal in sigma from which on the law is a Gaussian for every purpose."""


def stabilise(data: FloatArray, sigma: FloatArray) -> FloatArray:
    """Return Rician `data` (x, y, z[, t]) so that its noise has variance 1 everywhere.

    Parameters
    ----------
    data
        float32, at least 0.
    sigma
        float32 (x, y, z), greater than 0 where the result is to mean anything.
    """
    scaled = data / _broadcast(sigma, data)
    result: FloatArray = np.sqrt(np.maximum(scaled**2 - np.float32(0.5), 0)).astype(np.float32)
    return result


def unstabilise(stable: FloatArray, sigma: FloatArray) -> FloatArray:
    """Return the signal whose stabilised expectation is `stable`: the exact unbiased inverse."""
    signal, expectation = _expectations()
    inner = np.interp(stable, expectation, signal)
    outer = (stable + np.sqrt(np.maximum(stable.astype(np.float64) ** 2, 0))) / 2
    result: FloatArray = np.where(stable < expectation[-1], inner, outer).astype(np.float32)
    return result * _broadcast(sigma, stable)


@cache
def _expectations() -> tuple[Any, Any]:
    from scipy.special import i0e

    signal = np.linspace(0, FARTHEST, 561)
    measured = np.linspace(0, FARTHEST + 8, 4401)
    density = (
        measured
        * np.exp(-((measured - signal[:, None]) ** 2) / 2)
        * i0e(measured * signal[:, None])
    )
    density /= density.sum(axis=1, keepdims=True)
    return signal, density @ np.sqrt(np.maximum(measured**2 - 0.5, 0))


def _broadcast(sigma: FloatArray, data: FloatArray) -> FloatArray:
    safe = np.maximum(sigma, np.finfo(np.float32).tiny)
    return safe if data.ndim == safe.ndim else safe[..., np.newaxis]
