"""The volumes that stand for the truth, and the noise that is added to them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import measures
from bids_denoise.imageio.padding import padding
from bids_denoise.intensity import foreground
from bids_denoise.metrics.comparison import box_around
from bids_denoise.noise import estimate
from bids_denoise.simulate.noise import add_gaussian, add_rician, g_factor
from bids_denoise.values import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bids_denoise.values import BoolArray, FloatArray

COLIN27 = Path("/usr/share/mricron/templates/ch2.nii.gz")
COLIN27_BRAIN = COLIN27.with_name("ch2bet.nii.gz")
SLICES_OF_COLIN27 = slice(76, 100)
PEAK_OF_COLIN27 = 255.0
LEAST_OF_COLIN27 = 10.0
MARGIN = 8
PERSON = "human-depression/sub-*/anat/*_T1w.nii.gz"
HELD_OUT = {
    "depression T1w": (PERSON, -5),
    "ms T1w": ("human-ms/sub-*/ses-*/anat/*_T1w.nii.gz", 0),
    "ms T2w": ("human-ms/sub-*/ses-*/anat/*_T2w.nii.gz", 0),
    "ms FLAIR": ("human-ms/sub-*/ses-*/anat/*_FLAIR.nii.gz", 0),
    "head T1w": ("human-head/sub-*/anat/*_T1w.nii.gz", 0),
    "mouse T2w": ("mouse-rtg4510/sub-*/anat/*_T2w.nii.gz", 0),
}
"""Group of scans -> files below the folder of real scans, and how many of the last are taken."""

FEW_MICE = 4


@dataclass(frozen=True)
class Case:
    """A volume that is taken as the truth.

    Attributes
    ----------
    name, group
        Of the scan, and of the scans that make one row of the table.
    truth
        float32 (x, y, z).
    affine
        (4, 4).
    measured
        bool (x, y, z): where there is noise. Outside, the file holds no measurement.
    inside, tissue
        bool (x, y, z): the voxels that are judged, and those where tissues are told apart.
    peak
        Brightest signal, of which levels of noise are a share.
    """

    name: str
    group: str
    truth: FloatArray
    affine: Any
    measured: BoolArray
    inside: BoolArray
    tissue: BoolArray
    peak: float

    @cached_property
    def own_noise(self) -> float:
        """Return sigma of the noise that the truth has, as estimated; 0 for a mean of scans."""
        if self.name.startswith("colin27"):
            return 0.0
        found = estimate(Image(self.truth, self.affine, self.measured))
        return float(np.sqrt(np.mean(found.sigma[self.inside] ** 2)))

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Return the size of a voxel in mm."""
        x, y, z = np.sqrt((np.asarray(self.affine)[:3, :3] ** 2).sum(axis=0)).tolist()
        return x, y, z


@dataclass(frozen=True)
class Noisy:
    """A case with noise: `level` in % of the peak, with a ``g`` where it varies; `law`."""

    case: Case
    level: str
    law: str
    data: FloatArray
    sigma: float

    @cached_property
    def checksum(self) -> str:
        """Return what the noisy voxels are known by."""
        return hashlib.sha256(self.data.tobytes()).hexdigest()[:16]

    def psnr_to_anatomy(self, result: FloatArray) -> float | None:
        """Return `measures.psnr_to_anatomy` of a result; None where noise is not Gaussian."""
        if self.law != "gaussian":
            return None
        case = self.case
        scale = (case.peak, case.own_noise)
        return measures.psnr_to_anatomy(result, self.data, case.truth, case.inside, scale)


def with_noise(case: Case, level: str, law: str) -> Noisy:
    """Return a case with noise; `sigma` is the root mean square over the voxels judged."""
    share = float(level.removesuffix("g")) / 100 * case.peak
    x, y, z = case.truth.shape
    amplified = g_factor((x, y, z)) if level.endswith("g") else np.ones((x, y, z), np.float32)
    sigma = np.float32(share) * amplified
    add = add_rician if law == "rician" else add_gaussian
    noisy = add(case.truth, sigma, np.random.default_rng(0)) if share else case.truth.copy()
    np.copyto(noisy, case.truth, where=~case.measured)
    return Noisy(case, level, law, noisy, float(np.sqrt(np.mean(sigma[case.inside] ** 2))))


def cases(real: Path | None, wanted: list[str], slices: int, few_mice: bool) -> Iterator[Case]:
    """Yield the cases whose name or group fits one of the patterns `wanted`, one at a time."""

    def asked(*names: str) -> bool:
        known = {name.replace(" ", "-") for name in names}
        return any(fnmatch(name, pattern) for name in known for pattern in wanted)

    for name, planes in (("colin27", slice(None)), ("colin27-slices", SLICES_OF_COLIN27)):
        if asked(name):
            yield _colin27(name, planes)
    for group, path in held_out(real, few_mice):
        name = path.name.removesuffix(".nii.gz")
        if asked(name, group, "real"):
            yield _real(name, group, path, 0 if group.startswith("mouse") else slices)


def held_out(real: Path | None, few_mice: bool) -> Iterator[tuple[str, Path]]:
    """Yield group and path of the scans that no shipped network was trained on.

    The last five people with or without depression, the last patient with multiple sclerosis
    and the FLAIR of both, the child's head, the mice.
    """
    for group, (pattern, first) in HELD_OUT.items() if real else ():
        assert real
        paths = sorted(real.glob(pattern))[first:]
        if group in {"ms T1w", "ms T2w"}:
            last = max(path.relative_to(real).parts[1] for path in paths) if paths else ""
            paths = [path for path in paths if last in path.parts]
        if group.startswith("mouse") and few_mice:
            paths = paths[:FEW_MICE]
        for path in paths:
            yield group, path


def _colin27(name: str, planes: slice) -> Case:
    truth, affine = _read(COLIN27)
    brain = _read(COLIN27_BRAIN)[0] > 0 if COLIN27_BRAIN.exists() else truth > LEAST_OF_COLIN27
    truth = np.ascontiguousarray(truth[..., planes])
    everywhere = np.ones(truth.shape, np.bool_)
    inside = truth > LEAST_OF_COLIN27
    return Case(name, name, truth, affine, everywhere, inside, brain[..., planes], PEAK_OF_COLIN27)


def _real(name: str, group: str, path: Path, slices: int) -> Case:
    truth, affine = _read(path)
    measured = ~padding(truth)
    box = box_around(measured, MARGIN)
    truth, measured = np.ascontiguousarray(truth[box]), measured[box]
    inside = foreground(truth, measured)
    if 0 < slices < truth.shape[2]:
        heights = np.flatnonzero(inside.any(axis=(0, 1)))
        start = (int(heights[0]) + int(heights[-1]) + 1 - slices) // 2
        planes = slice(max(start, 0), max(start, 0) + slices)
        truth = np.ascontiguousarray(truth[..., planes])
        measured, inside = measured[..., planes], inside[..., planes]
    peak = float(np.percentile(truth[inside], 99))
    return Case(name, group, truth, affine, measured, inside, inside, peak)


def _read(path: Path) -> tuple[FloatArray, Any]:
    import nibabel

    image: Any = nibabel.load(path)
    return np.ascontiguousarray(image.get_fdata(dtype=np.float32)), image.affine
