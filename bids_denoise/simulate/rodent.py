"""Rat and mouse heads by formula, with known tissues on any grid.

Smooth cortex over a thin layer of white matter, olfactory bulbs, hippocampus, ventricles,
cerebellum, brain stem, eyes; a thin skull, jaw muscle and skin. Lengths are those of an adult
rat in mm (x right, y rostral, z dorsal, 0 in the middle of the cerebrum); a mouse is the same
at another size. What is painted later lies over what came before.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.simulate.anatomy import (
    Maps,
    cells,
    centred_grid,
    mean_of,
    points_of,
    sample,
    warped,
)
from bids_denoise.simulate.fields import smooth_field
from bids_denoise.simulate.phantom import Tissue
from bids_denoise.simulate.traits import (
    Ellipsoid,
    Traits,
    capsule,
    contracted,
    distance,
    settled,
    shares,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.simulate.anatomy import Grid
    from bids_denoise.values import FloatArray

    Points = npt.NDArray[np.float32]
    Triple = tuple[float, float, float]

EXTENT = (32.0, 42.0, 26.0)
"""mm of a rat: a field of view that holds the head behind the nose."""

FLUID, SKULL, SKIN = 0.35, 1.0, 1.2
"""mm of a rat: gap around the brain, outer face of the skull, thickness of the skin."""

WARP, STRETCH = 0.12, 3.0
"""mm of a rat: size of the individual deformation along each axis, and how smooth it is. As in an
inbred strain, of whose mice few points vary by more than 0.117 mm (doi:10.1093/cercor/bhh165)."""

WIDENING, THINNING = 0.12, 0.04
"""mm of a rat per unit of ageing: how far the ventricles' walls go, and the cortex."""


@dataclass(frozen=True)
class Kind:
    """A rodent: `length` relative to a rat, and usual `voxel` side in mm."""

    name: str
    length: float
    voxel: float


RAT = Kind("rat", 1.0, 0.25)
MOUSE = Kind("mouse", 0.61, 0.15)


@dataclass(frozen=True)
class Rodent:
    """One animal: `warp` (3, x, y, z) its displacement, `texture` (1, x, y, z) its structure.

    Both in mm of a rat. The nuclei of its `traits` are `HIPPOCAMPI`, their volumes those before
    the warp.
    """

    kind: Kind
    warp: Maps
    texture: Maps
    traits: Traits


def _pair(side: float, y: float, z: float, axes: Triple) -> tuple[Ellipsoid, Ellipsoid]:
    return Ellipsoid((-side, y, z), axes), Ellipsoid((side, y, z), axes)


CEREBRUM = Ellipsoid((0.0, 0.0, 0.0), (7.6, 9.4, 5.1))
CEREBELLUM = Ellipsoid((0.0, -10.4, 0.6), (6.0, 3.5, 3.7))
STEM = Ellipsoid((0.0, -11.0, -2.9), (3.0, 8.0, 2.1))
BULBS = _pair(1.5, 10.6, 0.2, (1.6, 3.4, 1.8))
BRAIN = (CEREBRUM, CEREBELLUM, STEM, *BULBS)

CAPSULE = Ellipsoid((0.0, -0.4, -1.0), (6.0, 7.4, 4.3))
CORE = Ellipsoid((0.0, -0.4, -1.2), (5.4, 6.8, 3.9))
VENTRICLES = _pair(2.4, 1.6, 1.5, (0.9, 2.6, 0.55))
MIDLINE = (
    Ellipsoid((0.0, -1.5, -1.4), (0.3, 2.6, 2.0)),
    Ellipsoid((0.0, -8.0, -1.2), (0.8, 1.6, 0.5)),
)
HIPPOCAMPI = _pair(3.4, -3.4, 0.9, (2.2, 1.8, 1.3))
ARBOR = Ellipsoid((0.0, -9.9, 0.3), (4.2, 2.3, 2.3))
EYES = _pair(7.2, 12.5, -0.5, (2.7, 2.7, 2.7))
HEAD = (
    Ellipsoid((0.0, -1.0, -3.5), (12.5, 20.0, 11.0)),
    Ellipsoid((0.0, 15.0, -3.0), (7.5, 14.0, 7.0)),
)


