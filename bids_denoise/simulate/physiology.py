"""What changes in a BOLD run without a task: networks, local fluctuation, heart, breath, motion.

The strengths of `Physiology` are those of a real run of 3 mm voxels at 3 T (Sengupta 2016,
doi:10.1038/sdata.2016.93). What there is beside thermal noise is 0.55 % of the signal in the
quarter of the brain's voxels where it is least, 0.85 % in the median, 1.3 % in the quarter where
it is most. Neighbours share it, but not many voxels at once: in a patch of 33 voxels about ten
components rise above the noise, where a simulation of networks alone has three.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.simulate.fields import smooth_field
from bids_denoise.simulate.phantom import Tissue

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.simulate.anatomy import Points
    from bids_denoise.values import FloatArray

    IntArray = npt.NDArray[np.int64]
    Array = npt.NDArray[np.float64]

SLOWEST, KNEE, FASTEST = 0.006, 0.08, 0.4
"""Hz: the power of spontaneous fluctuation is even up to the knee, then falls as 1 / f^2."""

MODULES = 7
WITHIN, ACROSS = 0.45, 0.1
"""Correlation of parcels of one module, and of different ones."""

MOTIONS = 6
"""Of a rigid body: three shifts and three turns."""


@dataclass(frozen=True)
class Physiology:
    """How strong each cause is: standard deviations relative to the signal, motion in mm."""

    networks: float = 0.006
    local: float = 0.007
    heart: float = 0.03
    breath: float = 0.004
    drift: float = 0.004
    motion: float = 0.12
    parcels: int = 80
    local_width: float = 2.2  # mm, standard deviation of what neighbours share


@dataclass(frozen=True)
class Parcels:
    """The networks: who belongs to which parcel, and what each parcel does.

    `labels` int (x, y, z), 0 outside grey matter; `courses` float32 (parcels, t) of parcel 1, 2,
    ...: mean 0, standard deviation 1; `correlation` (parcels, parcels): that they are drawn from.
    """

    labels: IntArray
    courses: FloatArray
    correlation: Array


def slow_courses(count: int, tr: float, volumes: int, rng: np.random.Generator) -> Array:
    """Return independent courses (count, t) of spontaneous fluctuation, standard deviation 1."""
    return _slowed(rng.standard_normal((count, volumes)), tr)


def _slowed(white: npt.NDArray[np.floating], tr: float) -> Array:
    """Return white courses (..., t) with the spectrum of spontaneous fluctuation."""
    volumes = white.shape[-1]
    frequency = np.fft.rfftfreq(volumes, tr)
    shape = 1 / np.sqrt(1 + (frequency / KNEE) ** 2)
    shape[(frequency < SLOWEST) | (frequency > FASTEST)] = 0
    course = np.fft.irfft(np.fft.rfft(white) * shape, volumes)
    return np.asarray(course / np.maximum(course.std(axis=-1, keepdims=True), 1e-12))


def draw_parcels(
    points: Points,
    grey: FloatArray,
    count: int,
    timing: tuple[float, int],
    rng: np.random.Generator,
) -> Parcels:
    """Divide grey matter into parcels around random centres, with courses of known correlation.

    Parameters
    ----------
    points, grey
        (3, x, y, z) RAS mm and the fraction of grey matter (x, y, z).
    count
        Number of parcels; less where there are fewer voxels of grey matter.
    timing
        Repetition time in seconds, number of volumes.
    rng
        Draws centres, modules and courses.
    """
    from scipy.spatial import cKDTree

    inside = grey > 0.3
    places = points[:, inside].T
    centres = places[rng.choice(len(places), min(count, len(places)), replace=False)]
    labels = np.zeros(grey.shape, np.int64)
    labels[inside] = 1 + cKDTree(centres).query(places)[1]
    module = rng.integers(MODULES, size=len(centres))
    same = module[:, np.newaxis] == module
    correlation = np.where(same, WITHIN, ACROSS)
    np.fill_diagonal(correlation, 1)
    parts = [slow_courses(n, *timing, rng) for n in (1, MODULES, len(centres))]
    courses = np.sqrt(ACROSS) * parts[0] + np.sqrt(WITHIN - ACROSS) * parts[1][module]
    courses += np.sqrt(1 - WITHIN) * parts[2]
    courses /= courses.std(axis=1, keepdims=True)
    return Parcels(labels, courses.astype(np.float32), correlation)


def at_rest(
    parts: FloatArray,
    points: Points,
    timing: tuple[float, int],
    strength: Physiology,
    rng: np.random.Generator,
    parcels: Parcels | None = None,
) -> tuple[FloatArray, Parcels]:
    """Return the relative change (x, y, z, t) that brain and body make, and the networks in it.

    Parameters
    ----------
    parts
        float32 (tissue, x, y, z).
    points, timing, rng
        As in `draw_parcels`.
    strength
        Of each cause.
    parcels
        The networks and what they do, where that is known; else they are drawn.
    """
    tr, volumes = timing
    grey = parts[Tissue.GREY] + parts[Tissue.DEEP_GREY]
    alive = grey + np.float32(0.4) * parts[Tissue.WHITE]
    if parcels is None:
        parcels = draw_parcels(points, grey, strength.parcels, timing, rng)
    silent = np.zeros((1, volumes), np.float32)
    change = np.concatenate([silent, parcels.courses])[parcels.labels]
    change *= np.float32(strength.networks) * grey[..., np.newaxis]
    voxel = np.linalg.norm(points[:, 1:, 1:, 1:] - points[:, :-1, :-1, :-1], axis=0).mean()
    change += (np.float32(strength.local) * alive)[..., np.newaxis] * _local(
        grey.shape, strength.local_width * np.sqrt(3) / float(voxel), timing, rng
    )
    for where, course in _body(parts, alive, tr, volumes, strength, rng):
        change += where[..., np.newaxis] * course.astype(np.float32)
    return change, parcels


def _local(
    shape: tuple[int, ...], width: float, timing: tuple[float, int], rng: np.random.Generator
) -> FloatArray:
    """Return fluctuation (x, y, z, t) of standard deviation 1 that near voxels share."""
    from scipy.ndimage import gaussian_filter

    tr, volumes = timing
    white = rng.standard_normal((*shape, volumes), dtype=np.float32)
    shared = gaussian_filter(white, (width, width, width, 0), mode="wrap")
    return _slowed(shared, tr).astype(np.float32)


def _body(
    parts: FloatArray,
    alive: FloatArray,
    tr: float,
    volumes: int,
    strength: Physiology,
    rng: np.random.Generator,
) -> list[tuple[FloatArray, Array]]:
    """Return heart, breath and drift as pairs of a relative map (x, y, z) and a course (t,).

    The pulse comes to different places at different times, its rate and that of breathing wander.
    """
    shape = alive.shape
    times = tr * np.arange(volumes)
    wide = tuple(length / 4 for length in shape)
    beat, inhale = (
        2 * np.pi * np.cumsum(tr * rate * (1 + 0.04 * slow_courses(1, tr, volumes, rng)[0]))
        for rate in (rng.uniform(0.95, 1.2), rng.uniform(0.22, 0.32))
    )
    vessels = parts[Tissue.CSF] + 0.25 * alive * np.maximum(smooth_field(shape, 1.0, rng), 0) ** 2
    delay = smooth_field(shape, wide, rng)
    drift, chest = (smooth_field(shape, wide, rng) for _ in range(2))
    slow = np.linspace(-1.7, 1.7, volumes) + np.sin(2 * np.pi * times / (tr * volumes))
    volume_of_breath = slow_courses(1, tr, volumes, rng)[0]
    pairs = [
        (strength.heart * vessels * np.cos(delay), np.sin(beat) + 0.4 * np.sin(2 * beat)),
        (strength.heart * vessels * np.sin(delay), np.cos(beat) + 0.4 * np.cos(2 * beat)),
        (strength.breath * chest, np.sin(inhale)),
        (0.5 * strength.breath * alive, volume_of_breath),
        (strength.drift * drift, slow),
    ]
    return [(where.astype(np.float32), course) for where, course in pairs]


def moved(
    baseline: FloatArray,
    points: Points,
    timing: tuple[float, int],
    strength: float,
    rng: np.random.Generator,
) -> FloatArray:
    """Return the change (x, y, z, t) of a head that moves a little, in units of `baseline`.

    To first order: the slope of the image times the displacement of a rigid body, whose three
    shifts and three turns (about the middle, 50 mm apart counted as mm) wander by `strength` mm.
    """
    tr, volumes = timing
    wander = slow_courses(MOTIONS, tr, volumes, rng) + np.outer(
        rng.standard_normal(MOTIONS), np.linspace(-1, 1, volumes)
    )
    first = points[:, 0, 0, 0]
    ends = (points[:, 1, 0, 0], points[:, 0, 1, 0], points[:, 0, 0, 1])
    voxel = [float(np.linalg.norm(end - first)) for end in ends]
    slope: FloatArray = np.stack(list(np.gradient(baseline, *voxel)))
    arm = points - points.mean(axis=(1, 2, 3), keepdims=True)
    turns = np.cross(arm, slope, axis=0) / 50
    maps = np.concatenate([slope, turns]).astype(np.float32)
    return np.tensordot(maps, (strength * wander).astype(np.float32), axes=(0, 0))
