"""How well sigma is estimated from an image alone: prints tables, writes docs/benchmarks/sigma.md.

::

    python benchmarks/sigma.py [--real ../shared/data] [--only accuracy,map,...] [--quick]

Anatomy: Colin27 (Debian package ``mricron-data``), MNI152 (ships with nilearn), and, where the
folder is given, real scans. DIPY and MRtrix's ``dwidenoise`` are asked for comparison where
they are installed.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.tables import table
from bids_denoise import __version__
from bids_denoise.imageio.padding import padding
from bids_denoise.intensity import foreground
from bids_denoise.noise import estimate
from bids_denoise.simulate.kspace import interpolate, low_pass
from bids_denoise.simulate.noise import add_gaussian, add_reconstructed, add_rician, g_factor
from bids_denoise.simulate.phantom import head_labels, head_phantom
from bids_denoise.values import Image

if TYPE_CHECKING:
    from bids_denoise.values import BoolArray, FloatArray, Noise

    Row = list[str]

COLIN27 = Path("/usr/share/mricron/templates/ch2.nii.gz")
COLIN27_BRAIN = COLIN27.with_name("ch2bet.nii.gz")
LEVELS = (1, 3, 5, 9, 15)
OUTPUT = Path(__file__).parents[1] / "docs" / "benchmarks" / "sigma.md"


def read(path: Path) -> FloatArray:
    image: Any = nibabel.load(path)
    return np.ascontiguousarray(image.get_fdata(dtype=np.float32))


def noise_of(data: FloatArray, mask: BoolArray | None = None, bvals: Path | None = None) -> Noise:
    inside = ~padding(data) if mask is None else mask
    gradients = None if bvals is None else np.loadtxt(bvals)
    return estimate(Image(np.ascontiguousarray(data, np.float32), np.eye(4), inside, gradients))


def masked(data: FloatArray, mask: BoolArray) -> FloatArray:
    return np.where(mask, data, np.float32(0))


def colin27() -> tuple[FloatArray, BoolArray]:
    return read(COLIN27), read(COLIN27_BRAIN) > 0


def scans(real: Path, pattern: str, most: int) -> list[Path]:
    return sorted(real.glob(pattern))[:most]


def percent(value: float) -> str:
    return f"{100 * value:+.1f} %"


def summary(errors: list[float]) -> Row:
    return [percent(float(np.median(errors))), f"{100 * float(np.max(np.abs(errors))):.1f} %"]


def accuracy(real: Path | None, seeds: int) -> tuple[Row, list[Row]]:
    """Relative error of the median sigma."""
    data, brain = colin27()
    rows = []
    for level in LEVELS:
        whole, extracted, peer = [], [], []
        for seed in range(seeds):
            sigma = 2.55 * level
            noisy = add_rician(data, sigma, np.random.default_rng(seed))
            whole.append(_error(noise_of(noisy), sigma, None))
            extracted.append(_error(noise_of(masked(noisy, brain)), sigma, brain))
            if seed == 0:
                peer.append(_dipy(noisy) / sigma - 1)
        rows.append([f"Colin27, {level} % of 255", *summary(whole), "", *_peer(peer)])
        rows.append([f"Colin27 brain, {level} % of 255", *summary(extracted), "", ""])
    for pattern, label in (
        ("human-depression/sub-*/anat/*_T1w.nii.gz", "depression"),
        ("mouse-rtg4510/sub-*/anat/*_T2w.nii.gz", "mouse"),
    ):
        paths = scans(real, pattern, 5 * seeds) if real else []
        found = [_on_real(read(path), seed) for seed, path in enumerate(paths)]
        for level, of_level in zip(LEVELS, zip(*found, strict=True), strict=bool(found)):
            errors, to_added = zip(*of_level, strict=True)
            alone = percent(float(np.median(to_added)))
            name = f"{len(paths)} {label} scans, + {level} % of p99"
            rows.append([name, *summary(list(errors)), alone, ""])
    columns = ["median error", "largest", "median, to added alone", "DIPY estimate_sigma"]
    return ["image, Rician noise", *columns], rows


def _on_real(data: FloatArray, seed: int) -> list[tuple[float, float]]:
    """Return by level the error against sqrt(own^2 + added^2), and that against added alone.

    Own is the noise of the scan itself, as estimated before any is added.
    """
    mask = ~padding(data)
    own = float(np.median(noise_of(data, mask).sigma[mask]))
    peak = float(np.percentile(data[mask], 99))
    errors = []
    for level in LEVELS:
        added = level / 100 * peak
        noisy = add_rician(data, added, np.random.default_rng(seed))
        noise = noise_of(masked(noisy, mask), mask)
        levels = float(np.hypot(own, added)), added
        errors.append((_error(noise, levels[0], mask), _error(noise, levels[1], mask)))
    return errors


def _error(noise: Noise, sigma: float, mask: BoolArray | None) -> float:
    found = noise.sigma if mask is None else noise.sigma[mask]
    return float(np.median(found)) / sigma - 1


def _dipy(data: FloatArray) -> float:
    try:
        from dipy.denoise.noise_estimate import estimate_sigma
    except ImportError:
        return np.nan
    return float(np.ravel(estimate_sigma(data, N=1))[0])


def _peer(errors: list[float]) -> Row:
    return [""] if np.isnan(errors).any() else [percent(errors[0])]


def maps(real: Path | None, seeds: int) -> tuple[Row, list[Row]]:
    """Agreement with a simulated g-factor, and constancy where the noise is constant."""
    del real
    data, brain = colin27()
    everywhere = np.ones_like(brain)
    rows = []
    factors = {
        "bump 1 to 2.5": g_factor(data.shape),
        "bump 1 to 2.5, off centre": g_factor(data.shape, centre=0.4),
        "constant": np.ones(data.shape, np.float32),
    }
    for name, factor in factors.items():
        for level in (1, 3, 9):
            for region, mask in (("head", everywhere), ("brain", brain)):
                facts = [
                    _map_facts(data, 2.55 * level * factor, mask, np.random.default_rng(seed))
                    for seed in range(seeds)
                ]
                worst = min(fact[0] for fact in facts)
                rows.append(
                    [
                        f"{name}, {level} %, {region}",
                        "" if np.isnan(worst) else f"{worst:.3f}",
                        percent(float(np.median([fact[1] for fact in facts]))),
                        f"{100 * float(np.median([fact[2] for fact in facts])):.1f} %",
                        f"{float(np.max([fact[3] for fact in facts])):.2f}",
                    ]
                )
    return (
        [
            "g-factor, noise, region",
            "lowest r",
            "median error",
            "median absolute error",
            "max / min",
        ],
        rows,
    )


def _map_facts(
    data: FloatArray, sigma: FloatArray, mask: BoolArray, rng: np.random.Generator
) -> tuple[float, float, float, float]:
    found = noise_of(masked(add_rician(data, sigma, rng), mask), mask).sigma[mask]
    truth = sigma[mask]
    varies = np.ptp(truth) > 0 and np.ptp(found) > 0
    correlation = float(np.corrcoef(found, truth)[0, 1]) if varies else np.nan
    error = found / truth - 1
    return (
        correlation,
        float(np.median(error)),
        float(np.median(np.abs(error))),
        float(found.max() / found.min()),
    )


def noise_free(real: Path | None, seeds: int) -> tuple[Row, list[Row]]:
    """Sigma of images without noise."""
    del real, seeds
    from nilearn import datasets

    mni: Any = datasets.load_mni152_template(resolution=1)
    mni_data = np.ascontiguousarray(mni.get_fdata(dtype=np.float32))
    images = {
        "Colin27 (mean of 27 scans)": (colin27()[0], 255.0),
        "Colin27 brain": (masked(*colin27()), 255.0),
        "MNI152 (mean of 152 heads)": (mni_data, float(mni_data.max())),
        "analytic phantom, 96 x 112 x 80": (head_phantom((96, 112, 80)), 255.0),
    }
    rows = []
    for name, (data, peak) in images.items():
        noise = noise_of(data)
        rows.append(
            [
                name,
                f"{100 * float(np.median(noise.sigma)) / peak:.3f} %",
                f"{100 * noise.estimates.get('wavelet', 0.0) / peak:.3f} %",
                "yes" if noise.trusted else "no",
            ]
        )
    return ["image", "sigma, of its maximum", "wavelet MAD", "trusted"], rows


FAULTS: dict[str, Callable[[FloatArray, float, np.random.Generator], FloatArray]] = {
    "zero-filled from 0.7": lambda data, sigma, rng: add_reconstructed(
        data, sigma, rng, lambda each: low_pass(each, 0.7, 0.0)
    ),
    "zero-filled from 0.85": lambda data, sigma, rng: add_reconstructed(
        data, sigma, rng, lambda each: low_pass(each, 0.85, 0.0)
    ),
    "zero-filled from 0.7, Tukey filter": lambda data, sigma, rng: add_reconstructed(
        data, sigma, rng, lambda each: low_pass(each, 0.7, 0.3)
    ),
    "magnitude zero-filled from 0.7": lambda data, sigma, rng: np.abs(
        low_pass(add_rician(data, sigma, rng), 0.7, 0.0)
    ),
    "linear, half a voxel, 3 axes": lambda data, sigma, rng: interpolate(
        add_rician(data, sigma, rng), (0.5, 0.5, 0.5)
    ),
    "linear, half a voxel, 1 axis": lambda data, sigma, rng: interpolate(
        add_rician(data, sigma, rng), (0.0, 0.5, 0.0)
    ),
    "cubic, half a voxel, 3 axes": lambda data, sigma, rng: ndimage.shift(
        add_rician(data, sigma, rng), 0.5, order=3
    ),
    "Gaussian, FWHM 1 voxel": lambda data, sigma, rng: _smoothed(data, sigma, rng, 1.0),
    "Gaussian, FWHM 1.5 voxels": lambda data, sigma, rng: _smoothed(data, sigma, rng, 1.5),
    "Gaussian, FWHM 2.5 voxels": lambda data, sigma, rng: _smoothed(data, sigma, rng, 2.5),
}
"""What was done to an image before it came to us, by name."""

WHITE: dict[str, Callable[[FloatArray, float, np.random.Generator], FloatArray]] = {
    "white Rician": add_rician,
    "white Gaussian": add_gaussian,
    "white Rician, g-factor 1 to 2.5": lambda data, sigma, rng: add_rician(
        data, sigma * g_factor(data.shape), rng
    ),
    "white Rician, rounded to integers": lambda data, sigma, rng: np.round(
        add_rician(data, sigma, rng)
    ),
}
"""Images that nothing was done to: flags are false alarms."""


def _smoothed(data: FloatArray, sigma: float, rng: np.random.Generator, fwhm: float) -> FloatArray:
    noisy = add_rician(data, sigma, rng)
    return np.asarray(ndimage.gaussian_filter(noisy, fwhm / np.sqrt(8 * np.log(2))))


def detection(real: Path | None, seeds: int) -> tuple[Row, list[Row]]:
    """How often images are flagged as not trusted."""
    anatomy = dict(_anatomy(real))
    rows = []
    for group, wanted, draws in ((FAULTS, "detected", 1), (WHITE, "false alarms", seeds)):
        total, flagged = 0, 0
        for name, make in group.items():
            counts = [0, 0]
            for data, mask, peak, levels in anatomy.values():
                for level in levels:
                    for seed in range(draws):
                        made = make(data, level / 100 * peak, np.random.default_rng(seed))
                        trusted = noise_of(masked(made.astype(np.float32), mask), mask).trusted
                        counts[0] += not trusted
                        counts[1] += 1
            flagged, total = flagged + counts[0], total + counts[1]
            rows.append([name, str(counts[1]), f"{100 * counts[0] / counts[1]:.1f} %"])
        rows.append([f"**all: {wanted}**", str(total), f"**{100 * flagged / total:.1f} %**"])
    return ["image", "images", "not trusted"], rows


def _anatomy(
    real: Path | None,
) -> Iterator[tuple[str, tuple[FloatArray, BoolArray, float, tuple[int, ...]]]]:
    data, brain = colin27()
    yield "Colin27", (data, np.ones_like(brain), 255.0, LEVELS)
    yield "Colin27 brain", (data, brain, 255.0, LEVELS)
    phantom = head_phantom((96, 112, 80))
    yield "phantom", (phantom, np.ones(phantom.shape, bool), 255.0, (3, 9))
    for pattern, levels in (
        ("human-depression/sub-*/anat/*_T1w.nii.gz", (5, 9)),
        ("mouse-rtg4510/sub-*/anat/*_T2w.nii.gz", (9, 15)),
    ):
        for path in scans(real, pattern, 1) if real else []:
            scan = read(path)
            mask = ~padding(scan)
            yield path.name, (scan, mask, float(np.percentile(scan[mask], 99)), levels)


def unseen(real: Path | None, seeds: int) -> tuple[Row, list[Row]]:
    """Anatomy that no threshold was chosen on: errors, g-factor maps, and what is not trusted."""
    del seeds
    faults = ("zero-filled from 0.85", "linear, half a voxel, 1 axis", "Gaussian, FWHM 1 voxel")
    rows = []
    for seed, (name, data) in enumerate(_unseen_anatomy(real)):
        mask = ~padding(data) if "brain" in name else np.ones(data.shape, bool)
        rng = np.random.default_rng(seed)
        factor = g_factor(data.shape)
        errors, correlations, alarms, detected = [], [], 0, 0
        for level in (1, 3, 9):
            sigma = level / 100 * float(np.percentile(data[data > 0], 99))
            white = noise_of(masked(add_rician(data, sigma, rng), mask), mask)
            uneven = noise_of(masked(add_rician(data, sigma * factor, rng), mask), mask)
            errors.append(percent(_error(white, sigma, mask)))
            varies = np.ptp(uneven.sigma) > 0
            pair = (uneven.sigma[mask], factor[mask])
            correlations.append(float(np.corrcoef(*pair)[0, 1]) if varies else 0.0)
            alarms += (not white.trusted) + (not uneven.trusted)
            for fault in faults:
                made = FAULTS[fault](data, sigma, rng).astype(np.float32)
                detected += not noise_of(masked(made, mask), mask).trusted
        rows.append(
            [name, *errors, f"{min(correlations):.3f}", f"{alarms} of 6", f"{detected} of 9"]
        )
    return ["image", "1 %", "3 %", "9 %", "lowest r", "false alarms", "detected"], rows


def _unseen_anatomy(real: Path | None) -> Iterator[tuple[str, FloatArray]]:
    from bids_denoise.simulate import anatomy
    from bids_denoise.simulate.phantom import CONTRASTS

    yield "macaque brain (INIA19)", read(COLIN27.with_name("inia19-t1-brain.nii.gz"))
    rng = np.random.default_rng(11)
    for contrast, voxel in (("T1w", 1.0), ("T2w", 1.2), ("FLAIR", 1.0)):
        person = anatomy.draw_individual(rng)
        grid = anatomy.centred_grid((180, 210, 180), (voxel, voxel, voxel))
        parts = anatomy.fractions(person, grid)
        scan = anatomy.signal(parts, CONTRASTS[contrast]) * anatomy.texture(person, grid)
        yield f"simulated person, {contrast}", scan.astype(np.float32)
    for path in scans(real, "labels/head-tissue/*.nii.gz", 4) if real else []:
        labels = np.squeeze(read(path)).astype(int)
        means = rng.uniform(20, 230, labels.max() + 1).astype(np.float32)
        means[0] = 0
        painted = ndimage.gaussian_filter(means[labels], 0.6)
        yield f"painted label map {path.name[-9:-7]}", np.asarray(painted, np.float32)


def coloured(real: Path | None, seeds: int) -> tuple[Row, list[Row]]:
    """Sigma of images that are rightly not trusted, against the truth."""
    del real, seeds
    data, brain = colin27()
    rows = []
    for name, make in FAULTS.items():
        row = [name]
        for level in (1, 3, 9):
            sigma = 2.55 * level
            made = make(data, sigma, np.random.default_rng(0)).astype(np.float32)
            # Far above the noise the magnitude is linear: the same fault, measured.
            bright = np.full((64, 64, 64), 100 * sigma, np.float32)
            truth = float(make(bright, sigma, np.random.default_rng(1))[8:56, 8:56, 8:56].std())
            row.append(percent(_error(noise_of(masked(made, brain), brain), truth, brain)))
        rows.append(row)
    return ["Colin27 brain", "1 %", "3 %", "9 %"], rows


def series(real: Path | None, seeds: int) -> tuple[Row, list[Row]]:
    """Series: simulated with known sigma, and real ones against other ways to measure."""
    del seeds
    rows = [_simulated_series(volumes, factor) for volumes in (20, 60) for factor in (False, True)]
    for path in sorted(real.glob("human-*/sub-*/*/*_bold.nii.gz")) if real else []:
        data = read(path)
        noise = noise_of(data)
        others = ", ".join(f"{name} {value:.4g}" for name, value in noise.estimates.items())
        rows.append([path.name, f"{_median_in_head(data, noise.sigma):.4g}", others, ""])
    for path in sorted(real.glob("human-*/sub-*/*/*_dwi.nii.gz")) if real else []:
        data = read(path)
        noise = noise_of(data, bvals=path.with_name(path.name.replace(".nii.gz", ".bval")))
        peer = _dwidenoise(path)
        told = "" if peer is None else f"dwidenoise {_median_in_head(data, peer):.4g}"
        correlation = "" if peer is None else f"r = {_correlation(data, noise.sigma, peer):.2f}"
        rows.append([path.name, f"{_median_in_head(data, noise.sigma):.4g}", told, correlation])
    return ["series", "sigma in the head (median)", "truth or peers", "map"], rows


def _simulated_series(volumes: int, varying: bool) -> Row:
    """Phantom whose tissues change independently from volume to volume: rank 5 plus noise."""
    shape = (60, 70, 50)
    rng = np.random.default_rng(volumes)
    anatomy, labels = head_phantom(shape, "T2w"), head_labels(shape)
    change = 1 + 0.1 * rng.standard_normal((labels.max() + 1, volumes))
    truth = anatomy[..., np.newaxis] * change[labels]
    sigma = 6.0 * (g_factor(shape) if varying else np.ones(shape, np.float32))
    found = noise_of(add_rician(truth.astype(np.float32), sigma, rng)).sigma
    head = anatomy > 0
    error = float(np.median(found[head] / sigma[head])) - 1
    correlation = f"r = {np.corrcoef(found[head], sigma[head])[0, 1]:.3f}" if varying else ""
    name = f"phantom, {volumes} volumes, sigma 6" + (" x g-factor" if varying else "")
    return [name, f"{np.median(found[head]):.4g}", f"error {percent(error)}", correlation]


def _head(data: FloatArray) -> BoolArray:
    return foreground(data.mean(axis=-1), ~padding(data))


def _median_in_head(data: FloatArray, sigma: FloatArray) -> float:
    return float(np.nanmedian(sigma[_head(data)]))


def _correlation(data: FloatArray, one: FloatArray, other: FloatArray) -> float:
    smooth = ndimage.median_filter(np.nan_to_num(other), 5)
    head = _head(data)
    return float(np.corrcoef(one[head], smooth[head])[0, 1])


def _dwidenoise(path: Path) -> FloatArray | None:
    if shutil.which("dwidenoise") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        noise, out = Path(folder, "noise.nii"), Path(folder, "out.nii")
        command = ["dwidenoise", "-quiet", "-noise", str(noise), str(path), str(out)]
        subprocess.run(command, check=True)
        return read(noise)


def cost(real: Path | None, seeds: int) -> tuple[Row, list[Row]]:
    """Time (best of some) and memory above the input."""
    del real
    data, _ = colin27()
    rows = []
    for name, volume in (
        ("Colin27, 181 x 217 x 181", data),
        ("256 x 256 x 256", np.pad(data, ((37, 38), (19, 20), (37, 38)))),
    ):
        noisy = add_rician(volume, 7.65, np.random.default_rng(0))
        mask = np.ones(noisy.shape, bool)
        noise_of(noisy[:64, :64, :64], mask[:64, :64, :64])
        seconds = []
        for _ in range(seeds + 2):
            before = time.process_time(), time.perf_counter()
            noise_of(noisy, mask)
            seconds.append((time.process_time() - before[0], time.perf_counter() - before[1]))
        tracemalloc.start()
        noise_of(noisy, mask)
        memory = tracemalloc.get_traced_memory()[1] / noisy.size
        tracemalloc.stop()
        cpu, wall = np.min(seconds, axis=0)
        rows.append([name, f"{wall:.2f} s", f"{cpu:.2f} s", f"{memory:.1f}"])
    return ["volume", "wall clock", "processor time", "bytes a voxel above the input"], rows


NOTES = """How well sigma is estimated from an image alone, by `benchmarks/sigma.py`.

