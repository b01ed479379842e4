"""Non-local means against DIPY and ANTs: prints a table, writes docs/benchmarks/nlm.md.

::

    python benchmarks/nlm.py [--anatomy ch2.nii.gz] [--levels 1,3,9,15] [--ants-python PYTHON]

The truth is Colin27, the mean of 27 scans of one head (Debian package ``mricron-data``, 181 x 217 x
181 voxels), with Rician noise of two independent Gaussian channels, sigma in % of 255. PSNR has
the peak 255, SSIM a Gaussian window of 1.5 voxels; both are over the voxels above 10. Each method
runs in a process of its own, one after the other, on the same number of threads, after a first run
on a small piece (compilation). The peers are given the true sigma, except ANTs, which has no
option for it; bids-denoise is given what it estimates itself. Seconds are those of the fastest
turn, without the estimate. Memory is the peak resident set above that with the input loaded.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measures import psnr, ssim
from benchmarks.memory import reset_peak, status

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray

    Filter = Callable[[FloatArray], FloatArray]
    Outcome = dict[str, Any]

COLIN27 = Path("/usr/share/mricron/templates/ch2.nii.gz")
OUTPUT = Path(__file__).parents[1] / "docs" / "benchmarks" / "nlm.md"
PEAK = 255.0
LEAST = 10.0
THREADS = 2
SMALL = 24
THREAD_LEVEL = 9.0
HEAD = (
    "noise", "method", "wall s", "CPU s", "PSNR dB", "SSIM", "bytes a voxel",
    "1 and 2 threads differ by",
)  # fmt: skip


@dataclass(frozen=True)
class Job:
    """One run of one method on one noisy volume, in its own process."""

    method: str
    noisy: Path
    result: Path
    sigma: float
    threads: int
    turns: int


def ours(name: str, sigma: float, threads: int) -> Filter:
    from bids_denoise.denoisers import DENOISERS
    from bids_denoise.denoisers.apply import denoise
    from bids_denoise.noise import estimate
    from bids_denoise.values import Device, Image, Noise

    denoiser, device = DENOISERS[name](), Device(threads=threads)
    known: dict[tuple[int, ...], Noise] = {}

    def run(noisy: FloatArray) -> FloatArray:
        image = Image(noisy, np.eye(4), np.ones(noisy.shape, bool))
        if noisy.shape not in known:
            whole = min(noisy.shape) > SMALL
            known[noisy.shape] = (
                estimate(image)
                if whole
                else Noise(np.full(noisy.shape, sigma or 1, np.float32), "rician", "known")
            )
            return noisy  # the estimate is made before the clock starts
        return denoise(denoiser, image, known[noisy.shape], device).data

    return run


def dipy(sigma: float, threads: int, patch_radius: int) -> Filter:
    from dipy.denoise.nlmeans import nlmeans

    def run(noisy: FloatArray) -> FloatArray:
        return np.asarray(
            nlmeans(noisy, sigma, patch_radius=patch_radius, rician=True, num_threads=threads)
        )

    return run


def ants(threads: int) -> Filter:
    os.environ["ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"] = str(threads)
    import ants as library

    def run(noisy: FloatArray) -> FloatArray:
        image = library.from_numpy(noisy)
        return np.asarray(library.denoise_image(image, noise_model="Rician").numpy())

    return run


METHODS: dict[str, Callable[[float, int], Filter]] = {
    "bids-denoise nlm": lambda sigma, threads: ours("nlm", sigma, threads),
    "bids-denoise gaussian": lambda sigma, threads: ours("gaussian", sigma, threads),
    "DIPY nlmeans": lambda sigma, threads: dipy(sigma, threads, 1),
    "DIPY nlmeans, patch_radius=5": lambda sigma, threads: dipy(sigma, threads, 5),
    "ANTs DenoiseImage": lambda _, threads: ants(threads),
}
SLOW = {"DIPY nlmeans, patch_radius=5"}


def work(job: Job) -> Outcome:
    """Run a job in this process; its result goes to a file."""
    noisy = np.load(job.noisy)
    small = np.random.default_rng(0).normal(100, 10, (SMALL,) * 3).astype(np.float32)
    run = METHODS[job.method](job.sigma, job.threads)
    for piece in (small, small, noisy) if job.method.startswith("bids-denoise") else (small,):
        run(piece)
    seconds = []
    reset_peak()
    before = status("VmRSS")
    for turn in range(job.turns):
        wall, cpu = time.perf_counter(), time.process_time()
        result = run(noisy)
        seconds.append((time.perf_counter() - wall, time.process_time() - cpu))
        if turn == 0:
            memory = status("VmHWM") - before
    np.save(job.result, result)
    wall, cpu = min(seconds)
    return {"wall": wall, "cpu": cpu, "memory": memory / noisy.size}


def run_apart(job: Job, python: str) -> Outcome | None:
    """Run a job in a new process of `python`; None where its package is missing."""
    facts = json.dumps(job.__dict__, default=str)
    # With a fixed threshold glibc gives freed arrays back, so that the peak is what is in use.
    env = os.environ | {"MALLOC_MMAP_THRESHOLD_": "131072", "PYTHONPATH": str(OUTPUT.parents[2])}
    done = subprocess.run(
        [python, __file__, "--job", facts], capture_output=True, text=True, check=False, env=env
    )
    if done.returncode:
        print(f"{job.method}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    outcome: Outcome = json.loads(done.stdout.splitlines()[-1])
    return outcome


def rician(truth: FloatArray, sigma: float) -> FloatArray:
    rng = np.random.default_rng(0)
    one, other = (sigma * rng.standard_normal(truth.shape) for _ in range(2))
    return np.hypot(truth + one, other).astype(np.float32)


def compare(
    truth: FloatArray, level: float, given: argparse.Namespace, folder: Path
) -> Iterator[tuple[str, ...]]:
    """Yield the rows of one level of noise."""
    sigma = level / 100 * PEAK
    noisy = rician(truth, sigma) if level else truth
    np.save(folder / "noisy.npy", noisy)
    judged = (truth, truth > LEAST, PEAK)
    label = f"{level:g} %"
    if level:
        yield (
            label,
            "noisy",
            "",
            "",
            f"{psnr(noisy, *judged):.2f}",
            f"{ssim(noisy, *judged):.3f}",
            "",
            "",
        )
    for method in METHODS if level else ("bids-denoise nlm",):
        if method in SLOW and level != THREAD_LEVEL:
            continue
        python = given.ants_python if method.startswith("ANTs") else sys.executable
        turns = 1 if method in {*SLOW, "ANTs DenoiseImage"} else given.turns
        job = Job(method, folder / "noisy.npy", folder / "result.npy", sigma, THREADS, turns)
        outcome = run_apart(job, python)
        if outcome is None:
            continue
        result = np.load(job.result)
        compared = level == THREAD_LEVEL and method not in SLOW
        change = differ(job, python, result) if compared else ""
        yield (
            label if level else "none", method, f"{outcome['wall']:.2f}", f"{outcome['cpu']:.2f}",
            f"{psnr(result, *judged):.2f}", f"{ssim(result, *judged):.3f}",
            f"{outcome['memory']:.1f}", change,
        )  # fmt: skip


def differ(job: Job, python: str, result: FloatArray) -> str:
    """Return the largest difference to the result on one thread."""
    alone = Job(job.method, job.noisy, job.result, job.sigma, 1, 1)
    if run_apart(alone, python) is None:
        return ""
    return f"{float(abs(np.load(job.result) - result).max()):.2g}"


def setting(python: str) -> str:
    """Return date, versions and processor."""
    names = ("bids-denoise", "numba", "numpy", "dipy")
    found = [f"{name} {version(name)}" for name in names]
    asked = "import importlib.metadata as m; print(m.version('antspyx'))"
    ants_version = subprocess.run(
        [python, "-c", asked], capture_output=True, text=True, check=False
    ).stdout.strip()
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.split(": ")[1] for line in info if "model name" in line), platform.machine())
    return (
        f"{datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d}, {', '.join(found)}, "
        f"antspyx {ants_version or 'missing'}; {model}, {os.cpu_count()} processors, "
        f"{THREADS} threads each."
    )


def version(name: str) -> str:
    if name == "bids-denoise":
        from bids_denoise import __version__

        return __version__
    return importlib.metadata.version(name)


def line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--anatomy", type=Path, default=COLIN27, help="the noise-free head")
    parser.add_argument("--levels", default="0,1,3,9,15", help="sigma in %% of 255")
    parser.add_argument("--turns", type=int, default=3, help="runs of each method but ANTs")
    parser.add_argument("--ants-python", default=sys.executable, help="a Python with antspyx")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--job", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.job:
        facts = json.loads(given.job)
        facts |= {"noisy": Path(facts["noisy"]), "result": Path(facts["result"])}
        print(json.dumps(work(Job(**facts))))
        return
    import nibabel

    image: Any = nibabel.load(given.anatomy)
    truth = np.ascontiguousarray(image.get_fdata(dtype=np.float32))
    text = "\n\n".join((__doc__ or "").strip().split("\n\n")[2:])
    page = ["# Non-local means", "", text, "", setting(given.ants_python), ""]
    page += [line(HEAD), line(("---",) * len(HEAD))]
    print("\n".join(page[4:]), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for level in map(float, given.levels.split(",")):
            for row in compare(truth, level, given, Path(folder)):
                page.append(line(row))
                print(page[-1], flush=True)
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text("\n".join(page) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
