"""What the trained denoisers share: from noise law to network and back."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from bids_denoise.denoisers.heap import freed_memory_kept
from bids_denoise.denoisers.inference import apply_network, precision
from bids_denoise.denoisers.nlm import NonLocalMeans
from bids_denoise.stabilisation import floored
from bids_denoise.values import Denoised, Image, Noise
from bids_denoise.weights import Weights, load_weights

if TYPE_CHECKING:
    from bids_denoise.values import Device, FloatArray


WIDE = NonLocalMeans(patch_radius=2, passes=1)
"""Surer of what is alike than the default, and finds less of it: its errors are others."""

SMALL = 2_000_000
"""Voxels up to which freed memory is kept: the holes in it grow with the volume."""


def denoise_by(weights: Weights, image: Image, noise: Noise, device: Device) -> Denoised:
    """Return a volume without noise, by a trained network.

    Magnitude data is variance-stabilised and multiplied by sigma again, so that equal tissue
    looks equal where sigma varies; the way back is without bias.
    """
    sigma = floored(noise.sigma)
    shown = to_gaussian(image.data, sigma, noise, device)
    # Not in `run`: a training that draws pilots by it keeps its own memory.
    with freed_memory_kept() if shown.size <= SMALL else nullcontext():
        clean = run(weights, shown, sigma, device)
    return Denoised(from_gaussian(clean, sigma, noise, device), choices=facts_of(weights, device))


def run(weights: Weights, data: FloatArray, sigma: FloatArray, device: Device) -> FloatArray:
    """Return `data` (x, y, z) with Gaussian noise of `sigma` taken away by a trained network.

    One that starts from non-local means is run twice, the second time on the mirrored volume and
    from wider patches: in the mean of both, errors that they do not share are less.
    """
    network = weights.network
    pilot = pilot_for(network.pilot, data, sigma, device)
    if network.pilot != NonLocalMeans.name:
        return apply_network(network, data, sigma, device, pilot=pilot)
    wide = _average(WIDE, data, sigma, device)
    result = apply_network(network, data, sigma, device, pilot=pilot)
    mirrored, level, wide = (np.flip(each) for each in (data, sigma, wide))
    result += np.flip(apply_network(network, mirrored, level, device, pilot=wide))
    result /= 2
    return result


def pilot_for(name: str, data: FloatArray, sigma: FloatArray, device: Device) -> FloatArray | None:
    """Return what a network starts from; None if `name` is empty.

    Parameters
    ----------
    name
        ``nlm``, or a network that the package ships.
    data, sigma
        float32 (x, y, z): Gaussian noise of positive standard deviation sigma.
    """
    if not name:
        return None
    if name != NonLocalMeans.name:
        return run(load_weights(name), data, sigma, device)
    return _average(NonLocalMeans(), data, sigma, device)


def _average(
    means: NonLocalMeans, data: FloatArray, sigma: FloatArray, device: Device
) -> FloatArray:
    image = Image(data, np.eye(4), np.ones(data.shape, np.bool_))
    return means.denoise(image, Noise(sigma, "gaussian", "given"), device).data


def to_gaussian(data: FloatArray, sigma: FloatArray, noise: Noise, device: Device) -> FloatArray:
    """Return `data` with noise that is Gaussian with standard deviation `sigma`."""
    from bids_denoise.stabilisation import stabilise

    return stabilise(data, sigma, device.threads) * sigma if noise.law == "rician" else data


def from_gaussian(data: FloatArray, sigma: FloatArray, noise: Noise, device: Device) -> FloatArray:
    """Return the signal that is behind what `to_gaussian` gave, once its noise is gone."""
    from bids_denoise.stabilisation import unstabilise

    return unstabilise(data / sigma, sigma, device.threads) if noise.law == "rician" else data


def facts_of(weights: Weights, device: Device) -> dict[str, Any]:
    """Return what the record says of the weights."""
    return {
        "weights": weights.checksum[:12],
        "model_card": weights.path.with_suffix(".json").name,
        "precision": precision(device.kind),
    }
