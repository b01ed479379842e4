"""The BOLD runs that a network for series is trained on: simulated ones of any kind, real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bids_denoise import imageio
from bids_denoise.denoisers.by_volumes import seen_of
from bids_denoise.noise import estimate
from bids_denoise.simulate import anatomy, bold
from bids_denoise.simulate.fields import smooth_field
from bids_denoise.simulate.noise import add_gaussian
from bids_denoise.simulate.physiology import Physiology
from bids_denoise.values import Device, Image

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from bids_denoise.simulate.anatomy import Grid
    from bids_denoise.training.recipe import Runs
    from bids_denoise.values import FloatArray

    HalfArray = npt.NDArray[np.float16]

STRENGTHS = ("networks", "local", "heart", "breath", "drift", "motion")
WEAKER_STRONGER = (-0.9, 0.7)
"""Range of the logarithm of how strong each cause is, over what is usual."""

PARCELS = (15, 300)
LOCAL_WIDTH = (1.0, 3.5)
CENTRE, AROUND = np.array([0.0, -18.0, 10.0]), np.array([35.0, 45.0, 25.0])
"""RAS mm: the middle of a grid, and how far from there it may be."""

MOST_TASKS = 4
DURATIONS = (0.5, 2.0, 6.0, 12.0, 20.0, 30.0)
AMPLITUDES = (0.004, 0.05)
REGIONS = (5.0, 30.0)
"""mm: radius of a region of response."""

UNEVEN = 0.5
"""Share of the runs whose sigma varies in space."""

MISJUDGED = 0.03
"""Standard deviation of the logarithm of what the network is told sigma is, over what it is."""

MORE_NOISE = (2.6, 12.0)
"""Noise put on a real run, in units of its own, which is so little of it that it may stay."""


class RealRun(NamedTuple):
    """A real run without most of its noise (x, y, z, t), and the sigma (x, y, z) it had."""

    series: HalfArray
    sigma: HalfArray


class NoisyRun(NamedTuple):
    """A run with noise on it, what it was, and what its sigma is said to be; float32."""

    noisy: FloatArray
    truth: FloatArray
    sigma: FloatArray


def real_run(path: Path, runs: Runs, threads: int) -> RealRun:
    """Return the first volumes of a real run, cleaned by both PCAs that a network starts from."""
    image = imageio.read(path)[..., : runs.first]
    sigma = estimate(Image(image, np.eye(4), np.ones(image.shape[:3], np.bool_))).sigma
    inside = image.mean(axis=-1)
    corners = np.argwhere(inside > 0.15 * np.percentile(inside, 99))
    low, high = np.maximum(corners.min(axis=0) - 2, 0), corners.max(axis=0) + 3
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    image, sigma = image[box], sigma[box]
    unit = np.float32(np.percentile(image, 99))  # half precision ends at 65504
    seen = seen_of(image, sigma, Device(threads=threads))
    clean = (seen.wide + seen.narrow) / 2 * sigma[..., np.newaxis]
    clean += image.mean(axis=-1, keepdims=True)
    return RealRun((clean / unit).astype(np.float16), (sigma / unit).astype(np.float16))


def simulated_run(runs: Runs, rng: np.random.Generator) -> NoisyRun:
    """Return a run of a random person, grid, timing, body, task and level of noise."""
    head = anatomy.draw_individual(rng)
    voxel = float(np.exp(rng.uniform(*np.log(runs.voxel))))
    x, y = rng.integers(*runs.edges, 2, endpoint=True).tolist()
    z = int(rng.integers(*runs.slices, endpoint=True))
    centre = (CENTRE + AROUND * rng.uniform(-1, 1, 3)).tolist()
    thick = voxel * (rng.uniform(1, 1.5) if rng.random() < 0.5 else 1)
    grid = anatomy.centred_grid((x, y, z), (voxel, voxel, thick), tuple(centre))
    timing = (_repetition(runs, rng), int(rng.integers(*runs.volumes, endpoint=True)))
    body, paradigm = _body(rng), _paradigm(grid, timing[0] * timing[1], rng)
    run = bold.bold_run(head, grid, paradigm, timing, rng, body)
    first = run.series[..., 0]
    signal = np.median(run.series[run.brain]) if run.brain.any() else np.percentile(first, 80)
    level = float(signal) / float(np.exp(rng.uniform(*np.log(runs.snr))))
    sigma = np.full(run.brain.shape, level, np.float32)
    if rng.random() < UNEVEN:
        width = 30 * rng.uniform(0.2, 1)
        sigma *= np.exp(rng.uniform(0.1, 0.4) * smooth_field(sigma.shape, width, rng))
    return _with_noise(run.series, sigma, rng)


def part_of_real(real: RealRun, runs: Runs, rng: np.random.Generator) -> NoisyRun:
    """Return a box and a stretch of time of a real run, with more noise than it had."""
    shape = real.sigma.shape
    edges = [
        min(int(rng.integers(*each, endpoint=True)), length)
        for each, length in zip((runs.edges, runs.edges, runs.slices), shape, strict=True)
    ]
    volumes = real.series.shape[3]
    span = int(rng.integers(min(runs.volumes[0], volumes), volumes, endpoint=True))
    *corner, start = (
        int(rng.integers(0, length - edge, endpoint=True))
        for length, edge in zip((*shape, volumes), (*edges, span), strict=True)
    )
    box = tuple(slice(at, at + edge) for at, edge in zip(corner, edges, strict=True))
    truth = real.series[box][..., start : start + span].astype(np.float32)
    more = np.exp(rng.uniform(*np.log(MORE_NOISE)))
    return _with_noise(truth, real.sigma[box].astype(np.float32) * np.float32(more), rng)


def _with_noise(truth: FloatArray, sigma: FloatArray, rng: np.random.Generator) -> NoisyRun:
    noisy = add_gaussian(truth, sigma[..., np.newaxis], rng)
    told = sigma * np.float32(np.exp(MISJUDGED * rng.standard_normal()))
    return NoisyRun(noisy, truth, told)


def _repetition(runs: Runs, rng: np.random.Generator) -> float:
    """Return a repetition time from one of the ranges, evenly."""
    lengths = np.array([high - low for low, high in runs.repetition])
    low, high = runs.repetition[int(rng.choice(len(lengths), p=lengths / lengths.sum()))]
    return float(rng.uniform(low, high))


def _body(rng: np.random.Generator) -> Physiology:
    usual = Physiology()
    drawn = {
        name: getattr(usual, name) * float(np.exp(rng.uniform(*WEAKER_STRONGER)))
        for name in STRENGTHS
    }
    parcels = int(np.exp(rng.uniform(*np.log(PARCELS))))
    return Physiology(**drawn, parcels=parcels, local_width=float(rng.uniform(*LOCAL_WIDTH)))


def _paradigm(grid: Grid, seconds: float, rng: np.random.Generator) -> bold.Paradigm:
    """Return up to `MOST_TASKS` tasks, each with a region in the grid and events at random."""
    half = grid.affine[:3, :3] @ (np.array(grid.shape) / 2)
    middle = grid.affine[:3, 3] + half
    events, regions = [], {}
    for number in range(int(rng.integers(0, MOST_TASKS, endpoint=True))):
        name = f"task{number}"
        x, y, z = (middle + 0.8 * rng.uniform(-1, 1, 3) * np.abs(half)).tolist()
        regions[name] = bold.Region((x, y, z), float(rng.uniform(*REGIONS)))
        duration, onset = float(rng.choice(DURATIONS)), float(rng.uniform(0, 15))
        while onset < seconds:
            events.append(bold.Event(onset, duration, name))
            onset += duration + rng.uniform(0.5, 1.5) * (duration + rng.uniform(4, 12))
    amplitude = float(np.exp(rng.uniform(*np.log(AMPLITUDES))))
    return bold.Paradigm(tuple(events), regions, amplitude)
