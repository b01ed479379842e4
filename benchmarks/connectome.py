"""What denoising does to functional connectomes: writes docs/benchmarks/connectome.md.

::

    python benchmarks/connectome.py [--run BOLD.nii.gz] [--methods pca,mppca] [--snr 30,60,120]

Smoothing makes edges more alike for free, so each method stands beside a Gaussian filter of matched
smoothness: the one after which the FWHM of the demeaned run, from the correlation of neighbours, is
that after the method. A Gaussian filter as wide as a voxel is shown as well.

Real run (``--run``; without it this part is left out): geometric parcels of the brain, as the app
makes them, and single voxels spread over it. The connectomes of the first and the second half of
the run, each cleaned on its own (trend, and cosines slower than 0.008 Hz where it is long enough),
are compared: Pearson correlation of the edges after Fisher's z; the mean of the same over the three
ways to make halves of four quarters; ICC(3,1) and ICC(2,1) of the edges as z (Shrout & Fleiss 1979,
doi:10.1037/0033-2909.86.2.420); own: the share of parcels whose edges in the first half are most
like those of the same parcel in the second; partial: Pearson correlation of the partial
correlations (Ledoit-Wolf) after Fisher's z. Residual: correlation of what was removed with the mean
image over the brain, the median of its size over volumes.

Simulated run at rest (``bids_denoise.simulate.bold``): 49 x 55 x 19 voxels of 3 x 3 x 3.3 mm, 200
volumes of 1.8 s, with networks of as many parcels as the table says, local fluctuation, pulse,
breath, drift and motion as strong as in a real run, and Rician noise; SNR is that of the brain in
one volume. Root mean square error of the edges of these parcels to those of the noise-free run, and
to the networks' own, which all else that fluctuates hides; the same for partial correlations to the
noise-free run.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.tables import levels, page_parser, table, write_page  # noqa: E402
from bids_denoise import imageio  # noqa: E402
from bids_denoise.connectome import edges  # noqa: E402
from bids_denoise.connectome.parcels import Parcels, brain_of, geometric  # noqa: E402
from bids_denoise.denoisers import DENOISERS  # noqa: E402
from bids_denoise.denoisers.apply import denoise  # noqa: E402
from bids_denoise.metrics.comparison import voxel_size  # noqa: E402
from bids_denoise.metrics.fluctuation import smoothness  # noqa: E402
from bids_denoise.noise import estimate  # noqa: E402
from bids_denoise.simulate import anatomy, bold  # noqa: E402
from bids_denoise.simulate.noise import add_rician  # noqa: E402
from bids_denoise.simulate.physiology import Physiology  # noqa: E402
from bids_denoise.values import Device, Image, Scan  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bids_denoise.connectome.edges import Precise
    from bids_denoise.values import BoolArray, FloatArray

THREADS = 2
SCALES = (50, 100, 200, 400, 1000)
SEEDS = 1000
SEARCH_VOLUMES = 30
QUARTERS = (((0, 1), (2, 3)), ((0, 2), (1, 3)), ((0, 3), (1, 2)))

GRID = anatomy.centred_grid((49, 55, 19), (3.0, 3.0, 3.3), (0.0, -18.0, 25.0))
TR, VOLUMES = 1.8, 200
NETWORKS = (80, 400, 1000)

REAL_HEAD = [
    "parcels", "voxels each", "method", "FWHM mm", "mean abs r", "edges, halves", "three ways",
    "ICC(3,1)", "ICC(2,1)", "own", "partial",
]  # fmt: skip
SIMULATED_HEAD = [
    "SNR", "parcels", "method", "FWHM mm", "to noise-free", "to the networks", "partial",
]  # fmt: skip


@dataclass(frozen=True)
class Series:
    """A run by a method, to be compared."""

    name: str
    data: FloatArray
    fwhm: float


@dataclass(frozen=True)
class Run:
    """A run as measured, and what is made of it."""

    image: Image
    brain: BoolArray
    methods: Sequence[str]

    @cached_property
    def versions(self) -> tuple[Series, ...]:
        """The run as it is, denoised, and smoothed as much, or by a voxel."""
        voxel = float(np.mean(self.spacing))
        found = [self._series("as measured", self.image.data)]
        found.append(self._series("Gaussian, one voxel", smoothed(self.image.data, voxel, self)))
        noise = estimate(self.image)
        for name in self.methods:
            made = denoise(DENOISERS[name](), self.image, noise, Device(threads=THREADS)).data
            found.append(self._series(name, made))
            width = self.matched(found[-1].fwhm)
            label = f"Gaussian as smooth as {name} ({width:.2f} mm)"
            found.append(self._series(label, smoothed(self.image.data, width, self)))
        return tuple(found)

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Voxel size in mm."""
        return voxel_size(self.image)

    def _series(self, name: str, data: FloatArray) -> Series:
        width = smoothness(data, self.brain, self.spacing) or 0.0
        print(f"{name}: {width:.2f} mm", flush=True)
        return Series(name, data, width)

    def matched(self, wanted: float) -> float:
        """Return the FWHM in mm of the Gaussian after which the run is as smooth as wanted."""
        step = max(1, self.image.data.shape[-1] // SEARCH_VOLUMES)
        some = np.ascontiguousarray(self.image.data[..., ::step])
        start = smoothness(self.image.data, self.brain, self.spacing) or 0.0
        # Fewer volumes have another mean, and another smoothness: the rise is what counts.
        wanted += (smoothness(some, self.brain, self.spacing) or 0.0) - start
        low, high = 0.0, 3 * max(self.spacing)
        for _ in range(9):
            middle = (low + high) / 2
            reached = smoothness(smoothed(some, middle, self), self.brain, self.spacing) or 0.0
            low, high = (middle, high) if reached < wanted else (low, middle)
        return (low + high) / 2


def smoothed(data: FloatArray, fwhm: float, run: Run) -> FloatArray:
    """Return a series after a Gaussian filter in space, FWHM in mm."""
    from scipy.ndimage import gaussian_filter

    widths = [fwhm / 2.3548 / size for size in run.spacing]
    return np.asarray(gaussian_filter(data, (*widths, 0)), dtype=np.float32)


def main() -> None:
    given = _arguments()
    parts = []
    if given.run:
        parts.append(_real(given))
    rows = [row for snr in given.snr for count in NETWORKS for row in _simulated(snr, count, given)]
    parts.append(f"## A simulated run at rest\n\n{table(SIMULATED_HEAD, rows)}")
    said = f"{os.cpu_count()} processors"
    write_page("Connectomes", __doc__ or "", said, "\n\n".join(parts), given.output)


def _real(given: argparse.Namespace) -> str:
    path = given.run.absolute()
    image = imageio.load(Scan(path, path.parent, "func", "bold", {}))
    run = Run(image, brain_of(image, path), given.methods)
    tr = imageio.describe(path).repetition_time
    rows = []
    for count in (*SCALES, 0):
        parcels = geometric(run.brain, image.affine, count) if count else _seeds(run.brain)
        voxels = np.count_nonzero(parcels.labels) / len(parcels.names)
        label = str(len(parcels.names)) if count else f"{SEEDS} voxels"
        for each in run.versions:
            rows.append([label, f"{voxels:.0f}", each.name, f"{each.fwhm:.2f}"])
            rows[-1] += _reliability(each.data, parcels, tr)
            print(rows[-1], flush=True)
    residual = [
        [each.name, f"{_anatomy(image.data - each.data, image.data, run.brain):.3f}"]
        for each in run.versions[1:]
    ]
    shape = " x ".join(map(str, image.data.shape))
    return (
        f"## A real run\n\n{shape} voxels and volumes, {tr:.2f} s.\n\n{table(REAL_HEAD, rows)}\n\n"
        f"{table(['what was removed by', 'correlation with the mean image'], residual)}"
    )


def _seeds(brain: BoolArray) -> Parcels:
    """Return single voxels spread over the brain."""
    where = np.flatnonzero(brain)
    where = where[np.linspace(0, len(where) - 1, SEEDS).astype(int)]
    labels = np.zeros(brain.size, np.int32)
    labels[where] = np.arange(1, SEEDS + 1)
    names = tuple(map(str, range(SEEDS)))
    return Parcels(labels.reshape(brain.shape), names, "seeds", "single voxels")


def _reliability(data: FloatArray, parcels: Parcels, tr: float | None) -> list[str]:
    means = edges.parcel_means(data, parcels)
    quarters = np.array_split(means, 4)
    half = len(means) // 2
    one, other = (edges.cleaned(part, tr) for part in (means[:half], means[-half:]))
    first, second = edges.correlation(one), edges.correlation(other)
    same, own = edges.agreement(first, second)
    ways = [same]
    for way in QUARTERS[1:]:
        parts = [
            edges.correlation(np.concatenate([edges.cleaned(quarters[i], tr) for i in half_run]))
            for half_run in way
        ]
        ways.append(edges.agreement(*parts)[0])
    consistency, absolute = icc(
        edges.fisher_z(edges.edges_of(first)), edges.fisher_z(edges.edges_of(second))
    )
    partial = edges.agreement(edges.partial_correlation(one), edges.partial_correlation(other))[0]
    whole = edges.edges_of(edges.correlation(edges.cleaned(means, tr)))
    numbers = (np.abs(whole).mean(), same, np.mean(ways), consistency, absolute)
    return [*(f"{each:.3f}" for each in numbers), f"{100 * own:.1f} %", f"{partial:.3f}"]


def icc(one: Precise, other: Precise) -> tuple[float, float]:
    """Return ICC(3,1) and ICC(2,1) of two measurements (n,) of the same things."""
    both = np.stack([one, other], axis=1)
    n, k = both.shape
    between = k * both.mean(axis=1).var(ddof=1)
    raters = n * both.mean(axis=0).var(ddof=1)
    left = both - both.mean(axis=1, keepdims=True) - both.mean(axis=0) + both.mean()
    error = np.square(left).sum() / ((n - 1) * (k - 1))
    consistency = (between - error) / (between + (k - 1) * error)
    absolute = (between - error) / (between + (k - 1) * error + k * (raters - error) / n)
    return float(consistency), float(absolute)


def _anatomy(removed: FloatArray, series: FloatArray, brain: BoolArray) -> float:
    """Return the size of the correlation with the mean image, the median over volumes."""
    mean = series[brain].mean(axis=-1, dtype=np.float64)
    inside = removed[brain].astype(np.float64)
    return float(np.median([abs(np.corrcoef(mean, each)[0, 1]) for each in inside.T]))


def _simulated(snr: float, count: int, given: argparse.Namespace) -> Iterator[list[str]]:
    head = anatomy.draw_individual(np.random.default_rng(0))
    rest = bold.Paradigm((), {})
    physiology = Physiology(parcels=count)
    truth = bold.bold_run(head, GRID, rest, (TR, VOLUMES), np.random.default_rng(1), physiology)
    labels = np.where(truth.brain, truth.parcels.labels, 0)
    found, labels = np.unique(labels, return_inverse=True)
    parcels = Parcels(
        labels.reshape(truth.brain.shape).astype(np.int32),
        tuple(map(str, found[1:])), "truth", "truth",
    )  # fmt: skip
    networks = edges.correlation(edges.cleaned(truth.parcels.courses[found[1:] - 1].T, TR))
    clear = edges.cleaned(edges.parcel_means(truth.series, parcels), TR)
    best, partial = edges.correlation(clear), edges.partial_correlation(clear)
    width = smoothness(truth.series, truth.brain, (3.0, 3.0, 3.3))
    cells = ["", str(len(parcels.names)), "noise-free", f"{width:.2f}", "0"]
    yield [*cells, f"{_rms(best, networks):.4f}", "0"]
    sigma = float(np.median(truth.series[truth.brain])) / snr
    noisy = add_rician(truth.series, sigma, np.random.default_rng(3))
    image = Image(noisy, GRID.affine, np.ones(truth.brain.shape, np.bool_))
    for each in Run(image, truth.brain, given.methods).versions:
        courses = edges.cleaned(edges.parcel_means(each.data, parcels), TR)
        own = edges.correlation(courses)
        errors = (
            _rms(own, best), _rms(own, networks), _rms(edges.partial_correlation(courses), partial)
        )  # fmt: skip
        row = [f"{snr:g}", str(len(parcels.names)), each.name, f"{each.fwhm:.2f}"]
        row += [f"{error:.4f}" for error in errors]
        print(row, flush=True)
        yield row


def _rms(one: Precise, other: Precise) -> float:
    return float(np.sqrt(np.mean((edges.edges_of(one) - edges.edges_of(other)) ** 2)))


def _arguments() -> argparse.Namespace:
    parser = page_parser(__doc__ or "", "connectome.md", "pca,mppca")
    parser.add_argument("--run", type=Path, help="a real BOLD run")
    parser.add_argument("--snr", type=levels, default="30,60,120", help="of a simulated volume")
    return parser.parse_args()


if __name__ == "__main__":
    main()
