"""What only a series of volumes has: temporal SNR, DVARS, evenness over volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.metrics.contrast import FEWEST_VOXELS, two_thresholds

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from bids_denoise.values import BoolArray, Denoised, FloatArray, Image, Noise

    Precise = npt.NDArray[np.float64]

TISSUES = ("dark", "middle", "bright")


def temporal_snr(data: FloatArray) -> FloatArray:
    """Return the mean over the standard deviation in time, float32 (x, y, z).

    Parameters
    ----------
    data
        (x, y, z, t). No trend is taken out: slow drift counts as noise.

    Returns
    -------
    numpy.ndarray
        0 where the series does not vary, and everywhere when it has one volume.

    Examples
    --------
    >>> temporal_snr(np.float32([[[[9, 11, 9, 11]]]])).round(2)
    array([[[8.66]]], dtype=float32)
    """
    mean = data.mean(axis=-1, dtype=np.float64)
    if data.shape[-1] < 2:
        return np.zeros(data.shape[:3], dtype=np.float32)
    spread = np.stack([plane.std(axis=-1, ddof=1, dtype=np.float64) for plane in data])
    ratio = np.divide(mean, spread, out=np.zeros_like(mean), where=spread > 0)
    return np.asarray(ratio, dtype=np.float32)


def tissues_of(data: FloatArray, head: BoolArray) -> dict[str, BoolArray]:
    """Return the three classes of the head (x, y, z) by the intensity of the mean volume.

    Parameters
    ----------
    data
        (x, y, z, t), as it was before: both images are judged in the same voxels.

    Returns
    -------
    dict
        By the name of their tSNR, split as in `contrast.intensity_classes`; in a brain mask of
        T2*-weighted runs they are white matter, grey matter and CSF, where the coils do not
        shade. None of less than `FEWEST_VOXELS`.
    """
    mean = data.mean(axis=-1, dtype=np.float64).astype(np.float32)
    if np.count_nonzero(head) < FEWEST_VOXELS or np.ptp(mean[head]) == 0:
        return {}
    level = np.digitize(mean, two_thresholds(mean[head]))
    classes = {f"tsnr_{name}": (level == each) & head for each, name in enumerate(TISSUES)}
    return {name: each for name, each in classes.items() if each.sum() >= FEWEST_VOXELS}


def dvars(data: FloatArray, head: BoolArray) -> Precise:
    """Return the root mean square change from volume to volume, (t - 1,), in % of the mean.

    Power 2012, doi:10.1016/j.neuroimage.2011.10.018, over the head (x, y, z) of data (x, y, z, t).
    """
    total, squares = 0.0, np.zeros(max(data.shape[-1] - 1, 0))
    for plane, where in zip(data, head, strict=True):
        inside = plane[where]
        total += float(inside.sum(dtype=np.float64))
        squares += np.sum(np.diff(inside, axis=-1) ** 2, axis=0, dtype=np.float64)
    voxels = int(np.count_nonzero(head))
    if total == 0:
        return np.zeros_like(squares)
    change = 100 * np.sqrt(squares / voxels) / (total / (voxels * data.shape[-1]))
    return np.asarray(change)


def volume_ratios(image: Image, denoised: Denoised, noise: Noise, head: BoolArray) -> Precise:
    """Return the root mean square of what was removed over sigma, for each volume (t,)."""
    inside = head & (noise.sigma > 0)
    squares: Precise = np.zeros(image.data.shape[-1])
    planes = zip(image.data, denoised.data, noise.sigma, inside, strict=True)
    for before, after, sigma, where in planes:
        removed = (before - after)[where] * (1 / sigma[where])[:, np.newaxis]
        squares += np.sum(removed**2, axis=0, dtype=np.float64)
    return np.asarray(np.sqrt(squares / max(int(np.count_nonzero(inside)), 1)))


def unevenness(ratios: Precise, groups: Iterable[npt.NDArray[np.int64]]) -> float:
    """Return by which factor the most different volume differs from the median of its group.

    Groups are volumes (indices) of the same contrast; those of less than three are left out.

    Examples
    --------
    >>> unevenness(np.array([0.9, 0.9, 0.3, 0.9]), [np.arange(4)])
    3.0
    """
    worst = 1.0
    for group in groups:
        some = np.maximum(ratios[group], 1e-3)
        if len(group) >= 3:
            factor = np.abs(np.log(some / np.median(some))).max()
            worst = max(worst, float(np.exp(factor)))
    return round(worst, 12)
