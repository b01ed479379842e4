"""What the trained denoisers share: from noise law to network and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bids_denoise.denoisers.inference import apply_network, precision
from bids_denoise.denoisers.weights import load_weights
from bids_denoise.stabilisation import floored
from bids_denoise.values import Denoised

if TYPE_CHECKING:
    from bids_denoise.values import Device, FloatArray, Image, Noise


def denoise_by(name: str, image: Image, noise: Noise, device: Device, strength: float) -> Denoised:
    """Return a volume without noise, by the shipped weights of the network `name`.

    Magnitude data is variance-stabilised and multiplied by sigma again, so that equal tissue
    looks equal where sigma varies; the way back is without bias. `strength` is the share of
    what was found that is taken away.
    """
    weights = load_weights(name)
    sigma = floored(noise.sigma)
    shown = to_gaussian(image.data, sigma, noise, device)
    clean = apply_network(weights.network, shown, sigma, device)
    clean = shown + np.float32(strength) * (clean - shown)
    return Denoised(from_gaussian(clean, sigma, noise, device), choices=facts_of(name, device))


def to_gaussian(data: FloatArray, sigma: FloatArray, noise: Noise, device: Device) -> FloatArray:
    """Return `data` with noise that is Gaussian with standard deviation `sigma`."""
    from bids_denoise.stabilisation import stabilise

    return stabilise(data, sigma, device.threads) * sigma if noise.law == "rician" else data


def from_gaussian(data: FloatArray, sigma: FloatArray, noise: Noise, device: Device) -> FloatArray:
    """Return the signal that is behind what `to_gaussian` gave, once its noise is gone."""
    from bids_denoise.stabilisation import unstabilise

    return unstabilise(data / sigma, sigma, device.threads) if noise.law == "rician" else data


def facts_of(name: str, device: Device) -> dict[str, Any]:
    """Return what the record says of the weights."""
    weights = load_weights(name)
    return {"weights": weights.checksum[:12], "precision": precision(device.kind)}