Anatomy: Colin27 (Debian package mricron-data: `ch2.nii.gz`, and `ch2bet.nii.gz` for the brain),
MNI152 (ships with nilearn), an analytic phantom, and real scans.

- **Levels** are in % of 255 on Colin27 and in % of the 99th percentile inside the mask (p99) on
  real scans. Extracted brains get Rician noise everywhere and are set to 0 outside again.
- **Real scans have noise of their own**, which is not known. It is estimated before any is
  added, and the error is that against sqrt(own^2 + added^2); a column beside it has that against
  what was added alone. For the depression scans own is 0.9 % of p99 or less: with 1 % added, the
  corners of k-space, which the scanner left empty, hold what was added, the inner bands 1.3 to
  2.5 %, and nothing tells how much of that is anatomy. For the mice own is 3 to 4 %, so that
  5 % is not clearly above it: they are uneven on a fine scale, and the floor of their
  energies lies below the mean.
- **White** means: the floor of the power spectra of many small tiles is the same (within a
  factor of 1.15 in amplitude) in all bands from 0.9 of the Nyquist frequency to the corner of
  k-space, and at 5/8 and 7/8 of the Nyquist frequency of each axis; and the bands from 0.6 on
  exceed it less than twice, as anatomy may. An image whose noise is not white is not trusted. Its
  sigma comes from the spectrum, with the level just inside the edge of the band continued to the
  centre (table *coloured*). Without that, the high frequencies would say far too little.
