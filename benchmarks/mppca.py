"""MP-PCA against MRtrix's dwidenoise and DIPY: prints tables, writes docs/benchmarks/mppca.md.

::

    python benchmarks/mppca.py [--real ../shared/data] [--only speed,truth,windows] [--quick]

The scans are simulated from MNI152 (ships with nilearn), with known truth; a real diffusion scan
is compared where the folder is given. All run on the same number of threads, one after the
other in turns; the shortest of the turns counts.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import inspect
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.tables import table
from bids_denoise import __version__
from bids_denoise.kernels.mppca_cpu import mppca
from bids_denoise.simulate import anatomy, bold, dwi, gradients
from bids_denoise.simulate.noise import add_gaussian, add_rician
from bids_denoise.simulate.phantom import Tissue

if TYPE_CHECKING:
    from bids_denoise.values import BoolArray, FloatArray

    Row = list[str]
    Outcome = tuple[FloatArray, FloatArray]

THREADS = 2
OUTPUT = Path(__file__).parents[1] / "docs" / "benchmarks" / "mppca.md"
ESTIMATORS = {"Exp1": "veraart2016", "Exp2": "corderogrande2019"}
CENTRE = (0.0, -18.0, 12.0)


@dataclass(frozen=True)
class Series:
    """A noisy series; `truth` is empty for a real one. `inside` is the brain or its like."""

    name: str
    noisy: FloatArray
    truth: FloatArray
    inside: BoolArray
    sigma: float


def simulated(shape: tuple[int, int, int], voxel: float, shells: Any, unweighted: int) -> Series:
    """Return a diffusion series with Rician noise of 4 % of white matter at b = 0."""
    rng = np.random.default_rng(0)
    grid = anatomy.centred_grid(shape, (voxel, voxel, voxel), CENTRE)
    scheme = gradients.scheme(shells, unweighted, rng)
    run = dwi.diffusion_series(anatomy.draw_individual(rng), grid, scheme, rng)
    sigma = 0.04 * dwi.MEANS[Tissue.WHITE]
    noisy = add_rician(run.series, sigma, rng)
    name = f"simulated, {' x '.join(map(str, noisy.shape))}"
    return Series(name, noisy, run.series, run.brain, sigma)


def real_scans(folder: Path | None) -> list[Series]:
    found = []
    for path in sorted(folder.glob("human-dwi/sub-*/dwi/*_dwi.nii.gz")) if folder else []:
        image: Any = nibabel.load(path)
        data = np.ascontiguousarray(image.get_fdata(dtype=np.float32))
        bright = data[..., 0] > 0.25 * np.percentile(data[..., 0], 98)
        brain = ndimage.binary_opening(bright, iterations=2)
        name = f"real ({path.name}), {' x '.join(map(str, data.shape))}"
        found.append(Series(name, data, np.empty(0, np.float32), brain, 0.0))
    return found


def ours(series: Series, window: int, estimator: str) -> Outcome:
    mask = np.ones(series.inside.shape, bool)
    return mppca(series.noisy, mask, window, ESTIMATORS[estimator], THREADS)[:2]


def dwidenoise(series: Series, window: int, estimator: str, kind: str = "float32") -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        source, out, sigma = (Path(folder, f"{name}.nii") for name in ("in", "out", "sigma"))
        nibabel.save(nibabel.Nifti1Image(series.noisy, np.eye(4)), source)
        command = f"dwidenoise {source} {out} -noise {sigma} -extent {window} -quiet"
        options = f" -estimator {estimator} -datatype {kind} -nthreads {THREADS}"
        subprocess.run((command + options).split(), check=True)
        images: list[Any] = [nibabel.load(path) for path in (out, sigma)]
        return images[0].get_fdata(dtype=np.float32), images[1].get_fdata(dtype=np.float32)


def dipy(series: Series, window: int) -> Outcome:
    from dipy.denoise.localpca import mppca as peer

    found = peer(series.noisy, patch_radius=window // 2, return_sigma=True, suppress_warning=True)
    return found[0], found[1]


@dataclass
class Clock:
    """The shortest wall-clock and processor time of the runs so far."""

    wall: float = np.inf
    processor: float = np.inf

    def run(self, work: Callable[[], Outcome]) -> Outcome:
        """Do the work and look at the clock."""
        before, start = _processor_time(), time.perf_counter()
        outcome = work()
        self.wall = min(self.wall, time.perf_counter() - start)
        self.processor = min(self.processor, _processor_time() - before)
        return outcome

    def __str__(self) -> str:
        return f"{self.wall:.2f} ({self.processor:.2f})"


def _processor_time() -> float:
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(each.ru_utime + each.ru_stime for each in map(resource.getrusage, whose))


def difference(one: FloatArray, other: FloatArray, inside: BoolArray) -> str:
    error = np.mean(np.square(one[inside] - other[inside]), dtype=np.float64)
    return f"{np.sqrt(error / np.mean(np.square(other[inside]), dtype=np.float64)):.1e}"


def speed(real: Path | None, quick: bool) -> tuple[Row, list[Row]]:
    """Compare time and result with dwidenoise: same window, same estimator, same threads.

    Seconds are wall clock, in brackets processor time, the fairer one where the machine is shared.
    Differences in the brain are relative root mean squares, of the series and of the noise map, to
    dwidenoise in single and in double precision; the last column: how far those are apart.
    """
    small = simulated((72, 72, 36), 3.0, [(2000.0, 20)], 1)
    large = simulated((96, 96, 60), 2.2, [(1000.0, 20), (2000.0, 40)], 4)
    settings = [(each, window) for each in (small, *real_scans(real)) for window in (3, 5)]
    rows = []
    for series, window in [*settings, (large, 5)][: 2 if quick else None]:
        for estimator in ESTIMATORS:
            if series is large and estimator == "Exp1":
                continue
            rows.append(_side_by_side(series, window, estimator, 1 if series is large else 3))
            print(rows[-1], flush=True)
    head = ["series", "window", "estimator", "bids-denoise s", "dwidenoise s", "times faster"]
    return [*head, "to float32", "to float64", "float32 to float64"], rows


def _side_by_side(series: Series, window: int, estimator: str, turns: int) -> Row:
    own, peer = Clock(), Clock()
    for _ in range(turns):
        mine = own.run(lambda: ours(series, window, estimator))
        single = peer.run(lambda: dwidenoise(series, window, estimator))
    double = dwidenoise(series, window, estimator, "float64")
    inside = series.inside
    pairs = ((mine, single), (mine, double), (single, double))
    apart = (
        f"{difference(one[0], other[0], inside)}, {difference(one[1], other[1], inside)}"
        for one, other in pairs
    )
    faster = f"{peer.wall / own.wall:.1f} ({peer.processor / own.processor:.1f})"
    return [series.name, str(window), estimator, str(own), str(peer), faster, *apart]


def truth(real: Path | None, quick: bool) -> tuple[Row, list[Row]]:
    """Measure the error to the noise-free series in the brain, Rician noise.

    The bias of magnitudes stays in. DIPY averages all windows that overlap in a voxel; the others
    take the one it is the middle of.
    """
    del real
    shape = (40, 48, 8) if quick else (60, 72, 24)
    rows = []
    for series in (
        simulated(shape, 3.0, [(2000.0, 20)], 1),
        simulated(shape, 3.0, [(1000.0, 20), (2000.0, 40)], 4),
    ):
        window = 3 if series.noisy.shape[3] <= 27 else 5
        rows.append([series.name, "noisy", "", *_errors(series, series.noisy), ""])
        methods: dict[str, Callable[[], Outcome]] = {
            "bids-denoise": lambda s=series, w=window: ours(s, w, "Exp2"),  # type: ignore[misc]
            "dwidenoise": lambda s=series, w=window: dwidenoise(s, w, "Exp2"),  # type: ignore[misc]
            "DIPY mppca": lambda s=series, w=window: dipy(s, w),  # type: ignore[misc]
        }
        for name, method in methods.items():
            clock = Clock()
            data, sigma = clock.run(method)
            level = f"{np.median(sigma[series.inside]) / series.sigma:.3f}"
            rows.append(
                [series.name, f"{name}, {window}^3", str(clock), *_errors(series, data), level]
            )
            print(rows[-1], flush=True)
    return [
        "series",
        "method",
        "s",
        "RMSE / sigma",
        "bias / sigma",
        "estimated sigma / sigma",
    ], rows


def _errors(series: Series, data: FloatArray) -> tuple[str, str]:
    error = (data[series.inside] - series.truth[series.inside]) / series.sigma
    return f"{np.sqrt(np.mean(np.square(error))):.3f}", f"{np.mean(error):+.3f}"


def windows(real: Path | None, quick: bool) -> tuple[Row, list[Row]]:
    """Show what the window does to a BOLD run: the gain, and where activation goes.

    156 simulated volumes, 3.4 x 3.4 x 4 mm, tSNR 80, blocks of 16 s that change the signal by 2 %,
    Gaussian noise. Amplitudes are in % of the true mean inside; outside it is what was added.
    """
    del real
    rng = np.random.default_rng(0)
    grid = anatomy.centred_grid((40, 44, 12) if quick else (64, 64, 26), (3.4, 3.4, 4.0), CENTRE)
    volumes, tr = 156, 2.0
    paradigm = bold.Paradigm(
        tuple(bold.Event(8 + 40 * block, 16, "task") for block in range(7)),
        {"task": bold.Region((-38, -24, 30), 14)},
        amplitude=0.02,
    )
    run = bold.bold_run(anatomy.draw_individual(rng), grid, paradigm, (tr, volumes), rng)
    sigma = 0.012 * float(np.median(run.series[run.brain]))
    noisy = add_gaussian(run.series, sigma, rng)
    series = Series("bold", noisy, run.series, run.brain, sigma)
    rows = [["none", "", *_activation(series, run, noisy)]]
    for window in (3, 5, 7):
        clock = Clock()
        data, _ = clock.run(lambda w=window: ours(series, w, "Exp2"))  # type: ignore[misc]
        rows.append([f"{window}^3", str(clock), *_activation(series, run, data)])
        print(rows[-1], flush=True)
    head = ["window", "s", "RMSE / sigma", "tSNR", "amplitude inside", "t inside"]
    return [*head, "amplitude 1 voxel outside", "2", "3"], rows


def _activation(series: Series, run: bold.BoldTruth, data: FloatArray) -> Row:
    """Fit the known response; amplitudes are in % of the mean true one inside."""
    course = run.responses["task"].astype(np.float64)
    ramp = np.linspace(-1, 1, len(course))
    design = np.stack([course, np.ones_like(course), ramp, ramp**2, ramp**3], axis=1)
    inverse = np.linalg.pinv(design)
    beta, error = _fit(data, design, inverse)
    clean = _fit(series.truth, design, inverse)[0]
    amplitude = run.amplitudes["task"]
    active = (amplitude > 0.5 * amplitude.max()) & run.brain
    scale = clean[active].mean() / 100
    distance = ndimage.distance_transform_edt(amplitude < 0.05 * amplitude.max())
    shells = [(np.round(distance) == step) & run.brain for step in (1, 2, 3)]
    tsnr = np.median(data[run.brain].mean(axis=1) / data[run.brain].std(axis=1))
    return [
        _errors(series, data)[0],
        f"{tsnr:.1f}",
        f"{beta[active].mean() / scale:.1f} %",
        f"{np.median(beta[active] / error[active]):.2f}",
        *(f"{(beta[shell] - clean[shell]).mean() / scale:+.1f} %" for shell in shells),
    ]


def _fit(data: FloatArray, design: Any, inverse: Any) -> tuple[Any, Any]:
    weights = data.astype(np.float64) @ inverse.T
    rest = data - weights @ design.T
    variance = np.square(rest).sum(axis=-1) / (design.shape[0] - design.shape[1])
    unit = np.linalg.inv(design.T @ design)[0, 0]
    return weights[..., 0], np.sqrt(np.maximum(variance * unit, 1e-20))


PARTS = {"speed": speed, "truth": truth, "windows": windows}


def setting() -> str:
    """Return the date, versions and the machine."""
    banner = subprocess.run(["dwidenoise", "-version"], capture_output=True, text=True, check=True)
    peers = [f"{name} {importlib.metadata.version(name)}" for name in ("numba", "numpy", "dipy")]
    model = [
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    processor = model[0].split(":")[1].strip() if model else platform.processor()
    return (
        f"{datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d}, bids-denoise {__version__}, "
        f"{banner.stdout.splitlines()[0].strip('= ')}, {', '.join(peers)}; {processor}, "
        f"{os.cpu_count()} processors, {THREADS} threads each."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--real", type=Path, help="folder of real scans")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas")
    parser.add_argument("--quick", action="store_true", help="small scans")
    given = parser.parse_args()
    mppca(np.ones((3, 3, 3, 10), np.float32), np.ones((3, 3, 3), bool), 3, "veraart2016")
    pages = ["# MP-PCA\n", (__doc__ or "").split("\n\n")[-1], setting()]
    for name in given.only.split(","):
        part = PARTS[name]
        title, _, text = inspect.cleandoc(part.__doc__ or "").partition("\n\n")
        pages.append(f"\n## {title.rstrip('.')}\n\n{text}\n")
        pages.append(table(*part(given.real, given.quick)))
        print(pages[-1], flush=True)
    if set(given.only.split(",")) == set(PARTS) and not given.quick:
        OUTPUT.parent.mkdir(parents=True, exist_ok=True)
        OUTPUT.write_text("\n".join(pages) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
