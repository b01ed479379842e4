"""All border work around a denoiser, once: so that each denoiser is only its method."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bids_denoise.denoisers.base import Denoiser
from bids_denoise.errors import ScanError
from bids_denoise.stabilisation import stabilise, unstabilise
from bids_denoise.values import Denoised, Device, Image, Noise

SERIES_AXES = 4


def denoise(denoiser: Denoiser, image: Image, noise: Noise, device: Device) -> Denoised:
    """Denoise `image` with `denoiser`, whatever its axes, its noise law and its mask.

    - A 3D denoiser goes over the volumes of a series one by one.
    - Data whose noise law the denoiser does not know is variance-stabilised, denoised with
      sigma = 1, and brought back by the exact unbiased inverse.
    - Voxels outside ``image.mask`` come back as they went in.
    - Noise-free (sigma = 0 everywhere) or constant data comes back as it was.

    Raises
    ------
    ScanError
        The image has too few axes for the denoiser, or the result is not finite.
    """
    if denoiser.dimensions == SERIES_AXES and image.data.ndim != SERIES_AXES:
        raise ScanError(f"{denoiser.name} needs a series of volumes; this image has one volume")
    if not noise.sigma.any() or np.ptp(image.data) == 0:
        return Denoised(data=image.data.copy(), choices={"unchanged": True})
    if noise.law in denoiser.laws:
        result = _over_volumes(denoiser, image, noise, device)
    else:
        result = _stabilised(denoiser, image, noise, device)
    result.data[~image.mask] = image.data[~image.mask]
    if not np.isfinite(result.data).all():
        raise ScanError(f"{denoiser.name} gave values that are not finite")
    return result


def _stabilised(denoiser: Denoiser, image: Image, noise: Noise, device: Device) -> Denoised:
    stable = replace(image, data=stabilise(image.data, noise.sigma))
    unit = replace(noise, sigma=np.ones_like(noise.sigma), law="gaussian")
    result = _over_volumes(denoiser, stable, unit, device)
    return replace(result, data=unstabilise(result.data, noise.sigma))


def _over_volumes(denoiser: Denoiser, image: Image, noise: Noise, device: Device) -> Denoised:
    if image.data.ndim == denoiser.dimensions:
        return denoiser.denoise(image, noise, device)
    data = np.empty_like(image.data)
    choices: dict[str, object] = {}
    for index in range(image.data.shape[-1]):
        volume = replace(image, data=np.ascontiguousarray(image.data[..., index]), bvals=None)
        result = denoiser.denoise(volume, noise, device)
        data[..., index] = result.data
        choices = dict(result.choices)
    return Denoised(data=data, choices=choices)
