"""A trained 3D U-Net that is told the noise level of every voxel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bids_denoise.denoisers.base import param

if TYPE_CHECKING:
    from bids_denoise.values import Denoised, Device, Image, Law, Noise


@dataclass(frozen=True)
class UNet:
    """3D U-Net that improves on non-local means, trained on real scans and random contrasts.

    It is given the noisy volume, the noise level of every voxel and the result of ``nlm``, and
    adds what that lacks. One network serves all levels of noise and noise that varies over the
    image (Zhang 2022, doi:10.1109/TPAMI.2021.3088914); without biases it also serves levels that
    it was not trained on (Mohan 2020, arXiv:1906.05478). What it was trained on and how well it
    does stands in its model card, ``bids_denoise/weights/unet.json``.
    """

    name: ClassVar[str] = "unet"
    summary: ClassVar[str] = "trained 3D U-Net that improves on non-local means, told the noise map"
    dimensions: ClassVar[int] = 3
    datatypes: ClassVar[tuple[str, ...]] = ("anat",)
    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")
    laws: ClassVar[tuple[Law, ...]] = ("gaussian", "rician")
    citations: ClassVar[tuple[str, ...]] = (
        "cicek2016",
        "zhang2022",
        "mohan2020",
        "buades2005",
        "manjon2012",
        "foi2011",
    )

    strength: float = param(
        1.0, "share of the noise found that is taken away", minimum=0.0, maximum=1.0
    )
    weights: str = param("", "a weight file of your own in place of the shipped one")

    def denoise(self, image: Image, noise: Noise, device: Device) -> Denoised:
        """Return the volume without noise."""
        from bids_denoise.denoisers.trained import denoise_by
        from bids_denoise.denoisers.weights import load_weights

        weights = load_weights(self.name, self.weights)
        return denoise_by(weights, image, noise, device, self.strength)
