"""The cubes and patches of training steps: made noisy, cut, turned. The same for seed and step."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from bids_denoise.simulate.fields import smooth_field
from bids_denoise.simulate.noise import add_gaussian, add_rician
from bids_denoise.stabilisation import stabilise, stabilised_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bids_denoise.training.bank import Bank, HalfArray
    from bids_denoise.training.recipe import NoiseRange, Recipe
    from bids_denoise.values import FloatArray

    Pilot = Callable[[FloatArray, FloatArray], FloatArray]

    Tensors = Mapping[str, torch.Tensor]

RECOLOURED = 0.3
"""Share of cubes that get another contrast."""


@dataclass(frozen=True)
class Patches:
    """float32 (batch, 1, x, y, z) each, or one without the first two axes.

    Attributes
    ----------
    noisy, sigma, truth
        What the network sees, the noise level, and what it shall return.
    pilot
        What the network starts from, if it does.
    """

    noisy: FloatArray
    sigma: FloatArray
    truth: FloatArray
    pilot: FloatArray | None = None

    def arrays(self) -> dict[str, FloatArray]:
        """Return what there is, by name."""
        each = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: array for name, array in each.items() if array is not None}


def draw_block(recipe: Recipe, bank: Bank, block: int, pilot: Pilot | None) -> Patches:
    """Return `recipe.batch` cubes with noise. They depend on the recipe and `block` alone.

    `pilot` makes of noisy volume and sigma (x, y, z) what the network starts from: the costly
    part, so that many patches are cut from each cube.
    """
    rng = np.random.default_rng((recipe.seed, block))
    edge = max(recipe.region, recipe.patch)
    cubes = []
    for _ in range(recipe.batch):
        cube = _of_pair(bank, edge, rng) if bank.pairs else _of_volume(recipe, bank, edge, rng)
        cubes.append(replace(cube, pilot=pilot(cube.noisy, cube.sigma)) if pilot else cube)
    apart = [each.arrays() for each in cubes]
    return Patches(**{name: np.stack([a[name] for a in apart])[:, np.newaxis] for name in apart[0]})


def cut_patches(recipe: Recipe, blocks: Sequence[Tensors], step: int) -> dict[str, torch.Tensor]:
    """Return the patches (batch, 1, x, y, z) of a step, each from another cube of `blocks`.

    In a random place and orientation, which depends on the recipe's seed and `step` alone.
    """
    rng = np.random.default_rng((recipe.seed, step, 1))
    patches = []
    for chosen in rng.choice(recipe.batch * len(blocks), recipe.batch, replace=False):
        block, cube = divmod(int(chosen), recipe.batch)
        edges = blocks[block]["noisy"].shape[2:]
        box = tuple(
            slice(start, start + recipe.patch)
            for start in (int(rng.integers(0, edge - recipe.patch + 1)) for edge in edges)
        )
        axes = [int(axis) for axis in rng.permutation(3)]
        flipped = [axis for axis in range(3) if rng.random() < 0.5]
        patches.append(
            {
                name: each[cube, 0][box].permute(axes).flip(flipped)
                for name, each in blocks[block].items()
            }
        )
    return {name: torch.stack([each[name] for each in patches])[:, None] for name in patches[0]}


def add_noise(truth: FloatArray, noise: NoiseRange, rng: np.random.Generator) -> Patches:
    """Return a noisy form of `truth` (x, y, z), as it looks after variance stabilisation."""
    level = np.exp(rng.uniform(np.log(noise.lowest), np.log(noise.highest)))
    sigma = np.full(truth.shape, level, np.float32)
    if rng.random() < noise.uneven:
        width = rng.uniform(0.2, 1) * max(truth.shape)
        sigma *= np.exp(rng.uniform(0.1, 0.5) * smooth_field(truth.shape, width, rng))
    measured = np.ones(truth.shape, bool)
    if rng.random() < noise.extracted:
        measured = truth > 0
    if rng.random() < noise.rician:
        noisy = stabilise(add_rician(truth, sigma, rng), sigma) * sigma
        truth = stabilised_mean(truth, sigma)
    else:
        noisy = add_gaussian(truth, sigma, rng)
    noisy[~measured] = truth[~measured] = 0
    offset = np.float32(rng.uniform(0, 0.5))
    told = sigma * np.float32(np.exp(noise.misjudged * rng.standard_normal()))
    return Patches(noisy - offset, told, truth - offset)


def _of_volume(recipe: Recipe, bank: Bank, edge: int, rng: np.random.Generator) -> Patches:
    """Return a cube of a volume with noise on it, in a random contrast."""
    volume = bank.pick(rng, recipe.volumes.share)
    truth = volume[_box(volume, edge, rng)].astype(np.float32)
    if rng.random() < RECOLOURED:
        truth = recoloured(truth, rng)
    return add_noise(truth * np.float32(rng.uniform(0.5, 1.2)), recipe.noise, rng)


def _of_pair(bank: Bank, edge: int, rng: np.random.Generator) -> Patches:
    """Return a cube of a pair; its truth is noisy when the pair is of repeated runs."""
    pair = bank.pairs[int(rng.integers(len(bank.pairs)))]
    box = _box(pair.target, edge, rng)
    noisy, sigma, target = (each[box] for each in pair)
    scale, offset = np.float32(rng.uniform(0.5, 1.2)), np.float32(rng.uniform(0, 0.5))
    return Patches(noisy * scale - offset, sigma * scale, target * scale - offset)


def _box(volume: HalfArray, edge: int, rng: np.random.Generator) -> tuple[slice, ...]:
    """Return a cube of `volume` (x, y, z) in a random place, not all air."""
    for _ in range(8):
        corner = [int(rng.integers(0, max(length - edge, 0) + 1)) for length in volume.shape]
        box = tuple(slice(start, start + edge) for start in corner)
        if np.count_nonzero(volume[box]) > edge**3 / 8:
            break
    return box


def recoloured(truth: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return `truth` with its intensities, 0 to 1 and above, mapped by a random curve.

    Air stays 0. Tissues of the same anatomy change places, as between T1w and T2w.
    """
    knots = np.array([0, 0.25, 0.5, 0.75, 1, 2], np.float32)
    values = np.concatenate(([0], rng.uniform(0.05, 1, knots.size - 1)))
    share = rng.random()
    curve = share * values + (1 - share) * knots
    return np.interp(truth, knots, curve).astype(np.float32)
