"""Marchenko-Pastur PCA of a series on all cores of the CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import get_num_threads, njit, prange, set_num_threads

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float32]
    BoolArray = npt.NDArray[np.bool_]


def mppca(
    data: FloatArray, mask: BoolArray, window: int, estimator: str, threads: int = 0
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Denoise a series; parameters and results as in `mppca_reference.mppca`.

    `threads` is the number of threads, 0 for as many as numba may take; the result does not
    depend on it.
    """
    denoised = data.copy()
    sigma = np.zeros(mask.shape, np.float32)
    rank = np.zeros(mask.shape, np.float32)
    centres = np.argwhere(mask)
    before = get_num_threads()
    set_num_threads(min(threads, before) if threads else before)
    try:
        _over(data, centres, window, estimator == "corderogrande2019", (denoised, sigma, rank))
    finally:
        set_num_threads(before)
    return denoised, sigma, rank


def noise_map(
    data: FloatArray, mask: BoolArray, window: int, step: int, threads: int = 0
) -> FloatArray:
    """Return sigma (x, y, z); parameters as in `mppca_reference.noise_map`."""
    grid = np.meshgrid(
        *(np.minimum(np.arange(0, n, step) + step // 2, n - 1) for n in mask.shape), indexing="ij"
    )
    near = np.zeros(mask.shape, bool)
    near[tuple(grid)] = True
    sigma = mppca(data, near, window, "corderogrande2019", threads)[1][tuple(grid)]
    for axis, size in enumerate(mask.shape):
        sigma = np.repeat(sigma, step, axis=axis).take(range(size), axis=axis)
    return np.where(mask, sigma, np.float32(0))


@njit(cache=True, parallel=True)
def _over(data, centres, window, exp2, out):  # type: ignore[no-untyped-def]
    for index in prange(len(centres)):
        _voxel(data, centres[index], window, exp2, out)


@njit(cache=True)
def _voxel(data, centre, window, exp2, out):  # type: ignore[no-untyped-def]
    denoised, sigma, rank = out
    nx, ny, nz, volumes = data.shape
    ex, ey, ez = min(window, nx), min(window, ny), min(window, nz)
    x, y, z = centre
    x0 = min(max(x - ex // 2, 0), nx - ex)
    y0 = min(max(y - ey // 2, 0), ny - ey)
    z0 = min(max(z - ez // 2, 0), nz - ez)
    patch = data[x0 : x0 + ex, y0 : y0 + ey, z0 : z0 + ez].copy().reshape(-1, volumes)
    patch = patch.astype(np.float64)
    voxels = len(patch)
    primal = volumes <= voxels
    gram = patch.T @ patch if primal else patch @ patch.T
    eigenvalues, vectors = np.linalg.eigh(gram)
    noise, level = _split(eigenvalues, max(volumes, voxels), exp2)
    sigma[x, y, z] = level
    rank[x, y, z] = len(eigenvalues) - noise
    if noise:
        signal = np.ascontiguousarray(vectors[:, noise:])
        if primal:
            own = data[x, y, z].astype(np.float64)
            denoised[x, y, z] = signal @ (signal.T @ own)
        else:
            own_index = ((x - x0) * ey + y - y0) * ez + z - z0
            denoised[x, y, z] = patch.T @ (signal @ signal[own_index])


@njit(cache=True)
def _split(eigenvalues, longer, exp2):  # type: ignore[no-untyped-def]
    total = 0.0
    noise, variance = 0, 0.0
    smallest = max(eigenvalues[0], 0.0) / longer
    for index in range(len(eigenvalues)):
        value = max(eigenvalues[index], 0.0) / longer
        total += value
        count = index + 1
        gamma = count / (longer - (len(eigenvalues) - count) * exp2)
        mean = total / count
        if (value - smallest) / (4.0 * np.sqrt(gamma)) < mean:
            noise, variance = count, mean
    return noise, np.sqrt(variance)
