"""Gram matrices of a cube that slides over a series, without forming each from scratch.

A `Band` is what the cubes around a few neighbours along z see, as far as one step along y
needs it. Its planes of equal y are kept in a ring, so that a step along y computes one new plane.
There are two kinds, by the shorter side of the cube's matrix:

- volumes <= voxels: a plane holds, for each z, the sum over x of the outer products of the
  series there; a Gram matrix is the sum of those over the cube's y and z. Each sum is formed
  anew, not by adding and subtracting at its ends, so that nothing drifts.
- volumes > voxels: the band holds the dot products of all its voxels with one another, and a
  Gram matrix is a block of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from bids_denoise.kernels.householder import REORDER, WIDTH, copy_line

if TYPE_CHECKING:
    import numpy.typing as npt

    DoubleArray = npt.NDArray[np.float64]
    IntArray = npt.NDArray[np.int64]


class Band(NamedTuple):
    """The part of a series that the cubes of a few neighbours along z see.

    Attributes
    ----------
    low
        (3,): the least x, y, z of the band; y is -1 until it is moved to its first cube.
    edges
        (3,): of the cube, in voxels.
    volumes
        How many.
    planes
        (ring,): which y each place in the ring holds, -1 for none.
    series
        (z, ring, x, padded volumes) float64.
    outer, column
        (ring, z, packed) sums of outer products over x, and (z, packed) over x and y.
        Empty in the second kind.
    products
        (voxels, voxels) dot products, in the order of `series`. Empty in the first kind.
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
    packed = 0
    for row in range(volumes * by_volume):
        packed += _packed_length(row)
    voxels = depth * edges[1] * edges[0] * (not by_volume)
    return Band(
        low.copy(),
        edges,
        volumes,
        np.full(edges[1], -1),
        np.zeros((depth, edges[1], edges[0], -(-volumes // WIDTH) * WIDTH)),
        np.zeros((edges[1], depth, packed)),
        np.zeros((depth, packed)),
        np.zeros((voxels, voxels)),
    )


@njit(cache=True)
def _packed_length(row):  # type: ignore[no-untyped-def]
    # A row of a lower triangle, to its diagonal and on to a multiple of WIDTH.
    return (row // WIDTH + 1) * WIDTH


@njit(cache=True)
def move_band(band, data, measured, y_low):  # type: ignore[no-untyped-def]
    """Let the band hold the planes from `y_low` on, as many as the cube has.

    Voxels that were not measured enter as zeros.
    """
    if band.low[1] == y_low:
        return
    band.low[1] = y_low
    for y in range(y_low, y_low + band.edges[1]):
        place = y % band.edges[1]
        if band.planes[place] != y:
            band.planes[place] = y
            _read_plane(band, data, measured, y)
            if band.products.size:
                _multiply_plane(band, place)
            else:
                _outer_plane(band, place)
    if not band.products.size:
        _sum_planes(band)


@njit(cache=True)
def _read_plane(band, data, measured, y):  # type: ignore[no-untyped-def]
    plane = band.series[:, y % band.edges[1]]
    for z in range(plane.shape[0]):
        for x in range(plane.shape[1]):
            at = band.low[0] + x, y, band.low[2] + z
            if measured[at]:
                copy_line(data[at], plane[z, x])
            else:
                plane[z, x] = 0


@njit(cache=True)
def _outer_plane(band, place):  # type: ignore[no-untyped-def]
    plane = band.outer[place]
    plane[:] = 0
    for z in range(len(plane)):
        line = band.series[z, place]
        for x in range(0, len(line) - 1, 2):
            _add_outer_products(line[x], line[x + 1], plane[z], band.volumes)
        if len(line) % 2:
            _add_outer_product(line[-1], plane[z], band.volumes)


@njit(cache=True, fastmath=REORDER)
def _add_outer_products(one, two, packed, volumes):  # type: ignore[no-untyped-def]
    start = 0
    for row in range(volumes):
        length = _packed_length(row)
        part = packed[start : start + length]
        own_one, own_two = one[row], two[row]
        for column in range(length):
            part[column] += own_one * one[column] + own_two * two[column]
        start += length


@njit(cache=True, fastmath=REORDER)
def _add_outer_product(one, packed, volumes):  # type: ignore[no-untyped-def]
    start = 0
    for row in range(volumes):
        length = _packed_length(row)
        part = packed[start : start + length]
        own = one[row]
        for column in range(length):
            part[column] += own * one[column]
        start += length


@njit(cache=True)
def _sum_planes(band):  # type: ignore[no-untyped-def]
    for z in range(len(band.column)):
        column = band.column[z]
        copy_line(band.outer[0, z], column)
        for place in range(1, band.edges[1] - 1, 2):
            _add_two(column, band.outer[place, z], band.outer[place + 1, z])
        if band.edges[1] % 2 == 0:
            _add(column, band.outer[-1, z])


@njit(cache=True)
def _add(total, one):  # type: ignore[no-untyped-def]
    for i in range(len(total)):
        total[i] += one[i]


@njit(cache=True)
def _add_two(total, one, two):  # type: ignore[no-untyped-def]
    for i in range(len(total)):
        total[i] += one[i] + two[i]


@njit(cache=True)
def _multiply_plane(band, place):  # type: ignore[no-untyped-def]
    depth, ring, wide, padded = band.series.shape
    slab = ring * wide
    series = band.series.reshape(depth * slab, padded)
    for z in range(depth):
        near = max(z - band.edges[2] + 1, 0) * slab
        far = min(z + band.edges[2], depth) * slab
        for x in range(wide):
            own = (z * ring + place) * wide + x
            products = band.products[own, near:far]
            _multiply(series[near:far], series[own], products)
            copy_line(products, band.products[near:far, own])


@njit(cache=True, fastmath=REORDER)
def _multiply(matrix, vector, product):  # type: ignore[no-untyped-def]
    # product = matrix vector, four rows at a time.
    rows, columns = matrix.shape
    for row in range(0, rows - 3, 4):
        first, second, third, fourth = (
            matrix[row],
            matrix[row + 1],
            matrix[row + 2],
            matrix[row + 3],
        )
        a, b, c, d = 0.0, 0.0, 0.0, 0.0
        for t in range(columns):
            a += first[t] * vector[t]
            b += second[t] * vector[t]
            c += third[t] * vector[t]
            d += fourth[t] * vector[t]
        product[row], product[row + 1], product[row + 2], product[row + 3] = a, b, c, d
    for row in range(rows // 4 * 4, rows):
        a = 0.0
        for t in range(columns):
            a += matrix[row, t] * vector[t]
        product[row] = a


@njit(cache=True)
def gram_matrix(band, z_low, matrix):  # type: ignore[no-untyped-def]
    """Write the Gram matrix of the cube from `z_low` on into the left of `matrix`.

    What lies right of it is set to zero. In the second kind the voxels are in the order of
    ``band.series``.
    """
    at, deep = z_low - band.low[2], band.edges[2]
    size = len(matrix)
    matrix[:, size:] = 0
    if band.products.size:
        slab = band.edges[0] * band.edges[1]
        for row in range(size):
            copy_line(band.products[at * slab + row, at * slab : (at + deep) * slab], matrix[row])
        return
    packed = band.column[at].copy()
    for z in range(at + 1, at + deep - 1, 2):
        _add_two(packed, band.column[z], band.column[z + 1])
    if deep % 2 == 0:
        _add(packed, band.column[at + deep - 1])
    _unpack(packed, matrix)


@njit(cache=True)
def _unpack(packed, matrix):  # type: ignore[no-untyped-def]
    start = 0
    for row in range(len(matrix)):
        for column in range(row + 1):
            matrix[row, column] = packed[start + column]
            matrix[column, row] = packed[start + column]
        start += _packed_length(row)
