"""The heads that the network for brain masks is trained on: any contrast, species and scanner.

Drawn from label maps (Hoopes 2022, doi:10.1016/j.neuroimage.2022.119474), for the most part in
random signals, so that no contrast is learned by heart.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from bids_denoise.anatomy.brain_network import normalised
from bids_denoise.simulate.contrasts import WHOLE_HEAD, random_matrix
from bids_denoise.simulate.fields import smooth_field
from bids_denoise.simulate.label_maps import crop, elastic, partial_volume, scan_view
from bids_denoise.simulate.noise import add_gaussian, add_rician
from bids_denoise.simulate.shells import any_surroundings, shells
from bids_denoise.simulate.tissue_contrast import draw_tissues, draw_weighting
from bids_denoise.training.anatomies import BRIGHT, FLUID, GREY, Head

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bids_denoise.simulate.label_maps import Matrix, View
    from bids_denoise.training.bank import Bank
    from bids_denoise.training.patches import Tensors
    from bids_denoise.training.recipe import Heads, Recipe
    from bids_denoise.values import BoolArray, FloatArray

LOOK = replace(WHOLE_HEAD, rotation=30.0, anisotropy=1.25, thick_share=0.0)
ANY_WAY = 0.1
"""How often a head lies in any orientation, not the usual one."""


class Views(NamedTuple):
    """Heads as a scanner sees them, and how much of each voxel is brain.

    `image` and `brain` float32 (batch, 1, x, y, z).
    """

    image: FloatArray
    brain: FloatArray

    def arrays(self) -> dict[str, FloatArray]:
        """Return what there is, by name."""
        return self._asdict()


def draw_block(recipe: Recipe, bank: Bank, block: int) -> Views:
    """Return `recipe.batch` views of heads. They depend on the recipe and `block` alone."""
    assert recipe.heads is not None
    rng = np.random.default_rng((recipe.seed, block))
    drawn = []
    for _ in range(recipe.batch):
        head = bank.heads[int(rng.integers(len(bank.heads)))]
        drawn.append(view_of(head, recipe.patch, recipe.heads, rng))
    images, brains = zip(*drawn, strict=True)
    return Views(np.stack(images)[:, np.newaxis], np.stack(brains)[:, np.newaxis])


def cut_patches(recipe: Recipe, blocks: Sequence[Tensors], step: int) -> dict[str, torch.Tensor]:
    """Return the views of a step, from different blocks, mirrored at random."""
    rng = np.random.default_rng((recipe.seed, step, 1))
    patches = []
    for chosen in rng.choice(recipe.batch * len(blocks), recipe.batch, replace=False):
        block, view = divmod(int(chosen), recipe.batch)
        flipped = [axis for axis in (1, 2, 3) if rng.random() < (0.5 if axis == 1 else 0.05)]
        patches.append({name: each[view].flip(flipped) for name, each in blocks[block].items()})
    return {name: torch.stack([each[name] for each in patches]) for name in patches[0]}


def view_of(
    head: Head, edge: int, settings: Heads, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Return a scan of a head of random look and how much of each voxel is brain, (edge,) * 3.

    The brain is all in view, or nearly, from near or far.
    """
    head = _turned(head, rng)
    animal = rng.random() < settings.animals
    share = float(np.exp(rng.uniform(*np.log(settings.share))))
    matrix = _steps(head.brain, share * edge, settings, rng, animal)
    centre = np.argwhere(head.brain[::4, ::4, ::4]).mean(axis=0) * 4
    place = (edge - 1) / 2 + edge * max(0.15, share / 2 - 0.3) * rng.uniform(-1, 1, 3)
    bend = rng.uniform(0, 0.35 if animal else settings.bend)
    moved = elastic((edge,) * 3, bend, edge * rng.uniform(0.08, 0.25), rng)
    view = scan_view((place, centre), matrix, moved)
    inside, seen = crop(head.brain, view)
    brain = partial_volume(inside.astype(np.float32), seen, 0.0)
    size = float(np.cbrt(np.count_nonzero(head.brain) / abs(np.linalg.det(matrix))))
    signal, levels = signals_of(head, settings, rng)
    values = crop(signal, view)[0]
    if animal or head.extracted or rng.random() < settings.shells:
        bare = rng.random() < settings.bare
        volume = _shelled((values, levels, inside), seen, (brain, size), bare, rng)
    else:
        volume = partial_volume(values, seen, levels.air)
        volume *= _texture(volume.shape, rng)
    return normalised(_scanned(volume, brain, settings, rng)), brain


