"""Which voxel axis points where: images shown as right, anterior, superior, never resampled."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import BoolArray, FloatArray

    Affine = npt.NDArray[np.float64]
    Order = tuple[int, int, int]
    Flips = tuple[bool, bool, bool]
    Voxels = TypeVar("Voxels", FloatArray, BoolArray)


def orientation(affine: Affine) -> tuple[Order, Flips]:
    """Return which voxel axis is nearest to right, anterior, superior, and which run backwards.

    Examples
    --------
    >>> orientation(np.diag([-1.0, 1, 1, 1]))
    ((0, 1, 2), (True, False, False))
    """
    lengths = np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
    cosines = affine[:3, :3] / np.where(lengths > 0, lengths, 1)
    best = max(
        permutations(range(3)),
        key=lambda order: sum(abs(cosines[world, axis]) for world, axis in enumerate(order)),
    )
    x, y, z = best
    right, front, up = (bool(cosines[world, axis] < 0) for world, axis in enumerate(best))
    return (x, y, z), (right, front, up)


def turned(data: Voxels, order: Order, flips: Flips) -> Voxels:
    """Return data (x, y, z) with axes right, anterior, superior, as `orientation` has it; a view.

    Examples
    --------
    >>> turned(np.zeros((2, 3, 4)), (2, 0, 1), (False, False, True)).shape
    (4, 2, 3)
    """
    backwards = tuple(slice(None, None, -1 if flip else 1) for flip in flips)
    return np.transpose(data, order)[backwards]
