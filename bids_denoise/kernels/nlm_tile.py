"""One tile of a pass of non-local means: the compiled inside of `nlm_cpu`.

Guide and volume are copied with their surroundings into flat arrays of one row stride, where a
shift in space is a shift of the index and every inner loop runs over contiguous rows. Then, for
each of the half of the shifts k that are not the mirror image of another one, and plane by plane:

1. the squared differences of guide and shifted guide are added up over the patch, separably:
   along z by doubling, along y and x by running sums. Differences large enough to make the
   weight zero by themselves are capped, so that nothing large leaves its rounding error in a
   running sum;
2. the weights w(i, i + k) follow, and serve both voxels: i takes volume(i + k), i + k volume(i).

The pairs across the border of a tile are computed anew by its neighbour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from bids_denoise.kernels.box_sums import add_to, add_up_along_y, add_up_along_z

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray

ALIGNMENT = 16
ZERO, ONE = np.float32(0), np.float32(1)
FAST = {"contract", "nsz"}


class Weighting(NamedTuple):
    """How alike two patches are.

    The weight is ``min(level - slope * d, 1)_+ ^ TAPER``, with d the sum of the squared
    differences of two patches, each of them at most `cap`.
    """

    search_radius: int
    patch_radius: int
    level: np.float32
    slope: np.float32
    cap: np.float32


class Tile(NamedTuple):
    """The voxels x_low <= x < x_high, y_low <= y < y_high of a volume."""

    x_low: int
    x_high: int
    y_low: int
    y_high: int


class Surroundings(NamedTuple):
    """A tile with what lies around it, flat; the edge value is repeated outside the volume.

    Voxel (x, y, z) of the tile is at ``((x + reach) * rows + y + reach) * stride + z + reach``.
    """

    flat: FloatArray
    reach: int
    rows: int
    stride: int


class Bench(NamedTuple):
    """What a tile is made from, and the arrays it is made in.

    `total` and `weights` are (planes, floats of a plane). Voxel z of a row is at
    ``z + search_radius`` there, and in `ring`, `distance` and `weight`, which hold one plane.
    """

    guide: Surroundings
    volume: Surroundings
    total: FloatArray
    weights: FloatArray
    squares: FloatArray
    spare: FloatArray
    along_z: FloatArray
    ring: FloatArray
    distance: FloatArray
    weight: FloatArray


@njit(cache=True, nogil=True, error_model="numpy")
def denoise_tile(volume, guide, out, tile, how):  # type: ignore[no-untyped-def]
    """Write a tile of `volume` after one pass over `guide` to `out`, whose plane 0 is `x_low`."""
    search, shape = how.search_radius, volume.shape
    bench = _make_bench(volume, guide, tile, how)
    for dx in range(search + 1):
        for dy in range(-search if dx else 0, search + 1):
            for dz in range(-search if dx or dy else 1, search + 1):
                if abs(dz) < shape[2]:
                    _add_shift((dx, dy, dz), shape, tile, how, bench)
    for x in range(tile.x_high - tile.x_low):
        for y in range(tile.y_high - tile.y_low):
            start = y * bench.guide.stride + search
            line, total, weights = (
                out[x, tile.y_low + y],
                bench.total[x, start:],
                bench.weights[x, start:],
            )
            for z in range(shape[2]):
                line[z] = total[z] / weights[z]


@njit(cache=True, error_model="numpy")
def _make_bench(volume, guide, tile, how):  # type: ignore[no-untyped-def]
    search, patch = how.search_radius, how.patch_radius
    wide = volume.shape[2] + 2 * (search + patch)
    stride = -(-wide // ALIGNMENT) * ALIGNMENT
    around = _surround(volume, tile, search, stride)
    planes, rows = tile.x_high - tile.x_low, tile.y_high - tile.y_low
    total = np.empty((planes, rows * stride), np.float32)
    for x in range(planes):
        start = ((x + search) * around.rows + search) * stride
        total[x] = around.flat[start : start + rows * stride]
    most = (rows + search) * stride
    wider = most + (2 * patch + 1) * stride
    return Bench(
        _surround(guide, tile, search + patch, stride),
        around,
        total,
        np.ones_like(total),
        np.zeros(wider, np.float32),
        np.zeros((2, wider), np.float32),
        np.zeros(wider, np.float32),
        np.zeros((2 * patch + 2, most), np.float32),
        np.zeros(most, np.float32),
        np.zeros(most, np.float32),
    )


@njit(cache=True, error_model="numpy")
def _surround(source, tile, reach, stride):  # type: ignore[no-untyped-def]
    """Return a tile with `reach` voxels around it; one row of zeros more keeps reads inside."""
    nx, ny, nz = source.shape
    planes = tile.x_high - tile.x_low + 2 * reach
    rows = tile.y_high - tile.y_low + 2 * reach
    flat = np.zeros((planes * rows + 1) * stride, np.float32)
    for x in range(planes):
        x_from = min(max(tile.x_low - reach + x, 0), nx - 1)
        for y in range(rows):
            y_from = min(max(tile.y_low - reach + y, 0), ny - 1)
            line = flat[(x * rows + y) * stride : (x * rows + y + 1) * stride]
            line[:reach] = source[x_from, y_from, 0]
            line[reach : reach + nz] = source[x_from, y_from]
            line[reach + nz :] = source[x_from, y_from, nz - 1]
    return Surroundings(flat, reach, rows, stride)


@njit(cache=True, error_model="numpy")
def _add_shift(shift, shape, tile, how, bench):  # type: ignore[no-untyped-def]
    """Add to the sums of a tile all pairs of voxels that are `shift` apart."""
    dx, dy, dz = shift
    pairs = Tile(
        max(tile.x_low - dx, 0),
        min(tile.x_high, shape[0] - dx),
        max(tile.y_low - max(dy, 0), -dy, 0),
        min(tile.y_high + max(-dy, 0), shape[1] - max(dy, 0)),
    )
    if pairs.x_high <= pairs.x_low or pairs.y_high <= pairs.y_low:
        return
    width = 2 * how.patch_radius + 1
    count = (pairs.y_high - pairs.y_low) * bench.guide.stride
    bench.ring[width, :count] = ZERO
    bench.distance[:count] = ZERO
    for step in range(pairs.x_high - pairs.x_low + width - 1):
        new, old = bench.ring[step % (width + 1)], bench.ring[(step + 1) % (width + 1)]
        x = pairs.x_low + step - how.patch_radius
        _add_up_patches((x, pairs.y_low, count), shift, tile, how, bench, new)
        if step < width - 1:
            add_to(bench.distance, new, count)
        else:
            _weigh(bench, new, old, count, how)
            _clear_outside(bench.weight, count, dz, shape[2], how.search_radius, bench.guide.stride)
            _share(x - how.patch_radius, shift, tile, pairs, bench)


@njit(cache=True, error_model="numpy", fastmath=FAST)
def _add_up_patches(plane, shift, tile, how, bench, out):  # type: ignore[no-untyped-def]
    """Write the squared differences of one plane, summed over the patch along z and y."""
    x, y_low, count = plane
    dx, dy, dz = shift
    _, reach, rows, stride = bench.guide
    patch, cap, squares = how.patch_radius, how.cap, bench.squares
    start = ((x - tile.x_low + reach) * rows + y_low - patch - tile.y_low + reach) * stride
    here = bench.guide.flat[start:]
    there = bench.guide.flat[start + (dx * rows + dy) * stride + dz :]
    more = count + 2 * patch * stride
    for i in range(more + 2 * patch):
        difference = here[i] - there[i]
        squares[i] = min(difference * difference, cap)
    add_up_along_z(squares, bench.along_z, bench.spare, patch, more)
    add_up_along_y(bench.along_z, out, stride, patch, count)


@njit(cache=True, error_model="numpy", fastmath=FAST)
def _weigh(bench, new, old, count, how):  # type: ignore[no-untyped-def]
    """Move the sums over the patch on by one plane, and write the weights that follow."""
    distance, weight, level, slope = bench.distance, bench.weight, how.level, how.slope
    for i in range(count):
        moved = distance[i] + (new[i] - old[i])
        distance[i] = moved
        power = min(max(level - slope * moved, ZERO), ONE)
        power *= power
        power *= power
        power *= power
        weight[i] = power * power


@njit(cache=True, error_model="numpy")
def _clear_outside(weight, count, dz, nz, search, stride):  # type: ignore[no-untyped-def]
    """Set the weights of the pairs that leave the volume along z to 0."""
    ahead, behind = max(dz, 0), max(-dz, 0)
    for row in range(search, count, stride):
        weight[row - ahead : row + behind] = ZERO
        weight[row + nz - ahead : row + nz + behind] = ZERO


@njit(cache=True, error_model="numpy")
def _share(x, shift, tile, pairs, bench):  # type: ignore[no-untyped-def]
    """Give each voxel of the pairs of plane `x` that lies in the tile the other one's value."""
    dx, dy, dz = shift
    _, reach, rows, stride = bench.volume
    first = (x - tile.x_low + reach) * rows + reach
    low, high = max(pairs.y_low, tile.y_low), min(pairs.y_high, tile.y_high)
    if x >= tile.x_low and high > low:
        _average(
            (
                bench.total[x - tile.x_low],
                bench.weights[x - tile.x_low],
                (low - tile.y_low) * stride,
            ),
            (bench.weight, (low - pairs.y_low) * stride),
            (bench.volume.flat, (first + dx * rows + low - tile.y_low + dy) * stride + dz),
            (high - low) * stride,
        )
    low, high = max(pairs.y_low + dy, tile.y_low), min(pairs.y_high + dy, tile.y_high)
    if tile.x_low <= x + dx < tile.x_high and high > low:
        ahead, behind = max(dz, 0), max(-dz, 0)
        x_other = x + dx - tile.x_low
        _average(
            (bench.total[x_other], bench.weights[x_other], (low - tile.y_low) * stride + ahead),
            (bench.weight, (low - dy - pairs.y_low) * stride + behind),
            (bench.volume.flat, (first + low - dy - tile.y_low) * stride + behind),
            (high - low) * stride - abs(dz),
        )


@njit(cache=True, error_model="numpy", fastmath=FAST)
def _average(sums, weights, values, count):  # type: ignore[no-untyped-def]
    total, total_weight = sums[0][sums[2] :], sums[1][sums[2] :]
    weight, value = weights[0][weights[1] :], values[0][values[1] :]
    for i in range(count):
        total[i] += weight[i] * value[i]
        total_weight[i] += weight[i]
