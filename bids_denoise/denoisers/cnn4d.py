"""A trained network for BOLD series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bids_denoise.denoisers.base import param
from bids_denoise.values import Denoised

if TYPE_CHECKING:
    from bids_denoise.values import Device, Image, Law, Noise


@dataclass(frozen=True)
class Cnn4d:
    """Trained network of convolutions over space and time that improves on two local PCAs.

    A PCA of wide patches finds weak signal and one of narrow patches keeps it where it is. The
    network sees both, what they took away and how sure they are, of a volume and of those before
    and after it (Tran 2018, doi:10.1109/CVPR.2018.00675), and learned from simulated runs, in
    which all that is not thermal noise is kept: brain, pulse, breath, motion. It has the least
    error of all methods; as every estimate of least error it takes a part of signal that is about
    as weak as what is left of the noise (docs/benchmarks/functional.md). Magnitude data is
    variance-stabilised before and brought back without the bias of the noise floor (Foi 2011).
    What it was trained on and how well it does stands in its model card,
    ``bids_denoise/weights/cnn4d.json``.
    """

    name: ClassVar[str] = "cnn4d"
    summary: ClassVar[str] = "trained network over space and time that improves on two local PCAs"
    dimensions: ClassVar[int] = 4
    datatypes: ClassVar[tuple[str, ...]] = ("func",)
    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")
    laws: ClassVar[tuple[Law, ...]] = ("gaussian",)
    fewest_volumes: ClassVar[int] = 10
    citations: ClassVar[tuple[str, ...]] = ("tran2018", "gavish2017", "manjon2013", "foi2011")

    weights: str = param("", "a weight file of your own in place of the shipped one")

    def denoise(self, image: Image, noise: Noise, device: Device) -> Denoised:
        """Return the series without its thermal noise."""
        import numpy as np

        from bids_denoise.denoisers.by_volumes import denoise_series
        from bids_denoise.denoisers.trained import facts_of
        from bids_denoise.weights import load_weights

        weights = load_weights(self.name, self.weights)
        sigma = np.where(image.mask, noise.sigma, np.float32(0))
        data = denoise_series(weights.network, image.data, sigma, device)
        return Denoised(data, choices=facts_of(weights, device))
