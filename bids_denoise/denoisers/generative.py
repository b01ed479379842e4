"""Samples of what the scan without noise may be, their mean, and how far they are apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from bids_denoise.denoisers.base import param
from bids_denoise.errors import UsageError
from bids_denoise.values import Denoised

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bids_denoise.values import Device, FloatArray, Image, Law, Noise


@dataclass(frozen=True)
class Generative:
    """Conditional generator: draws volumes as likely as the truth, given the noisy one.

    Draws come in pairs, with opposite signs of what they add to the U-Net's result, so that their
    mean is that result, whatever their number. ``result`` chooses between the mean and one draw,
    which has the texture of a scan that the mean lacks. The map ``uncertainty`` is their
    standard deviation. Trained by the energy score (Gneiting & Raftery 2007,
    doi:10.1198/016214506000001437). Model card: ``bids_denoise/weights/generative.json``.
    """

    name: ClassVar[str] = "generative"
    summary: ClassVar[str] = "trained generator: posterior mean, samples and uncertainty map"
    dimensions: ClassVar[int] = 3
    datatypes: ClassVar[tuple[str, ...]] = ("anat",)
    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")
    laws: ClassVar[tuple[Law, ...]] = ("gaussian", "rician")
    citations: ClassVar[tuple[str, ...]] = (
        "gneiting2007",
        "cicek2016",
        "zhang2022",
        "mohan2020",
        "foi2011",
    )

    samples: int = param(4, "draws for the uncertainty map, even", minimum=2, maximum=64)
    seed: int = param(0, "of the draws", minimum=0, maximum=2**31 - 1)
    result: str = param("mean", "what is written as the denoised image", choices=("mean", "sample"))

    def __post_init__(self) -> None:
        if self.samples % 2:
            raise UsageError(f"generative parameter samples: {self.samples} is not even")

    def denoise(self, image: Image, noise: Noise, device: Device) -> Denoised:
        """Return the mean of the draws or one of them, and the map ``uncertainty``."""
        import numpy as np

        from bids_denoise.denoisers.trained import (
            facts_of,
            from_gaussian,
            pilot_for,
            to_gaussian,
        )
        from bids_denoise.stabilisation import floored
        from bids_denoise.weights import load_weights

        sigma = floored(noise.sigma)
        shown = to_gaussian(image.data, sigma, noise, device)
        weights = load_weights(self.name)
        mean = pilot_for(weights.network.pilot, shown, sigma, device)
        assert mean is not None
        result, squares = mean, np.zeros_like(mean)
        centre = from_gaussian(mean, sigma, noise, device)
        seeds = [(self.seed, pair) for pair in range(self.samples // 2)]
        for draw in draws_around(mean, shown, sigma, device, seeds):
            if result is mean and self.result == "sample":
                result = draw
            squares += np.square(from_gaussian(draw, sigma, noise, device) - centre)
        uncertainty = np.sqrt(squares / np.float32(self.samples))
        found = Denoised(from_gaussian(result, sigma, noise, device), {"uncertainty": uncertainty})
        return replace(found, choices=facts_of(weights, device))


def draws_around(
    mean: FloatArray,
    data: FloatArray,
    sigma: FloatArray,
    device: Device,
    seeds: Sequence[tuple[int, int]],
) -> Iterator[FloatArray]:
    """Yield two draws (x, y, z) for each of `seeds`, as far from `mean` on either side.

    Parameters
    ----------
    mean
        float32 (x, y, z): what the U-Net made of `data`.
    data, sigma
        As in `trained.pilot_for`.
    """
    from bids_denoise.denoisers.inference import apply_network
    from bids_denoise.weights import load_weights

    network = load_weights(Generative.name).network
    for seed in seeds:
        draw = apply_network(network, data, sigma, device, pilot=mean, seed=seed)
        yield draw
        yield 2 * mean - draw
