"""Where the head is in an image, and which range of intensities to show."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from bids_denoise.values import BoolArray, FloatArray

MOST_SAMPLES = 200_000
"""Voxels that thresholds and percentiles are taken from, evenly spaced."""

WORKING_LENGTH = 80
"""Axes of at least twice as many voxels are thinned out to look for the head."""

PADDED = 0.05
"""From this share of padding on, a scan may have had its air removed already."""

DARK = 0.25
"""Mean of air relative to that of the head, at most, where there is padding."""

CLOSING = 3
"""Gaps to close, such as the dark skull between scalp and brain, in working voxels."""


def foreground(data: FloatArray, mask: BoolArray) -> BoolArray:
    """Return the head, or the brain when only that is left: everything but air.

    Voxels of `mask` are split in air and tissue by the threshold of least cross entropy
    (`cross_entropy_threshold`) on the smoothed image; the largest connected part is closed and
    filled. When the air has been removed already (a good part of the image is padding, and
    what lies below the threshold is too bright for air) there is nothing to split and the
    whole of `mask` is foreground. The same holds for constant data.

    Parameters
    ----------
    data
        float32 (x, y, z).
    mask
        bool (x, y, z), False where there is no measurement.

    Returns
    -------
    numpy.ndarray
        bool (x, y, z), a part of `mask`.
    """
    steps = [max(1, length // WORKING_LENGTH) for length in data.shape]
    coarse = tuple(slice(None, None, step) for step in steps)
    smooth = _smoothed(data, mask)[coarse]
    measured = mask[coarse]
    values = sample(smooth, measured)
    if values.size == 0 or np.ptp(values) == 0:
        return mask.copy()
    tissue = measured & (smooth > cross_entropy_threshold(values))
    if _air_was_removed(smooth, measured, tissue):
        return mask.copy()
    head = _solid(tissue)
    for axis, step in enumerate(steps):
        head = np.repeat(head, step, axis=axis).take(range(data.shape[axis]), axis=axis)
    return np.asarray(head & mask)


def window(data: FloatArray, mask: BoolArray) -> tuple[float, float]:
    """Return the lowest and the highest intensity to show: percentiles 0.5 and 99.5 in `mask`.

    Parameters
    ----------
    data
        (x, y, z[, t]).
    mask
        bool (x, y, z): the voxels that matter, such as the head; all voxels when empty.

    Returns
    -------
    low, high
        ``low < high``, also for constant data.
    """
    values = sample(data, mask if mask.any() else np.ones_like(mask))
    low, high = (float(each) for each in np.percentile(values, (0.5, 99.5)))
    if high <= low:
        low, high = float(values.min()), float(values.max())
    if high <= low:
        high = low + max(abs(low), 1.0)
    return low, high


def cross_entropy_threshold(values: FloatArray) -> float:
    """Return the threshold between dark and bright of least cross entropy.

    The fixed point of Li & Tam (1998, doi:10.1016/S0167-8655(98)00057-9), which stays low when
    the bright class is broad, as tissue is. Values are counted from their minimum and cut at
    their 99th percentile, so that a few bright vessels do not matter.

    Examples
    --------
    >>> values = np.repeat(np.float32([1, 2, 80, 120]), 100)
    >>> round(cross_entropy_threshold(values))
    20
    """
    lowest = float(values.min())
    shifted = np.minimum(values, np.percentile(values, 99)).astype(np.float64) - lowest
    threshold, before = float(shifted.mean()), -1.0
    tiny = 1e-6 * float(shifted.max())
    while abs(threshold - before) > 100 * tiny:
        dark, bright = shifted[shifted <= threshold], shifted[shifted > threshold]
        if bright.size == 0:
            break
        low, high = max(float(dark.mean()), tiny), float(bright.mean())
        before, threshold = threshold, (high - low) / (np.log(high) - np.log(low))
    return lowest + threshold


def _smoothed(data: FloatArray, mask: BoolArray) -> FloatArray:
    from scipy.ndimage import uniform_filter

    return np.asarray(uniform_filter(np.where(mask, data, np.float32(0)), 3))


def sample(data: FloatArray, mask: BoolArray, most: int = MOST_SAMPLES) -> FloatArray:
    """Return about `most` values of `data` (x, y, z[, t]) inside `mask`, evenly spaced.

    The step has no factor in common with any axis, so that no line is hit again and again.
    """
    volumes = data.size // mask.size
    step = max(1, int(np.count_nonzero(mask)) * volumes // most)
    while math.gcd(step, data.size) > 1:
        step += 1
    where = np.arange(0, data.size, step)
    inside = mask.reshape(-1)[where // volumes]
    return np.asarray(data.reshape(-1)[where[inside]]) if inside.any() else data[mask].ravel()


def _air_was_removed(smooth: FloatArray, measured: BoolArray, tissue: BoolArray) -> bool:
    air = measured & ~tissue
    if measured.mean() > 1 - PADDED or not air.any():
        return False
    return bool(smooth[air].mean() > DARK * smooth[tissue].mean())


def _solid(tissue: BoolArray) -> BoolArray:
    """Return the largest connected part without its gaps and holes."""
    from scipy import ndimage

    regions, count = ndimage.label(ndimage.binary_opening(tissue))
    if count == 0:
        return tissue
    head = regions == 1 + np.argmax(np.bincount(regions.ravel())[1:])
    # The border of the image repeats outwards, so that a head that is cut by it stays whole.
    padded = np.pad(head, CLOSING, mode="edge")
    closed = ndimage.binary_closing(padded, iterations=CLOSING)
    solid = np.asarray(closed[tuple(slice(CLOSING, -CLOSING) for _ in range(3))])
    # Plane by plane as well: noise opens holes in the skull, and ears and sinuses lead outside.
    for axis in range(3):
        for plane in np.moveaxis(solid, axis, 0):
            plane[...] = ndimage.binary_fill_holes(plane)
    return solid
