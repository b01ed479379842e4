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
volumes of 1.8 s, with networks of 80 parcels of grey matter, local fluctuation, pulse, breath,
drift and motion as strong as in a real run, and Rician noise; SNR is that of the brain in one
volume. The edges of these very parcels, of geometric parcels of the brain and of single voxels,
against those of the same in the noise-free run: root mean square error, mean difference of their
size (above 0: edges are stronger than in truth), and the error of partial correlations.
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
SIMULATED_SCALES = (100, 400, 1000)

REAL_HEAD = [
    "parcels", "voxels each", "method", "FWHM mm", "mean abs r", "edges, halves", "three ways",
    "ICC(3,1)", "ICC(2,1)", "own", "partial",
]  # fmt: skip
SIMULATED_HEAD = [
    "SNR", "parcels", "voxels each", "method", "FWHM mm", "error", "size", "partial, error",
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
    rows = [row for snr in given.snr for row in _simulated(snr, given)]
    parts.append(f"## A simulated run at rest\n\n{table(SIMULATED_HEAD, rows)}")
    said = f"{os.cpu_count()} processors"
    write_page("Connectomes", __doc__ or "", said, "\n\n".join(parts), given.output)


def _real(given: argparse.Namespace) -> str:
    path = given.run.absolute()
    image = imageio.load(Scan(path, path.parent, "func", "bold", {}))
    run = Run(image, brain_of(image, path), given.methods)
    tr = imageio.describe(path).repetition_time
    rows = []
    for parcels in _scales(run.brain, image.affine, SCALES):
        for each in run.versions:
            rows.append([*_sizes(parcels), each.name, f"{each.fwhm:.2f}"])
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


def _scales(brain: BoolArray, affine: Precise, counts: Sequence[int]) -> list[Parcels]:
    return [*(geometric(brain, affine, count) for count in counts), _seeds(brain)]


def _sizes(parcels: Parcels) -> list[str]:
    voxels = np.count_nonzero(parcels.labels) / len(parcels.names)
    count = str(len(parcels.names))
    return [f"{count}, networks" if parcels.name == "networks" else count, f"{voxels:.0f}"]


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


def _simulated(snr: float, given: argparse.Namespace) -> Iterator[list[str]]:
    head = anatomy.draw_individual(np.random.default_rng(0))
    rest = bold.Paradigm((), {})
    truth = bold.bold_run(head, GRID, rest, (TR, VOLUMES), np.random.default_rng(1))
    sigma = float(np.median(truth.series[truth.brain])) / snr
    noisy = add_rician(truth.series, sigma, np.random.default_rng(3))
    image = Image(noisy, GRID.affine, np.ones(truth.brain.shape, np.bool_))
    run = Run(image, truth.brain, given.methods)
    for parcels in (_networks(truth), *_scales(truth.brain, GRID.affine, SIMULATED_SCALES)):
        clear = edges.cleaned(edges.parcel_means(truth.series, parcels), TR)
        whole, partial = edges.correlation(clear), edges.partial_correlation(clear)
        for each in run.versions:
            courses = edges.cleaned(edges.parcel_means(each.data, parcels), TR)
            own = edges.correlation(courses)
            row = [f"{snr:g}", *_sizes(parcels), each.name, f"{each.fwhm:.2f}"]
            row += [f"{_rms(own, whole):.4f}", f"{_larger(own, whole):+.4f}"]
            row.append(f"{_rms(edges.partial_correlation(courses), partial):.4f}")
            print(row, flush=True)
            yield row


def _networks(truth: bold.BoldTruth) -> Parcels:
    """Return the parcels that the run was made with, as far as they lie in the brain."""
    found, labels = np.unique(np.where(truth.brain, truth.parcels.labels, 0), return_inverse=True)
    names = tuple(map(str, found[1:]))
    placed = labels.reshape(truth.brain.shape).astype(np.int32)
    return Parcels(placed, names, "networks", "the networks")


def _larger(one: Precise, other: Precise) -> float:
    sizes = (np.abs(edges.edges_of(each)).mean() for each in (one, other))
    return float(next(sizes) - next(sizes))


def _rms(one: Precise, other: Precise) -> float:
    return float(np.sqrt(np.mean((edges.edges_of(one) - edges.edges_of(other)) ** 2)))


def _arguments() -> argparse.Namespace:
    parser = page_parser(__doc__ or "", "connectome.md", "pca,mppca")
    parser.add_argument("--run", type=Path, help="a real BOLD run")
    parser.add_argument("--snr", type=levels, default="30,60,120", help="of a simulated volume")
    return parser.parse_args()


if __name__ == "__main__":
    main()
