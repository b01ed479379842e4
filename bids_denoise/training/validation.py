"""How well a network does, while it is trained, on what it is never trained on."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from bids_denoise import imageio
from bids_denoise.anatomy.brain_network import overlap
from bids_denoise.denoisers.by_volumes import denoise_series
from bids_denoise.denoisers.inference import apply_network, reduced_precision
from bids_denoise.denoisers.trained import pilot_for
from bids_denoise.simulate import anatomy, bold
from bids_denoise.simulate.noise import add_gaussian
from bids_denoise.simulate.phantom import head_phantom
from bids_denoise.training.anatomies import brain_head_of, head_of
from bids_denoise.training.bank import cropped, files_of
from bids_denoise.training.heads import view_of
from bids_denoise.training.runs import NoisyRun

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor

    from bids_denoise.networks.base import Network
    from bids_denoise.training.recipe import Recipe
    from bids_denoise.values import BoolArray, Device, FloatArray

LEVELS = (0.01, 0.03, 0.09, 0.15)
EDGE = 80
MOST = 4

HEAD_VIEWS = 8
"""Of each head that is held out, of each kind."""

SIGNALS = (30, 60, 120)
GRID, TIMING = anatomy.centred_grid((40, 40, 18), (3.0, 3.0, 3.3), (0.0, -18.0, 25.0)), (1.8, 100)
"""Of the run that a network for series is judged on: of no recipe's matrix and timing."""


class RunTest(NamedTuple):
    """A simulated run with noise of standard deviation 1, and where its brain is."""

    name: str
    run: NoisyRun
    brain: BoolArray


class Test(NamedTuple):
    """A noise-free block (x, y, z), 99th percentile 1, and what it is called."""

    name: str
    truth: FloatArray


class HeadTest(NamedTuple):
    """A head of random look (1, 1, x, y, z) with noise, and where its brain is."""

    name: str
    seen: Tensor
    brain: BoolArray


def tests_of(recipe: Recipe, data: Path) -> Sequence[Test | RunTest | HeadTest]:
    """Return blocks of the scans held out, and the analytic head where there are none.

    For series a simulated run of a person that no block has, at several signal-to-noise ratios.
    """
    if recipe.runs:
        return _run_tests()
    if recipe.heads:
        return _head_tests(recipe, data)
    names = recipe.volumes.held_out
    paths = files_of(names, (), data)[:MOST] if names else []
    found = [(path.name, imageio.read(path)) for path in paths]
    found = found or [("phantom", head_phantom((EDGE, EDGE, EDGE)))]
    return [Test(name, _middle(volume)) for name, volume in found]


def figures_of(
    network: Network, tests: Sequence[Test | RunTest | HeadTest], device: Device
) -> dict[str, float]:
    """Return the mean PSNR in dB by level of Gaussian noise, sigma known; the peak is 1.

    Of series, the root mean square error of their change in the brain, in sigma; of heads, the
    Dice overlap of the brain masks.
    """
    found: dict[str, list[float]] = defaultdict(list)
    for number, test in enumerate(tests):
        if isinstance(test, HeadTest):
            found[test.name].append(_overlap_of(network, test, device))
            continue
        if isinstance(test, RunTest):
            found[test.name].append(_error_of(network, test, device))
            continue
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


def _run_tests() -> list[RunTest]:
    head = anatomy.draw_individual(np.random.default_rng((0, 1)))
    rest = bold.Paradigm((), {})
    run = bold.bold_run(head, GRID, rest, TIMING, np.random.default_rng((0, 2)))
    signal, sigma = np.median(run.series[run.brain]), np.ones(GRID.shape, np.float32)
    tests = []
    for snr in SIGNALS:
        truth = run.series * np.float32(snr / signal)
        noisy = add_gaussian(truth, 1.0, np.random.default_rng((0, snr)))
        tests.append(RunTest(f"SNR {snr}", NoisyRun(noisy, truth, sigma), run.brain))
    return tests


def _head_tests(recipe: Recipe, data: Path) -> list[HeadTest]:
    """Return views of what is held out: heads as human, and animal-like, and extracted brains."""
    assert recipe.heads
    tests = []
    brains = files_of(recipe.heads.brains, (), data)
    for number, path in enumerate(files_of(recipe.heads.held_out, (), data)):
        head = brain_head_of(path) if path in brains else head_of(path)
        kinds = (("brain", 0.0),) if head.extracted else (("human", 0.0), ("animal", 1.0))
        for name, animals in kinds:
            settings = replace(recipe.heads, animals=animals)
            for view in range(HEAD_VIEWS):
                rng = np.random.default_rng((recipe.seed, 2, number, view))
                image, brain = view_of(head, recipe.patch, settings, rng)
                seen = torch.from_numpy(image)[None, None]
                tests.append(HeadTest(name, seen, brain > 0.5))
    return tests


def _overlap_of(network: Network, test: HeadTest, device: Device) -> float:
    with torch.inference_mode(), reduced_precision(device.kind):
        odds = network(test.seen.to(device.torch_name)).float().cpu().numpy()[0, 0]
    return overlap(odds > 0, test.brain)


def _error_of(network: Network, test: RunTest, device: Device) -> float:
    error = denoise_series(network, test.run.noisy, test.run.sigma, device) - test.run.truth
    return float(np.sqrt(error[test.brain].var(axis=-1, dtype=np.float64).mean()))


def _middle(volume: FloatArray) -> FloatArray:
    volume = cropped(volume)
    starts = [max((length - EDGE) // 2, 0) for length in volume.shape]
    block = volume[tuple(slice(start, start + EDGE) for start in starts)]
    peak = np.float32(np.percentile(volume[volume > 0], 99))
    return np.ascontiguousarray(block / peak, dtype=np.float32)
