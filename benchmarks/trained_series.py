"""The trained network for BOLD against PCAs, where it was not trained: docs/benchmarks/cnn4d.md.

::

    python benchmarks/trained_series.py [--snr 30,60,120] [--real RUN.nii.gz]
        [--patch-denoise-python PYTHON]

Simulated runs (``bids_denoise.simulate.bold``) of people, matrices, repetition times and numbers of
volumes that the training has not: it has 28 to 44 voxels in plane, 20 to 28 slices, 0.7 to 1.5 and
2 to 3 s, 60 to 160 volumes. Gaussian noise; all are told sigma, but MP-PCA, which finds it. Error:
root mean square of the change about each voxel's mean, against the noise-free run, in the brain,
in sigma. ``pca`` is given in its default, with optimal shrinkage, and with wider patches;
patch-denoise gets cubes of 5 voxels every 2, and is left out where these do not reach the last
voxels, to which it gives no value. "Less" is what the network has less than the best of all others.

Real: the last 56 volumes of a run (``--real``), which the training had not, with 3 and 6 times the
noise that it has. Error against the run as it is, less the variance of its own noise.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.series_peer import run_peer  # noqa: E402
from benchmarks.tables import levels, page_parser, table, write_page  # noqa: E402
from bids_denoise import imageio  # noqa: E402
from bids_denoise.denoisers.apply import denoise  # noqa: E402
from bids_denoise.denoisers.cnn4d import Cnn4d  # noqa: E402
from bids_denoise.denoisers.local_pca import LocalPca  # noqa: E402
from bids_denoise.denoisers.mppca import MarchenkoPasturPca  # noqa: E402
from bids_denoise.intensity import foreground  # noqa: E402
from bids_denoise.noise import estimate  # noqa: E402
from bids_denoise.simulate import anatomy, bold  # noqa: E402
from bids_denoise.simulate.noise import add_gaussian  # noqa: E402
from bids_denoise.values import Device, Image, Noise  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bids_denoise.denoisers.base import Denoiser
    from bids_denoise.values import BoolArray, FloatArray

THREADS = 2
LAST, TIMES = 56, (3, 6)
TASK = {"task": bold.Region((0, -80, 8), 30)}
OURS: dict[str, Denoiser] = {
    "pca": LocalPca(),
    "pca, optimal": LocalPca(shrinkage="optimal"),
    "pca, radius 3": LocalPca(radius=3.0),
    "pca, cube, optimal": LocalPca(kernel="cube", radius=2.0, shrinkage="optimal"),
    "mppca": MarchenkoPasturPca(),
}
PEERS = {"patch-denoise-mppca": "patch-denoise MP-PCA", "patch-denoise-hybrid": "hybrid"}
HEAD = ["run", "SNR", "noisy", *OURS, *PEERS.values(), "cnn4d", "less"]


class Case(NamedTuple):
    """A noise-free run (x, y, z, t), where it is judged, and the sigma (x, y, z) put on it."""

    label: str
    level: str
    truth: FloatArray
    brain: BoolArray
    sigma: FloatArray
    own: float = 0.0
    """Variance of the noise that the run holds itself, over that of sigma."""


class Matrix(NamedTuple):
    """How a run is taken."""

    shape: tuple[int, int, int]
    voxel: tuple[float, float, float]
    tr: float
    volumes: int


MATRICES = (
    Matrix((49, 55, 19), (3.0, 3.0, 3.3), 1.8, 200),
    Matrix((64, 64, 30), (2.4, 2.4, 2.4), 3.5, 50),
    Matrix((48, 48, 14), (4.0, 4.0, 5.0), 0.5, 400),
)


def main() -> None:
    given = _arguments()
    rows = []
    for case in (*_simulated(given.snr), *_real(given.real)):
        rows.append(_judged(case, given.patch_denoise_python))
        print(rows[-1], flush=True)
    said = f"{os.cpu_count()} processors"
    write_page("The trained network for BOLD", __doc__ or "", said, table(HEAD, rows), given.output)


def _simulated(snrs: list[float]) -> Iterator[Case]:
    for number, (shape, voxel, tr, volumes) in enumerate(MATRICES):
        head = anatomy.draw_individual(np.random.default_rng(100 + number))
        grid = anatomy.centred_grid(shape, voxel, (0.0, -18.0, 20.0))
        events = tuple(bold.Event(10.0 + 40 * n, 20.0, "task") for n in range(20))
        rng = np.random.default_rng(200 + number)
        run = bold.bold_run(head, grid, bold.Paradigm(events, TASK), (tr, volumes), rng)
        label = f"{' x '.join(map(str, shape))}, {volumes} of {tr:g} s"
        for snr in snrs:
            level = np.float32(np.median(run.series[run.brain]) / snr)
            yield Case(label, f"{snr:g}", run.series, run.brain, np.full(shape, level))


def _real(path: Path | None) -> Iterator[Case]:
    if path is None:
        return
    run = np.ascontiguousarray(imageio.read(path)[..., -LAST:])
    mask = np.ones(run.shape[:3], np.bool_)
    sigma = estimate(Image(run, np.eye(4), mask)).sigma
    head = foreground(run.mean(axis=-1), mask)
    for times in TIMES:
        snr = float(np.median(run.mean(axis=-1)[head] / sigma[head])) / times
        yield Case(f"real, {times} x noise", f"{snr:.0f}", run, head, times * sigma, 1 / times**2)


def _judged(case: Case, python: str) -> list[str]:
    noisy = add_gaussian(case.truth, case.sigma[..., np.newaxis], np.random.default_rng(5))
    image = Image(noisy, np.eye(4), np.ones(case.brain.shape, np.bool_))
    # The network takes the noise that a real run has of its own as well.
    noise = Noise(case.sigma * np.float32(np.sqrt(1 + case.own)), "gaussian", "known")

    def error(series: FloatArray) -> float:
        scaled = (series - case.truth)[case.brain] / case.sigma[case.brain][:, np.newaxis]
        return float(np.sqrt(max(np.mean(scaled.var(axis=-1)) - case.own, 0)))

    def ours(denoiser: Denoiser) -> float:
        return error(denoise(denoiser, image, noise, Device(threads=THREADS)).data)

    others = [ours(denoiser) for denoiser in OURS.values()]
    facts = {"sigma": float(np.median(case.sigma)), "threads": THREADS}
    even = np.ptp(case.sigma) == 0
    peers = [run_peer(name, noisy, facts, python) if even else None for name in PEERS]
    others += [error(each[0]) if each else np.nan for each in peers]
    network = ours(Cnn4d())
    return [
        case.label, case.level, f"{error(noisy):.3f}",
        *("" if np.isnan(each) else f"{each:.3f}" for each in others),
        f"**{network:.3f}**", f"{100 * (1 - network / np.nanmin(others)):.1f} %",
    ]  # fmt: skip


def _arguments() -> argparse.Namespace:
    parser = page_parser(__doc__ or "", "cnn4d.md", "")
    parser.add_argument("--snr", type=levels, default="30,60,120", help="of a volume")
    parser.add_argument("--real", type=Path, help="a run, whose last volumes are taken")
    parser.add_argument(
        "--patch-denoise-python", default=sys.executable, help="a Python that has patch-denoise"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
