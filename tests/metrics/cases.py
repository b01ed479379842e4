"""Small heads with known noise, as they go into the judgement and come out of a denoiser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from bids_denoise.denoisers import apply
from bids_denoise.denoisers.nlm import NonLocalMeans
from bids_denoise.simulate.noise import add_gaussian, add_rician, g_factor
from bids_denoise.simulate.phantom import head_phantom
from bids_denoise.values import Denoised, Device, Image, Noise

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import FloatArray, Law

SHAPE = (56, 64, 48)


@dataclass(frozen=True)
class Case:
    """A noisy head, its noise, what non-local means makes of it, and what lies under it."""

    image: Image
    noise: Noise
    after: FloatArray
    truth: FloatArray

    @property
    def level(self) -> float:
        return float(np.median(self.noise.sigma))


def image_of(data: FloatArray, bvals: npt.NDArray[np.float64] | None = None) -> Image:
    spacing = np.diag([1.0, 1.0, 1.2, 1.0])
    return Image(np.ascontiguousarray(data), spacing, np.ones(data.shape[:3], bool), bvals)


def noise_of(
    sigma: FloatArray | float, law: Law = "gaussian", shape: tuple[int, int, int] = SHAPE
) -> Noise:
    level = np.broadcast_to(np.asarray(sigma, np.float32), shape)
    return Noise(np.ascontiguousarray(level), law, "known")


def redo(image: Image, noise: Noise) -> FloatArray:
    return apply.denoise(NonLocalMeans(), image, noise, Device(threads=2)).data


@cache
def case(contrast: str, percent: float, law: Law, uneven: bool = False) -> Case:
    """Return a head with noise of `percent` of 255, stronger in the middle when `uneven`."""
    truth = head_phantom(SHAPE, contrast)
    level = 2.55 * percent
    noise = noise_of(level * g_factor(SHAPE, 1.8) if uneven else level, law)
    add: Callable[..., FloatArray] = add_rician if law == "rician" else add_gaussian
    image = image_of(add(truth, noise.sigma, np.random.default_rng(int(10 * percent))))
    return Case(image, noise, redo(image, noise), truth)


def scaled(noise: Noise, factor: float) -> Noise:
    return replace(noise, sigma=noise.sigma * np.float32(factor))


def denoised(data: npt.NDArray[np.floating[Any]]) -> Denoised:
    return Denoised(np.asarray(data, np.float32))
