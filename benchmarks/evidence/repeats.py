"""Four repeats of a head: what leave-one-out says, and what is true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from benchmarks.evidence.people import denoised
from benchmarks.tables import table
from bids_denoise.anatomy.grids import pull
from bids_denoise.anatomy.template import TISSUES, mni152
from bids_denoise.anatomy.tissues import segment
from bids_denoise.group.aligned import Repeat, align, labels_on, turns
from bids_denoise.simulate import anatomy
from bids_denoise.simulate.cohort import Design, Group, Site, draw_people
from bids_denoise.simulate.noise import add_rician
from bids_denoise.simulate.session import scan
from bids_denoise.stats.repeats import leave_one_out, overlap
from bids_denoise.values import Image, Noise

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from bids_denoise.simulate.anatomy import Grid
    from bids_denoise.stats.bootstrap import Estimate
    from bids_denoise.stats.repeats import LeaveOneOut
    from bids_denoise.values import FloatArray

    Affine = npt.NDArray[np.float64]

SNR = 10.0
COUNT = 4
FINER = 2
"""By how much finer voxels a head is seen in before its k-space is cut to that of the scan."""

HIGHEST = 15.0
"""Signal in sigma above which the variance of a magnitude is that of the noise."""

ERRORS = ["head", "", "MSE / sigma^2", "PSNR, dB", "noise / sigma^2", "worth averages"]
TISSUE = ["head", "", "Dice GM", "Dice WM", "Jaccard GM", "Jaccard WM"]
TISSUE += [f"{name}, mL (SD, %)" for name in TISSUES]


@dataclass(frozen=True)
class Protocol:
    """How a head is scanned again and again.

    Attributes
    ----------
    species, voxel, motion
        mm of a voxel, and the standard deviation of each shift in mm and turn in degrees.
    box, middle
        What is scanned, in mm, most of it brain.
    """

    species: Literal["human", "rat", "mouse"]
    voxel: float
    motion: float
    box: tuple[float, float, float]
    middle: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def grid(self, finer: int = 1) -> Grid:
        """Return the voxels of the scan, or so many times finer ones."""
        x, y, z = (finer * round(side / self.voxel) for side in self.box)
        size = self.voxel / finer
        return anatomy.centred_grid((x, y, z), (size, size, size), self.middle)


PROTOCOLS = (
    Protocol("human", 2.0, 0.5, (116.0, 120.0, 100.0), (0.0, -16.0, 10.0)),
    Protocol("rat", 0.4, 0.1, (16.0, 20.0, 12.0)),
    Protocol("mouse", 0.25, 0.06, (10.0, 12.5, 7.5)),
)


@dataclass(frozen=True)
class Case:
    """Repeats of one head, and the same without noise."""

    protocol: Protocol
    truths: tuple[FloatArray, ...]
    sigma: float
    repeats: tuple[Repeat, ...]


def tables(seed: int = 0) -> str:
    """Return the tables of errors and of tissues, one head of each species."""
    errors, tissues = [], []
    for protocol in PROTOCOLS:
        case = _case(protocol, seed)
        ways = align(case.repeats)
        errors += _error_rows(case, leave_one_out(turns(case.repeats, ways), seed))
        print(*errors[-2:], sep="\n", flush=True)
        tissues += _tissue_rows(case, ways)
        print(*tissues[-2:], sep="\n", flush=True)
    return f"{table(ERRORS, errors)}\n\n{table(TISSUE, tissues)}"


def _case(protocol: Protocol, seed: int) -> Case:
    design = Design(
        (Group("control", 1),),
        (Site(snr=SNR),),
        repeats=COUNT,
        motion=protocol.motion,
        species=protocol.species,
    )
    person = draw_people(design, seed)[0]
    fine = protocol.grid(FINER)
    session = scan(design, person, fine, protocol.voxel / FINER)
    affine = fine.affine @ np.diag([FINER, FINER, FINER, 1.0])
    truths = [_sampled(each.clean) for each in session.repeats]
    brain = session.truth.brain[::FINER, ::FINER, ::FINER]
    sigma = float(truths[0][brain].mean()) / SNR
    level = Noise(np.full(brain.shape, sigma, np.float32), "rician", "known")
    repeats = []
    for number, clean in enumerate(truths):
        noisy = add_rician(clean, sigma, person.stream(9, number))
        better = denoised(Image(noisy, affine, np.ones(noisy.shape, bool)), level)
        repeats.append(Repeat(noisy, better, affine, brain, level.sigma, rician=True))
    return Case(protocol, tuple(truths), sigma, tuple(repeats))


def _sampled(data: FloatArray) -> FloatArray:
    """Return what a scanner sees of finer voxels: the middle of k-space, without noise."""
    from scipy import fft

    space = fft.fftshift(fft.fftn(data))
    part = tuple(
        slice(n // 2 - n // FINER // 2, n // 2 - n // FINER // 2 + n // FINER) for n in data.shape
    )
    low = fft.ifftn(fft.ifftshift(space[part])) / FINER**3
    return np.asarray(np.maximum(low.real, 0), dtype=np.float32)


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
    levels = [np.minimum(clean[seen.mask].astype(float) / sigma, HIGHEST) for seen, clean in pairs]
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
        [case.protocol.species, "original", off[0], psnr[0], f"{level:.3f} for {noise:.3f}", ""],
        [case.protocol.species, "denoised", off[1], psnr[1], "", worth],
    ]


def _tissue_rows(case: Case, ways: Sequence[Affine]) -> list[list[str]]:
    """Return how far the tissues of repeats agree, by the brain mask of the first."""
    first = case.repeats[0]
    affines = [each.affine for each in case.repeats]
    unit = abs(float(np.linalg.det(first.affine[:3, :3]))) / 1000
    rows = []
    for name in ("original", "denoised"):
        maps = [_segmented(getattr(each, name), each, case.protocol) for each in case.repeats]
        shared = overlap(labels_on(first.grid, maps, affines, ways), (1, 2))
        volumes = unit * np.array([each.sum(axis=(1, 2, 3)) for each in maps])
        mean, spread = volumes.mean(axis=0), volumes.std(axis=0, ddof=1)
        rows.append(
            [case.protocol.species, name]
            + [f"{shared[each].dice:.3f}" for each in (1, 2)]
            + [f"{shared[each].jaccard:.3f}" for each in (1, 2)]
            + [f"{m:.4g} ({100 * s / m:.2f} %)" for m, s in zip(mean, spread, strict=True)]
        )
    return rows


def _segmented(data: FloatArray, repeat: Repeat, protocol: Protocol) -> FloatArray:
    """Return the tissues of one repeat; those of a human start from the template in its place."""
    prior = None
    if protocol.species == "human":
        whole = mni152(protocol.voxel)
        if whole.tissues is not None:
            prior = pull(whole.tissues, whole.affine, repeat.grid)
    return segment(data, repeat.mask, repeat.affine, prior).probabilities


def _text(value: Estimate) -> str:
    return f"{value.value:.2f} [{value.low:.2f}, {value.high:.2f}]"