- **Thresholds** were chosen while looking at Colin27, the phantom and the real scans. The
  table *unseen* holds other anatomy. The macaque brain has noise of its own, 0.8 % of its p99,
  which explains +30 % of the error at 1 %, and is not white, hence the alarm.
- **Colin27 without noise** is a mean of 27 interpolated scans. Its spectrum falls as 1/f^2
  to the very edge, with no plateau; the corner holds 0.17 % of 255. It is called not white.
- **The depression scans** have empty corners of k-space: power falls a hundredfold between 0.7
  and 1.2 times the Nyquist frequency. They are called not white; sigma is what the band holds,
  0.9 % of p99. The corner alone would say 0.12 %, a wavelet estimate 0.6 %.
- **The multiple sclerosis scans** are zero-filled in the plane (k-space ends between 0.58 and
  0.82), and are said to be.
- **bold**: the change from volume to volume holds thermal and physiological noise (283 in the
  median voxel of the head, 149 in the quietest); the Marchenko-Pastur law sees the thermal part.
"""

PARTS = {
    "accuracy": accuracy,
    "map": maps,
    "noise-free": noise_free,
    "detection": detection,
    "unseen": unseen,
    "coloured": coloured,
    "series": series,
    "cost": cost,
}


def versions() -> str:
    names = ("numpy", "scipy", "numba", "nibabel", "dipy", "nilearn")
    known = {each.metadata["Name"].lower() for each in importlib.metadata.distributions()}
    told = [f"{name} {importlib.metadata.version(name)}" for name in names if name in known]
    return f"bids-denoise {__version__}, Python {platform.python_version()}, {', '.join(told)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--real", type=Path, help="folder of real BIDS datasets")
    parser.add_argument("--only", default=",".join(PARTS), help="which tables, by comma")
    parser.add_argument("--quick", action="store_true", help="one seed, nothing written")
    options = parser.parse_args()
    written = []
    for name in options.only.split(","):
        part = PARTS[name]
        head, rows = part(options.real, 1 if options.quick else 3)
        text = f"## {name}\n\n{part.__doc__}\n\n{table(head, rows)}\n"
        print(text, flush=True)
        written.append(text)
    if not options.quick:
        before = f"# Sigma\n\n{datetime.datetime.now(datetime.UTC).date()}; {versions()}.\n"
        OUTPUT.parent.mkdir(parents=True, exist_ok=True)
        OUTPUT.write_text("\n".join([before, NOTES, *written]))


if __name__ == "__main__":
    main()
