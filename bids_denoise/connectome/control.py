"""The control of a denoised connectome: the original run, smoothed until it is as smooth.

Smoother data have more reliable edges whatever was done to them; what denoising adds shows only
beside this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bids_denoise import scratch
from bids_denoise.metrics.fluctuation import smoothness

if TYPE_CHECKING:
    from bids_denoise.connectome.edges import Precise
    from bids_denoise.connectome.parcels import Parcels
    from bids_denoise.values import FloatArray

    Spacing = tuple[float, float, float]

FWHM = float(np.sqrt(8 * np.log(2)))
"""Full width at half maximum of a Gaussian of unit standard deviation."""

SOME = 24
"""Volumes that smoothness is measured in."""

STEPS = 10
WIDEST = 4.0
"""In voxels: the largest width that is tried."""


def matched_width(
    before: FloatArray, after: FloatArray, parcels: Parcels, spacing: Spacing
) -> float:
    """Return the FWHM in mm of the Gaussian after which a run is as smooth as it is denoised.

    0 where denoising did not smooth. Smoothness is that of `metrics.fluctuation.smoothness` in the
    parcels (x, y, z), of evenly spaced volumes.
    """
    volumes = np.linspace(0, before.shape[-1] - 1, min(SOME, before.shape[-1]), dtype=int).tolist()
    inside = parcels.labels > 0
    some, clean = (
        np.stack(list(scratch.volumes(data, volumes)), axis=-1) for data in (before, after)
    )
    wanted = smoothness(clean, inside, spacing) or 0.0
    low, high = 0.0, WIDEST * float(np.mean(spacing))
    if (smoothness(some, inside, spacing) or 0.0) >= wanted:
        return 0.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        reached = smoothness(_smoothed(some, middle, spacing), inside, spacing) or 0.0
        low, high = (middle, high) if reached < wanted else (low, middle)
    return high


def smoothed_means(data: FloatArray, parcels: Parcels, fwhm: float, spacing: Spacing) -> Precise:
    """Return the mean of each parcel, float64 (t, parcels), of data (x, y, z, t) after smoothing.

    A Gaussian is its own adjoint: the parcels are smoothed in place of the run, once.
    """
    count = len(parcels.names)
    weights = np.zeros((count, parcels.labels.size), dtype=np.float32)
    for index in range(count):
        one = (parcels.labels == index + 1).astype(np.float32)
        weights[index] = _smoothed(one, fwhm, spacing).ravel() / one.sum()
    means = np.zeros((count, data.shape[-1]))
    size = parcels.labels[0].size
    for place, plane in enumerate(data):
        part = weights[:, place * size : (place + 1) * size]
        means += part @ plane.reshape(size, -1)
    return np.asarray(means.T)


def _smoothed(data: FloatArray, fwhm: float, spacing: Spacing) -> FloatArray:
    from scipy.ndimage import gaussian_filter

    widths = [fwhm / FWHM / step for step in spacing] + [0.0] * (data.ndim - 3)
    return np.asarray(gaussian_filter(data, widths, mode="constant"), dtype=np.float32)
