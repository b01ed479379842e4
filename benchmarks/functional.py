"""Denoisers of BOLD runs against their peers: writes docs/benchmarks/functional.md.

::

    python benchmarks/functional.py [--snr 30,60,120] [--methods pca,mppca,cnn4d]
        [--patch-denoise-python PYTHON]

A simulated run (``bids_denoise.simulate.bold``) of 49 x 55 x 19 voxels of 3 x 3 x 3.3 mm, 200
volumes of 1.8 s, with networks, local fluctuation, pulse, breath, drift and motion as strong as in
a real run, blocks of 20 s that change the signal of visual cortex by 2 %, and Rician noise; SNR is
that of the brain in one volume. "Two runs" is the mean of two, of the same person and blocks, with
another physiology. Ours estimate sigma and law from the noisy run, outside the clock;
patch-denoise's optimal, hybrid and NORDIC (magnitude only) are told sigma, and get cubes of 5
voxels every 2.

RMSE: to the noise-free run in the brain, in sigma; temporal: without each voxel's mean. Activation
by nilearn's GLM with AR(1) noise, cosines of at least 128 s and the true response: mean amplitude
(of the noise-free run's) and mean t where it is more than half of its peak; false positives at
p < 0.001 in all of the brain where there is none, and within two voxels of it. FWHM: smoothness of
the demeaned run from the correlation of neighbours, in mm.

NORDIC: the same run, complex, with a phase that is smooth in space and changes with breath, in
cubes of 13 voxels every 6 for all, without taking out smooth phase, which patch-denoise does not;
tSNR is the median of the brain, of the magnitude. patch-denoise 1.4.4 takes its threshold from a
random matrix of voxels times volumes by volumes in place of voxels by volumes, which is ten times
too high; so it is also given the threshold of a patch's own size (its ``raw_svt``), which is NORDIC
as published, and what ours is compared with.

With a phase: the same complex run, its magnitude alone and both, each method as it comes.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.series_peer import PEERS, run_peer  # noqa: E402
from benchmarks.tables import levels, page_parser, table, write_page  # noqa: E402
from bids_denoise.denoisers import DENOISERS  # noqa: E402
from bids_denoise.denoisers.apply import denoise  # noqa: E402
from bids_denoise.denoisers.local_pca import LocalPca  # noqa: E402
from bids_denoise.denoisers.nordic import Nordic  # noqa: E402
from bids_denoise.metrics.fluctuation import smoothness  # noqa: E402
from bids_denoise.noise import estimate  # noqa: E402
from bids_denoise.simulate import anatomy, bold  # noqa: E402
from bids_denoise.simulate.noise import add_rician  # noqa: E402
from bids_denoise.values import Device, Image, Noise  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from bids_denoise.denoisers.base import Denoiser
    from bids_denoise.simulate.bold import BoldTruth
    from bids_denoise.values import BoolArray, FloatArray

    Precise = npt.NDArray[np.float64]

THREADS = 2
COMPLEX_SNR = (10, 20, 40, 80)
VOXEL = (3.0, 3.0, 3.3)
GRID = anatomy.centred_grid((49, 55, 19), VOXEL, (0.0, -18.0, 25.0))
TR, VOLUMES = 1.8, 200
PARADIGM = bold.Paradigm(
    tuple(bold.Event(10.0 + 40 * block, 20.0, "task") for block in range(8)),
    {"task": bold.Region((0, -80, 8), 30)},
    amplitude=0.02,
)
HIGH_PASS = 1 / 128
NEAR = 2
HEAD = [
    "SNR", "method", "s", "RMSE", "temporal", "amplitude", "t", "false positives", "near",
    "FWHM mm",
]  # fmt: skip


NORDIC_HEAD = [
    "SNR", "tSNR noisy", "bids-denoise", "patch-denoise, threshold of its size",
    "patch-denoise NORDIC", "difference to the second", "bids-denoise s",
]  # fmt: skip


@dataclass(frozen=True)
class Run:
    """A noise-free run, and what is asked of a denoised one."""

    truth: BoldTruth

    @cached_property
    def active(self) -> BoolArray:
        """Where the activation is more than half of its peak."""
        amplitude = self.truth.amplitudes["task"]
        return np.asarray((amplitude > 0.5 * amplitude.max()) & self.truth.brain)

    @cached_property
    def silent(self) -> BoolArray:
        """Where in the brain there is none."""
        return np.asarray((self.truth.amplitudes["task"] == 0) & self.truth.brain)

    @cached_property
    def near(self) -> BoolArray:
        """Where there is none, but within `NEAR` voxels."""
        from scipy.ndimage import binary_dilation

        return np.asarray(binary_dilation(~self.silent & self.truth.brain, iterations=NEAR)) & (
            self.silent
        )

    @cached_property
    def true_amplitude(self) -> float:
        """The mean amplitude that the GLM finds in the noise-free run."""
        return float(self.fitted(self.truth.series)[0][self.active].mean())

    def fitted(self, series: FloatArray) -> tuple[Precise, Precise]:
        """Return amplitude and t (x, y, z) of the activation, 0 outside the brain."""
        from nilearn.glm import compute_contrast
        from nilearn.glm.first_level import run_glm

        times = np.arange(VOLUMES)
        slow = int(2 * VOLUMES * TR * HIGH_PASS)
        waves = [np.cos(np.pi * (times + 0.5) * k / VOLUMES) for k in range(slow + 1)]
        design = np.column_stack([self.truth.responses["task"], *waves])
        inside = self.truth.brain
        labels, results = run_glm(series[inside].T.astype(np.float64), design, noise_model="ar1")
        contrast = np.eye(design.shape[1])[0]
        found = compute_contrast(labels, results, contrast, stat_type="t")
        maps = np.zeros((2, *inside.shape))
        maps[:, inside] = found.effect_size().ravel(), found.stat().ravel()
        return maps[0], maps[1]

    def judged(self, series: FloatArray, sigma: float) -> list[str]:
        """Return the cells of a row."""
        from scipy.stats import t as student

        error = (series - self.truth.series)[self.truth.brain] / sigma
        temporal = error - error.mean(axis=-1, keepdims=True)
        amplitude, t = self.fitted(series)
        limit = student.ppf(0.999, VOLUMES - 2 - int(2 * VOLUMES * TR * HIGH_PASS))
        false = [100 * np.mean(t[where] > limit) for where in (self.silent, self.near)]
        return [
            f"{np.sqrt(np.mean(error**2)):.3f}",
            f"{np.sqrt(np.mean(temporal**2)):.3f}",
            f"{100 * amplitude[self.active].mean() / self.true_amplitude:.1f} %",
            f"{t[self.active].mean():.2f}",
            *(f"{each:.2f} %" for each in false),
            f"{smoothness(series, self.truth.brain, VOXEL):.2f}",
        ]


def main() -> None:
    given = _arguments()
    head = anatomy.draw_individual(np.random.default_rng(0))
    run, again = (
        bold.bold_run(head, GRID, PARADIGM, (TR, VOLUMES), np.random.default_rng(seed))
        for seed in (1, 2)
    )
    judge = Run(run)
    rows = [["", "noise-free", "", *judge.judged(run.series, 1.0)]]
    for snr in given.snr:
        sigma = float(np.median(run.series[run.brain])) / snr
        rng = np.random.default_rng(3)
        noisy, other = (add_rician(each.series, sigma, rng) for each in (run, again))
        rows.append([f"{snr:g}", "noisy", "", *judge.judged(noisy, sigma)])
        mean = np.asarray((noisy + other) / 2, dtype=np.float32)
        rows.append([f"{snr:g}", "two runs", "", *judge.judged(mean, sigma)])
        for name in given.methods:
            result, seconds = _ours(noisy, name)
            label = f"bids-denoise {name}"
            rows.append([f"{snr:g}", label, f"{seconds:.1f}", *judge.judged(result, sigma)])
            print(rows[-1], flush=True)
        facts = {"sigma": sigma, "threads": THREADS}
        for name, (label, package, _) in PEERS.items():
            if package == "dipy" or name.endswith("threshold"):
                continue
            python = given.patch_denoise_python if package == "patch-denoise" else sys.executable
            found = run_peer(name, noisy, facts, python)
            if found:
                row = [f"{snr:g}", label, f"{found[1]:.1f}", *judge.judged(found[0], sigma)]
                rows.append(row)
                print(row, flush=True)
    nordic = table(NORDIC_HEAD, [_nordic(run, snr, given) for snr in given.snr])
    phases = table(HEAD, [row for snr in COMPLEX_SNR for row in _complex_or_not(judge, snr)])
    body = f"{table(HEAD, rows)}\n\n## NORDIC\n\n{nordic}\n\n## With a phase\n\n{phases}"
    write_page("BOLD", __doc__ or "", f"{os.cpu_count()} processors", body, given.output)


def _ours(noisy: FloatArray, name: str) -> tuple[FloatArray, float]:
    mask = np.ones(noisy.shape[:3], np.bool_)
    image, device = Image(noisy, GRID.affine, mask), Device(threads=THREADS)
    noise: Any = estimate(image)
    few = Image(noisy[:9, :9, :9].copy(), GRID.affine, mask[:9, :9, :9].copy())
    denoise(DENOISERS[name](), few, estimate(few), device)  # compiles
    start = time.perf_counter()
    result = denoise(DENOISERS[name](), image, noise, device).data
    return result, time.perf_counter() - start


def _nordic(run: BoldTruth, snr: float, given: argparse.Namespace) -> list[str]:
    """Compare ours and patch-denoise's on one complex run."""
    sigma = float(np.median(run.series[run.brain])) / snr
    noisy = _complex_run(run, sigma)
    image = Image(
        np.abs(noisy), GRID.affine, np.ones(run.brain.shape, np.bool_), phase=np.angle(noisy)
    )
    noise = Noise(np.full(run.brain.shape, sigma, np.float32), "rician", "known")
    start = time.perf_counter()
    ours = denoise(Nordic(phase_width=0), image, noise, Device(threads=THREADS))
    seconds = time.perf_counter() - start
    edge = ours.choices["patch"]
    facts = {"sigma": sigma, "threads": THREADS, "edge": edge, "overlap": edge - edge // 2}
    tsnr = [_tsnr(each, run.brain) for each in (np.abs(noisy), ours.data)]
    for name in ("patch-denoise-threshold", "patch-denoise-nordic"):
        found = run_peer(name, noisy, facts, given.patch_denoise_python)
        tsnr.append(_tsnr(np.abs(found[0]), run.brain) if found else np.nan)
    return [
        f"{snr:g}", *(f"{each:.2f}" for each in tsnr), f"{100 * (tsnr[1] / tsnr[2] - 1):+.2f} %",
        f"{seconds:.1f}",
    ]  # fmt: skip


def _complex_or_not(judge: Run, snr: float) -> Iterator[list[str]]:
    """Yield the rows of one complex run, by its magnitude alone and with its phase."""
    sigma = float(np.median(judge.truth.series[judge.truth.brain])) / snr
    noisy = _complex_run(judge.truth, sigma)
    mask = np.ones(judge.truth.brain.shape, np.bool_)
    image = Image(np.abs(noisy), GRID.affine, mask, phase=np.angle(noisy))
    noise = Noise(np.full(mask.shape, sigma, np.float32), "rician", "known")
    yield [f"{snr:g}", "noisy", "", *judge.judged(image.data, sigma)]
    ways: dict[str, Denoiser] = {
        "pca, magnitude": LocalPca(),
        "nordic, magnitude": Nordic(),
        "nordic, complex": Nordic(),
    }
    for label, denoiser in ways.items():
        shown = image if label.endswith("complex") else replace(image, phase=None)
        start = time.perf_counter()
        made = denoise(denoiser, shown, noise, Device(threads=THREADS)).data
        seconds = time.perf_counter() - start
        yield [f"{snr:g}", label, f"{seconds:.1f}", *judge.judged(made, sigma)]


def _complex_run(run: BoldTruth, sigma: float) -> npt.NDArray[np.complex64]:
    """Return the run with a phase, and complex noise of `sigma` in both channels."""
    rng = np.random.default_rng(4)
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in run.brain.shape), indexing="ij")
    breath = 0.3 * np.sin(1.9 * np.arange(VOLUMES))
    phase = (2 * x + y * y - z)[..., np.newaxis] + y[..., np.newaxis] * breath
    white = rng.standard_normal((2, *run.series.shape), dtype=np.float32)
    noisy = run.series * np.exp(1j * phase) + sigma * (white[0] + 1j * white[1])
    return np.asarray(noisy, dtype=np.complex64)


def _tsnr(series: npt.NDArray[Any], inside: BoolArray) -> float:
    voxels = series[inside]
    return float(np.median(voxels.mean(axis=-1) / voxels.std(axis=-1)))


def _arguments() -> argparse.Namespace:
    parser = page_parser(__doc__ or "", "functional.md", "pca,mppca,cnn4d")
    parser.add_argument("--snr", type=levels, default="30,60,120", help="of a volume")
    parser.add_argument(
        "--patch-denoise-python", default=sys.executable, help="a Python that has patch-denoise"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
