"""What was removed, held against what should have been removed: noise and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter, label, median_filter, uniform_filter

from bids_denoise.metrics.comparison import steepness

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.metrics.comparison import Comparison
    from bids_denoise.values import BoolArray, FloatArray

    Precise = npt.NDArray[np.float64]

CLIP = 4.0
"""Residuals beyond this many sigma count as this many in sums, which a few voxels would
otherwise decide; the share of such voxels is measured apart."""

SURROUND = 3.0
"""Width in voxels of the Gaussian around a voxel that counts as trend."""

BOXES = ((3, 3, 3), (1, 5, 5), (5, 1, 5), (5, 5, 1))
"""Neighbourhoods over which white residuals average out: a cube, and plates that thin structures
cannot hide in."""

CLUMP_SCORE = 6.0
"""A neighbourhood's mean beyond this many of its standard deviations is a clump. In white noise
that is one voxel in 500 million."""

FEWEST_IN_A_PLANE = 200
PLANES_AROUND = 9

MAD_TO_STD = 1.4826


def standardised(pair: Comparison) -> FloatArray:
    """Return the removed noise in units of its expected standard deviation, 0 outside the head.

    With ideal denoising this is white, of variance 1, and independent of the image.
    """
    z = np.zeros(pair.before.shape, dtype=np.float32)
    head = pair.head
    z[head] = (pair.unbiased[head] - pair.after[head]) / pair.spread[head]
    return z


def residual_metrics(pair: Comparison) -> dict[str, float]:
    """Return everything that is measured on the residual of one volume.

    Empty when the head is empty; the ratio alone when nothing was removed.
    """
    z = standardised(pair)
    inside = z[pair.head]
    if not inside.any():
        return {"std_ratio": 0.0} if inside.size else {}
    centre = float(np.median(inside))
    clipped = np.where(pair.head, np.clip(z - centre, -CLIP, CLIP), np.float32(0))
    return {
        "std_ratio": float(inside.std(dtype=np.float64)),
        "mean": centre,
        "outliers": float((np.abs(inside) > CLIP).mean()),
        **_whiteness(clipped, pair.head),
        **_correlations(clipped, pair),
        **_clumps(clipped, pair.head),
        **_planes(clipped, pair.head),
    }


def _whiteness(z: FloatArray, head: BoolArray) -> dict[str, float]:
    """Return the lag-1 autocorrelation that is largest over the axes, and its z-score if white."""
    variance = float(np.mean(z[head] ** 2, dtype=np.float64))
    largest, score = 0.0, 0.0
    for axis in range(3):
        planes, inside = np.moveaxis(z, axis, 0), np.moveaxis(head, axis, 0)
        both = inside[1:] & inside[:-1]
        count = int(both.sum())
        products = np.sum(planes[1:] * planes[:-1], where=both, dtype=np.float64)
        value = float(products) / (max(count, 1) * variance)
        if abs(value) > abs(largest):
            largest, score = value, value * count**0.5
    return {"autocorrelation": largest, "autocorrelation_z": score}


def _correlations(z: FloatArray, pair: Comparison) -> dict[str, float]:
    """Return the correlations with the image and with its edges, both without trends.

    The image at a voxel is the mean of its 26 neighbours: noise that is left in a voxel would
    correlate with what was removed there, and says nothing of structure.
    """
    weight = gaussian_filter(pair.head.astype(np.float32), SURROUND)
    neighbours = (27 * uniform_filter(pair.after, 3) - pair.after) / 26
    slope = steepness(gaussian_filter(pair.after, 1.0), pair.spacing)
    image, edges, removed, size = (
        _locally(each, pair.head, weight) for each in (neighbours, slope, z, np.abs(z))
    )
    return {
        "image_correlation": _correlation(removed, _limited(image)),
        "gradient_correlation": _correlation(size, _limited(edges)),
    }


def _locally(data: FloatArray, head: BoolArray, weight: FloatArray) -> FloatArray:
    """Return the values inside the head (n,) minus the mean of their surround in the head."""
    around = gaussian_filter(np.where(head, data, np.float32(0)), SURROUND)
    return np.asarray(data[head] - around[head] / np.maximum(weight[head], 1e-3))


def _limited(values: FloatArray) -> FloatArray:
    limit = np.quantile(np.abs(values), 0.95)
    return np.clip(values, -limit, limit)


def _correlation(one: FloatArray, other: FloatArray) -> float:
    one, other = one - one.mean(dtype=np.float64), other - other.mean(dtype=np.float64)
    norm = np.sqrt(np.sum(one**2) * np.sum(other**2))
    return float(np.sum(one * other) / norm) if norm > 0 else 0.0


def _clumps(z: FloatArray, head: BoolArray) -> dict[str, float]:
    """Find neighbourhoods whose mean is further from 0 than that of white noise can be."""
    worst = np.zeros(z.shape, dtype=np.float32)
    spread = 0.0
    for box in BOXES:
        score = _mean_score(z, head, box)
        width = MAD_TO_STD * float(np.median(np.abs(score[head])))
        worst = np.maximum(worst, np.abs(score) / max(width, 1.0))
        spread = max(spread, width)
    clump, count = label(worst > CLUMP_SCORE)
    largest = int(np.bincount(clump.ravel())[1:].max()) if count else 0
    share = float(np.count_nonzero(clump)) / float(head.sum())
    return {"local_mean_spread": spread, "clumped": share, "largest_clump": float(largest)}


def _mean_score(z: FloatArray, head: BoolArray, box: tuple[int, int, int]) -> FloatArray:
    """Return box means over the head, times the root of the number of voxels in them."""
    size = float(np.prod(box))
    count = uniform_filter(head.astype(np.float32), box) * size
    total = uniform_filter(z, box) * size
    return np.where(head, total / np.sqrt(np.maximum(count, 1)), np.float32(0))


def _planes(z: FloatArray, head: BoolArray) -> dict[str, float]:
    """Find planes whose residual has another mean or variance than the planes around it.

    These are the seams of tiles, and slices that were treated differently.
    """
    step, score, uneven = 0.0, 0.0, 0.0
    for axis in range(3):
        planes, inside = np.moveaxis(z, axis, 0), np.moveaxis(head, axis, 0)
        count = inside.sum(axis=(1, 2))
        used = np.flatnonzero(count >= max(FEWEST_IN_A_PLANE, count.max() // 10))
        if len(used) < 2 * PLANES_AROUND:
            continue
        count = count[used]
        mean = planes[used].sum(axis=(1, 2), dtype=np.float64) / count
        variance = np.sum(planes[used] ** 2, axis=(1, 2), dtype=np.float64) / count
        off = np.abs(mean - _around(mean))
        worst = int(np.argmax(off * np.sqrt(count)))
        if off[worst] * count[worst] ** 0.5 > score:
            step, score = float(off[worst]), float(off[worst] * count[worst] ** 0.5)
        ratio = np.abs(variance / np.maximum(_around(variance), 1e-6) - 1)
        uneven = max(uneven, float(ratio[2:-2].max()))
    return {"plane_step": step, "plane_step_z": score, "plane_variance": uneven}


def _around(values: Precise) -> Precise:
    middle: Precise = median_filter(values, PLANES_AROUND, mode="nearest")
    return middle
