"""Four repeats of a head: what leave-one-out says, and what is true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from benchmarks.evidence.people import denoised
from benchmarks.tables import table
from bids_denoise.anatomy.person import LEAST_HUMAN, TISSUES, anatomy_of
from bids_denoise.anatomy.template import mni152
from bids_denoise.group.aligned import Repeat, align, labels_on, turns
from bids_denoise.noise import estimate
from bids_denoise.simulate.cohort import Design, Group, Site, draw_people
from bids_denoise.simulate.noise import add_rician
from bids_denoise.simulate.session import scan
from bids_denoise.simulate.species import SPECIES
from bids_denoise.stats.repeats import leave_one_out, overlap
from bids_denoise.values import Device, Image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bids_denoise.anatomy.person import Anatomy
    from bids_denoise.anatomy.template import Template
    from bids_denoise.stats.bootstrap import Estimate
    from bids_denoise.stats.repeats import LeaveOneOut
    from bids_denoise.values import FloatArray

    Protocol = tuple[Literal["human", "rat", "mouse"], float, float]

SNR = 10.0
COUNT = 4
PROTOCOLS: tuple[Protocol, ...] = (("human", 2.0, 0.5), ("rat", 0.4, 0.1), ("mouse", 0.25, 0.06))
"""Species, mm of a voxel, standard deviation of each shift in mm and turn in degrees."""

FINER = 2
"""By how much finer voxels a head is seen in before its k-space is cut to that of the scan."""

PRIOR_VOXEL = 4.0
"""mm, of the template: only its prior is needed, and nobody has to be brought to it finely."""

HIGHEST = 20.0
"""Signal in sigma above which the variance of a magnitude is that of the noise."""

ERRORS = ["head", "", "MSE / sigma^2", "PSNR, dB", "noise / sigma^2", "worth averages"]
TISSUE = ["head", "", "Dice GM", "Dice WM", "Jaccard GM", "Jaccard WM"]
TISSUE += [f"{name}, mL (SD, %)" for name in TISSUES]


@dataclass(frozen=True)
class Case:
    """Repeats of one head, as they were scanned, and as they were examined."""

    name: str
    truths: tuple[FloatArray, ...]
    sigma: float
    repeats: tuple[Repeat, ...]
    anatomies: tuple[Anatomy, ...]


def tables(seeds: Sequence[int]) -> str:
    """Return the tables of errors and of tissues, one head of each species a seed."""
    errors, tissues = [], []
    for protocol in PROTOCOLS:
        for seed in seeds:
            case = _case(protocol, seed)
            ways = align(case.repeats)
            found = leave_one_out(turns(case.repeats, ways), seed)
            errors += _error_rows(case, found)
            tissues += _tissue_rows(case, ways)
            print(*errors[-2:], *tissues[-2:], sep="\n", flush=True)
    return f"{table(ERRORS, errors)}\n\n{table(TISSUE, tissues)}"


def _case(protocol: Protocol, seed: int) -> Case:
    species, voxel, motion = protocol
    design = Design(
        (Group("control", 1),), (Site(snr=SNR),), repeats=COUNT, motion=motion, species=species
    )
    person = draw_people(design, seed)[0]
    fine = SPECIES[species].grid(voxel / FINER)
    session = scan(design, person, fine, voxel / FINER)
    brain = session.truth.brain[(slice(None, None, FINER),) * 3]
    truths = [_sampled(each.clean) for each in session.repeats]
    affine = fine.affine @ np.diag([FINER, FINER, FINER, 1.0])
    sigma = float(truths[0][brain].mean()) / SNR
    repeats, anatomies = [], []
    for number, clean in enumerate(truths):
        noisy = add_rician(clean, sigma, person.stream(9, number))
        image = Image(noisy, affine, np.ones(noisy.shape, bool))
        noise, better = estimate(image), denoised(image)
        found = anatomy_of(image, better, _template_for, Device())
        anatomies.append(found)
        repeats.append(
            Repeat(noisy, better, affine, found.brain.mask, noise.sigma, noise.law == "rician")
        )
    return Case(f"{species} {seed}", tuple(truths), sigma, tuple(repeats), tuple(anatomies))


def _sampled(data: FloatArray) -> FloatArray:
    """Return what a scanner sees of finer voxels: the middle of k-space, without noise."""
    from scipy import fft

    space = fft.fftshift(fft.fftn(data))
    part = tuple(
        slice(n // 2 - n // FINER // 2, n // 2 - n // FINER // 2 + n // FINER) for n in data.shape
    )
    low = fft.ifftn(fft.ifftshift(space[part])) / FINER**3
    return np.asarray(np.maximum(low.real, 0), dtype=np.float32)


def _template_for(millilitres: float) -> Template | None:
    return mni152(PRIOR_VOXEL) if millilitres >= LEAST_HUMAN else None


def _error_rows(case: Case, found: LeaveOneOut) -> list[list[str]]:
    """Return what was found of one repeat, original and denoised, and what is true."""
    from scipy.stats import rice

    sigma = case.sigma
    pairs = list(zip(case.repeats, case.truths, strict=True))
    both = [
        [np.mean((each - clean)[seen.mask] ** 2) for each in (seen.original, seen.denoised)]
        for seen, clean in pairs
    ]
    true = np.mean(both, axis=0) / sigma**2
    levels = [np.minimum(clean[seen.mask] / sigma, HIGHEST) for seen, clean in pairs]
    noise = np.mean([np.mean(rice.var(level)) for level in levels])
    mean = np.mean(case.truths, axis=0)
    peak = np.percentile(mean[case.repeats[0].mask], 99.9) / sigma
    told = np.array([np.mean(found.mse_original), np.mean(found.mse_denoised)]) / sigma**2
    off = [
        f"{one:.3f} for {other:.3f} ({100 * (one / other - 1):+.1f} %)"
        for one, other in zip(told, true, strict=True)
    ]
    decibel = 20 * np.log10(peak) - 10 * np.log10(true)
    ends = (found.psnr_original, found.psnr_denoised)
    psnr = [f"{one.value:.2f} for {other:.2f}" for one, other in zip(ends, decibel, strict=True)]
    level = found.noise.value / sigma**2
    worth = f"{_text(found.averages)} for {noise / true[1]:.2f}"
    return [
        [case.name, "original", off[0], psnr[0], f"{level:.3f} for {noise:.3f}", ""],
        [case.name, "denoised", off[1], psnr[1], "", worth],
    ]


def _tissue_rows(case: Case, ways: Sequence[np.ndarray]) -> list[list[str]]:
    rows = []
    affines = [each.affine for each in case.repeats]
    for label in ("before", "after"):
        halves = [getattr(each, label) for each in case.anatomies]
        maps = (each.tissues.probabilities for each in halves)
        labels = labels_on(case.repeats[0].grid, maps, affines, ways)
        shared = overlap(labels, (1, 2))
        volumes = np.array([[each.volumes[name] for name in TISSUES] for each in halves])
        mean, spread = volumes.mean(axis=0), volumes.std(axis=0, ddof=1)
        rows.append(
            [case.name, "original" if label == "before" else "denoised"]
            + [f"{shared[each].dice:.4f}" for each in (1, 2)]
            + [f"{shared[each].jaccard:.4f}" for each in (1, 2)]
            + [f"{m:.4g} ({100 * s / m:.2f})" for m, s in zip(mean, spread, strict=True)]
        )
    return rows


def _text(value: Estimate) -> str:
    return f"{value.value:.2f} [{value.low:.2f}, {value.high:.2f}]"
