"""All border work around a denoiser, once: so that each denoiser is only its method."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise import scratch
from bids_denoise.denoisers.base import Denoiser
from bids_denoise.denoisers.echoes import joined, own_echo
from bids_denoise.errors import ScanError
from bids_denoise.stabilisation import stabilise, unstabilise
from bids_denoise.values import Denoised, Device, Image, Noise

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray

SERIES_AXES = 4


def denoise(
    denoiser: Denoiser, image: Image, noise: Noise, device: Device, strength: float = 1.0
) -> Denoised:
    """Denoise `image` with `denoiser`, whatever its axes, its noise law and its mask.

    - A 3D denoiser goes over the volumes of a series one by one.
    - Rician data, where the denoiser does not know that law, is variance-stabilised, denoised
      with sigma = 1, and brought back by the exact unbiased inverse.
    - Voxels outside ``image.mask``, and those without noise, come back as they went in.
    - The echoes of one acquisition are denoised as one series by methods that gain from it.
    - Noise-free (sigma = 0 everywhere) or constant data comes back as it was.
    - Of what was found, the share `strength` is taken away (`blend`).

    Beside the image and the result, at most what the denoiser needs for one volume (or, if it
    needs them all, the series) is held, and once more that when it is stabilised. Whatever is as
    large as a series lies where the series lies (`scratch`).

    Raises
    ------
    ScanError
        The image has too few axes or volumes for the denoiser, its noise falls by a law that
        neither the denoiser nor stabilisation knows, or the result is not finite.
    """
    if denoiser.dimensions == SERIES_AXES and image.data.ndim != SERIES_AXES:
        raise ScanError(f"{denoiser.name} needs a series of volumes; this image has one volume")
    fewest, volumes = getattr(denoiser, "fewest_volumes", 1), image.data.shape[-1]
    if denoiser.dimensions == SERIES_AXES and volumes < fewest:
        raise ScanError(
            f"{denoiser.name} needs at least {fewest} volumes, this series has {volumes}: with "
            "fewer, they say too little of each other; nlm takes single volumes"
        )
    if image.echoes and getattr(denoiser, "uses_echoes", False):
        return own_echo(denoise(denoiser, joined(image), noise, device, strength), image)
    low, high = scratch.extremes(image.data)
    if not noise.sigma.any() or low == high:
        return Denoised(data=scratch.copy_of(image.data), choices={"unchanged": True})
    if image.data.ndim == denoiser.dimensions:
        result = _by_law(denoiser, image, noise, device)
    else:
        result = _over_volumes(denoiser, image, noise, device)
    restore(result.data, image, noise)
    if not all(np.isfinite(plane).all() for plane in result.data):
        raise ScanError(f"{denoiser.name} gave values that are not finite")
    blend(result.data, image.data, strength)
    return result


def blend(after: FloatArray, before: FloatArray, strength: float) -> None:
    """Replace `after` by ``before + strength (after - before)``, plane by plane."""
    if strength == 1:
        return
    for new, old in zip(after, before, strict=True):
        np.subtract(new, old, out=new)
        np.multiply(new, np.float32(strength), out=new)
        np.add(new, old, out=new)


def _by_law(denoiser: Denoiser, image: Image, noise: Noise, device: Device) -> Denoised:
    if noise.law in denoiser.laws:
        return denoiser.denoise(image, noise, device)
    if noise.law != "rician":
        known = ", ".join(sorted({*denoiser.laws, "rician"}))
        raise ScanError(f"{denoiser.name} cannot denoise {noise.law!r} noise; it can {known}")
    stable = replace(image, data=stabilise(image.data, noise.sigma, device.threads))
    ones = np.broadcast_to(np.float32(1), noise.sigma.shape)
    result = denoiser.denoise(stable, replace(noise, sigma=ones, law="gaussian"), device)
    del stable  # the way back needs its room
    data = np.require(result.data, requirements=["C", "W"])
    return replace(result, data=unstabilise(data, noise.sigma, device.threads, out=data))


def _over_volumes(denoiser: Denoiser, image: Image, noise: Noise, device: Device) -> Denoised:
    data = scratch.empty_like(image.data)
    choices: dict[str, object] = {}
    for part in scratch.parts(data, 3):
        some = np.array(image.data[..., part])
        for volume in np.moveaxis(some, -1, 0):
            if volume.min() == volume.max():
                continue
            alone = replace(image, data=np.ascontiguousarray(volume), bvals=None, phase=None)
            result = _by_law(denoiser, alone, noise, device)
            volume[...] = result.data
            choices = dict(result.choices)
        data[..., part] = some
    return Denoised(data=data, choices=choices)


def restore(data: FloatArray, image: Image, noise: Noise) -> None:
    """Put back the voxels of denoised `data` that were not measured or have no noise."""
    kept = ~image.mask | (noise.sigma == 0)
    if kept.any():
        np.copyto(
            data,
            image.data,
            where=kept if kept.ndim == image.data.ndim else kept[..., np.newaxis],
        )
