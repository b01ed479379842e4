"""The noise-free volumes that a network is trained on."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from bids_denoise import imageio
from bids_denoise.denoisers import apply
from bids_denoise.denoisers.nlm import NonLocalMeans
from bids_denoise.errors import BidsDenoiseError, UsageError
from bids_denoise.imageio.padding import padding
from bids_denoise.noise import estimate
from bids_denoise.simulate.contrasts import DEFAULT, WHOLE_HEAD, RandomContrast, random_contrast
from bids_denoise.simulate.fields import point_spread
from bids_denoise.simulate.kspace import resample
from bids_denoise.training.anatomies import Head, brain_head_of, head_of, rodent_of
from bids_denoise.training.pairs import Pair, pairs_of
from bids_denoise.training.runs import RealRun, real_run
from bids_denoise.values import Device, Image
from bids_denoise.workers import map_in_order

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from bids_denoise.training.recipe import Recipe
    from bids_denoise.values import FloatArray

    HalfArray = npt.NDArray[np.float16]
    Kind = TypeVar("Kind", np.float16, np.float32)

GRIDS = ((0.45, 0.65), (0.65, 0.9), (1.15, 1.5), (1.5, 2.2))
"""Ranges of the voxel size of other grids, in voxels of the scan."""

BLUR = (0.4, 1.2)
"""Range of the standard deviation of a wider point spread, in voxels."""

THICK = 1.8
"""Ratio of the sides of a voxel from which on slices are thick."""

ISOTROPIC = ((0.8, 1.0), (1.0, 1.3))
"""Ranges of the voxel size of isotropic grids, in geometric means of a thick voxel's sides."""

WIDEST = 192
"""Voxels of the longest edge of a finer or coarser volume."""


@dataclass(frozen=True)
class Bank:
    """Volumes (x, y, z), 99th percentile 1; half precision, to hold many."""

    synthetic: tuple[HalfArray, ...] = ()
    scans: tuple[HalfArray, ...] = ()
    pairs: tuple[Pair, ...] = ()
    runs: tuple[RealRun, ...] = ()
    heads: tuple[Head, ...] = ()

    def pick(self, rng: np.random.Generator, share: float) -> HalfArray:
        """Return one at random, synthetic with probability `share`."""
        drawn = rng.random() < share
        kind = self.synthetic if (drawn and self.synthetic) or not self.scans else self.scans
        return kind[int(rng.integers(len(kind)))]


def stored_bank(recipe: Recipe, data: Path, path: Path, workers: int = 1) -> Bank:
    """Return the volumes that `path` holds, or make them and keep them there."""
    if not path.exists():
        bank = fill_bank(recipe, data, workers)
        draft = path.with_suffix(".partial.npz")
        named = {f"synthetic{i}": each for i, each in enumerate(bank.synthetic)}
        named |= {f"scan{i}": each for i, each in enumerate(bank.scans)}
        for i, pair in enumerate(bank.pairs):
            named |= {f"{name}{i}": each for name, each in pair._asdict().items()}
        for i, run in enumerate(bank.runs):
            named |= {f"run_{name}{i}": each for name, each in run._asdict().items()}
        for i, head in enumerate(bank.heads):
            named |= {f"head_{name}{i}": each for name, each in head._asdict().items()}
        np.savez(draft, **named)  # type: ignore[arg-type]
        draft.replace(path)
    with np.load(path) as file:
        return Bank(
            synthetic=_stored(file, "synthetic"),
            scans=_stored(file, "scan"),
            pairs=tuple(map(Pair, *(_stored(file, name) for name in Pair._fields))),
            runs=tuple(map(RealRun, *(_stored(file, f"run_{name}") for name in RealRun._fields))),
            heads=tuple(map(Head, *(_stored(file, f"head_{name}") for name in Head._fields))),
        )


def _stored(file: Mapping[str, Any], kind: str) -> tuple[Any, ...]:
    return tuple(file[name] for name in file if name.rstrip("0123456789") == kind)


class Drawn(NamedTuple):
    """A volume of random contrast that is to be made: from which labels, how large, its seed."""

    labels: Path
    edge: int
    seed: tuple[int, ...]
    settings: RandomContrast = DEFAULT


class Scanned(NamedTuple):
    """A scan that is to be cleaned and brought to other grids."""

    path: Path
    least: int
    seed: tuple[int, ...]


def fill_bank(recipe: Recipe, data: Path, workers: int = 1) -> Bank:
    """Make the volumes of `recipe` from what lies below `data`: the same for any `workers`.

    Raises
    ------
    UsageError
        A pattern of the recipe fits no file, or the scans of a pair do not fit.
    BidsDenoiseError
        A worker process died, most likely for its memory.
    """
    least = max(recipe.region, recipe.patch)
    if recipe.pairs:
        pairs = (pair for each in recipe.pairs for pair in pairs_of(each, data))
        return Bank(pairs=tuple(Pair(*(at_least(each, least) for each in pair)) for pair in pairs))
    if recipe.runs:
        paths = files_of(recipe.runs.scans, (), data)
        return Bank(runs=tuple(real_run(path, recipe.runs, workers) for path in paths))
    if recipe.heads:
        whole, bare = (
            files_of(patterns, recipe.heads.held_out, data)
            for patterns in (recipe.heads.labels, recipe.heads.brains)
        )
        rodents = map(rodent_of, range(recipe.heads.rodents))
        return Bank(heads=(*map(head_of, whole), *map(brain_head_of, bare), *rodents))
    wanted = recipe.volumes
    edge = max(wanted.edge, least)
    scans = files_of(wanted.scans, wanted.held_out, data)
    maps = files_of(wanted.labels, (), data)
    jobs: list[Drawn | Scanned] = [
        Scanned(path, least, (recipe.seed, 1, i)) for i, path in enumerate(scans)
    ]
    for stream, count, settings in ((2, wanted.synthetic, DEFAULT), (3, wanted.heads, WHOLE_HEAD)):
        jobs += [
            Drawn(maps[i % len(maps)], edge, (recipe.seed, stream, i), settings)
            for i in range(count if maps else 0)
        ]
    made = list(map_in_order(_make, jobs, workers, _lost))
    return Bank(
        synthetic=tuple(each for volumes in made[len(scans) :] for each in volumes),
        scans=tuple(each for volumes in made[: len(scans)] for each in volumes),
    )


