"""The super-resolution network turned denoiser, slice by slice and in three dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bids_denoise.denoisers.base import param

if TYPE_CHECKING:
    from bids_denoise.values import Denoised, Device, Image, Law, Noise


@dataclass(frozen=True)
class Srcnn:
    """Three 3D convolutions, trained to find the noise (Pham 2017, doi:10.1109/ISBI.2017.7950500).

    Quick, and a step of the research that led to the U-Net, which does better. Model card:
    ``bids_denoise/weights/srcnn.json``.
    """

    name: ClassVar[str] = "srcnn"
    summary: ClassVar[str] = "trained network of three 3D convolutions"
    dimensions: ClassVar[int] = 3
    datatypes: ClassVar[tuple[str, ...]] = ("anat",)
    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")
    laws: ClassVar[tuple[Law, ...]] = ("gaussian", "rician")
    citations: ClassVar[tuple[str, ...]] = ("dong2016", "pham2017", "mohan2020", "foi2011")

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


@dataclass(frozen=True)
class PlanarSrcnn(Srcnn):
    """Three 2D convolutions on every slice (Dong 2016, doi:10.1109/TPAMI.2015.2439281).

    The original form, before it went to three dimensions.

    Slices are planes of the first two axes. Model card: ``bids_denoise/weights/srcnn2d.json``.
    """

    name: ClassVar[str] = "srcnn2d"
    summary: ClassVar[str] = "trained network of three 2D convolutions, slice by slice"
    citations: ClassVar[tuple[str, ...]] = ("dong2016", "mohan2020", "foi2011")
