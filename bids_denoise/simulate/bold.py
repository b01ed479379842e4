"""A BOLD run with known activation, known networks, drift and pulsation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.simulate import anatomy
from bids_denoise.simulate.fields import smooth_field
from bids_denoise.simulate.phantom import CONTRASTS, Tissue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from bids_denoise.simulate.anatomy import Grid, Individual, Points
    from bids_denoise.values import FloatArray

    Array = npt.NDArray[np.float64]
    Centre = tuple[float, float, float]

SCALE = 5.0
FINE = 0.1
NETWORK: tuple[Centre, ...] = ((0, -52, 26), (0, 50, -4), (-46, -64, 32), (46, -64, 32))
NETWORK_RADIUS = 12.0


@dataclass(frozen=True)
class Event:
    """One line of an events file: `onset` and `duration` in seconds."""

    onset: float
    duration: float
    trial_type: str


@dataclass(frozen=True)
class Region:
    """A sphere of response: `centre` in RAS mm of the template, `radius` in mm."""

    centre: Centre
    radius: float


@dataclass(frozen=True)
class Paradigm:
    """What is shown and who answers.

    `amplitude` is the peak signal change in the middle of a region that is all grey matter.
    """

    events: tuple[Event, ...]
    regions: Mapping[str, Region]
    amplitude: float = 0.02


@dataclass(frozen=True)
class BoldTruth:
    """A noise-free run and what it is made of.

    Attributes
    ----------
    series
        (x, y, z, t), image units: everything but thermal noise.
    amplitudes
        By trial type: peak relative signal change (x, y, z).
    responses
        By trial type: the response (t,) that the amplitude is multiplied with.
    network
        Relative amplitude (x, y, z) of the resting network; `network_course` is its (t,).
    brain
        bool (x, y, z): more than half brain.
    """

    series: FloatArray
    amplitudes: Mapping[str, FloatArray]
    responses: Mapping[str, FloatArray]
    network: FloatArray
    network_course: FloatArray
    brain: npt.NDArray[np.bool_]


def haemodynamic_response(seconds: Array) -> Array:
    """Return the canonical double-gamma response, 1 at its peak near 5 s, undershoot near 16 s.

    Friston 1998, doi:10.1006/nimg.1997.0306.
    """
    rise, fall = (
        np.maximum(seconds, 0) ** (delay - 1) * np.exp(-seconds) / math.gamma(delay)
        for delay in (6, 16)
    )
    fine = np.arange(0, 32, FINE)
    peak = np.max(fine**5 * np.exp(-fine) / 120 - fine**15 * np.exp(-fine) / math.gamma(16) / 6)
    return np.asarray((rise - fall / 6) / peak)


def response(events: Sequence[Event], tr: float, volumes: int) -> FloatArray:
    """Return the answer to `events` at each volume (t,), scaled to a peak of 1."""
    times = np.arange(0, tr * volumes, FINE)
    neural = np.zeros_like(times)
    for event in events:
        neural[(times >= event.onset) & (times < event.onset + event.duration)] = 1
    answer = np.convolve(neural, haemodynamic_response(np.arange(0, 32, FINE)))[: len(times)]
    answer /= max(float(np.abs(answer).max()), 1e-12)
    return np.asarray(np.interp(tr * np.arange(volumes), times, answer), dtype=np.float32)


def bold_run(
    individual: Individual,
    grid: Grid,
    paradigm: Paradigm,
    timing: tuple[float, int],
    rng: np.random.Generator,
) -> BoldTruth:
    """Simulate a noise-free run of a person.

    Parameters
    ----------
    individual, grid
        The person and the voxels.
    paradigm
        Events and the regions that answer.
    timing
        Repetition time in seconds, number of volumes.
    rng
        Draws the network's course, the drift and the phases of pulse and breath.

    Returns
    -------
    BoldTruth
        All volumes are seen at the same moment of their repetition time.
    """
    tr, volumes = timing
    parts = anatomy.fractions(individual, grid)
    points, grey = anatomy.points_of(grid), parts[Tissue.GREY] + parts[Tissue.DEEP_GREY]
    amplitudes, responses = {}, {}
    for name, region in paradigm.regions.items():
        events = [event for event in paradigm.events if event.trial_type == name]
        amplitudes[name] = paradigm.amplitude * grey * _sphere(points, region)
        responses[name] = response(events, tr, volumes)
    network, course = _network(points, grey), _slow_course(tr, volumes, rng)
    change = [*((amplitudes[name], responses[name]) for name in responses), (network, course)]
    change += _nuisance(parts, tr, volumes, rng)
    baseline = SCALE * anatomy.signal(parts, CONTRASTS["T2starw"])
    baseline *= anatomy.texture(individual, grid)
    maps, courses = (np.stack(each) for each in zip(*change, strict=True))
    series = np.tensordot(maps, courses, axes=(0, 0))
    return BoldTruth(
        series=np.asarray(baseline[..., np.newaxis] * (1 + series), dtype=np.float32),
        amplitudes=amplitudes,
        responses=responses,
        network=network,
        network_course=course,
        brain=parts[[Tissue.GREY, Tissue.WHITE, Tissue.DEEP_GREY]].sum(axis=0) > 0.5,
    )


def _sphere(points: Points, region: Region) -> FloatArray:
    """Return 1 within the region, falling to 0 over the last third of its radius."""
    offset = points - np.array(region.centre, dtype=np.float32).reshape(3, 1, 1, 1)
    distance = np.sqrt(np.square(offset).sum(axis=0))
    return np.asarray(np.clip(3 * (1 - distance / region.radius), 0, 1), dtype=np.float32)


def _network(points: Points, grey: FloatArray) -> FloatArray:
    nodes = [_sphere(points, Region(centre, NETWORK_RADIUS)) for centre in NETWORK]
    return np.asarray(0.01 * grey * np.max(nodes, axis=0), dtype=np.float32)


def _slow_course(tr: float, volumes: int, rng: np.random.Generator) -> FloatArray:
    """Return a random course (t,) between 0.01 and 0.1 Hz with standard deviation 1."""
    spectrum = np.fft.rfft(rng.standard_normal(volumes))
    frequency = np.fft.rfftfreq(volumes, tr)
    spectrum[(frequency < 0.01) | (frequency > 0.1)] = 0
    course = np.fft.irfft(spectrum, volumes)
    return np.asarray(course / max(float(course.std()), 1e-12), dtype=np.float32)


def _nuisance(
    parts: FloatArray, tr: float, volumes: int, rng: np.random.Generator
) -> list[tuple[FloatArray, FloatArray]]:
    """Return drift, pulse and breath as pairs of a relative map (x, y, z) and a course (t,)."""
    times, shape = tr * np.arange(volumes), parts.shape[1:]
    pulse, breath = rng.uniform(0.95, 1.2), rng.uniform(0.22, 0.32)
    phases = rng.uniform(0, 2 * np.pi, 2)
    wide = tuple(length / 4 for length in shape)
    drift, breathing = (smooth_field(shape, wide, rng) for _ in range(2))
    slow = np.linspace(-1, 1, volumes) + 0.5 * np.sin(2 * np.pi * times / (tr * volumes))
    pairs = [
        (0.006 * drift, slow),
        (0.015 * parts[Tissue.CSF], np.sin(2 * np.pi * pulse * times + phases[0])),
        (0.004 * np.abs(breathing), np.sin(2 * np.pi * breath * times + phases[1])),
    ]
    return [(where.astype(np.float32), course.astype(np.float32)) for where, course in pairs]