def _turned(head: Head, rng: np.random.Generator) -> Head:
    if rng.random() > ANY_WAY:
        return head
    ways = tuple(slice(None, None, way) for way in rng.choice([-1, 1], 3))
    order = rng.permutation(3)
    labels, brain, signal = (each.transpose(order)[ways] for each in head)
    return Head(labels, brain, signal)  # type: ignore[arg-type]


def _steps(
    inside: BoolArray, length: float, settings: Heads, rng: np.random.Generator, animal: bool
) -> Matrix:
    """Return the steps of the scan grid in label voxels: brains `length` long, of all shapes."""
    turn = random_matrix(rng, replace(LOOK, resolution=(1.0, 1.0)))
    stretch = np.exp(rng.uniform(-1, 1, 3) * np.log(settings.stretch if animal else 1.12))
    shear = np.eye(3) + np.triu(rng.uniform(-0.2, 0.2, (3, 3)), 1) * (1 if animal else 0.3)
    matrix = np.diag(stretch) @ shear @ turn
    half = np.array([np.ptp(np.flatnonzero(inside.any(axis=axes))) for axes in _OTHERS]) / 2
    corners = np.linalg.inv(matrix) * half
    longest = 2 * float(np.sqrt(np.square(corners).sum(axis=1)).max())
    return np.asarray(matrix * longest / length)


_OTHERS = ((1, 2), (0, 2), (0, 1))


class Levels(NamedTuple):
    """Signals of a head: air, fluid, grey matter, and what of it is brightest."""

    air: float
    fluid: float
    grey: float
    brightest: float


def signals_of(head: Head, settings: Heads, rng: np.random.Generator) -> tuple[FloatArray, Levels]:
    """Return the signal of each voxel: of a scanner's sequence, or any, or as it was scanned."""
    if head.signal.size and rng.random() < settings.scanned:
        return _rescanned(head, rng)
    count = max(int(head.labels.max()), FLUID) + 1
    if rng.random() < settings.weighted:
        means = draw_weighting(count, rng)
    else:
        means = draw_tissues(count, rng, LOOK).means
    levels = Levels(*(float(each) for each in (means[0], means[FLUID], means[GREY], means.max())))
    return means[head.labels], levels


def _rescanned(head: Head, rng: np.random.Generator) -> tuple[FloatArray, Levels]:
    """Return what a scanner saw of a brain, as it is or in a scale of grey that is its own."""
    signal = head.signal.astype(np.float32)
    if rng.random() < 0.5:
        signal = signal ** np.float32(np.exp(rng.uniform(-0.7, 0.7)))
        if rng.random() < 0.4:
            signal = head.brain * np.maximum(np.float32(rng.uniform(1, 1.4)) - signal, 0)
    fluid, grey = (float(np.median(signal[head.labels == code])) for code in (FLUID, GREY))
    return signal, Levels(0.0, fluid, grey, float(np.percentile(signal[head.brain], BRIGHT)))


