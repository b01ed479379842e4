"""Marchenko-Pastur PCA of a series on the cores of the CPU.

The voxels are taken in pencils along y, a few z deep, each on one thread: its cubes' Gram
matrices come from `gram`, their eigenvalues and the projection from `householder` and `eigen`,
`LANES` voxels at a time. A pencil's result depends on nothing but the pencil, so the number of
threads changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from bids_denoise import scratch
from bids_denoise.kernels.eigen import diagonalise, rotate_back
from bids_denoise.kernels.gram import gram_matrix, make_band, move_band
from bids_denoise.kernels.householder import (
    DIAGONAL,
    LANES,
    VECTOR,
    copy_line,
    make_lanes,
    reflect,
    tridiagonalise,
)
from bids_denoise.kernels.mppca_reference import FEWEST
from bids_denoise.kernels.pool import for_each

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import BoolArray, FloatArray

    IntArray = npt.NDArray[np.int64]

DEPTH = 8  # voxels along z that share a pencil


class Method(NamedTuple):
    """The edges of the cube in voxels, and whether the signal's rank is taken into account."""

    edges: IntArray
    improved: bool


class Results(NamedTuple):
    """What is filled in: see `mppca_reference.mppca`. `denoised` may be empty."""

    denoised: FloatArray
    sigma: FloatArray
    rank: FloatArray


