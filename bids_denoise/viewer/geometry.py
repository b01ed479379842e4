"""Three planes through a voxel, as a page shows them: right, anterior, superior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.denoisers.slabs import Slab
from bids_denoise.orientation import orientation, turned

if TYPE_CHECKING:
    from bids_denoise.orientation import Affine, Flips, Order, Voxels
    from bids_denoise.values import BoolArray, FloatArray

Voxel = tuple[int, int, int]


@dataclass(frozen=True)
class Geometry:
    """How a grid is turned.

    Attributes
    ----------
    order, flips
        The voxel axis nearest to right, anterior and superior, and which run backwards.
    shape
        Voxels along right, anterior, superior.
    spacing
        Their edges in mm.
    """

    order: Order
    flips: Flips
    shape: Voxel
    spacing: tuple[float, float, float]

    def stored(self, voxel: Voxel) -> Voxel:
        """Return the indices of a voxel (right, anterior, superior) in the array."""
        found = [0, 0, 0]
        for world, axis in enumerate(self.order):
            place = voxel[world]
            found[axis] = self.shape[world] - 1 - place if self.flips[world] else place
        return (found[0], found[1], found[2])

    def slabs(self, voxel: Voxel) -> list[Slab]:
        """Return the three planes through a voxel (right, anterior, superior), one voxel thick."""
        stored = self.stored(voxel)
        return [Slab(axis, stored[axis], stored[axis] + 1) for axis in self.order]

    def flat(self, data: Voxels, plane: int) -> FloatArray:
        """Return a slab (x, y, z) as rows from the top, from left to right.

        `plane` is the axis it stands on: 0 right (sagittal), 1 anterior (coronal), 2 superior
        (axial).
        """
        cut = np.take(turned(data, self.order, self.flips), 0, axis=plane)
        return np.ascontiguousarray(cut.T[::-1], dtype=np.float32)

    def planes(self, data: Voxels, voxel: Voxel) -> list[FloatArray]:
        """Return the three planes of a volume (x, y, z) through a voxel."""
        slabs = self.slabs(voxel)
        return [self.flat(slab.of(data), plane) for plane, slab in enumerate(slabs)]


def geometry_of(affine: Affine, shape: tuple[int, ...]) -> Geometry:
    """Return how a grid of `shape` (x, y, z) with an `affine` to RAS mm is turned."""
    order, flips = orientation(affine)
    lengths = np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
    edges = [float(lengths[axis]) or 1.0 for axis in order]
    x, y, z = (shape[axis] for axis in order)
    return Geometry(order, flips, (x, y, z), (edges[0], edges[1], edges[2]))


def middle(head: BoolArray, geometry: Geometry) -> Voxel:
    """Return the voxel (right, anterior, superior) in the middle of a region (x, y, z)."""
    shown = turned(head, geometry.order, geometry.flips)
    found = []
    for axis in range(3):
        others = tuple(each for each in range(3) if each != axis)
        inside = np.flatnonzero(shown.any(axis=others))
        found.append(int(inside[0] + inside[-1]) // 2 if len(inside) else shown.shape[axis] // 2)
    return (found[0], found[1], found[2])
