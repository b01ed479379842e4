"""Classes of intensity before anything else is known, and which of them is which tissue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import BoolArray, FloatArray

    Precise = npt.NDArray[np.float64]

GREY, WHITE, CSF = range(3)

MIXTURES = np.array(
    [(3, 0, 0), (0, 3, 0), (0, 0, 3), (2, 1, 0), (1, 2, 0), (2, 0, 1), (1, 0, 2)], dtype=np.float32
) / np.float32(3)
"""What a voxel may hold of grey matter, white matter and CSF: one, or grey with one of the others.

Thirds, not halves: a half and half could be called either way.
"""

SWAPPED = [0, 2, 1, 5, 6, 3, 4]
"""The same mixtures with white matter and CSF exchanged."""

PERCENTILES = (50.0, 97.0, 8.0)
"""Of the histogram, where the middle, the bright and the dark class are looked for."""

CUT = (1.0, 99.5)
"""Percentiles off the border of the brain at which values are cut: vessels, rims, artefacts."""


def without_outliers(data: FloatArray, inside: BoolArray) -> FloatArray:
    """Return `data` (x, y, z) cut at the percentiles `CUT` of the voxels that are not at a border.

    A mask that is too wide by a voxel holds a rim of all values, which would be a class of its own.
    """
    from scipy.ndimage import binary_erosion

    core = binary_erosion(inside)
    values = data[core] if 2 * np.count_nonzero(core) > np.count_nonzero(inside) else data[inside]
    low, high = np.percentile(values, CUT)
    if low == high:
        low, high = values.min(), values.max()
    return np.clip(data, np.float32(low), np.float32(high))


def means_of_histogram(values: FloatArray) -> tuple[Precise, float]:
    """Return first means of three classes (middle, bright, dark), and the variance within them.

    Taken off the histogram of `values` (voxel,). The dark and the bright class may be small.
    """
    means = np.percentile(values, PERCENTILES).astype(np.float64)
    return means, float(np.square((means[1] - means[2]) / 8))


def means_of_prior(values: FloatArray, prior: FloatArray) -> tuple[Precise, float]:
    """Return the means of the tissues and the variance within them.

    Of `values` (voxel,) by their `prior` (voxel, 3), squared, so that what is sure counts.
    """
    sure = np.square(prior.astype(np.float64))
    total = np.maximum(sure.sum(axis=0), 1e-12)
    means = values @ sure / total
    spread = np.square(values[:, np.newaxis] - means) * sure
    return means, float(spread.sum() / total.sum())


def looks_like_t2w(means: Precise, fractions: FloatArray, depth: FloatArray) -> bool:
    """Tell whether fluid is bright, of classes (middle, bright, dark) of one brain.

    Fluid is farther from grey matter in intensity than white matter is, it is less of the brain,
    and it lies nearer to its border; the three ratios count alike.

    Parameters
    ----------
    means
        Of the classes.
    fractions
        (voxel, 3) of the classes.
    depth
        (voxel,): distance to the border of the brain.

    Examples
    --------
    >>> fractions = np.repeat(np.eye(3, dtype=np.float32), (50, 15, 35), axis=0)
    >>> depth = np.repeat(np.float32([3, 2, 9]), (50, 15, 35))
    >>> looks_like_t2w(np.array([125.0, 230, 90]), fractions, depth)
    True
    """
    gaps = means[1] - means[0], means[0] - means[2]
    size = np.maximum(fractions.sum(axis=0, dtype=np.float64), 1e-6)
    deep = depth @ fractions / size
    score = np.log(gaps[0] / gaps[1]) + np.log(size[2] / size[1]) + np.log(deep[2] / deep[1])
    return bool(score > 0)


def depth_of(brain: BoolArray, voxel: Precise) -> FloatArray:
    """Return the distance in mm to the border of the brain, float32 (x, y, z)."""
    from scipy.ndimage import distance_transform_edt

    return np.asarray(distance_transform_edt(brain, sampling=voxel), dtype=np.float32)
