"""Fluid, skull, scalp and neck of random look, built around a brain of any species."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bids_denoise.simulate.fields import smooth_field

if TYPE_CHECKING:
    from bids_denoise.values import BoolArray, FloatArray

FLUID = (0.002, 0.05)
SKULL = (0.01, 0.09)
SCALP = (0.03, 0.5)
"""Thickness over the size of the brain (cube root of its volume), evenly in its logarithm."""

UNEVEN = 0.35
"""Largest standard deviation of the logarithm of how thick a shell is, over the head."""

DARK_SKULL = 0.75
NECK_SHARE = 0.5
BARE_SHARE = 0.1
"""How often bone is darker than tissue, there is a neck, and nothing but fluid around the brain."""

OUTER_BONE = 0.3
"""Share of the skull that is dense bone, on either side of the marrow."""


class Surroundings(NamedTuple):
    """Signals of what is around a brain, over that of its bright tissue; `soft` of two kinds.

    `scalp` is how thick all soft tissue is, from and to, over the size of the brain.
    """

    fluid: float
    bone: float
    marrow: float
    soft: tuple[float, float]
    scalp: tuple[float, float] = SCALP


def any_surroundings(rng: np.random.Generator, fluid: float | None = None) -> Surroundings:
    """Return surroundings of any contrast; `fluid` only where it is not given."""
    fluid = rng.uniform(0, 1.2) if fluid is None else fluid
    bone = rng.uniform(0, 0.25) if rng.random() < DARK_SKULL else rng.uniform(0, 1)
    marrow = rng.uniform(bone, 1.2) if rng.random() < 0.5 else bone
    one, other = rng.uniform(0.05, 1.5, 2)
    return Surroundings(float(fluid), bone, marrow, (float(one), float(other)))


def surrounded(
    data: FloatArray,
    brain: BoolArray,
    voxel_size: tuple[float, float, float],
    rng: np.random.Generator,
    signals: Surroundings | None = None,
) -> FloatArray:
    """Return a brain-extracted volume with what might have been around its brain.

    Parameters
    ----------
    data
        float32 (x, y, z), noise-free or nearly.
    brain
        bool (x, y, z): what of `data` is kept; the border is mixed over about a voxel.
    voxel_size
        In mm.
    rng
        Where everything is drawn from.
    signals
        Of the surroundings; those of any contrast if they are not given.

    Returns
    -------
    numpy.ndarray
        float32 (x, y, z), not negative, air 0.
    """
    from scipy.ndimage import distance_transform_edt, gaussian_filter

    distance = distance_transform_edt(~brain, sampling=voxel_size)
    size = float(np.cbrt(brain.sum() * np.prod(voxel_size)))
    away, voxel = (distance / size).astype(np.float32), min(voxel_size) / size
    around = shells(away, rng, voxel, signals or any_surroundings(rng))
    inside = np.maximum(gaussian_filter(brain.astype(np.float32), 0.6), brain * np.float32(0.5))
    unit = np.float32(np.percentile(data[brain], 95))
    return np.asarray(inside * np.maximum(data, 0) + (1 - inside) * around * unit)


def shells(
    distance: FloatArray, rng: np.random.Generator, voxel: float, signals: Surroundings
) -> FloatArray:
    """Return what there is outside of a brain: fluid, skull, muscle and fat, air.

    Parameters
    ----------
    distance
        float32 (x, y, z): from the brain, over its size.
    rng
        Where everything is drawn from.
    voxel
        Edge of a voxel over the size of the brain: over as much borders are mixed.
    signals
        Of each of them.

    Returns
    -------
    numpy.ndarray
        float32 (x, y, z), air 0; the brain would be about 0.3 to 1.
    """
    signal = np.full(distance.shape, signals.fluid, np.float32)
    fluid = _thickness(FLUID, distance.shape, rng)
    if rng.random() < BARE_SHARE:
        return signal * _step(fluid - distance, voxel)
    skull = _thickness(SKULL, distance.shape, rng)
    scalp = _thickness(signals.scalp, distance.shape, rng)
    out = fluid + skull + scalp
    if rng.random() < NECK_SHARE:
        out = np.maximum(out, distance + _neck(distance, rng))
    depth = distance - fluid
    layers = (
        (depth, signals.bone),
        (depth - OUTER_BONE * skull, signals.marrow),
        (depth - (1 - OUTER_BONE) * skull, signals.bone),
        (depth - skull, _soft(distance.shape, signals.soft, rng)),
        (distance - out, 0.0),
    )
    for beyond, value in layers:
        share = _step(beyond, voxel)
        signal += share * (value - signal)
    return signal


def _thickness(
    between: tuple[float, float], shape: tuple[int, ...], rng: np.random.Generator
) -> FloatArray:
    """Return how thick a shell is: one number for the head, times a smooth field."""
    middle = np.exp(rng.uniform(*np.log(between)))
    field = smooth_field(shape, max(shape) * rng.uniform(0.06, 0.2), rng)
    return np.asarray(middle * np.exp(rng.uniform(0, UNEVEN) * field), dtype=np.float32)


def _soft(
    shape: tuple[int, ...], signals: tuple[float, float], rng: np.random.Generator
) -> FloatArray:
    """Return soft tissue: two kinds, such as muscle and fat, in patches, with some texture."""
    field = smooth_field(shape, max(shape) * rng.uniform(0.01, 0.08), rng)
    share = _step(field - np.float32(rng.uniform(-1.5, 1.5)), 0.3)
    one, other = signals
    texture = 1 + np.float32(rng.uniform(0, 0.15)) * smooth_field(shape, 1.0, rng)
    return np.asarray((one + (other - one) * share) * np.maximum(texture, 0), dtype=np.float32)


def _neck(distance: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return how deep each point is in a cylinder from the middle of the brain outwards."""
    inside = np.argwhere(distance == 0)
    middle = inside.mean(axis=0) if len(inside) else np.array(distance.shape) / 2
    size = max(np.cbrt(len(inside)), 1.0)
    axis = rng.standard_normal(3)
    axis /= np.linalg.norm(axis)
    along = np.zeros(distance.shape, np.float32)
    square = np.zeros(distance.shape, np.float32)
    lines = np.meshgrid(*map(np.arange, distance.shape), indexing="ij", sparse=True)
    for line, start, part in zip(lines, middle, axis, strict=True):
        offset = ((line - start) / size).astype(np.float32)
        along += np.float32(part) * offset
        square += offset**2
    radius = np.sqrt(np.maximum(square - along**2, 0))
    return np.asarray(np.minimum(rng.uniform(0.3, 0.75) - radius, along), dtype=np.float32)


def _step(depth: FloatArray, width: float) -> FloatArray:
    """Return 0 below -width / 2, 1 above width / 2, linear between."""
    return np.asarray(np.clip(depth / np.float32(width) + np.float32(0.5), 0, 1), np.float32)