def draw_rodent(
    kind: Kind, rng: np.random.Generator, traits: Traits, strength: float = 1.0
) -> Rodent:
    """Draw an animal of a kind with given traits.

    `strength` scales how far it is from the mean animal, which is drawn at 0.
    """
    coarse = centred_grid((18, 24, 16), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0))
    fine = centred_grid((64, 84, 52), (0.5, 0.5, 0.5), (0.0, 0.0, 0.0))
    warp = np.stack([smooth_field(coarse.shape, STRETCH / 2, rng) for _ in range(3)])
    texture = np.float32(0.015 * strength) * smooth_field(fine.shape, 1.2, rng)[np.newaxis]
    bent = Maps(np.float32(strength * WARP) * warp, coarse.affine)
    own = settled(traits, HIPPOCAMPI, partial(warped, bent), 4 * WARP)
    return Rodent(kind, bent, Maps(texture, fine.affine), own)


def fractions(rodent: Rodent, grid: Grid, finest: float) -> FloatArray:
    """Return how much of each voxel each tissue fills: as `anatomy.fractions`."""
    length = rodent.kind.length * rodent.traits.scale
    return mean_of(
        _fractions_at(rodent.traits, _placed(rodent, points), cell / length)
        for points, cell in cells(grid, finest)
    )


def nuclei(rodent: Rodent, grid: Grid, finest: float) -> FloatArray:
    """Return how much of each voxel each hippocampus fills, float32 (nucleus, x, y, z)."""
    own, length = HIPPOCAMPI[: len(rodent.traits.nuclei)], rodent.kind.length * rodent.traits.scale
    return mean_of(
        shares(_placed(rodent, points), own, cell / length) for points, cell in cells(grid, finest)
    )


def brain_tissues(rodent: Rodent, grid: Grid, parts: FloatArray) -> FloatArray:
    """Return grey matter, white matter and CSF within the skull: float32 (3, x, y, z)."""
    tissues = np.stack(
        [parts[Tissue.GREY] + parts[Tissue.DEEP_GREY], parts[Tissue.WHITE], parts[Tissue.CSF]]
    )
    tissues[2] *= _nearest(_placed(rodent, points_of(grid)), BRAIN) < (FLUID + SKULL) / 2
    return tissues


def texture(rodent: Rodent, grid: Grid) -> FloatArray:
    """Return the animal's fine structure on `grid` as a factor around 1, float32 (x, y, z)."""
    native = points_of(grid) * np.float32(1 / rodent.kind.length)
    return np.asarray(1 + sample(rodent.texture, native)[0], dtype=np.float32)


def _placed(rodent: Rodent, points: Points) -> Points:
    """Return where in the rat that is drawn points of the animal lie, (3, x, y, z)."""
    native = points * np.float32(1 / (rodent.kind.length * rodent.traits.scale))
    volumes = rodent.traits.nuclei
    return contracted(warped(rodent.warp, native), HIPPOCAMPI[: len(volumes)], volumes)


def _fractions_at(traits: Traits, at: Points, cell: float) -> FloatArray:
    """Return the tissue fractions at points that stand for `cell` mm, (tissue, x, y, z)."""
    parts = np.zeros((len(Tissue), *at.shape[1:]), dtype=np.float32)
    parts[Tissue.AIR] = 1
    brain = _nearest(at, BRAIN)
    _paint_head(parts, at, brain, cell)
    near = brain < cell + THINNING * abs(traits.ageing)
    parts[:, near] = _brain_at(parts[:, near], traits, at[:, near], (brain[near], cell))
    return parts


