"""The noise of a scan: known from another file, or estimated."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise import imageio
from bids_denoise.dataset import find_noise_map, find_noise_scan
from bids_denoise.errors import ScanError
from bids_denoise.noise import estimate
from bids_denoise.noise.known import given_noise, sigma_of_noise

if TYPE_CHECKING:
    from bids_denoise.values import Image, Noise, Scan, Settings


def noise_file(scan: Scan, settings: Settings) -> Path | None:
    """Return the file that tells the noise of a scan: a map, else a scan without excitation."""
    return find_noise_map(scan, settings.derivatives.values()) or find_noise_scan(scan)


def noise_of(image: Image, scan: Scan, settings: Settings) -> Noise:
    """Return the noise of a scan, known or estimated, times the scale that was asked for.

    Raises
    ------
    ScanError
        The map holds negative values.
    """
    return scaled_noise(_unscaled(image, scan, settings), settings.sigma_scale)


def scaled_noise(noise: Noise, scale: float) -> Noise:
    """Return `noise` with sigma times `scale`, and a remark on it."""
    if scale == 1:
        return noise
    remark = f"Sigma was multiplied by {scale:g}, as asked for (--sigma-scale)."
    sigma = noise.sigma * np.float32(scale)
    return replace(noise, sigma=sigma, remarks=(remark, *noise.remarks))


def _unscaled(image: Image, scan: Scan, settings: Settings) -> Noise:
    found = estimate(image)
    path = noise_file(scan, settings)
    if path is None:
        return found
    measured = path.name.split(".")[0].endswith("_noRF")
    sigma = imageio.read(path)
    if measured:
        sigma = sigma_of_noise(sigma)
    if sigma.shape != image.mask.shape:
        remark = f"{path.name} is not on the grid of the image and was not used."
        return replace(found, remarks=(*found.remarks, remark))
    if np.any(sigma < 0):
        raise ScanError(f"{path}: a noise map with negative values; allowed are 0 and more")
    kind = "measured without excitation" if measured else "the noise map"
    return given_noise(found, sigma, f"{kind} {path.name}")