def _shelled(
    seen_as: tuple[FloatArray, Levels, BoolArray],
    view: View,
    seen: tuple[FloatArray, float],
    bare: bool,
    rng: np.random.Generator,
) -> FloatArray:
    """Return a brain, in signals that are given for the label map, with other surroundings or none.

    `seen` is how much of each voxel is brain, and the brain's size, in view or not, in voxels.
    """
    from scipy.ndimage import distance_transform_edt, gaussian_filter

    (values, levels, inside), (brain, size) = seen_as, seen
    fluid, whole = levels.fluid, np.float32(levels.brightest)
    values = np.where(inside, values, np.float32(fluid))
    if rng.random() < 0.3:  # little contrast within the brain, as in rodents
        grey, left = np.float32(levels.grey), np.float32(rng.uniform(0.05, 0.5))
        values = grey + left * (values - grey)
        fluid, whole = float(grey + left * (fluid - grey)), grey + left * (whole - grey)
    within = partial_volume(values, view, float(values.flat[0]))
    if rng.random() < 0.4:  # no folds
        width = rng.uniform(1, 4)
        weight = gaussian_filter(brain, width) + np.float32(1e-3)
        within = gaussian_filter(within * brain, width) / weight
    if bare:
        return brain * within * _texture(brain.shape, rng)
    distance = distance_transform_edt(brain < 0.5).astype(np.float32)
    distance = np.maximum(distance - np.float32(0.5), 0)
    same = fluid / float(whole) if rng.random() < 0.5 else None
    around = shells(distance / np.float32(size), rng, 1 / size, any_surroundings(rng, same))
    return (brain * within + (1 - brain) * whole * around) * _texture(brain.shape, rng)


def _texture(shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    strength = np.float32(rng.uniform(0, 0.12))
    return 1 + strength * smooth_field(shape, float(np.exp(rng.uniform(-0.5, 1.5))), rng)


def _scanned(
    volume: FloatArray, brain: FloatArray, settings: Heads, rng: np.random.Generator
) -> FloatArray:
    """Return `volume` with shading, thick slices, a wide point spread, noise and a field of view.

    Where the brain is extracted, what is around it is set to 0, and `brain` stays what it is.
    """
    from scipy.ndimage import gaussian_filter

    shape = volume.shape
    shade = smooth_field(shape, max(shape) * rng.uniform(0.15, 0.6), rng)
    volume = np.maximum(volume, 0) * np.exp(np.float32(rng.uniform(0, settings.shading)) * shade)
    if rng.random() < 0.3:
        volume = volume ** np.float32(np.exp(rng.uniform(-0.4, 0.4)))
    widths = np.full(3, rng.uniform(0, 1.2) if rng.random() < 0.25 else 0.0)
    if rng.random() < settings.thick:
        widths[rng.integers(3)] = rng.uniform(0.5, 1.6)
    volume = gaussian_filter(volume, widths, truncate=3)
    peak = np.float32(np.percentile(volume[brain > 0.5], 95)) if (brain > 0.5).any() else 1
    sigma = float(peak) * rng.uniform(0, settings.noise) * rng.random() ** 0.5
    volume = (add_rician if rng.random() < 0.5 else add_gaussian)(volume, sigma, rng)
    if rng.random() < settings.extracted:
        reach = gaussian_filter(brain, rng.uniform(0.5, 1.5)) > rng.uniform(0.3, 0.6)
        volume = np.where(reach, volume, 0)
    if rng.random() < settings.cut:
        seen = np.zeros(shape, bool)
        seen[tuple(_side(brain, axis, rng) for axis in range(3))] = True
        volume, brain[...] = np.where(seen, volume, 0), np.where(seen, brain, 0)
    return np.asarray(volume, np.float32)


def _side(brain: FloatArray, axis: int, rng: np.random.Generator) -> slice:
    """Return where the field of view ends along an axis: mostly outside of the brain."""
    where = np.flatnonzero((brain > 0.5).any(axis=_OTHERS[axis]))
    low, high = (where[0], where[-1]) if where.size else (0, brain.shape[axis] - 1)
    into = (high - low) * 0.1
    start = rng.uniform(-0.2 * len(brain), low + into) if rng.random() < 0.6 else 0
    stop = rng.uniform(high - into, 1.2 * len(brain)) if rng.random() < 0.6 else len(brain)
    return slice(max(int(start), 0), max(int(stop), int(start) + 2, 2))
