"""How wide edges are, before and after, at the same places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from bids_denoise.metrics.comparison import gradient

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.metrics.comparison import Comparison
    from bids_denoise.values import FloatArray

    Precise = npt.NDArray[np.float64]

REACH = 3.0
"""Half the length of a profile, in the smallest voxel edge."""

STEPS = 25
"""Samples on a profile."""

LEAST_CONTRAST = 1.5
"""An edge must rise by this many sigma over its profile; below, noise alone makes edges."""

LARGEST_ERROR = 0.02
"""Standard error of the mean profile, in units of its rise, up to which it is believed."""

STRONGEST = 0.3
"""Share of the edge voxels, by contrast, that is used."""

FEWEST_EDGES = 200
MOST_EDGES = 20_000
MOST_CANDIDATES = 200_000

RISE_OF_A_GAUSSIAN_EDGE = 2.5631 / np.sqrt(2 * np.pi)
"""10-90 % rise of a step blurred by a Gaussian, in units of step height / steepest slope."""


@dataclass(frozen=True)
class EdgeProfile:
    """The mean course of the signal across the strong edges.

    Attributes
    ----------
    distance
        (steps,) position across the edge in mm, dark side negative.
    before, after
        (steps,) signal, 0 on the dark side and 1 on the bright side of the smoothed result.
    edges
        Number of edges in the mean.
    """

    distance: Precise
    before: Precise
    after: Precise
    edges: int


def edge_profile(pair: Comparison) -> EdgeProfile | None:
    """Return the mean profile across strong edges, or None where there are too few.

    Edges are found, placed and scaled in the denoised image after slight smoothing: in the noisy
    one the choice would prefer edges that noise made steeper. The mean over many profiles is
    linear in the data, so noise averages out and does not blur it. Looking between voxels does,
    and profiles are short, so widths are for comparison: they are the same before and after for a
    denoiser that keeps edges, to 1 %.
    """
    smooth = gaussian_filter(pair.after, 1.0)
    slope = gradient(smooth, pair.spacing)
    strength = np.sqrt((slope**2).sum(axis=-1))
    where = _ridge(strength, slope, pair)
    if len(where) < FEWEST_EDGES:
        return None
    direction = slope[tuple(where.T)].astype(np.float64) / strength[tuple(where.T)][:, np.newaxis]
    distance = np.linspace(-REACH, REACH, STEPS) * min(pair.spacing)
    path = where[:, np.newaxis] + _in_voxels(direction, distance, pair.spacing)
    return _mean_profile(pair, smooth, path, distance)


def edge_width(distance: Precise, profile: Precise, height: float) -> float | None:
    """Return the 10-90 % rise distance in mm of a Gaussian edge as steep as the profile."""
    steepest = float(np.gradient(profile, distance).max())
    return RISE_OF_A_GAUSSIAN_EDGE * height / steepest if steepest > 0 else None


def edge_widths(profile: EdgeProfile | None) -> tuple[float | None, float | None]:
    """Return the edge width in mm before and after; the height is the same for both."""
    if profile is None:
        return None, None
    before = edge_width(profile.distance, profile.before, 1.0)
    return before, edge_width(profile.distance, profile.after, 1.0)


def _ridge(strength: FloatArray, slope: FloatArray, pair: Comparison) -> npt.NDArray[np.int64]:
    """Return the voxels (n, 3) where the slope is highest along its own direction."""
    inner = np.zeros(strength.shape, dtype=bool)
    reach = [int(np.ceil(REACH * min(pair.spacing) / size)) + 1 for size in pair.spacing]
    inner[tuple(slice(each, -each) for each in reach)] = True
    inner &= pair.head & (strength > 0)
    if not inner.any():
        return np.empty((0, 3), dtype=np.int64)
    level = np.quantile(strength[inner], 1 - STRONGEST)
    where = np.argwhere(inner & (strength >= level))
    where = where[:: len(where) // MOST_CANDIDATES + 1]
    here = strength[tuple(where.T)]
    direction = slope[tuple(where.T)].astype(np.float64) / here[:, np.newaxis]
    step = _in_voxels(direction, np.array([-1.0, 1.0]) * min(pair.spacing), pair.spacing)
    beside = _sample(strength, where[:, np.newaxis] + step)
    return where[(here[:, np.newaxis] >= beside).all(axis=1)]


def _mean_profile(
    pair: Comparison, smooth: FloatArray, path: Precise, distance: Precise
) -> EdgeProfile | None:
    courses = _sample(smooth, path)
    inside = _sample(pair.measured.astype(np.float32), path).min(axis=1) > 0.99
    low, high = courses[:, :5].mean(axis=1), courses[:, -5:].mean(axis=1)
    height = high - low
    sigma = pair.spread[tuple(path[:, STEPS // 2].T.astype(int))]
    kept = np.flatnonzero(inside & (height >= LEAST_CONTRAST * sigma))
    error = np.sqrt(np.sum((sigma[kept] / height[kept]) ** 2)) / max(len(kept), 1)
    if len(kept) < FEWEST_EDGES or error > LARGEST_ERROR:
        return None
    kept = kept[:: len(kept) // MOST_EDGES + 1]
    centred = path[kept] + _to_the_middle(courses[kept], path[kept])
    before, after = (
        ((_sample(data, centred) - low[kept, None]) / height[kept, None]).mean(axis=0)
        for data in (pair.unbiased, pair.after)
    )
    return EdgeProfile(distance, before, after, len(kept))


def _to_the_middle(courses: Precise, path: Precise) -> Precise:
    """Return how to move each path, (n, 1, 3) voxels, so that half of the rise is midway."""
    middle = STEPS // 2
    half = (courses[:, :5].mean(axis=1) + courses[:, -5:].mean(axis=1)) / 2
    rise = (courses[:, middle + 2] - courses[:, middle - 2]) / 4
    steps = (half - courses[:, middle]) / np.maximum(rise, 1e-6 * np.abs(half) + 1e-12)
    most = (STEPS - 1) / (2 * REACH)
    shift: Precise = np.clip(steps, -most, most)[:, None, None] * (path[:, 1:2] - path[:, :1])
    return shift


def _in_voxels(direction: Precise, distance: Precise, spacing: tuple[float, ...]) -> Precise:
    """Return the steps (n, distances, 3) in voxels for directions (n, 3) and distances in mm."""
    steps: Precise = distance[None, :, None] * direction[:, None] / np.asarray(spacing)
    return steps


def _sample(data: FloatArray, path: Precise) -> Precise:
    sampled: Precise = np.empty(path.shape[:-1])
    map_coordinates(data, np.moveaxis(path, -1, 0), order=1, mode="nearest", output=sampled)
    return sampled
