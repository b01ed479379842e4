"""Marchenko-Pastur PCA of a series, voxel by voxel in plain numpy: slow, readable, the truth."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float32]
    BoolArray = npt.NDArray[np.bool_]
    DoubleArray = npt.NDArray[np.float64]


def mppca(
    data: FloatArray, mask: BoolArray, window: int, estimator: str
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Denoise a series by keeping, around each voxel, the components above the noise.

    The cubic window around a voxel is pushed inside the image at its borders, so that it
    always holds the same number of voxels. Its volumes x voxels matrix is decomposed; the
    components that the Marchenko-Pastur law explains are dropped from the voxel itself.

    Parameters
    ----------
    data
        (x, y, z, t) float32.
    mask
        (x, y, z) bool: the voxels to denoise. The others are copied, with sigma and rank 0.
    window
        Edge of the cube in voxels, cut to the image where that is thinner.
    estimator
        ``veraart2016`` or ``corderogrande2019``: see `split_spectrum`.

    Returns
    -------
    denoised, sigma, rank
        float32: (x, y, z, t), and twice (x, y, z).
    """
    denoised = data.copy()
    sigma = np.zeros(mask.shape, np.float32)
    rank = np.zeros(mask.shape, np.float32)
    for voxel in zip(*np.nonzero(mask), strict=True):
        patch = patch_around(data, voxel, window)
        signal, level = principal_signal(patch, estimator)
        sigma[voxel] = level
        rank[voxel] = signal.shape[1]
        if signal.shape[1] < min(patch.shape):
            denoised[voxel] = signal @ (signal.T @ data[voxel].astype(np.float64))
    return denoised, sigma, rank


def window_around(voxel: tuple[int, ...], window: int, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Return the cube around `voxel`, shifted until it lies inside an image of `shape`."""
    edges = [min(window, size) for size in shape]
    starts = [
        min(max(centre - edge // 2, 0), size - edge)
        for centre, edge, size in zip(voxel, edges, shape, strict=True)
    ]
    return tuple(slice(start, start + edge) for start, edge in zip(starts, edges, strict=True))


def patch_around(data: FloatArray, voxel: tuple[int, ...], window: int) -> DoubleArray:
    """Return the (voxels, t) matrix of the window around `voxel`."""
    cube = data[window_around(voxel, window, data.shape[:3])]
    return cube.reshape(-1, data.shape[-1]).astype(np.float64)


def principal_signal(patch: DoubleArray, estimator: str) -> tuple[DoubleArray, float]:
    """Return the orthonormal signal components (t, rank) of a (voxels, t) patch, and sigma."""
    _, singular, components = np.linalg.svd(patch, full_matrices=False)
    noise_count, sigma = split_spectrum(singular[::-1] ** 2, max(patch.shape), estimator)
    return components[: len(singular) - noise_count].T, sigma


def split_spectrum(eigenvalues: DoubleArray, longer: int, estimator: str) -> tuple[int, float]:
    """Find how many of the smallest eigenvalues are noise, and the noise's sigma.

    The noise variance is estimated twice from the p smallest eigenvalues: from their mean,
    and from their spread, which by the Marchenko-Pastur law is ``4 sigma^2 sqrt(gamma)``.
    Signal makes the spread grow faster than the mean, so noise ends at the largest p whose
    spread still is the smaller estimate.

    Parameters
    ----------
    eigenvalues
        (r,) of the Gram matrix of the patch, ascending; r is the patch's shorter side.
    longer
        The patch's longer side, q.
    estimator
        ``veraart2016`` takes gamma = p / q (DOI 10.1016/j.neuroimage.2016.08.016, "Exp1");
        ``corderogrande2019`` takes gamma = p / (q - signal rank), which is right when the
        signal takes its share of both sides (DOI 10.1016/j.neuroimage.2019.06.039, "Exp2").

    Returns
    -------
    noise_count, sigma
        0 and 0 where no eigenvalue can be told to be noise.
    """
    spectrum = np.maximum(eigenvalues, 0) / longer
    count = np.arange(1, len(spectrum) + 1)
    signal_rank = len(spectrum) - count if estimator == "corderogrande2019" else 0
    gamma = count / (longer - signal_rank)
    from_mean = np.cumsum(spectrum) / count
    from_spread = (spectrum - spectrum[0]) / (4 * np.sqrt(gamma))
    noise = np.flatnonzero(from_spread < from_mean)
    if len(noise) == 0:
        return 0, 0.0
    return int(noise[-1]) + 1, float(np.sqrt(from_mean[noise[-1]]))


def noise_map(data: FloatArray, mask: BoolArray, window: int, step: int) -> FloatArray:
    """Return sigma (x, y, z) from windows at every `step`-th voxel, nearest in between.

    Parameters are those of `mppca`, with the estimator ``corderogrande2019``. A voxel takes
    the value of the grid point of its own ``step`` cube; outside of `mask` sigma is 0.
    """
    sigma = np.zeros(mask.shape, np.float32)
    for corner in product(*(range(0, size, step) for size in mask.shape)):
        cell = tuple(slice(start, start + step) for start in corner)
        if not mask[cell].any():
            continue
        middle = tuple(
            min(start + step // 2, size - 1) for start, size in zip(corner, mask.shape, strict=True)
        )
        patch = patch_around(data, middle, window)
        sigma[cell] = principal_signal(patch, "corderogrande2019")[1]
    sigma[~mask] = 0
    return sigma
