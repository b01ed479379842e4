"""The heads that the network for brain masks is trained on: any contrast, species and scanner.

Everything is drawn from label maps (Hoopes 2022, doi:10.1016/j.neuroimage.2022.119474): no scan
is needed, and none is learned by heart.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from bids_denoise import imageio
from bids_denoise.anatomy.brain_network import normalised
from bids_denoise.simulate.contrasts import RIGHT_TO_LEFT, WHOLE_HEAD, random_matrix
from bids_denoise.simulate.fields import smooth_field
from bids_denoise.simulate.label_maps import crop, elastic, partial_volume, scan_view
from bids_denoise.simulate.noise import add_gaussian, add_rician
from bids_denoise.simulate.shells import any_surroundings, shells
from bids_denoise.simulate.tissue_contrast import draw_tissues, draw_weighting

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from bids_denoise.simulate.label_maps import Matrix, View
    from bids_denoise.training.bank import Bank
    from bids_denoise.training.patches import Tensors
    from bids_denoise.training.recipe import Heads, Recipe
    from bids_denoise.values import BoolArray, FloatArray

FLUID = 24
VESSELS = (30, 62, 85)
OUTSIDE = 500
"""Codes of the fluid around the brain, of what is no brain tissue, and from which on others are."""

COARSE = 2
"""Every which voxel of a label map is kept: the brain is seen at several mm."""

SULCUS = 6.0
RIM = 1.2
SMOOTH = 0.8
"""How wide half a sulcus is that belongs to the brain, and how much fluid around it does, in mm of
a human brain; what its outline is smoothed by, standard deviation in voxels."""

MARGIN = 8

LOOK = replace(WHOLE_HEAD, rotation=30.0, anisotropy=1.25, thick_share=0.0)
ANY_WAY = 0.1
"""How often a head lies in any orientation, not the usual one."""


class Head(NamedTuple):
    """A label map (x, y, z) without the air around it, in RAS order, and where its brain is."""

    labels: npt.NDArray[np.int16]
    brain: BoolArray


class Views(NamedTuple):
    """Heads as a scanner sees them, and how much of each voxel is brain.

    `image` and `brain` float32 (batch, 1, x, y, z).
    """

    image: FloatArray
    brain: FloatArray

    def arrays(self) -> dict[str, FloatArray]:
        """Return what there is, by name."""
        return self._asdict()


def head_of(path: Path) -> Head:
    """Return a head from a label map of FreeSurfer codes, skull and scalp from `OUTSIDE` on."""
    volume, affine = imageio.read_placed(path)
    codes = _usual_way(volume.astype(np.int16), affine)
    for code, other in RIGHT_TO_LEFT.items():
        codes[codes == code] = other
    inside = np.argwhere(codes > 0)
    low, high = np.maximum(inside.min(axis=0) - MARGIN, 0), inside.max(axis=0) + MARGIN + 1
    codes = np.ascontiguousarray(codes[tuple(slice(a, b) for a, b in zip(low, high, strict=True))])
    coarse = (slice(None, None, COARSE),) * 3
    return Head(codes[coarse].copy(), brain_of(codes)[coarse].copy())


def brain_of(codes: npt.NDArray[np.int16], voxel: float = 1.0) -> BoolArray:
    """Return brain tissue, closed over sulci and ventricles, with a thin rim of fluid around it.

    That is what methods of extraction leave, too. `codes` (x, y, z) are FreeSurfer's, on a grid of
    `voxel` mm.
    """
    from scipy import ndimage
    from scipy.stats import norm

    within = (codes > 0) & (codes < OUTSIDE)
    tissue = within & ~np.isin(codes, (FLUID, *VESSELS))
    parts, count = ndimage.label(tissue)
    if count > 1:
        tissue = parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])
    reached = ndimage.distance_transform_edt(~tissue) <= SULCUS / voxel
    closed = ndimage.distance_transform_edt(reached) > SULCUS / voxel
    solid = ndimage.binary_fill_holes((closed & within) | tissue)
    smooth = ndimage.gaussian_filter(solid.astype(np.float32), SMOOTH)
    rim = within & (smooth > norm.sf(RIM / voxel / SMOOTH))
    return np.asarray((smooth > 0.5) | rim)


def _usual_way(
    codes: npt.NDArray[np.int16], affine: npt.NDArray[np.float64]
) -> npt.NDArray[np.int16]:
    """Return `codes` with axes from left to right, from back to front and upwards."""
    steps = affine[:3, :3]
    order = [int(np.argmax(np.abs(row))) for row in steps]
    ways = [slice(None, None, int(np.sign(steps[row, axis]))) for row, axis in enumerate(order)]
    return codes.transpose(order)[tuple(ways)]


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
    labels, inside = _turned(head, rng)
    animal = rng.random() < settings.animals
    share = float(np.exp(rng.uniform(*np.log(settings.share))))
    matrix = _steps(inside, share * edge, settings, rng, animal)
    centre, whole = np.argwhere(inside[::4, ::4, ::4]).mean(axis=0) * 4, np.count_nonzero(inside)
    place = (edge - 1) / 2 + edge * max(0.15, share / 2 - 0.3) * rng.uniform(-1, 1, 3)
    bend = rng.uniform(0, 0.35 if animal else 0.15)
    moved = elastic((edge,) * 3, bend, edge * rng.uniform(0.08, 0.25), rng)
    view = scan_view((place, centre), matrix, moved)
    part, seen = crop(labels, view)
    labels = np.asarray(part, np.int16)
    inside = crop(inside.astype(np.uint8), view)[0] > 0
    brain = partial_volume(inside.astype(np.float32), seen, 0.0)
    size = float(np.cbrt(whole / abs(np.linalg.det(matrix))))
    means = _signals(int(labels.max()) + 1, settings, rng)
    if animal or rng.random() < settings.shells:
        volume = _shelled((means, labels, inside), seen, (brain, size), rng)
    else:
        volume = partial_volume(means[labels], seen, float(means[0]))
        volume *= _texture(volume.shape, rng)
    return normalised(_scanned(volume, brain, settings, rng)), brain


def _turned(head: Head, rng: np.random.Generator) -> tuple[npt.NDArray[np.int16], BoolArray]:
    if rng.random() > ANY_WAY:
        return head.labels, head.brain
    ways = tuple(slice(None, None, way) for way in rng.choice([-1, 1], 3))
    order = rng.permutation(3)
    return head.labels.transpose(order)[ways], head.brain.transpose(order)[ways]


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


def _signals(count: int, settings: Heads, rng: np.random.Generator) -> FloatArray:
    """Return the signal of each label: of a scanner's sequence, or any."""
    if rng.random() < settings.weighted:
        return draw_weighting(count, rng)
    return draw_tissues(count, rng, LOOK).means


