"""Where a file holds no measurement: air that somebody set to one constant value."""

from __future__ import annotations

from collections import Counter
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import BoolArray, FloatArray

REACH = 2
"""Half the edge of the cube that padding must hold somewhere: 5 x 5 x 5 voxels."""

SOLID = 0.5
"""Share of a region that lies in such cubes when it is padding as a whole. Brain-extracted scans
have 0.85 to 0.99, at 3 mm too; noise with a share of zeros up to 0.95 has less than 0.12."""


def padding(data: FloatArray) -> BoolArray:
    """Find voxels that hold a fill value, not a measurement.

    Brain extraction, defacing, resampling and gradient unwarping leave solid regions of one exact
    value at the border of an image. Scanner air that is merely quantised holds the same value
    too, but scattered among others; those voxels are measurements and must stay. So:

    1. A fill value is 0, or a value that at least half of the eight corners share. A voxel of a
       series is filled when it has that value in every volume.
    2. Whole outer planes of filled voxels are padding.
    3. Further in, filled voxels that lie in a 5 x 5 x 5 cube of nothing else, and are
       connected to the outside, are padding. Air with a share p of zeros holds such a cube
       with probability p^125: for p = 0.9 twice in a million places.
    4. When those cubes make up half of a connected region, the region is solid and all of it
       is padding, down to its thinnest sulcus.

    Zeros enclosed by tissue are never padding.

    Parameters
    ----------
    data
        (x, y, z[, t]), finite.

    Returns
    -------
    numpy.ndarray
        bool (x, y, z), True in padding.
    """
    first = data if data.ndim == 3 else data[..., 0]
    steady = data.ndim == 3 or data.min(axis=-1) == data.max(axis=-1)
    found = np.zeros(first.shape, dtype=np.bool_)
    for value in _fill_values(first):
        found |= _padding_of((first == value) & steady)
    return found


def _fill_values(volume: FloatArray) -> set[float]:
    corners = Counter(float(volume[corner]) for corner in product((0, -1), repeat=3))
    value, count = corners.most_common(1)[0]
    return {0.0, value} if count >= 4 else {0.0}


def _padding_of(filled: BoolArray) -> BoolArray:
    box = _box_of_measurements(filled)
    found = np.ones_like(filled)
    found[box] = False
    # With one plane of what lies around: regions that meet outside of the box are one region.
    shell = tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in box)
    found[shell] |= _solid(filled[shell], ~found[shell])
    return found & filled


def _box_of_measurements(filled: BoolArray) -> tuple[slice, slice, slice]:
    """Return the smallest box outside of which everything is filled."""
    sides = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        planes = np.flatnonzero(~filled.all(axis=others))
        sides.append(slice(planes[0], planes[-1] + 1) if planes.size else slice(0, 0))
    return sides[0], sides[1], sides[2]


def _solid(filled: BoolArray, inside: BoolArray) -> BoolArray:
    """Return the filled voxels that are solid and reach the surface; only those inside count."""
    cores = _opened(filled)
    if not (cores & inside).any():
        return cores
    regions, count = ndimage.label(filled)
    outer = np.zeros(count + 1, dtype=np.bool_)
    for axis, end in product(range(3), (0, -1)):
        outer[regions.take(end, axis=axis)] = True
    outer[0] = False
    cores &= outer[regions]
    all_sizes = _sizes(regions, count, filled & inside)
    solid = _sizes(regions, count, cores & inside) >= SOLID * all_sizes
    return np.asarray(cores | (outer & solid)[regions])


def _sizes(regions: npt.NDArray[np.int32], count: int, within: BoolArray) -> npt.NDArray[np.int64]:
    # In slabs, because bincount makes an int64 copy of what it counts.
    sizes = np.zeros(count + 1, dtype=np.int64)
    for start in range(0, len(regions), 32):
        place = slice(start, start + 32)
        sizes += np.bincount(regions[place][within[place]], minlength=count + 1)
    return sizes


def _opened(filled: BoolArray) -> BoolArray:
    """Morphological opening by the cube; outside of the box counts as filled."""
    return np.asarray(filled & ~_eroded(~_eroded(filled)))


def _eroded(region: BoolArray) -> BoolArray:
    # Shifted ands, axis by axis: ten times faster than ndimage on a whole head.
    eroded = region
    for axis in range(3):
        before, eroded = eroded, eroded.copy()
        for shift in range(1, REACH + 1):
            low = tuple(slice(None, -shift) if axis == other else slice(None) for other in range(3))
            high = tuple(slice(shift, None) if axis == other else slice(None) for other in range(3))
            eroded[low] &= before[high]
            eroded[high] &= before[low]
    return eroded