def _brain_at(
    parts: FloatArray, traits: Traits, at: Points, border: tuple[FloatArray, float]
) -> FloatArray:
    """Return `parts` with the brain painted over; `border` is its distance, and the cell."""
    brain, cell = border
    _paint(parts, Tissue.GREY, _border(-brain - THINNING * traits.ageing, cell))
    _paint_cerebrum(parts, traits, at, cell)
    _paint_hindbrain(parts, at, cell)
    for each in MIDLINE:
        _paint(parts, Tissue.CSF, _inside(at, each, cell, WIDENING / 2 * traits.ageing))
    return parts


def _paint_head(parts: FloatArray, at: Points, brain: FloatArray, cell: float) -> None:
    """Paint skin, muscle, eyes and skull, and the fluid that the brain lies in."""
    outer = _nearest(at, HEAD)
    _paint(parts, Tissue.SCALP, _border(-outer, cell))
    muscle = -outer - SKIN - 0.3 * np.sin(at[0]) * np.sin(at[1] / 2)
    _paint(parts, Tissue.MUSCLE, _border(muscle, cell))
    for eye in EYES:
        _paint(parts, Tissue.CSF, _inside(at, eye, cell))
    _paint(parts, Tissue.SKULL, _border(SKULL - brain, cell))
    _paint(parts, Tissue.CSF, _border(FLUID - brain, cell))


def _paint_cerebrum(parts: FloatArray, traits: Traits, at: Points, cell: float) -> None:
    """Paint the external capsule and callosum, what lies below, ventricles, hippocampi."""
    above = _border(at[2] + 2.5, cell)
    _paint(parts, Tissue.WHITE, _inside(at, CAPSULE, cell) * above)
    _paint(parts, Tissue.DEEP_GREY, _inside(at, CORE, cell))
    for bulb in BULBS:
        tract = Ellipsoid(bulb.centre, (0.4, 2.2, 0.5))
        _paint(parts, Tissue.WHITE, _inside(at, tract, cell))
    for each in VENTRICLES:
        _paint(parts, Tissue.CSF, _inside(at, each, cell, WIDENING * traits.ageing))
    own = HIPPOCAMPI[: len(traits.nuclei)]
    for each, within in zip(own, shares(at, own, cell), strict=True):
        grey = parts[[Tissue.GREY, Tissue.DEEP_GREY]] * capsule(at, each)
        parts[Tissue.WHITE] += grey.sum(axis=0)
        parts[[Tissue.GREY, Tissue.DEEP_GREY]] -= grey
        _paint(parts, Tissue.GREY, within)


def _paint_hindbrain(parts: FloatArray, at: Points, cell: float) -> None:
    """Paint the white matter of the cerebellum, in folia, and the brain stem."""
    angle = np.arctan2(at[2] - ARBOR.centre[2], at[1] - ARBOR.centre[1] - 1.5)
    folia = np.float32(0.45) * np.cos(9 * angle)
    _paint(parts, Tissue.WHITE, _border(folia - distance(at, ARBOR), cell))
    _paint(parts, Tissue.WHITE, _inside(at, STEM, cell) * _border(-at[1] - 5, cell))


def _nearest(at: Points, parts: tuple[Ellipsoid, ...]) -> FloatArray:
    """Return the distance to the union of ellipsoids in mm, negative inside, (x, y, z)."""
    nearest = distance(at, parts[0])
    for each in parts[1:]:
        np.minimum(nearest, distance(at, each), out=nearest)
    return nearest


def _inside(at: Points, body: Ellipsoid, cell: float, wider: float = 0.0) -> FloatArray:
    """Return the share of each cell that lies in `body`, which is `wider` by so many mm."""
    return _border(wider - distance(at, body), cell)


def _border(depth: FloatArray, cell: float) -> FloatArray:
    """Return the share of a cell that is filled when its centre lies `depth` mm inside."""
    return np.asarray(np.clip(np.float32(0.5) + depth / np.float32(cell), 0, 1), np.float32)


def _paint(parts: FloatArray, tissue: Tissue, alpha: FloatArray) -> None:
    """Lay `alpha` of a tissue over `parts` (tissue, x, y, z), in place."""
    parts *= 1 - alpha
    parts[tissue] += alpha
