"""Gram matrices of a cube that slides over a series, without forming each from scratch.

A `Band` is what the cubes around one row of voxels along z see, as far as one step along y
needs it. Its planes of equal y are kept in a ring, so that a step along y computes one new plane.
There are two kinds, by the shorter side of the cube's matrix:

- volumes <= voxels: a plane holds, for each z, the sum over x of the outer products of the
  series there; a Gram matrix is the sum of those over the cube's y and z. Each sum is formed
  anew, not by adding and subtracting at its ends, so that nothing drifts.
- volumes > voxels: the band holds the dot products of all its voxels with one another, and a
  Gram matrix is a selection of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

if TYPE_CHECKING:
    import numpy.typing as npt

    DoubleArray = npt.NDArray[np.float64]
    IntArray = npt.NDArray[np.int64]

WIDTH = 8  # series are padded with zeros to a multiple of this, so that loops fill registers
REORDER = {"contract", "reassoc", "nsz", "arcp"}


class Band(NamedTuple):
    """The part of a series that a row of cubes along z sees.

    Attributes
    ----------
    low
        (3,): the least x, y, z of the band; y is that of the cube it was last moved to.
    edges
        (3,): of the cube, in voxels.
    volumes
        How many.
    planes
        (edges[1],): which y each place in the ring holds, -1 for none.
    series
        (ring y, x, z, padded volumes) float64.
    outer, column
        (ring y, z, packed) sums of outer products over x, and (z, packed) over x and y.
        Empty in the second kind.
    products
        (ring y, x, z, ring y, x, z) dot products. Empty in the first kind.
    """

    low: IntArray
    edges: IntArray
    volumes: int
    planes: IntArray
    series: DoubleArray
    outer: DoubleArray
    column: DoubleArray
    products: DoubleArray


@njit(cache=True)
def make_band(low, edges, depth, volumes):  # type: ignore[no-untyped-def]
    """Return an empty `Band` of `depth` voxels along z, its corner at `low`."""
    by_volume = volumes <= edges.prod()
    padded = -(-volumes // WIDTH) * WIDTH
    packed = 0
    for row in range(volumes * by_volume):
        packed += _packed_length(row)
    plane = (edges[0] * (not by_volume), depth)
    return Band(
        low.copy(),
        edges,
        volumes,
        np.full(edges[1], -1),
        np.zeros((edges[1], edges[0], depth, padded)),
        np.zeros((edges[1], depth, packed)),
        np.zeros((depth, packed)),
        np.zeros((edges[1], plane[0], depth, edges[1], plane[0], depth)),
    )


@njit(cache=True)
def _packed_length(row):  # type: ignore[no-untyped-def]
    # A row of a lower triangle, to its diagonal and on to a multiple of WIDTH.
    return (row // WIDTH + 1) * WIDTH


@njit(cache=True)
def move_band(band, data, y_low):  # type: ignore[no-untyped-def]
    """Let the band hold the planes from `y_low` on, as many as the cube has."""
    moved = band.low[1] != y_low
    band.low[1] = y_low
    for y in range(y_low, y_low + band.edges[1]):
        place = y % band.edges[1]
        if band.planes[place] != y:
            band.planes[place] = y
            _read_plane(band, data, y)
            if band.products.size:
                _multiply_plane(band, place)
            else:
                _outer_plane(band, place)
            moved = True
    if moved and not band.products.size:
        band.column[:] = band.outer[0]
        for place in range(1, band.edges[1]):
            band.column[:] += band.outer[place]


@njit(cache=True)
def _read_plane(band, data, y):  # type: ignore[no-untyped-def]
    plane = band.series[y % band.edges[1]]
    for x in range(plane.shape[0]):
        for z in range(plane.shape[1]):
            for t in range(band.volumes):
                plane[x, z, t] = data[band.low[0] + x, y, band.low[2] + z, t]


@njit(cache=True)
def _outer_plane(band, place):  # type: ignore[no-untyped-def]
    plane = band.outer[place]
    plane[:] = 0
    for z in range(len(plane)):
        for x in range(band.edges[0]):
            _add_outer_product(band.series[place, x, z], plane[z], band.volumes)


@njit(cache=True, fastmath=REORDER)
def _add_outer_product(series, packed, volumes):  # type: ignore[no-untyped-def]
    start = 0
    for row in range(volumes):
        length = _packed_length(row)
        own = series[row]
        for column in range(length):
            packed[start + column] += own * series[column]
        start += length


@njit(cache=True)
def _multiply_plane(band, place):  # type: ignore[no-untyped-def]
    _, wide, depth, _ = band.series.shape
    for x in range(wide):
        for z in range(depth):
            own = band.series[place, x, z]
            near, far = max(z - band.edges[2] + 1, 0), min(z + band.edges[2], depth)
            for other in range(band.edges[1]):
                for other_x in range(wide):
                    for other_z in range(near, far):
                        value = _dot(own, band.series[other, other_x, other_z])
                        band.products[place, x, z, other, other_x, other_z] = value
                        band.products[other, other_x, other_z, place, x, z] = value


@njit(cache=True, fastmath=REORDER)
def _dot(one, two):  # type: ignore[no-untyped-def]
    total = 0.0
    for t in range(len(one)):
        total += one[t] * two[t]
    return total


@njit(cache=True)
def gram_matrix(band, z_low, matrix):  # type: ignore[no-untyped-def]
    """Write the Gram matrix of the cube from `z_low` on into the left of `matrix`.

    The columns right of it are set to zero. In the second kind the voxels are in the order
    of the band: ring y, x, z.
    """
    at = z_low - band.low[2]
    matrix[:] = 0
    if band.products.size:
        _select_products(band, at, matrix)
    else:
        packed = band.column[at].copy()
        for z in range(at + 1, at + band.edges[2]):
            packed += band.column[z]
        _unpack(packed, matrix)


@njit(cache=True)
def _unpack(packed, matrix):  # type: ignore[no-untyped-def]
    start = 0
    for row in range(len(matrix)):
        for column in range(row + 1):
            matrix[row, column] = packed[start + column]
            matrix[column, row] = packed[start + column]
        start += _packed_length(row)


@njit(cache=True)
def _select_products(band, at, matrix):  # type: ignore[no-untyped-def]
    wide, high, deep = band.edges
    row = 0
    for y in range(high):
        for x in range(wide):
            for z in range(at, at + deep):
                products = band.products[y, x, z]
                column = 0
                for other_y in range(high):
                    for other_x in range(wide):
                        for other_z in range(deep):
                            matrix[row, column] = products[other_y, other_x, at + other_z]
                            column += 1
                row += 1
