"""Cut a volume in small cubes and look at each in the cosine domain.

White noise has the same variance in all coefficients of an orthonormal transform; anatomy has
little in the corner that is of high frequency along all three axes. Tiles make that a local
statement: each gives its own noise energy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import BoolArray, FloatArray

    IntArray = npt.NDArray[np.intp]
    DoubleArray = npt.NDArray[np.float64]

EDGE = 8
"""Edge of a tile in voxels; thinner axes are taken whole."""

HIGH = 5 / 8
"""Frequencies from this share of the Nyquist frequency on, along each axis, are the corner."""

ENOUGH = 512
"""With fewer tiles side by side, tiles that overlap by half are added."""


@dataclass(frozen=True)
class Tiles:
    """The tiles of one volume, on a grid (i, j, k).

    Attributes
    ----------
    shape
        Of the volume, (x, y, z).
    edges
        Tile size along each axis, in voxels.
    starts
        First voxel of each tile along x, y and z.
    inside
        bool (i, j, k): every voxel is a measurement.
    energy
        float64 (i, j, k): mean square of the coefficients in the corner.
    freedom
        Number of those coefficients.
    means
        float32 (i, j, k, 8): mean of each octant of the tile (fewer along axes of one voxel).
    """

    shape: tuple[int, ...]
    edges: tuple[int, ...]
    starts: tuple[IntArray, ...]
    inside: BoolArray
    energy: DoubleArray
    freedom: int
    means: FloatArray

    @property
    def mean(self) -> DoubleArray:
        """Mean of each tile, float64 (i, j, k)."""
        return np.asarray(self.means.mean(axis=-1, dtype=np.float64))

    @property
    def steps(self) -> tuple[float, ...]:
        """Distance of neighbouring tiles along each axis, in voxels."""
        return tuple(
            float(start[1] - start[0]) if len(start) > 1 else float(edge)
            for start, edge in zip(self.starts, self.edges, strict=True)
        )

    def alone(self, chosen: BoolArray) -> float:
        """Return how many tiles side by side would tell as much as those `chosen` (i, j, k)."""
        pairs = zip(self.steps, self.edges, strict=True)
        return float(np.count_nonzero(chosen) * np.prod([step / edge for step, edge in pairs]))


def cut(data: FloatArray, mask: BoolArray) -> Tiles:
    """Return the tiles of `data` (x, y, z): side by side, or half overlapping where few fit.

    Works through the volume tile by tile along x; beyond the input it holds about one byte
    per voxel.
    """
    edges = tuple(min(EDGE, length) for length in data.shape)
    starts, inside = grid_of(mask, edges, 1)
    if inside.sum() < ENOUGH:
        starts, inside = grid_of(mask, edges, 2)
    coefficients = _project(data, [corner_cosines(edge) for edge in edges], starts)
    return Tiles(
        shape=data.shape,
        edges=edges,
        starts=starts,
        inside=inside,
        energy=np.square(coefficients, dtype=np.float64).mean(axis=-1),
        freedom=coefficients.shape[-1],
        means=_project(data, [_halves(edge) for edge in edges], starts),
    )


def coverage(region: BoolArray, tiles: Tiles) -> FloatArray:
    """Return the share of each tile (i, j, k) that lies in `region` (x, y, z)."""
    bases = [np.full((1, edge), 1 / edge, np.float32) for edge in tiles.edges]
    return _project(region, bases, tiles.starts)[..., 0].round(4)


def coefficients_of(data: FloatArray, tiles: Tiles, chosen: IntArray) -> FloatArray:
    """Return all cosine coefficients (n, kx, ky, kz) of the tiles `chosen` (n, 3)."""
    cubes = np.stack(
        [
            data[
                tuple(
                    slice(start[index], start[index] + edge)
                    for start, index, edge in zip(tiles.starts, place, tiles.edges, strict=True)
                )
            ]
            for place in chosen
        ]
    )
    x, y, z = (cosines(edge) for edge in tiles.edges)
    return np.asarray(
        np.einsum("nxyz,ax,by,cz->nabc", cubes, x, y, z, optimize=True), dtype=np.float32
    )


def cosines(edge: int) -> FloatArray:
    """Return the orthonormal cosine transform (DCT-II) as a matrix (frequency, voxel)."""
    frequency, voxel = np.arange(edge)[:, np.newaxis], np.arange(edge)[np.newaxis]
    matrix = np.sqrt(2 / edge) * np.cos(np.pi * (2 * voxel + 1) * frequency / (2 * edge))
    matrix[0] /= np.sqrt(2)
    return np.asarray(matrix, dtype=np.float32)


def corner_cosines(edge: int) -> FloatArray:
    """Return the rows of `cosines` from `HIGH` on; at least the last."""
    return cosines(edge)[min(int(np.ceil(HIGH * edge)), edge - 1) :]


def grid_of(
    mask: BoolArray, edges: tuple[int, ...], parts: int
) -> tuple[tuple[IntArray, ...], BoolArray]:
    """Return where tiles of `edges` voxels start on each axis, and which lie in `mask`.

    A tile overlaps the next by all but one of its `parts`. The last ends with the image.
    """
    starts = tuple(
        _starts(length, edge, max(1, edge // parts))
        for length, edge in zip(mask.shape, edges, strict=True)
    )
    share = _project(mask, [np.full((1, edge), 1 / edge, np.float32) for edge in edges], starts)
    return starts, share[..., 0] > 1 - 1 / (2 * np.prod(edges))


def spread(values: FloatArray | DoubleArray, tiles: Tiles) -> FloatArray:
    """Interpolate one value a tile (i, j, k) to voxels (x, y, z), linearly between centres."""
    centres = tuple(
        np.asarray(start + (edge - 1) / 2, dtype=np.float64)
        for start, edge in zip(tiles.starts, tiles.edges, strict=True)
    )
    return interpolate(values, centres, tiles.shape)


def interpolate(
    values: FloatArray | DoubleArray, centres: tuple[DoubleArray, ...], shape: tuple[int, ...]
) -> FloatArray:
    """Interpolate `values` (i, j, k) from `centres` on each axis to all voxels of `shape`."""
    field = values.astype(np.float32)
    for axis in (2, 1):
        low, part = _between(shape[axis], centres[axis])
        along = [1, 1, 1]
        along[axis] = len(part)
        weight = part.reshape(along)
        high = np.minimum(low + 1, values.shape[axis] - 1)
        field = (1 - weight) * field.take(low, axis) + weight * field.take(high, axis)
    full = np.empty(shape, np.float32)
    low, part = _between(shape[0], centres[0])
    for plane, first, weight in zip(full, low, part, strict=True):
        second = min(first + 1, values.shape[0] - 1)
        plane[...] = (1 - weight) * field[first] + weight * field[second]
    return full


def _between(length: int, centres: DoubleArray) -> tuple[IntArray, FloatArray]:
    """Return for each voxel the centre before it, and how far it is on the way to the next."""
    place = np.interp(np.arange(length), centres, np.arange(len(centres)))
    low = np.minimum(place.astype(np.intp), max(len(centres) - 2, 0))
    return low, (place - low).astype(np.float32)


def _starts(length: int, edge: int, step: int) -> IntArray:
    starts = np.arange(0, length - edge + 1, step)
    if starts[-1] + edge < length:
        starts = np.append(starts, length - edge)
    return starts


def _halves(edge: int) -> FloatArray:
    parts = np.array_split(np.eye(edge, dtype=np.float32), min(2, edge))
    return np.stack([part.mean(axis=0) for part in parts])


def _project(
    data: FloatArray | BoolArray, bases: list[FloatArray], starts: tuple[IntArray, ...]
) -> FloatArray:
    """Return the products of every tile with a separable basis, (i, j, k, coefficients)."""
    along_x, along_y, along_z = bases
    at_y = starts[1][:, np.newaxis] + np.arange(along_y.shape[1])
    at_z = starts[2][:, np.newaxis] + np.arange(along_z.shape[1])
    planes = []
    for start in starts[0]:
        slab = data[start : start + along_x.shape[1]].astype(np.float32)
        # einsum, because threads of a BLAS cost more than they save on 8 planes.
        rows = np.einsum("ax,xyz->ayz", along_x, slab)
        columns = rows[:, :, at_z] @ along_z.T
        product = np.moveaxis(columns, 1, -1)[..., at_y] @ along_y.T
        planes.append(product.transpose(3, 1, 0, 4, 2).reshape(len(at_y), len(at_z), -1))
    return np.stack(planes)
