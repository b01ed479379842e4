"""Random smooth fields, by seeded generator: shading, texture, displacements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray

COARSE = 4.0


def smooth_field(
    shape: tuple[int, ...], width: float | tuple[float, ...], rng: np.random.Generator
) -> FloatArray:
    """Return a random field of mean 0, standard deviation 1 and Gaussian correlation.

    Parameters
    ----------
    shape
        (x, y, z), or any other number of axes.
    width
        Standard deviation of the smoothing in voxels, for all axes or each.
    rng
        Where the field is drawn from.

    Returns
    -------
    numpy.ndarray
        float32 of `shape`.
    """
    from scipy.ndimage import gaussian_filter

    widths = np.broadcast_to(np.asarray(width, dtype=float), (len(shape),))
    # A field that is much wider than a voxel is drawn on fewer points: same look, less work.
    steps = np.maximum(widths / COARSE, 1)
    points = tuple(
        int(np.ceil(length / step)) + 1 for length, step in zip(shape, steps, strict=True)
    )
    drawn = gaussian_filter(
        rng.standard_normal(points, dtype=np.float32), widths / steps, mode="wrap"
    )
    field = _spread(drawn, shape)
    return np.asarray((field - field.mean()) / max(float(field.std()), 1e-12), dtype=np.float32)


def shading(shape: tuple[int, int, int], strength: float, rng: np.random.Generator) -> FloatArray:
    """Return a receive field: smooth over a third of the volume, positive, about 1.

    `strength` is the standard deviation of its logarithm.
    """
    wide = tuple(length / 3 for length in shape)
    return np.asarray(np.exp(strength * smooth_field(shape, wide, rng)), dtype=np.float32)


def _spread(drawn: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Interpolate a coarse field to `shape`, axis by axis (linear between points)."""
    field = drawn
    for axis, length in enumerate(shape):
        where = np.linspace(0, drawn.shape[axis] - 1, length)
        low = np.minimum(where.astype(int), max(drawn.shape[axis] - 2, 0))
        along = [1] * field.ndim
        along[axis] = length
        weight = (where - low).astype(np.float32).reshape(along)
        high = np.minimum(low + 1, drawn.shape[axis] - 1)
        field = (1 - weight) * field.take(low, axis) + weight * field.take(high, axis)
    return field


def point_spread(data: FloatArray, width: float) -> FloatArray:
    """Return `data` (x, y, z) seen through a Gaussian point spread of standard deviation `width`.

    In voxels. What is 0, air that was set to it, stays so.
    """
    from scipy.ndimage import gaussian_filter

    return np.asarray(np.where(data > 0, gaussian_filter(data, width, truncate=3), 0), np.float32)