def _make(job: Drawn | Scanned) -> list[HalfArray]:
    rng = np.random.default_rng(job.seed)
    if isinstance(job, Scanned):
        scan = cleaned(cropped(imageio.read(job.path)))
        return on_grids(scan, job.least, rng, imageio.describe(job.path).voxel_size)
    labels = imageio.read(job.labels).astype(np.int32)
    drawn = random_contrast(labels, (job.edge,) * 3, rng, job.settings)
    return [drawn.astype(np.float16)]


def _lost(job: Drawn | Scanned) -> list[HalfArray]:
    raise BidsDenoiseError(f"the process that read {job[0]} died: give fewer --threads")


def files_of(patterns: tuple[str, ...], left_out: tuple[str, ...], data: Path) -> list[Path]:
    """Return the files below `data` that fit one of `patterns` and none of `left_out`, sorted."""
    found = []
    for pattern in patterns:
        fitting = sorted(data.glob(pattern))
        if not fitting:
            raise UsageError(f"no file below {str(data)!r} fits {pattern!r}")
        found += fitting
    names = {path: path.relative_to(data).as_posix() for path in found}
    return [p for p in names if not any(fnmatch.fnmatch(names[p], each) for each in left_out)]


def cleaned(data: FloatArray) -> FloatArray:
    """Return a scan (x, y, z) without its own noise, by non-local means.

    What is left of it in a truth a network would learn to put back.
    """
    image = Image(data, np.eye(4), ~padding(data))
    return apply.denoise(NonLocalMeans(), image, estimate(image), Device()).data


def on_grids(
    data: FloatArray,
    least: int,
    rng: np.random.Generator,
    voxel_size: tuple[float, ...] = (1, 1, 1),
) -> list[HalfArray]:
    """Return `data` (x, y, z) as it is, smoothed, and boxes of it on finer and coarser grids.

    So a network sees anatomy from smooth to detailed, and learns to tell one from the other.
    Thick slices are there on isotropic grids too, by their `voxel_size`. What is thinner than
    `least` voxels is continued by its mirror image.
    """
    sides = np.asarray(voxel_size[:3])
    factors = [np.full(3, rng.uniform(*each)) for each in GRIDS]
    if sides.max() > THICK * sides.min():
        middle = np.sqrt(sides.max() * sides.min())
        factors += [rng.uniform(*each) * middle / sides for each in ISOTROPIC]
    made = [data, point_spread(data, rng.uniform(*BLUR))]
    made += [_on_grid(data, each, least, rng) for each in factors]
    return [normalised(at_least(each, least)) for each in made]


def _on_grid(
    data: FloatArray, factors: npt.NDArray[np.float64], least: int, rng: np.random.Generator
) -> FloatArray:
    """Return a box of `data` (x, y, z) with voxels `factors` as large along each axis."""
    part = boxed(data, [int(WIDEST * factor) for factor in factors], rng)
    x, y, z = (
        max(int(n / factor), min(n, least))
        for n, factor in zip(part.shape, factors.tolist(), strict=True)
    )
    other = resample(part, (x, y, z))
    air = resample((part > 0).astype(np.float32), other.shape) < 0.5
    return np.where(air, np.float32(0), np.maximum(other, 0))


def at_least(volume: npt.NDArray[Kind], least: int) -> npt.NDArray[Kind]:
    """Return `volume` (x, y, z), continued by its mirror image where it is under `least` voxels."""
    widths = [(0, max(least - length, 0)) for length in volume.shape]
    return np.pad(volume, widths, "symmetric")


def boxed(data: FloatArray, edges: list[int], rng: np.random.Generator) -> FloatArray:
    """Return a box of `data` (x, y, z) of at most `edges` voxels, near the middle."""
    boxes = []
    for length, edge in zip(data.shape, edges, strict=True):
        start = int(rng.binomial(max(length - edge, 0), 0.5))
        boxes.append(slice(start, start + edge))
    return data[tuple(boxes)]


def cropped(data: FloatArray, margin: int = 4) -> FloatArray:
    """Return the box of `data` (x, y, z) that holds all that is not 0, and a margin."""
    inside = np.argwhere(data)
    low = np.maximum(inside.min(0) - margin, 0)
    high = inside.max(0) + margin + 1
    return data[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]


def normalised(volume: FloatArray) -> HalfArray:
    """Return `volume` with a 99th percentile of 1 where it is not 0, in half precision."""
    inside = volume[volume > 0]
    peak = float(np.percentile(inside, 99)) if inside.size else 1.0
    return (volume / peak).astype(np.float16)