def _shelled(
    labelled: tuple[FloatArray, npt.NDArray[np.int16], BoolArray],
    view: View,
    seen: tuple[FloatArray, float],
    rng: np.random.Generator,
) -> FloatArray:
    """Return the brain of the label map, in the signals of the labels, with other surroundings.

    `seen` is how much of each voxel is brain, and the brain's size, in view or not, in voxels.
    """
    from scipy.ndimage import distance_transform_edt, gaussian_filter

    (means, labels, inside), (brain, size) = labelled, seen
    if rng.random() < 0.3:  # little contrast within the brain, as in rodents
        means = means[3] + np.float32(rng.uniform(0.05, 0.5)) * (means - means[3])
    fluid, whole = float(means[min(FLUID, labels.max())]), float(means.max())
    values = np.where(inside, means[labels], fluid)
    within = partial_volume(values.astype(np.float32), view, float(values.flat[0]))
    if rng.random() < 0.4:  # no folds
        width = rng.uniform(1, 4)
        weight = gaussian_filter(brain, width) + np.float32(1e-3)
        within = gaussian_filter(within * brain, width) / weight
    distance = distance_transform_edt(brain < 0.5).astype(np.float32)
    distance = np.maximum(distance - np.float32(0.5), 0)
    same = fluid / whole if rng.random() < 0.5 else None
    around = shells(distance / np.float32(size), rng, 1 / size, any_surroundings(rng, same))
    return (brain * within + (1 - brain) * np.float32(whole) * around) * _texture(brain.shape, rng)


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
