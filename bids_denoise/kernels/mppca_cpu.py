"""Marchenko-Pastur PCA of a series on the cores of the CPU.

The voxels are taken in pencils along y, a few z deep, each on one thread: its cubes' Gram
matrices come from `gram`, their eigenvalues and the projection from `eigen`, `LANES` voxels at a
time. A pencil's result depends on nothing but the pencil, so the number of threads changes nothing.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from bids_denoise.kernels.eigen import (
    DIAGONAL,
    LANES,
    VECTOR,
    diagonalise,
    make_lanes,
    reflect,
    rotate_back,
    tridiagonalise,
)
from bids_denoise.kernels.gram import gram_matrix, make_band, move_band

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float32]
    BoolArray = npt.NDArray[np.bool_]
    IntArray = npt.NDArray[np.int64]

DEPTH = 8  # voxels along z that share a pencil


class Method(NamedTuple):
    """The edges of the cube in voxels, and whether the signal's rank is taken into account."""

    edges: IntArray
    improved: bool


def mppca(
    data: FloatArray, mask: BoolArray, window: int, estimator: str, threads: int = 1
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Denoise a series; parameters and results as in `mppca_reference.mppca`.

    Time is O(r^3) a voxel, r being the smaller of volumes and window voxels. Memory above
    data and results, per thread: about ``4 r^2 (window (window + 7) + 10)`` bytes where r is the
    volumes, and ``8 r^2 (1 + 7 / window)^2`` where it is the voxels.

    The result is the same for any number of `threads`.
    """
    denoised = data.copy()
    sigma = np.zeros(mask.shape, np.float32)
    rank = np.zeros(mask.shape, np.float32)
    edges = np.array([min(window, size) for size in mask.shape])
    method = Method(edges, estimator == "corderogrande2019")

    def work(pencil: tuple[int, int]) -> None:
        _denoise_pencil(data, mask, method, pencil, (denoised, sigma, rank))

    pencils = [
        (x, z)
        for x in range(mask.shape[0])
        for z in range(0, mask.shape[2], DEPTH)
        if mask[x, :, z : z + DEPTH].any()
    ]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, pencils))
    return denoised, sigma, rank


def noise_map(
    data: FloatArray, mask: BoolArray, window: int, step: int, threads: int = 1
) -> FloatArray:
    """Return sigma (x, y, z); parameters as in `mppca_reference.noise_map`."""
    grid = np.ix_(
        *(np.minimum(np.arange(0, size, step) + step // 2, size - 1) for size in mask.shape)
    )
    centres = np.zeros(mask.shape, bool)
    centres[grid] = True
    sigma = mppca(data, centres, window, "corderogrande2019", threads)[1][grid]
    for axis, size in enumerate(mask.shape):
        sigma = np.repeat(sigma, step, axis=axis).take(range(size), axis=axis)
    return np.where(mask, sigma, np.float32(0))


@njit(cache=True, nogil=True)
def _denoise_pencil(data, mask, method, pencil, results):  # type: ignore[no-untyped-def]
    x, z_first = pencil
    edges, shape = method.edges, np.array(mask.shape)
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
            if not mask[x, y, z]:
                continue
            voxels[filled, 0], voxels[filled, 1], voxels[filled, 2] = x, y, z
            move_band(band, data, _start(y, 1, edges, shape))
            gram_matrix(band, _start(z, 2, edges, shape), lanes.matrix[filled])
            filled += 1
            if filled == LANES:
                rotations = _finish(data, voxels, method, lanes, rotations, results)
                filled = 0
    if filled:
        _finish(data, voxels[:filled], method, lanes, rotations, results)


@njit(cache=True)
def _start(centre, axis, edges, shape):  # type: ignore[no-untyped-def]
    # Where the cube begins: around its centre, but inside the image.
    return min(max(centre - edges[axis] // 2, 0), shape[axis] - edges[axis])


@njit(cache=True)
def _finish(data, voxels, method, lanes, rotations, results):  # type: ignore[no-untyped-def]
    # From the Gram matrices in the lanes to the results at the voxels.
    denoised, sigma, rank = results
    lanes.state[:] = 0
    size = len(lanes.factor[0])
    for lane, voxel in enumerate(voxels):
        _set_vector(data, voxel, method.edges, lanes.state[:size, VECTOR, lane])
        tridiagonalise(lanes, lane)
        reflect(lanes, lane, False)
    sweeps, rotations = diagonalise(lanes, rotations)
    longer = max(data.shape[3], method.edges.prod())
    for lane, (x, y, z) in enumerate(voxels):
        noise, level = _strike_noise(lanes, lane, longer, method.improved)
        sigma[x, y, z] = level
        rank[x, y, z] = size - noise
    rotate_back(lanes, sweeps, rotations)
    for lane, (x, y, z) in enumerate(voxels):
        if rank[x, y, z] < size:
            reflect(lanes, lane, True)
            vector = lanes.state[:size, VECTOR, lane]
            _recombine(data, voxels[lane], method.edges, vector, denoised[x, y, z])
    return rotations


@njit(cache=True)
def _set_vector(data, voxel, edges, vector):  # type: ignore[no-untyped-def]
    # Its own series, or in the second kind of Gram matrix the unit vector of the voxel.
    x, y, z = voxel
    if data.shape[3] <= edges.prod():
        vector[:] = data[x, y, z]
    else:
        within_x = x - _start(x, 0, edges, data.shape)
        within_z = z - _start(z, 2, edges, data.shape)
        vector[(within_z * edges[1] + y % edges[1]) * edges[0] + within_x] = 1.0


@njit(cache=True)
def _recombine(data, voxel, edges, vector, into):  # type: ignore[no-untyped-def]
    # The projected series itself, or in the second kind the weights of the cube's voxels.
    if data.shape[3] <= edges.prod():
        into[:] = vector
        return
    x_low = _start(voxel[0], 0, edges, data.shape)
    y_low = _start(voxel[1], 1, edges, data.shape)
    z_low = _start(voxel[2], 2, edges, data.shape)
    total = np.zeros(data.shape[3])
    for z in range(edges[2]):
        for y in range(y_low, y_low + edges[1]):
            at = (z * edges[1] + y % edges[1]) * edges[0]
            for x in range(edges[0]):
                weight = vector[at + x]
                for t in range(len(total)):
                    total[t] += weight * data[x_low + x, y, z_low + z, t]
    into[:] = total


@njit(cache=True, error_model="numpy")
def _strike_noise(lanes, lane, longer, improved):  # type: ignore[no-untyped-def]
    # Zeroes the lane's vector along its noise; see `mppca_reference.split_spectrum`.
    eigenvalues = np.sort(lanes.state[:-1, DIAGONAL, lane])
    smallest = max(eigenvalues[0], 0.0) / longer
    total, variance, noise = 0.0, 0.0, 0
    for index, eigenvalue in enumerate(eigenvalues):
        value = max(eigenvalue, 0.0) / longer
        total += value
        count = index + 1
        gamma = count / (longer - (len(eigenvalues) - count) * improved)
        mean = total / count
        if (value - smallest) / (4.0 * np.sqrt(gamma)) < mean:
            noise, variance = count, mean
    if noise:
        for i in range(len(eigenvalues)):
            if lanes.state[i, DIAGONAL, lane] <= eigenvalues[noise - 1]:
                lanes.state[i, VECTOR, lane] = 0.0
    return noise, np.sqrt(variance)
