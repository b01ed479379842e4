"""Faults of a denoiser, to be planted in a good result: each must be noticed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from tests.metrics.cases import Case

if TYPE_CHECKING:
    from bids_denoise.values import BoolArray, FloatArray

Fault = Callable[[Case], "FloatArray"]


def _middle(case: Case) -> list[int]:
    return [length // 2 for length in case.after.shape]


def _ball(case: Case, radius: float) -> BoolArray:
    grid = np.indices(case.after.shape)
    centre = np.add(_middle(case), (8, 6, 5))
    return np.asarray(((grid - centre[:, None, None, None]) ** 2).sum(axis=0) < radius**2)


def blurred(width: float) -> Fault:
    return lambda case: ndimage.gaussian_filter(case.image.data, width)


def blurred_after(case: Case) -> FloatArray:
    return np.asarray(ndimage.gaussian_filter(case.after, 0.6))


def median_filtered(case: Case) -> FloatArray:
    return np.asarray(ndimage.median_filter(case.image.data, 3))


def sharpened(case: Case) -> FloatArray:
    return np.asarray(case.after + 0.8 * (case.after - ndimage.gaussian_filter(case.after, 1)))


def invented_lesion(case: Case) -> FloatArray:
    return np.asarray(case.after + 2 * np.float32(case.level) * _ball(case, 3.5))


def erased_lesion(case: Case) -> FloatArray:
    # The lesion was in the scan (the noisy image has it), the result does not.
    return np.asarray(case.after - 2 * np.float32(case.level) * _ball(case, 3.5))


def invented_edge(case: Case) -> FloatArray:
    after = case.after.copy()
    x, y, z = _middle(case)
    after[x - 10 : x + 10, y - 10 : y + 10, z] += 2 * np.float32(case.level)
    return after


def shifted_block(case: Case) -> FloatArray:
    after = case.after.copy()
    x, y, z = _middle(case)
    after[x - 10 : x + 10, y - 10 : y + 10, z - 5 : z + 5] += np.float32(case.level)
    return after


def tiles(case: Case) -> FloatArray:
    offset = np.random.default_rng(0).normal(0, 0.5, (8, 8, 8)).astype(np.float32)
    index = np.indices(case.after.shape) // 12
    return np.asarray(case.after + np.float32(case.level) * offset[tuple(index)])


def seam(case: Case) -> FloatArray:
    after = case.after.copy()
    after[::14] += np.float32(0.4 * case.level)
    return after


def ripples(case: Case) -> FloatArray:
    wave = np.sin(1.2 * np.arange(case.after.shape[0])).astype(np.float32)
    return np.asarray(case.after + np.float32(0.8 * case.level) * wave[:, None, None])


def brighter(case: Case) -> FloatArray:
    return case.after * np.float32(1.05)


def offset(case: Case) -> FloatArray:
    return case.after + np.float32(0.5 * case.level)


def moved(case: Case) -> FloatArray:
    return np.asarray(ndimage.shift(case.after, (0.5, 0, 0), order=1))


def saturated(case: Case) -> FloatArray:
    return np.asarray(np.minimum(case.after, np.quantile(case.after[case.after > 10], 0.8)))


def untouched(case: Case) -> FloatArray:
    return case.image.data.copy()


PLANTED: dict[str, Fault] = {
    "Gaussian of 0.7 voxels": blurred(0.7),
    "Gaussian of 1 voxel": blurred(1.0),
    "blurred after denoising": blurred_after,
    "median filter": median_filtered,
    "sharpened": sharpened,
    "invented lesion": invented_lesion,
    "erased lesion": erased_lesion,
    "invented edge": invented_edge,
    "shifted block": shifted_block,
    "tiles": tiles,
    "seam": seam,
    "ripples": ripples,
    "brighter": brighter,
    "offset": offset,
    "moved by half a voxel": moved,
    "saturated": saturated,
    "untouched": untouched,
}
