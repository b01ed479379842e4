"""The patches of a training step: cut, turned, made noisy. The same for a seed and a step."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bids_denoise.simulate.fields import smooth_field
from bids_denoise.simulate.noise import add_gaussian, add_rician
from bids_denoise.stabilisation import stabilise, stabilised_mean

if TYPE_CHECKING:
    from bids_denoise.training.bank import Bank, HalfArray
    from bids_denoise.training.recipe import NoiseRange, Recipe
    from bids_denoise.values import FloatArray


RECOLOURED = 0.5
"""Share of patches that get another contrast."""


class Patches(NamedTuple):
    """float32 (batch, 1, x, y, z) each: what the network sees, sigma, and the truth."""

    noisy: FloatArray
    sigma: FloatArray
    truth: FloatArray


def draw_patches(recipe: Recipe, bank: Bank, step: int) -> Patches:
    """Return the patches of a step, whatever steps were made before."""
    rng = np.random.default_rng((recipe.seed, step))
    made = [
        add_noise(_cut(bank.pick(rng, recipe.volumes.share), recipe.patch, rng), recipe.noise, rng)
        for _ in range(recipe.batch)
    ]
    return Patches(*(np.stack(each)[:, np.newaxis] for each in zip(*made, strict=True)))


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
    return Patches(noisy - offset, sigma, truth - offset)


def _cut(volume: HalfArray, edge: int, rng: np.random.Generator) -> FloatArray:
    """Return a cube of `volume` (x, y, z) in a random place and orientation, not all air."""
    for _ in range(8):
        corner = [int(rng.integers(0, max(length - edge, 0) + 1)) for length in volume.shape]
        patch = volume[tuple(slice(start, start + edge) for start in corner)]
        if np.count_nonzero(patch) > patch.size / 8:
            break
    patch = np.transpose(patch, rng.permutation(3))
    flips = tuple(slice(None, None, int(step)) for step in rng.choice((-1, 1), 3))
    truth = np.ascontiguousarray(patch[flips], dtype=np.float32)
    if rng.random() < RECOLOURED:
        truth = recoloured(truth, rng)
    return truth * np.float32(rng.uniform(0.5, 1.2))


def recoloured(truth: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return `truth` with its intensities, 0 to 1 and above, mapped by a random curve.

    Air stays 0. Tissues of the same anatomy change places, as between T1w and T2w.
    """
    knots = np.array([0, 0.25, 0.5, 0.75, 1, 2], np.float32)
    values = np.concatenate(([0], rng.uniform(0.05, 1, knots.size - 1)))
    share = rng.random()
    curve = share * values + (1 - share) * knots
    return np.interp(truth, knots, curve).astype(np.float32)
