"""How well a network does, while it is trained, on what it is never trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bids_denoise import imageio
from bids_denoise.denoisers.inference import apply_network
from bids_denoise.denoisers.trained import pilot_for
from bids_denoise.simulate.noise import add_gaussian
from bids_denoise.simulate.phantom import head_phantom
from bids_denoise.training.bank import cropped, files_of

if TYPE_CHECKING:
    from pathlib import Path

    from bids_denoise.networks.base import Network
    from bids_denoise.training.recipe import Recipe
    from bids_denoise.values import Device, FloatArray

LEVELS = (0.01, 0.03, 0.09, 0.15)
EDGE = 80
MOST = 4


class Test(NamedTuple):
    """A noise-free block (x, y, z), 99th percentile 1, and what it is called."""

    name: str
    truth: FloatArray


def tests_of(recipe: Recipe, data: Path) -> list[Test]:
    """Return blocks of the scans held out, and the analytic head where there are none."""
    names = recipe.volumes.held_out
    paths = files_of(names, (), data)[:MOST] if names else []
    found = [(path.name, imageio.read(path)) for path in paths]
    found = found or [("phantom", head_phantom((EDGE, EDGE, EDGE)))]
    return [Test(name, _middle(volume)) for name, volume in found]


def figures_of(network: Network, tests: list[Test], device: Device) -> dict[str, float]:
    """Return the mean PSNR in dB by level of Gaussian noise, sigma known; the peak is 1."""
    found: dict[str, list[float]] = {f"{100 * level:g} %": [] for level in LEVELS}
    for number, test in enumerate(tests):
        for level in LEVELS:
            rng = np.random.default_rng((number, int(1000 * level)))
            sigma = np.full(test.truth.shape, level, np.float32)
            noisy = add_gaussian(test.truth, sigma, rng)
            pilot = pilot_for(network.pilot, noisy, sigma, device)
            seed = (0, 0) if network.draws else None
            result = apply_network(network, noisy, sigma, device, pilot=pilot, seed=seed)
            error = np.mean(np.square(result - test.truth)[test.truth > 0.04], dtype=np.float64)
            found[f"{100 * level:g} %"].append(-10 * float(np.log10(error)))
    return {name: round(float(np.mean(values)), 3) for name, values in found.items()}


def _middle(volume: FloatArray) -> FloatArray:
    volume = cropped(volume)
    starts = [max((length - EDGE) // 2, 0) for length in volume.shape]
    block = volume[tuple(slice(start, start + EDGE) for start in starts)]
    peak = np.float32(np.percentile(volume[volume > 0], 99))
    return np.ascontiguousarray(block / peak, dtype=np.float32)
