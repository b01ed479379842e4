"""A BOLD run with known activation and known networks, in a brain and a body that do not rest."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.simulate import anatomy
from bids_denoise.simulate.phantom import CONTRASTS, Tissue
from bids_denoise.simulate.physiology import Parcels, Physiology, at_rest, moved

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from bids_denoise.simulate.anatomy import Grid, Individual, Points
    from bids_denoise.values import FloatArray

    Array = npt.NDArray[np.float64]
    Centre = tuple[float, float, float]

SCALE = 5.0
FINE = 0.1


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
    parcels
        The networks.
    brain
        bool (x, y, z): more than half brain.
    """

    series: FloatArray
    amplitudes: Mapping[str, FloatArray]
    responses: Mapping[str, FloatArray]
    parcels: Parcels
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
    physiology: Physiology = Physiology(),  # noqa: B008 - a frozen value
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
        Draws what brain and body do by themselves.
    physiology
        How strong that is.

    Returns
    -------
    BoldTruth
        All volumes are seen at the same moment of their repetition time.
    """
    parts = anatomy.fractions(individual, grid)
    points, grey = anatomy.points_of(grid), parts[Tissue.GREY] + parts[Tissue.DEEP_GREY]
    series, parcels = at_rest(parts, points, timing, physiology, rng)
    amplitudes, responses = {}, {}
    for name, region in paradigm.regions.items():
        events = [event for event in paradigm.events if event.trial_type == name]
        amplitudes[name] = paradigm.amplitude * grey * _sphere(points, region)
        responses[name] = response(events, *timing)
        series += amplitudes[name][..., np.newaxis] * responses[name]
    baseline = resting_image(individual, grid, parts)
    return BoldTruth(
        series=scanned(series, baseline, moved(baseline, points, timing, physiology.motion, rng)),
        amplitudes=amplitudes,
        responses=responses,
        parcels=parcels,
        brain=parts[[Tissue.GREY, Tissue.WHITE, Tissue.DEEP_GREY]].sum(axis=0) > 0.5,
    )


def resting_image(individual: Individual, grid: Grid, parts: FloatArray) -> FloatArray:
    """Return what every volume would be if nothing changed, float32 (x, y, z), image units."""
    image = SCALE * anatomy.signal(parts, CONTRASTS["T2starw"])
    image *= anatomy.texture(individual, grid)
    return image


def scanned(change: FloatArray, baseline: FloatArray, motion: FloatArray) -> FloatArray:
    """Return the series of a relative `change` (x, y, z, t) and of `motion`; uses up `change`."""
    change += 1
    change *= baseline[..., np.newaxis]
    change += motion
    return np.asarray(np.maximum(change, 0))


def _sphere(points: Points, region: Region) -> FloatArray:
    """Return 1 within the region, falling to 0 over the last third of its radius."""
    offset = points - np.array(region.centre, dtype=np.float32).reshape(3, 1, 1, 1)
    distance = np.sqrt(np.square(offset).sum(axis=0))
    return np.asarray(np.clip(3 * (1 - distance / region.radius), 0, 1), dtype=np.float32)
