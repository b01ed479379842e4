"""Variance stabilisation of Rician data, and its exact unbiased inverse.

The magnitude M of a signal v in complex Gaussian noise of standard deviation 1 in each channel
falls by the Rician law, whose spread shrinks where the signal is weak. The transform f gives f(M) a
standard deviation near 1 for every v (within 4 %), so that a denoiser made for Gaussian noise may
follow. The way back takes the mean of f(M) to v itself, so that the bias of the magnitude
goes too (Foi 2011, doi:10.1109/ISBI.2011.5872758). f is found numerically, once a process.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bids_denoise import scratch

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.kernels.stabilise_cpu import Curve
    from bids_denoise.values import FloatArray

    Precise = npt.NDArray[np.float64]

HIGHEST_SIGNAL = 12.0
"""Signal in sigma up to which the law is tabulated."""

KNOWN_FROM = 8.0
"""From this magnitude in sigma on, ``sqrt(M^2 - 1/2)`` is as stable as a table."""

DENSITY = 64
ROUNDS = 50
"""More rounds bring the standard deviation nearer to 1 at the price of a less even f."""

LEAST_SHARE = 1e-3
"""Of the largest sigma: the least that is divided by."""


def stabilise(data: FloatArray, sigma: FloatArray, threads: int = 1) -> FloatArray:
    """Return f of Rician `data`: the same image with noise of standard deviation 1 everywhere.

    Where the signal is strong it is ``data / sigma``, without the bias of the magnitude.

    Parameters
    ----------
    data
        float32 (x, y, z[, t]), magnitudes.
    sigma
        float32 (x, y, z), of each channel, in the units of `data`; not 0 everywhere. Less than
        a thousandth of its largest value is taken as that.
    threads
        Any number gives the same result.

    Returns
    -------
    float32, the shape of `data`.
    """
    from bids_denoise.kernels import stabilise_cpu

    out = scratch.empty_like(data)
    curve = _curves().forward
    stabilise_cpu.stabilise(_by_voxel(sigma, data, out), curve, threads)
    return out


def unstabilise(
    stable: FloatArray, sigma: FloatArray, threads: int = 1, out: FloatArray | None = None
) -> FloatArray:
    """Return the signal that `stable` is the mean of: the exact unbiased inverse of `stabilise`.

    What lies below the mean of pure noise becomes 0. Parameters as in `stabilise`; the result is
    written to `out`, C-contiguous, if that is given. It may be `stable` itself.
    """
    from bids_denoise.kernels import stabilise_cpu

    out = scratch.empty_like(stable) if out is None else out
    curve = _curves().inverse
    stabilise_cpu.unstabilise(_by_voxel(sigma, stable, out), curve, threads)
    return out


def stabilised_mean(signal: FloatArray, sigma: FloatArray) -> FloatArray:
    """Return sigma times the mean of `stabilise`: what the noise leaves of `signal` on average.

    ``unstabilise(stabilised_mean(signal, sigma) / sigma, sigma)`` is `signal`.

    Parameters
    ----------
    signal
        float32 (x, y, z[, t]) without noise, not negative.
    sigma
        As in `stabilise`.

    Returns
    -------
    float32, the shape of `signal`.
    """
    scale, flat = _by_voxel(sigma, signal)
    ratio = flat.astype(np.float64) / scale[:, np.newaxis]
    # The mean rises with the square of a weak signal: straight lines in that are exact at 0.
    mean = np.interp(ratio**2, *_curves().mean)
    np.copyto(mean, ratio + 0.25 / np.maximum(ratio, 1), where=ratio > HIGHEST_SIGNAL)
    mean *= scale[:, np.newaxis]
    return np.asarray(mean.reshape(signal.shape), dtype=np.float32)


def floored(sigma: FloatArray) -> FloatArray:
    """Return `sigma` with at least a thousandth of its largest value, so that it can divide."""
    least = np.float32(LEAST_SHARE) * sigma.max()
    return np.maximum(sigma, least) if sigma.min() < least else sigma


def _by_voxel(sigma: FloatArray, *series: FloatArray) -> tuple[FloatArray, ...]:
    """Return sigma (voxels,), so that it can divide, and each series as (voxels, volumes)."""
    flat = (np.ascontiguousarray(each).reshape(sigma.size, -1) for each in series)
    return np.ascontiguousarray(floored(sigma)).reshape(-1), *flat


class _Curves(NamedTuple):
    forward: Curve
    inverse: Curve
    mean: tuple[Precise, Precise]
    """By the square of the signal."""


@cache
def _curves() -> _Curves:
    from bids_denoise.kernels.stabilise_cpu import Curve

    magnitude = np.arange((HIGHEST_SIGNAL + 4) * DENSITY + 1) / DENSITY
    signal = np.arange(HIGHEST_SIGNAL * 20 + 1) / 20
    density = _rician(magnitude, signal)
    stable = _stable(magnitude, density)
    mean = density @ stable
    known = int(KNOWN_FROM * DENSITY)
    grid = np.arange(mean[0], mean[-1], 1 / DENSITY)
    squares = np.interp(grid, mean, signal**2)
    per_sigma = np.float32(DENSITY)
    forward = Curve(stable[: known + 1].astype(np.float32), np.float32(0), per_sigma)
    inverse = Curve(squares.astype(np.float32), np.float32(mean[0]), per_sigma)
    return _Curves(forward, inverse, (signal**2, mean))


def _rician(magnitude: Precise, signal: Precise) -> Precise:
    """Return the probability of each magnitude, (signal, magnitude)."""
    from scipy.special import i0e

    apart = magnitude - signal[:, np.newaxis]
    density: Precise = magnitude * np.exp(-(apart**2) / 2) * i0e(magnitude * signal[:, np.newaxis])
    density /= density.sum(axis=1, keepdims=True)
    return density


def _stable(magnitude: Precise, density: Precise) -> Precise:
    """Return f of each magnitude.

    Where the signals that a magnitude stems from come out with a standard deviation above 1, the
    slope of f is made smaller by as much, and so on; from `KNOWN_FROM` sigma on it is known.
    """
    stems = density / np.maximum(density.sum(axis=0), np.finfo(float).tiny)
    stems[:, 0] = stems[:, 1]
    known = magnitude >= KNOWN_FROM
    slope = np.ones_like(magnitude)
    slope[known] = np.gradient(_asymptotic(magnitude[known]), magnitude[known])
    for _ in range(ROUNDS):
        stable = _integral(slope, magnitude)
        variance = density @ stable**2 - (density @ stable) ** 2
        slope = np.where(known, slope, slope / (np.sqrt(variance) @ stems))
    stable = _integral(slope, magnitude)
    stable += _asymptotic(KNOWN_FROM) - stable[known][0]
    return stable


def _integral(slope: Precise, magnitude: Precise) -> Precise:
    steps = np.diff(magnitude) * (slope[1:] + slope[:-1]) / 2
    return np.concatenate(([0.0], np.cumsum(steps)))


def _asymptotic(magnitude: Precise | float) -> Precise:
    root: Precise = np.sqrt(np.square(magnitude) - 0.5)
    return root
