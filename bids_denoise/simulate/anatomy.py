"""Individual heads from the MNI152 tissue maps that nilearn ships (no network needed).

The maps are averages over 152 people. An individual is made of them by a smooth warp, by
folds drawn at the tissue borders, and by a skull and scalp built around the brain; then a
scan grid of any voxel size sees it with true partial volume.

The maps: ICBM 152 nonlinear symmetric 2009a, (C) 1993-2004 Louis Collins, McConnell Brain
Imaging Centre, Montreal Neurological Institute, McGill University (Fonov 2011,
doi:10.1016/j.neuroimage.2010.07.033).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.simulate.fields import smooth_field
from bids_denoise.simulate.head import SKULL, build_head, deep_grey, step
from bids_denoise.simulate.phantom import Tissue
from bids_denoise.simulate.traits import (
    TEMPLATE,
    Ellipsoid,
    Traits,
    capsule,
    contracted,
    settled,
    shares,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import numpy.typing as npt

    from bids_denoise.values import FloatArray

    Points = npt.NDArray[np.float32]
    Affine = npt.NDArray[np.float64]

WARP = 3.0
"""Standard deviation of a displacement along each axis, in mm."""

SUBARACHNOID = 3.0
FINEST = 1.5
MOST_POINTS = 3

NUCLEI = tuple(Ellipsoid((side, 10.0, 10.0), (5.5, 12.0, 8.0)) for side in (-14.0, 14.0))
"""Left and right, at the caudate: ventricle on one side, internal capsule on the other."""

CAUDATE = 0.45
"""Signal of a nucleus between that of cortex, 0, and of deep grey matter, 1: by its T1, which is
nearer to the cortex's than that of putamen or thalamus (doi:10.1016/j.mri.2016.08.021)."""

VENTRICLES = Ellipsoid((0.0, -12.0, 14.0), (18.0, 36.0, 16.0))
"""Where ageing widens the fluid spaces most."""


@dataclass(frozen=True)
class Grid:
    """Where a scan's voxels lie: `shape` (x, y, z) and `affine` (4, 4), voxel to RAS mm."""

    shape: tuple[int, int, int]
    affine: Affine


@dataclass(frozen=True)
class Maps:
    """Maps on one grid: float32 (map, x, y, z), see `template` for which."""

    volumes: FloatArray
    affine: Affine


@dataclass(frozen=True)
class Individual:
    """One person: coarse maps that turn the template into her head.

    `warp` (3, x, y, z) is the displacement in mm; `folds` (3, x, y, z) the log odds added to
    grey matter, white matter and CSF; `texture` (x, y, z) a fine relative signal change. The
    nuclei of her `traits` are `NUCLEI`, their volumes those before her warp.
    """

    warp: Maps
    folds: Maps
    texture: Maps
    traits: Traits = TEMPLATE


def centred_grid(
    shape: tuple[int, int, int],
    voxel: tuple[float, float, float],
    centre: tuple[float, float, float] = (0.0, -18.0, 8.0),
    tilt: float = 0.0,
) -> Grid:
    """Return a grid around `centre` (RAS mm), turned by `tilt` degrees about the x axis.

    Examples
    --------
    >>> centred_grid((3, 3, 3), (2, 2, 2), centre=(0, 0, 0)).affine[:3, 3]
    array([-2., -2., -2.])
    """
    cosine, sine = np.cos(np.deg2rad(tilt)), np.sin(np.deg2rad(tilt))
    affine = np.eye(4)
    turn = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
    affine[:3, :3] = turn @ np.diag(voxel)
    affine[:3, 3] = np.asarray(centre) - affine[:3, :3] @ ((np.asarray(shape) - 1) / 2)
    return Grid(shape, affine)


def draw_individual(rng: np.random.Generator, strength: float = 1.0) -> Individual:
    """Draw a person. `strength` scales how far she is from the template; 0 is the template."""
    coarse = centred_grid((28, 32, 28), (8.0, 8.0, 8.0))
    fine = centred_grid((110, 126, 110), (2.0, 2.0, 2.0))
    three = range(3)
    warp = np.float32(WARP) * np.stack([smooth_field(coarse.shape, 2.5, rng) for _ in three])
    folds = np.float32(0.7) * np.stack([smooth_field(fine.shape, 1.2, rng) for _ in three])
    texture = np.float32(0.01) * smooth_field(fine.shape, 1.2, rng)
    return Individual(
        warp=Maps(np.float32(strength) * warp, coarse.affine),
        folds=Maps(np.float32(strength) * folds, fine.affine),
        texture=Maps(np.float32(strength) * texture[np.newaxis], fine.affine),
    )


