"""Signal and contrast to noise of one volume, as quality control tools report them (MRIQC).

Definitions follow Esteban 2017 (doi:10.1371/journal.pone.0184661), except that tissue classes come
from intensity alone: no anatomy, no template. They are found once and used before and after.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import binary_erosion, gaussian_filter

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.metrics.comparison import Comparison
    from bids_denoise.values import BoolArray, FloatArray

    Precise = npt.NDArray[np.float64]

BINS = 64
CLASSES = 3
FEWEST_VOXELS = 100


def contrast_metrics(pair: Comparison) -> tuple[dict[str, float | None], dict[str, float | None]]:
    """Return SNR, CNR, CJV, EFC and FBER before and after; None what cannot be computed."""
    classes = intensity_classes(pair)
    before, after = (
        {
            **_tissue_ratios([data[each] for each in classes]),
            "efc": entropy_focus(data[pair.measured]),
            "fber": foreground_background_energy(data, pair),
        }
        for data in (pair.before, pair.after)
    )
    return before, after


def intensity_classes(pair: Comparison) -> list[BoolArray]:
    """Return the cores (x, y, z) of the two largest of three intensity classes of the head.

    The classes are split by the two thresholds of largest between-class variance (Otsu 1979,
    doi:10.1109/TSMC.1979.4310076) in the smoothed mean of before and after, so that neither has
    an advantage. A core is a class without its outermost voxels. Classes with less than
    `FEWEST_VOXELS` in their core are left out.
    """
    smooth = gaussian_filter((pair.before + pair.after) / 2, 1.0)
    values = smooth[pair.head]
    if values.size < FEWEST_VOXELS or np.ptp(values) == 0:
        return []
    levels = np.digitize(smooth, two_thresholds(values))
    cores = [binary_erosion((levels == each) & pair.head) for each in range(CLASSES)]
    cores.sort(key=lambda core: -int(core.sum()))
    return [core for core in cores[:2] if core.sum() >= FEWEST_VOXELS]


def two_thresholds(values: FloatArray) -> tuple[float, float]:
    """Return the thresholds that split values in three classes of least inner variance.

    Examples
    --------
    >>> low, high = two_thresholds(np.repeat(np.float32([10, 50, 90]), 100))
    >>> 10 < low < 50 < high < 90
    True
    """
    low, high = np.percentile(values, (0.5, 99.5))
    count, edges = np.histogram(np.clip(values, low, high), bins=BINS)
    centre = (edges[1:] + edges[:-1]) / 2
    weight = np.concatenate([[0], np.cumsum(count)]).astype(np.float64)
    moment = np.concatenate([[0], np.cumsum(count * centre)])
    gain = _between(weight, moment)
    # total[i, j]: classes of bins 0 to i, i to j, j to the end; empty where j <= i.
    total = gain[0, :, np.newaxis] + gain + gain[:, BINS]
    total = np.where(np.triu(np.ones_like(total), 1) > 0, total, -np.inf)
    # Between two separate classes any threshold is as good: take the middle of the best.
    best = np.argwhere(total >= total.max() * (1 - 1e-12)).mean(axis=0)
    first, second = np.interp(best, np.arange(BINS + 1), edges)
    return float(first), float(second)


def entropy_focus(values: FloatArray) -> float | None:
    """Return the entropy focus criterion (Atkinson 1997, doi:10.1109/42.650886); lower is sharper.

    0 when all energy is in one voxel, 1 when all voxels are equal.
    """
    size = values.size
    energy = float(np.sqrt(np.sum(values.astype(np.float64) ** 2)))
    if size < 2 or energy == 0:
        return None
    share = np.abs(values.astype(np.float64)) / energy
    entropy = -float(np.sum(share * np.log(share + 1e-16)))
    return entropy / float(np.sqrt(size) * np.log(np.sqrt(size)))


def foreground_background_energy(data: FloatArray, pair: Comparison) -> float | None:
    """Return the median energy of the head over that of the measured air, None without air."""
    air = pair.air
    if air.sum() < FEWEST_VOXELS or not pair.head.any():
        return None
    energy = float(np.median(data[air].astype(np.float64) ** 2))
    return float(np.median(data[pair.head].astype(np.float64) ** 2)) / energy if energy else None


def _between(weight: Precise, moment: Precise) -> Precise:
    """Return the between-class variance that bins i to j would add as a class, (bins + 1)^2."""
    count = weight[np.newaxis] - weight[:, np.newaxis]
    total = moment[np.newaxis] - moment[:, np.newaxis]
    gain: Precise = np.divide(total**2, count, out=np.zeros_like(count), where=count > 0)
    return gain


def _tissue_ratios(classes: list[FloatArray]) -> dict[str, float | None]:
    means = [float(np.mean(each, dtype=np.float64)) for each in classes]
    spreads = [float(np.std(each, dtype=np.float64)) for each in classes]
    ratios = [m / s for m, s in zip(means, spreads, strict=True) if s > 0]
    result: dict[str, float | None] = {"snr": None, "cnr": None, "cjv": None}
    if ratios:
        result["snr"] = float(np.mean(ratios))
    if len(classes) == 2 and means[0] != means[1] and all(spreads):
        difference = abs(means[0] - means[1])
        result["cnr"] = difference / math.hypot(*spreads)
        result["cjv"] = sum(spreads) / difference
    return result