def mppca(
    data: FloatArray, mask: BoolArray, window: int, estimator: str, threads: int = 1
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Denoise a series; parameters and results as in `mppca_reference.mppca`.

    Time is O(r^3) a voxel, r being the smaller of volumes and window voxels. Memory beside
    data and results is about ``8 r^2 (50 + window (window + 7) / 2)`` bytes a thread.
    The result is the same for any number of `threads`.
    """
    denoised = scratch.copy_of(data)
    results = _make_results(np.asarray(denoised), mask)
    _run(data, (mask, mask), window, estimator, threads, results)
    return denoised, results.sigma, results.rank


def noise_map(
    data: FloatArray, mask: BoolArray, window: int, step: int, threads: int = 1
) -> FloatArray:
    """Return sigma (x, y, z); parameters as in `mppca_reference.noise_map`."""
    grid = np.ix_(
        *(np.minimum(np.arange(0, size, step) + step // 2, size - 1) for size in mask.shape)
    )
    centres = np.zeros(mask.shape, bool)
    centres[grid] = True
    results = _make_results(np.empty((0, 0, 0, 0), np.float32), mask)
    _run(data, (mask, centres), window, "corderogrande2019", threads, results)
    sigma = results.sigma[grid]
    for axis, size in enumerate(mask.shape):
        sigma = np.repeat(sigma, step, axis=axis).take(range(size), axis=axis)
    return np.where(mask, sigma, np.float32(0))


def _make_results(denoised: FloatArray, mask: BoolArray) -> Results:
    sigma = np.zeros(mask.shape, np.float32)
    return Results(denoised, sigma, np.zeros_like(sigma))


def _run(
    data: FloatArray,
    masks: tuple[BoolArray, BoolArray],
    window: int,
    estimator: str,
    threads: int,
    results: Results,
) -> None:
    data = np.asarray(data)  # no subclass: each would be compiled for anew
    # masks: of the voxels that were measured, and of those that are wanted.
    wanted = masks[1]
    edges = np.array([min(window, size) for size in wanted.shape])
    method = Method(edges, estimator == "corderogrande2019")
    pencils = [
        (x, z)
        for x in range(wanted.shape[0])
        for z in range(0, wanted.shape[2], DEPTH)
        if wanted[x, :, z : z + DEPTH].any()
    ]
    for_each(lambda pencil: _do_pencil(data, masks, method, pencil, results), pencils, threads)


@njit(cache=True, nogil=True)
def _do_pencil(data, masks, method, pencil, results):  # type: ignore[no-untyped-def]
    measured, wanted = masks
    x, z_first = pencil
    edges, shape = method.edges, wanted.shape
    z_last = min(z_first + DEPTH, shape[2]) - 1
    low = np.array([_start(x, 0, edges, shape), -1, _start(z_first, 2, edges, shape)])
    depth = _start(z_last, 2, edges, shape) + edges[2] - low[2]
    band = make_band(low, edges, depth, data.shape[3])
    size = min(data.shape[3], edges.prod())
    lanes, rotations = make_lanes(size), np.empty((size * size, 2 * LANES))
    voxels = np.zeros((LANES, 3), np.int64)
    filled = 0
    for y in range(shape[1]):
        for z in range(z_first, z_last + 1):
            if not wanted[x, y, z]:
                continue
            voxels[filled, 0], voxels[filled, 1], voxels[filled, 2] = x, y, z
            move_band(band, data, measured, _start(y, 1, edges, shape))
            gram_matrix(band, _start(z, 2, edges, shape), lanes.matrix[filled])
            filled += 1
            if filled == LANES:
                rotations = _finish(data, measured, voxels, method, (lanes, rotations), results)
                filled = 0
    if filled:
        _finish(data, measured, voxels[:filled], method, (lanes, rotations), results)


@njit(cache=True)
def _start(centre, axis, edges, shape):  # type: ignore[no-untyped-def]
    # Where the cube begins: around its centre, but inside the image.
    return min(max(centre - edges[axis] // 2, 0), shape[axis] - edges[axis])


@njit(cache=True)
def _low(centre, edges, shape):  # type: ignore[no-untyped-def]
    # The first voxel of the cube.
    x = _start(centre[0], 0, edges, shape)
    y = _start(centre[1], 1, edges, shape)
    return x, y, _start(centre[2], 2, edges, shape)


@njit(cache=True)
def _finish(data, measured, voxels, method, room, results):  # type: ignore[no-untyped-def]
    # From the Gram matrices in the lanes to the results at the voxels.
    lanes, rotations = room
    size = len(lanes.factor[0])
    lanes.state[:] = 0
    for lane, voxel in enumerate(voxels):
        vector = lanes.state[:size, VECTOR, lane]
        _set_vector(data, measured.shape, voxel, method.edges, vector)
        tridiagonalise(lanes, lane)
        reflect(lanes, lane, False)
    sweeps, rotations = diagonalise(lanes, rotations)
    noise = np.zeros(LANES, np.int64)
    for lane, (x, y, z) in enumerate(voxels):
        sides = _count(measured, voxels[lane], method.edges), data.shape[3]
        noise[lane], level = _strike_noise(lanes, lane, sides, method.improved)
        results.sigma[x, y, z] = level
        results.rank[x, y, z] = min(sides) - noise[lane]
    if results.denoised.size == 0:
        return rotations
    rotate_back(lanes, sweeps, rotations)
    for lane, (x, y, z) in enumerate(voxels):
        if noise[lane]:
            reflect(lanes, lane, True)
            low = _low(voxels[lane], method.edges, measured.shape)
            vector = lanes.state[:size, VECTOR, lane]
            _recombine(data, low, method.edges, vector, results.denoised[x, y, z])
    return rotations


@njit(cache=True)
def _count(measured, voxel, edges):  # type: ignore[no-untyped-def]
    x, y, z = _low(voxel, edges, measured.shape)
    count = 0
    for i in range(x, x + edges[0]):
        for j in range(y, y + edges[1]):
            for k in range(z, z + edges[2]):
                count += measured[i, j, k]
    return count


@njit(cache=True)
def _set_vector(data, shape, voxel, edges, vector):  # type: ignore[no-untyped-def]
    # Its own series, or in the second kind of Gram matrix the unit vector of the voxel.
    x, y, z = voxel
    if data.shape[3] <= edges.prod():
        copy_line(data[x, y, z], vector)
    else:
        within_x = x - _start(x, 0, edges, shape)
        within_z = z - _start(z, 2, edges, shape)
        vector[(within_z * edges[1] + y % edges[1]) * edges[0] + within_x] = 1.0


@njit(cache=True)
def _recombine(data, low, edges, vector, into):  # type: ignore[no-untyped-def]
    # The projected series itself, or in the second kind the weights of the cube's voxels.
    if data.shape[3] <= edges.prod():
        copy_line(vector, into)
        return
    x_low, y_low, z_low = low
    total = np.zeros(data.shape[3])
    for z in range(edges[2]):
        for y in range(y_low, y_low + edges[1]):
            at = (z * edges[1] + y % edges[1]) * edges[0]
            for x in range(edges[0]):
                weight = vector[at + x]
                for t in range(len(total)):
                    total[t] += weight * data[x_low + x, y, z_low + z, t]
    copy_line(total, into)


@njit(cache=True)
def _sorted(values):  # type: ignore[no-untyped-def]
    # By insertion: QL leaves eigenvalues nearly in order, and np.sort compiles for seconds.
    ordered = values.copy()
    for i in range(1, len(ordered)):
        value, place = ordered[i], i
        while place > 0 and ordered[place - 1] > value:
            ordered[place] = ordered[place - 1]
            place -= 1
        ordered[place] = value
    return ordered


@njit(cache=True, error_model="numpy")
def _strike_noise(lanes, lane, sides, improved):  # type: ignore[no-untyped-def]
    # Zeroes the lane's vector along its noise; see `mppca_reference.split_spectrum`.
    shorter, longer = min(sides), max(sides)
    if shorter < FEWEST:
        return 0, 0.0
    every = _sorted(lanes.state[:-1, DIAGONAL, lane])
    eigenvalues = every[len(every) - shorter :]  # voxels not measured add zeros below
    smallest = max(eigenvalues[0], 0.0) / longer
    total, variance, noise = 0.0, 0.0, 0
    for index, eigenvalue in enumerate(eigenvalues):
        value = max(eigenvalue, 0.0) / longer
        total += value
        count = index + 1
        gamma = count / (longer - (shorter - count) * improved)
        mean = total / count
        if (value - smallest) / (4.0 * np.sqrt(gamma)) < mean:
            noise, variance = count, mean
    if noise:
        for i in range(len(every)):
            if lanes.state[i, DIAGONAL, lane] <= eigenvalues[noise - 1]:
                lanes.state[i, VECTOR, lane] = 0.0
    return noise, np.sqrt(variance)
