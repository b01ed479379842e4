"""How what varies in time is shared: by neighbours, and by one volume with the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bids_denoise import scratch

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import BoolArray, FloatArray

    Precise = npt.NDArray[np.float64]

STILL = 1e-6
"""Standard deviation in time, relative to the largest value, below which a voxel is constant."""


def smoothness(
    data: FloatArray, head: BoolArray, spacing: tuple[float, float, float]
) -> float | None:
    """Return the smoothness of a series (x, y, z, t) without its mean: a FWHM in mm.

    That of a Gaussian which correlates neighbours as much as they are, in the mean over the
    axes (Forman 1995, doi:10.1002/mrm.1910330508). Without the mean image, whose edges are
    no fluctuation. None where neighbours are not alike, or nothing varies.
    """
    still = _still(data)
    shared = [_Mean() for _ in spacing]
    before: tuple[FloatArray, BoolArray] | None = None
    for plane, inside in zip(data, head, strict=True):
        unit, varies = _normalised(plane, inside, still)
        if before is not None:
            shared[0].add(before[0], unit, before[1] & varies)
        shared[1].add(unit[:-1], unit[1:], varies[:-1] & varies[1:])
        shared[2].add(unit[:, :-1], unit[:, 1:], varies[:, :-1] & varies[:, 1:])
        before = unit, varies
    widths = [
        size * np.sqrt(-2 * np.log(2) / np.log(each.value))
        for size, each in zip(spacing, shared, strict=True)
        if 0 < each.value < 1
    ]
    return float(np.mean(widths)) if widths else None


def autocorrelation(data: FloatArray, head: BoolArray) -> float | None:
    """Return how much one volume of a series (x, y, z, t) is like the next, without the mean.

    The mean over the head of each voxel's correlation at a lag of one volume; None where
    nothing varies.
    """
    still = _still(data)
    total = _Mean()
    length = data.shape[-1]
    for plane, inside in zip(data, head, strict=True):
        unit, varies = _normalised(plane, inside, still)
        total.add(unit[..., :-1], unit[..., 1:], varies, length)
    return total.value if total.count else None


def _still(data: FloatArray) -> float:
    """Return the standard deviation in time below which a voxel is constant."""
    low, high = scratch.extremes(data)
    return STILL * max(-low, high)


class _Mean:
    """The mean of products over time, and then over voxels."""

    def __init__(self) -> None:
        self.total, self.count = 0.0, 0

    def add(self, one: FloatArray, other: FloatArray, where: BoolArray, length: int = 0) -> None:
        products = np.einsum("...t,...t->...", one, other, dtype=np.float64)
        self.total += float(products[where].sum()) / (length or one.shape[-1])
        self.count += int(np.count_nonzero(where))

    @property
    def value(self) -> float:
        return self.total / self.count if self.count else 0.0


def _normalised(plane: FloatArray, inside: BoolArray, still: float) -> tuple[FloatArray, BoolArray]:
    """Return a plane (y, z, t) with mean 0 and standard deviation 1, and where it varies."""
    change = plane - plane.mean(axis=-1, keepdims=True, dtype=np.float64)
    spread = change.std(axis=-1)
    varies = inside & (spread > still)
    unit = change / np.where(varies, spread, 1)[..., np.newaxis]
    return unit.astype(np.float32), varies
