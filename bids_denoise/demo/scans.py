"""The scans of the demo: each is simulated whole, with the truth it was made from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bids_denoise.simulate import anatomy, bold, dwi, gradients, noise, tensors
from bids_denoise.simulate.fields import shading
from bids_denoise.simulate.phantom import CONTRASTS, Tissue

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.simulate.anatomy import Grid, Individual
    from bids_denoise.simulate.gradients import Gradients
    from bids_denoise.values import BoolArray, FloatArray

SCALE = 4.0
"""Image units a unit of the tissue table, so that integers hold the scan finely enough."""

RECEIVE_FIELD = 0.12
PARTICIPANTS = ("01", "02")
REPETITION_TIME = 2.0
VOLUMES = 90
TASK = "sensorimotor"

PARADIGM = bold.Paradigm(
    events=tuple(
        bold.Event(8.0 + 28 * block, 16.0, ("tapping", "checkerboard")[block % 2])
        for block in range(6)
    ),
    regions={
        "tapping": bold.Region((-38, -24, 54), 16),
        "checkerboard": bold.Region((0, -86, 4), 20),
    },
)

ACCELERATED = {
    "ParallelAcquisitionTechnique": "SENSE",
    "ParallelReductionFactorInPlane": 3,
    "ParallelReductionFactorOutOfPlane": 1,
}

SHELLS = ((1000.0, 12), (2000.0, 20))
UNWEIGHTED = 3


@dataclass(frozen=True)
class Truth:
    """What a scan is made from.

    Attributes
    ----------
    data
        float32 (x, y, z[, t]), the scan without noise.
    sigma
        float32 (x, y, z), image units.
    region, region_of
        bool (x, y, z): where the scan is judged; and what that is.
    grid
        Where the voxels lie.
    maps
        Further truth by label: activation amplitudes, FA.
    gradients
        Of a diffusion series.
    tissues
        float32 (3, x, y, z): share of grey matter, white matter and CSF of the brain.
    nucleus
        bool (x, y, z): what is smaller in patients.
    """

    data: FloatArray
    sigma: FloatArray
    region: BoolArray
    grid: Grid
    maps: Mapping[str, FloatArray] = field(default_factory=dict)
    gradients: Gradients | None = None
    tissues: FloatArray | None = None
    nucleus: BoolArray | None = None
    region_of: Literal["head", "brain"] = "head"


@dataclass(frozen=True)
class Acquired:
    """One simulated scan.

    Attributes
    ----------
    datatype, stem, suffix
        ``anat``, ``sub-01_run-1``, ``T1w``.
    data
        int16 (x, y, z[, t]): what the scanner wrote.
    truth
        What it was made from.
    sidecar
        What this scan adds to the fields of its suffix.
    """

    datatype: str
    stem: str
    suffix: str
    data: npt.NDArray[np.int16]
    truth: Truth
    sidecar: Mapping[str, Any] = field(default_factory=dict)


def acquire(participant: str, seed: int, coarseness: float = 1.0) -> Iterator[Acquired]:
    """Scan one person: T1w twice (plain, then accelerated), T2w, BOLD and diffusion.

    Parameters
    ----------
    participant
        Label of the person; with `seed` it decides who she is.
    seed
        Of everything random.
    coarseness
        1 for the demo; larger numbers make every voxel so many times longer, and the runs
        quicker.
    """
    stem = f"sub-{participant}"
    seeds = np.random.SeedSequence([seed, int(participant)]).spawn(5)
    person, t1w, t2w, task, diffusion = (np.random.default_rng(each) for each in seeds)
    head = anatomy.draw_individual(person)
    for run, (truth, sidecar) in enumerate(_t1w(head, coarseness, t1w), start=1):
        yield Acquired("anat", f"{stem}_run-{run}", "T1w", _measured(truth, t1w), truth, sidecar)
    rest = (
        ("anat", stem, "T2w", t2w, _t2w),
        ("func", f"{stem}_task-{TASK}", "bold", task, _bold),
        ("dwi", stem, "dwi", diffusion, _dwi),
    )
    for datatype, name, suffix, rng, simulate in rest:
        truth = simulate(head, coarseness, rng)
        yield Acquired(datatype, name, suffix, _measured(truth, rng), truth)


def _t1w(
    head: Individual, coarseness: float, rng: np.random.Generator
) -> Iterator[tuple[Truth, Mapping[str, Any]]]:
    grid = _grid((124, 150, 136), (1.5, 1.5, 1.5), coarseness, centre=(0, -18, 4))
    scan, region, tissues = _anatomical(head, grid, "T1w", rng)
    plain = np.full(grid.shape, 24.0, dtype=np.float32)
    accelerated = np.float32(18) * noise.g_factor(grid.shape, peak=2.4)
    yield Truth(scan, plain, region, grid, tissues=tissues), {}
    yield Truth(scan, accelerated, region, grid, tissues=tissues), ACCELERATED


def _t2w(head: Individual, coarseness: float, rng: np.random.Generator) -> Truth:
    grid = _grid((156, 184, 50), (1.2, 1.2, 3.0), coarseness, centre=(0, -18, 8))
    scan, region, _ = _anatomical(head, grid, "T2w", rng)
    return Truth(scan, np.full(grid.shape, 30.0, dtype=np.float32), region, grid)


def _bold(head: Individual, coarseness: float, rng: np.random.Generator) -> Truth:
    grid = _grid((64, 64, 26), (3.4, 3.4, 4.0), coarseness, centre=(0, -20, 14), tilt=-10)
    run = bold.bold_run(head, grid, PARADIGM, (REPETITION_TIME, VOLUMES), rng)
    sigma = np.float32(9) * noise.g_factor(grid.shape, peak=1.8)
    return Truth(run.series, sigma, run.brain, grid, maps=run.amplitudes, region_of="brain")


def _dwi(head: Individual, coarseness: float, rng: np.random.Generator) -> Truth:
    grid = _grid((62, 74, 30), (3.0, 3.0, 4.0), coarseness, centre=(0, -18, 12), tilt=-6)
    scheme = gradients.scheme(SHELLS, UNWEIGHTED, rng)
    run = dwi.diffusion_series(head, grid, scheme, rng)
    sigma = np.full(grid.shape, 10.0, dtype=np.float32)
    maps = {"FA": tensors.fractional_anisotropy(run.tensors)}
    return Truth(run.series, sigma, run.brain, grid, maps, scheme, region_of="brain")


def _grid(
    shape: tuple[int, int, int],
    voxel: tuple[float, float, float],
    coarseness: float,
    *,
    centre: tuple[float, float, float],
    tilt: float = 0.0,
) -> Grid:
    x, y, z = (max(8, round(length / coarseness)) for length in shape)
    dx, dy, dz = (coarseness * size for size in voxel)
    return anatomy.centred_grid((x, y, z), (dx, dy, dz), centre, tilt)


def _anatomical(
    head: Individual, grid: Grid, contrast: str, rng: np.random.Generator
) -> tuple[FloatArray, BoolArray, FloatArray]:
    """Return the noise-free scan, where the head is, and the tissues of the brain."""
    parts = anatomy.fractions(head, grid)
    scan = SCALE * anatomy.signal(parts, CONTRASTS[contrast]) * anatomy.texture(head, grid)
    truth = scan * shading(grid.shape, RECEIVE_FIELD, rng)
    tissues = anatomy.brain_tissues(head, grid, parts)
    return truth.astype(np.float32), parts[Tissue.AIR] < 0.5, tissues


def _measured(truth: Truth, rng: np.random.Generator) -> npt.NDArray[np.int16]:
    """Add Rician noise and round to integers, as a scanner does."""
    noisy = noise.add_rician(truth.data, truth.sigma, rng)
    return np.clip(np.rint(noisy), 0, np.iinfo(np.int16).max).astype(np.int16)
