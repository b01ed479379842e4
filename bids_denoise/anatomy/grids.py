"""Images brought from one grid to another."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk  # noqa: N813 (its own custom)

from bids_denoise.anatomy.itk import array_of, field_of, image_of, resampler, transform_of
from bids_denoise.simulate.anatomy import Grid

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import BoolArray, FloatArray

    Affine = npt.NDArray[np.float64]

MOST_POINTS = 4
"""Points a voxel is averaged over, along an axis, at most."""


def pull(
    data: FloatArray,
    affine: Affine,
    grid: Grid,
    mapping: Affine | None = None,
    displacement: FloatArray | None = None,
) -> FloatArray:
    """Return what of `data` fills each voxel of another grid.

    A voxel is averaged over points about one voxel of `data` apart, each interpolated linearly;
    beyond its border `data` is 0.

    Parameters
    ----------
    data
        float32 (x, y, z) or (map, x, y, z).
    affine
        (4, 4), voxels of `data` to mm.
    grid
        The voxels wanted.
    mapping
        (4, 4), mm of `grid` to mm of `data`; by default they are the same.
    displacement
        (3, x, y, z) on `grid`: mm that are added to its points before `mapping`.

    Returns
    -------
    numpy.ndarray
        float32 (x, y, z) or (map, x, y, z). O(voxels times points times maps).

    Examples
    --------
    >>> data = np.arange(4, dtype=np.float32).repeat(4).reshape(4, 2, 2)
    >>> halves = coarser(Grid((4, 2, 2), np.eye(4)), 2.0)
    >>> pull(data, np.eye(4), halves).ravel()
    array([0.5, 2.5], dtype=float32)
    """
    maps = data[np.newaxis] if data.ndim == 3 else data
    to_mm = np.eye(4) if mapping is None else mapping
    to_index = np.linalg.inv(affine) @ to_mm @ grid.affine
    counts = [
        min(max(1, round(float(step))), MOST_POINTS)
        for step in np.linalg.norm(to_index[:3, :3], axis=0)
    ]
    resample = resampler(grid.shape, _to_data(to_index, grid, displacement))
    total = np.zeros((len(maps), *grid.shape), dtype=np.float32)
    for number, volume in enumerate(map(image_of, maps)):
        for place in product(*((np.arange(n) + 0.5) / n - 0.5 for n in counts)):
            resample.SetOutputOrigin([float(each) for each in place])
            total[number] += array_of(resample.Execute(volume))
    total /= np.float32(np.prod(counts))
    return total[0] if data.ndim == 3 else total


def grid_around(inside: BoolArray, affine: Affine, voxel: float, margin: float) -> Grid:
    """Return the grid of cubes that covers what is True, its axes those of RAS.

    Parameters
    ----------
    inside, affine
        bool (x, y, z), True somewhere, and voxels to mm.
    voxel
        mm.
    margin
        mm on each side.
    """
    corners = np.array(list(product(*((i.min() - 0.5, i.max() + 0.5) for i in np.nonzero(inside)))))
    at = corners @ affine[:3, :3].T + affine[:3, 3]
    low, high = at.min(axis=0) - margin, at.max(axis=0) + margin
    shape = np.ceil((high - low) / voxel - 1e-6).astype(int)
    to_mm = np.diag([voxel, voxel, voxel, 1.0])
    to_mm[:3, 3] = (low + high) / 2 - voxel * (shape - 1) / 2
    return Grid((int(shape[0]), int(shape[1]), int(shape[2])), to_mm)


def coarser(grid: Grid, voxel: float) -> Grid:
    """Return the grid of larger voxels along the same axes, from the same corner.

    Examples
    --------
    >>> coarser(Grid((4, 4, 5), np.eye(4)), 2.0).shape
    (2, 2, 3)
    """
    sizes = np.linalg.norm(grid.affine[:3, :3], axis=0)
    times = np.maximum(voxel / sizes, 1.0)
    shape = np.ceil(np.array(grid.shape) / times - 1e-6).astype(int)
    affine = grid.affine.copy()
    affine[:3, :3] = grid.affine[:3, :3] * times
    affine[:3, 3] += grid.affine[:3, :3] @ ((times - 1) / 2)
    return Grid((int(shape[0]), int(shape[1]), int(shape[2])), affine)


def volume(affine: Affine) -> float:
    """Return the volume of a voxel, in mm^3."""
    return abs(float(np.linalg.det(affine[:3, :3])))


def _to_data(to_index: Affine, grid: Grid, displacement: FloatArray | None) -> sitk.Transform:
    """Return the transform of voxels of `grid` to voxels of the data."""
    linear = transform_of(to_index)
    if displacement is None:
        return linear
    in_voxels = np.tensordot(np.linalg.inv(grid.affine[:3, :3]), displacement, axes=1)
    return sitk.CompositeTransform([linear, sitk.DisplacementFieldTransform(field_of(in_voxels))])
