"""Noise that need not be estimated: measured without signal, or given as a map."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray, Noise

SMOOTHED = 5
"""Edge in voxels of the cube over which the power of noise is averaged."""


def sigma_of_noise(data: FloatArray) -> FloatArray:
    """Return sigma (x, y, z) of a scan that holds nothing but noise.

    Its power, averaged over volumes and neighbours: that of a magnitude is 2 sigma^2, of real
    values (some are negative) sigma^2.

    Parameters
    ----------
    data
        (x, y, z[, t]).
    """
    from scipy.ndimage import uniform_filter

    volumes = data if data.ndim > 3 else data[..., np.newaxis]
    power = np.zeros(volumes.shape[:3])
    for volume in np.moveaxis(volumes, -1, 0):
        power += np.square(volume, dtype=np.float64) / volumes.shape[-1]
    channels = 1 if data.min() < 0 else 2
    smooth = uniform_filter(power, SMOOTHED, mode="nearest") / channels
    return np.asarray(np.sqrt(np.maximum(smooth, 0)), dtype=np.float32)


def given_noise(found: Noise, sigma: FloatArray, source: str) -> Noise:
    """Return the noise with a known map in place of the estimate, which is told beside it.

    Parameters
    ----------
    found
        As estimated.
    sigma
        (x, y, z), finite, not negative.
    source
        Where it comes from, for the record.
    """
    inside = sigma > 0
    median = float(np.median(sigma[inside])) if inside.any() else 0.0
    estimated = float(np.median(found.sigma[inside])) if inside.any() else 0.0
    remark = f"Sigma is known: {source} (median {median:.4g}; estimated: {estimated:.4g})."
    return replace(
        found,
        sigma=sigma,
        method="given",
        estimates={**found.estimates, "given": median},
        trusted=True,
        remarks=(remark, *found.remarks),
    )