def draw_person(rng: np.random.Generator, traits: Traits) -> Individual:
    """Draw a person with given traits; her nuclei have the volumes told, whatever her warp."""
    drawn = draw_individual(rng)
    own = settled(traits, NUCLEI, partial(warped, drawn.warp), 4 * WARP)
    return replace(drawn, traits=own)


def fractions(individual: Individual, grid: Grid, finest: float = FINEST) -> FloatArray:
    """Return how much of each voxel each tissue fills.

    Parameters
    ----------
    individual
        The person.
    grid
        The scan's voxels.
    finest
        Each voxel is averaged over points about so many mm apart, `MOST_POINTS` along an axis
        at most. Time goes with the number of points.

    Returns
    -------
    numpy.ndarray
        float32 (tissue, x, y, z) in the order of `Tissue`, each in [0, 1], summing to 1.
    """
    return mean_of(_fractions_at(individual, *place) for place in cells(grid, finest))


def nuclei(individual: Individual, grid: Grid, finest: float = FINEST) -> FloatArray:
    """Return how much of each voxel each of the person's nuclei fills, (nucleus, x, y, z)."""
    own = NUCLEI[: len(individual.traits.nuclei)]
    return mean_of(
        shares(in_template(individual, points), own, cell) for points, cell in cells(grid, finest)
    )


def brain_tissues(individual: Individual, grid: Grid, parts: FloatArray) -> FloatArray:
    """Return grey matter, white matter and CSF within the skull: float32 (3, x, y, z).

    `parts` are the person's `fractions` on `grid`; the fluid of her eyes is left out.
    """
    tissues = np.stack(
        [parts[Tissue.GREY] + parts[Tissue.DEEP_GREY], parts[Tissue.WHITE], parts[Tissue.CSF]]
    )
    distance = Maps(template().volumes[2:3], template().affine)
    away = sample(distance, in_template(individual, points_of(grid)))[0]
    tissues[2] *= away < (SUBARACHNOID + SKULL) / 2
    return tissues


def cells(grid: Grid, finest: float) -> Iterator[tuple[Points, float]]:
    """Yield the points (3, x, y, z) that stand for each voxel, and how many mm each stands for."""
    voxel = np.linalg.norm(grid.affine[:3, :3], axis=0)
    counts = [min(max(1, round(size / finest)), MOST_POINTS) for size in voxel]
    cell = float(np.cbrt(np.prod(voxel / counts)))
    for place in product(*((np.arange(n) + 0.5) / n - 0.5 for n in counts)):
        yield points_of(grid, place), cell


def mean_of(maps: Iterable[FloatArray]) -> FloatArray:
    """Return the mean of equally shaped maps, float32; only one is held at a time."""
    total, count = None, 0
    for each in maps:
        total = each if total is None else np.add(total, each, out=total)
        count += 1
    if total is None:
        raise ValueError("there is no map to take the mean of")
    return np.asarray(total / np.float32(count), dtype=np.float32)


def signal(parts: FloatArray, means: Mapping[Tissue, float]) -> FloatArray:
    """Mix tissue means by `parts` (tissue, x, y, z) into an image, float32 (x, y, z)."""
    values = np.array([means[tissue] for tissue in Tissue], dtype=np.float32)
    return np.asarray(np.tensordot(values, parts, axes=1), dtype=np.float32)


def texture(individual: Individual, grid: Grid) -> FloatArray:
    """Return the person's fine structure on `grid` as a factor around 1, float32 (x, y, z)."""
    return np.asarray(1 + sample(individual.texture, points_of(grid))[0], dtype=np.float32)


def points_of(grid: Grid, place: tuple[float, ...] = (0.0, 0.0, 0.0)) -> Points:
    """Return the RAS mm of every voxel of `grid`, `place` voxels off its centre: (3, x, y, z)."""
    index = np.meshgrid(
        *(np.arange(n) + p for n, p in zip(grid.shape, place, strict=True)), indexing="ij"
    )
    moved = np.tensordot(grid.affine[:3, :3], np.stack(index), axes=1)
    return (moved + grid.affine[:3, 3].reshape(3, 1, 1, 1)).astype(np.float32)


def sample(maps: Maps, points: Points) -> FloatArray:
    """Interpolate `maps` linearly at `points` (3, x, y, z) in RAS mm; border values go on.

    Returns
    -------
    numpy.ndarray
        float32 (map, x, y, z).
    """
    from scipy.ndimage import map_coordinates

    inverse = np.linalg.inv(maps.affine).astype(np.float32)
    index = np.tensordot(inverse[:3, :3], points, axes=1) + inverse[:3, 3].reshape(3, 1, 1, 1)
    return np.stack(
        [map_coordinates(volume, index, order=1, mode="nearest") for volume in maps.volumes]
    )


