"""The gain of peak signal-to-noise ratio, estimated without knowing the truth.

Stein's unbiased risk estimate (Stein 1981, doi:10.1214/aos/1176345632), with the divergence of the
denoiser f measured by one random probe b of +-1 (Ramani 2008, doi:10.1109/TIP.2008.2001404):

    risk = mean( (f - y)^2 - sigma^2 + 2 sigma^2 f' ),    f' = b (f(y + e b) - f(y)) / e

over the head. For Rician data the same integration by parts, with the Rician density in place of
the Gaussian one (compare Luisier 2012, doi:10.1109/TIP.2012.2191565), gives

    risk = mean( (f - y)^2 - 2 sigma^2 + 2 f (sigma^2 / y - c) + 2 sigma^2 f' ),
    c = A (1 - I1(y A / sigma^2) / I0(y A / sigma^2)),

where the true signal A is left in the small term c alone, which hardly depends on it once the
signal is above `LEAST_SIGNAL` sigma; there f stands for it. A denoiser that jumps, at a hard
threshold, is better than the probe sees, by some tenths of a dB.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter

from bids_denoise.metrics.comparison import bias_was_kept, box_around, cut, cut_noise
from bids_denoise.metrics.law import bias_and_spread

if TYPE_CHECKING:
    from bids_denoise.values import BoolArray, Denoised, FloatArray, Image, Noise

    Redo = Callable[[Image, Noise], FloatArray]

PROBE = 0.01
"""Size of the probe in sigma. At 0.1 sigma the estimate is off by up to 0.4 dB."""

MOST_SAMPLES = 4_000_000
"""Samples (voxels x volumes) up to which the whole image is denoised once more. Of a larger
image a box of half as many is denoised twice, so that the cost has a bound."""

SHORTEST_EDGE = 16
"""Voxels a box is long at least, where the image is: room for search windows and patches."""

SIGMA_ERROR = 0.02
"""Relative error of sigma that goes into the error of the estimate."""

LEAST_SIGNAL = 2.5
"""Signal in sigma from which on the estimate holds for Rician data."""

PEAK = 99.9
"""Percentile of the denoised head that counts as the peak."""


@dataclass(frozen=True)
class Gain:
    """Peak signal-to-noise ratio in dB: of the noisy image and of the denoised one.

    `error` is the standard error of `after`: by chance, and by a sigma off by `SIGMA_ERROR`.
    """

    before: float
    after: float
    error: float

    @property
    def gain(self) -> float:
        """How many dB were gained."""
        return self.after - self.before


def estimated_gain(
    image: Image, denoised: Denoised, noise: Noise, head: BoolArray, redo: Redo, seed: int
) -> Gain | None:
    """Return the estimate, or None without noise, without a head, or when it comes out below 0.

    It is over the head, of Rician data over that part of it where the signal is above
    `LEAST_SIGNAL` sigma.

    Parameters
    ----------
    redo
        Denoises an image with the same settings; is given the noise that belongs to it, because
        of a large image only a box is denoised.
    seed
        Of the probe.

    Notes
    -----
    One more run of the denoiser for images of up to `MOST_SAMPLES`, else two on half of that.
    """
    region = _region(denoised, noise, head)
    if not region.any():
        return None
    peak = high_percentile(denoised.data, region, PEAK)
    box = probe_box(head, image.data.shape)
    if box is None:
        first = denoised.data
    else:
        image, noise, region = cut(image, box), cut_noise(noise, box), region[box]
        first = redo(image, noise) if region.any() else image.data
    probe = (
        np.random.default_rng(seed).integers(0, 2, image.data.shape, dtype=np.int8) * np.float32(2)
        - 1
    )
    size = PROBE * _like(noise.sigma, image.data)
    pushed = np.asarray(image.data + size * probe, dtype=np.float32)
    second = redo(replace(image, data=pushed), noise)
    power, risk, error = _errors(image.data, (first, second), probe, noise, region)
    if min(power, risk, peak) <= 0:
        return None
    before, after = (10 * math.log10(peak**2 / each) for each in (power, risk))
    return Gain(before, after, 10 / math.log(10) * error / risk)


def high_percentile(data: FloatArray, region: BoolArray, percent: float) -> float:
    """Return what ``numpy.percentile(data[region], percent)`` does, plane after plane.

    Parameters
    ----------
    data
        (x, y, z[, t]).
    region
        bool (x, y, z), not empty.
    percent
        Near 100: the values above it are held.
    """
    count = int(np.count_nonzero(region)) * (data.size // region.size)
    place = (count - 1) * (percent / 100)
    first = int(place)
    highest = np.empty(0, data.dtype)
    for plane, where in zip(data, region, strict=True):
        highest = np.concatenate([highest, plane[where].ravel()])
        surplus = highest.size - (count - first)
        if surplus > 0:
            highest = np.partition(highest, surplus)[surplus:]
    low, high = np.sort(highest)[[0, min(1, highest.size - 1)]]
    share, step = place - first, high - low
    return float(high - step * (1 - share) if share >= 0.5 else low + step * share)


def probe_box(head: BoolArray, shape: tuple[int, ...]) -> tuple[slice, slice, slice] | None:
    """Return the box to denoise twice, None when the whole image is to be denoised once more.

    It lies in the middle of the head and is shortened along z first.
    """
    volumes = shape[3] if len(shape) > 3 else 1
    if head.size * volumes <= MOST_SAMPLES:
        return None
    box = list(box_around(head, SHORTEST_EDGE // 4))
    edges = [len(range(*each.indices(n))) for each, n in zip(box, shape, strict=False)]
    most = MOST_SAMPLES / 2 / volumes
    shorter = max(SHORTEST_EDGE, int(most // (edges[0] * edges[1])))
    lengths = [edges[0], edges[1], min(edges[2], shorter)]
    shrink = min(1.0, float(np.sqrt(most / np.prod(lengths))))
    lengths[:2] = [min(n, max(SHORTEST_EDGE, int(shrink * n))) for n in lengths[:2]]
    middle = [(each.start + each.stop) // 2 for each in box]
    starts = [max(0, m - n // 2) for m, n in zip(middle, lengths, strict=True)]
    return tuple(slice(s, s + n) for s, n in zip(starts, lengths, strict=True))  # type: ignore[return-value]


def _region(denoised: Denoised, noise: Noise, head: BoolArray) -> BoolArray:
    region = head & (noise.sigma > 0)
    if noise.law != "rician":
        return region
    mean = denoised.data if denoised.data.ndim == 3 else denoised.data.mean(axis=-1)
    return np.asarray(region & (gaussian_filter(mean, 1.0) > LEAST_SIGNAL * noise.sigma))


def _errors(
    noisy: FloatArray,
    runs: tuple[FloatArray, FloatArray],
    probe: FloatArray,
    noise: Noise,
    region: BoolArray,
) -> tuple[float, float, float]:
    """Return the mean square error before, its estimate after, and the uncertainty of that."""
    signal, measured = runs[0][region], noisy[region]
    sigma = np.ascontiguousarray(np.broadcast_to(_like(noise.sigma, noisy), noisy.shape)[region])
    divergence = probe[region] * (runs[1][region] - signal) / (PROBE * sigma)
    bias, spread = bias_and_spread(signal, sigma, noise.law)
    if noise.law != "rician" or bias_was_kept(measured - bias, signal, bias):
        correction = spread**2 * (2 * divergence - 1)
        power = spread**2
    else:
        correction = _rician_correction(signal, measured, sigma) + 2 * sigma**2 * divergence
        power = spread**2 + bias**2
    risk = (signal - measured) ** 2 + correction
    chance = float(risk.std(dtype=np.float64)) / risk.size**0.5
    by_sigma = 2 * SIGMA_ERROR * float(correction.mean(dtype=np.float64))
    means = (float(each.mean(dtype=np.float64)) for each in (power, risk))
    return next(means), next(means), math.hypot(chance, by_sigma)


def _rician_correction(signal: FloatArray, measured: FloatArray, sigma: FloatArray) -> FloatArray:
    from scipy.special import i0e, i1e

    positive = np.maximum(measured, 0.1 * sigma)
    overlap = positive * np.maximum(signal, 0) / sigma**2
    small = signal * (1 - i1e(overlap) / i0e(overlap))
    return np.asarray(2 * signal * (sigma**2 / positive - small) - 2 * sigma**2)


def _like(sigma: FloatArray, data: FloatArray) -> FloatArray:
    return sigma if data.ndim == sigma.ndim else sigma[..., np.newaxis]
