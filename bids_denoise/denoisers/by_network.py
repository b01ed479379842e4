"""What a denoiser is that is one trained network: its parameters and the one method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bids_denoise.denoisers.base import param

if TYPE_CHECKING:
    from bids_denoise.values import Denoised, Device, Image, Law, Noise


@dataclass(frozen=True)
class ByNetwork:
    """A denoiser whose network and weights go by its own `name`."""

    name: ClassVar[str]
    dimensions: ClassVar[int] = 3
    datatypes: ClassVar[tuple[str, ...]] = ("anat",)
    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")
    laws: ClassVar[tuple[Law, ...]] = ("gaussian", "rician")

    weights: str = param("", "a weight file of your own in place of the shipped one")

    def denoise(self, image: Image, noise: Noise, device: Device) -> Denoised:
        """Return the volume without noise."""
        from bids_denoise.denoisers.trained import denoise_by
        from bids_denoise.weights import load_weights

        weights = load_weights(self.name, self.weights)
        return denoise_by(weights, image, noise, device)