def warped(warp: Maps, points: Points) -> Points:
    """Return where `points` (3, x, y, z) are taken by the displacements of `warp`, all in mm."""
    return points + sample(warp, points)


@lru_cache(maxsize=1)
def template() -> Maps:
    """Return what of the MNI152 template is needed, at 1 mm.

    Returns
    -------
    Maps
        Grey matter, white matter (fractions), and the distance in mm to the brain and to
        the face and neck, negative inside.
    """
    from nilearn import datasets
    from scipy.ndimage import zoom

    grey, white = datasets.load_mni152_gm_template(1), datasets.load_mni152_wm_template(1)
    tissue = [np.asarray(each.dataobj, dtype=np.float32) for each in (grey, white)]
    brain = np.asarray(datasets.load_mni152_brain_mask(1).dataobj)[::2, ::2, ::2] > 0
    scale = [fine / coarse for fine, coarse in zip(tissue[0].shape, brain.shape, strict=True)]
    distance = zoom(_signed_distance(brain, 2.0), scale, order=1, grid_mode=True, mode="nearest")
    grid = Grid(tissue[0].shape, np.asarray(grey.affine, dtype=np.float64))
    return Maps(np.stack([*tissue, distance, _face_distance(points_of(grid))]), grid.affine)


def _signed_distance(inside: npt.NDArray[np.bool_], voxel: float) -> FloatArray:
    """Return the smoothed distance to the border of `inside` in mm, negative inside."""
    from scipy.ndimage import distance_transform_edt, gaussian_filter

    outer = distance_transform_edt(~inside) - distance_transform_edt(inside)
    return np.asarray(gaussian_filter(voxel * outer, 1.0), dtype=np.float32)


def _face_distance(points: Points) -> FloatArray:
    """Return roughly how far each point is from an ellipsoidal face and a cylindrical neck."""
    x, y, z = points
    face = np.sqrt((x / 62) ** 2 + ((y - 22) / 72) ** 2 + ((z + 55) / 62) ** 2)
    neck = np.sqrt((x / 58) ** 2 + ((y + 38) / 60) ** 2 + (np.maximum(z + 40, 0) / 40) ** 2)
    return np.asarray(60 * (np.minimum(face, neck) - 1), dtype=np.float32)


def in_template(individual: Individual, points: Points) -> Points:
    """Return where in the template `points` (3, x, y, z) of the person lie, RAS mm."""
    return _placed(individual, _native(individual, points))


def _native(individual: Individual, points: Points) -> Points:
    """Return points of the head at the size of the template, (3, x, y, z)."""
    return points * np.float32(1 / individual.traits.scale)


def _placed(individual: Individual, native: Points) -> Points:
    """Return where in the template `native` points lie, (3, x, y, z)."""
    volumes = individual.traits.nuclei
    return contracted(warped(individual.warp, native), NUCLEI[: len(volumes)], volumes)


def _fractions_at(individual: Individual, points: Points, cell: float) -> FloatArray:
    """Return the tissue fractions at points that stand for `cell` mm, (tissue, x, y, z)."""
    traits, native = individual.traits, _native(individual, points)
    own = _placed(individual, native)
    grey, white, brain, face = sample(template(), own)
    parts = np.zeros((len(Tissue), *grey.shape), dtype=np.float32)
    inside = step(SUBARACHNOID - brain)
    odds = np.stack([grey, white, np.clip(1 - grey - white, 0, 1)]) ** 2 + 1e-6
    odds *= np.exp(sample(individual.folds, native) * (odds < 0.9))
    odds[2] *= np.exp(traits.ageing * (1 + 2 * capsule(own, VENTRICLES)))
    deep = deep_grey(own)
    nuclei_here = NUCLEI[: len(traits.nuclei)]
    for each, within in zip(nuclei_here, shares(own, nuclei_here, cell), strict=True):
        around = capsule(own, each)
        odds[1] += odds[0] * around
        odds[0] *= 1 - around
        odds *= (1 - within) / odds.sum(axis=0)
        odds[0] += within
        deep += within * (np.float32(CAUDATE) - deep)
    odds *= inside / odds.sum(axis=0)
    parts[Tissue.GREY], parts[Tissue.DEEP_GREY] = odds[0] * (1 - deep), odds[0] * deep
    parts[Tissue.WHITE], parts[Tissue.CSF] = odds[1], odds[2]
    build_head(parts, own, brain, face, inside)
    return parts
