"""The noise-free volumes that a network is trained on."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise import imageio
from bids_denoise.errors import UsageError
from bids_denoise.simulate.contrasts import random_contrast
from bids_denoise.simulate.kspace import resample

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from bids_denoise.training.recipe import Recipe
    from bids_denoise.values import FloatArray

    HalfArray = npt.NDArray[np.float16]


@dataclass(frozen=True)
class Bank:
    """Volumes (x, y, z), 99th percentile 1; half precision, to hold many."""

    synthetic: tuple[HalfArray, ...]
    scans: tuple[HalfArray, ...]

    def pick(self, rng: np.random.Generator, share: float) -> HalfArray:
        """Return one at random, synthetic with probability `share`."""
        drawn = rng.random() < share
        kind = self.synthetic if (drawn and self.synthetic) or not self.scans else self.scans
        return kind[int(rng.integers(len(kind)))]


def stored_bank(recipe: Recipe, data: Path, path: Path) -> Bank:
    """Return the volumes that `path` holds, or make them and keep them there."""
    if not path.exists():
        bank = fill_bank(recipe, data)
        draft = path.with_suffix(".partial.npz")
        kinds = {"synthetic": bank.synthetic, "scan": bank.scans}
        named = {f"{kind}{i}": each for kind, made in kinds.items() for i, each in enumerate(made)}
        np.savez(draft, **named)  # type: ignore[arg-type]
        draft.replace(path)
    with np.load(path) as file:
        return Bank(
            *(
                tuple(file[name] for name in file.files if name.startswith(kind))
                for kind in ("synthetic", "scan")
            )
        )


def fill_bank(recipe: Recipe, data: Path) -> Bank:
    """Make the volumes of `recipe` from what lies below `data`.

    Raises
    ------
    UsageError
        A pattern of the recipe fits no file.
    """
    rng = np.random.default_rng((recipe.seed, 2**31))
    wanted = recipe.volumes
    scans = [
        volume
        for path in files_of(wanted.scans, wanted.held_out, data)
        for volume in coarser(imageio.read(path), recipe.patch, rng)
    ]
    maps = [imageio.read(path).astype(np.int32) for path in files_of(wanted.labels, (), data)]
    edges = (max(wanted.edge, recipe.patch),) * 3
    count = wanted.synthetic if maps else 0
    drawn = (random_contrast(maps[i % len(maps)], edges, rng) for i in range(count))
    return Bank(tuple(volume.astype(np.float16) for volume in drawn), tuple(scans))


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


def coarser(data: FloatArray, least: int, rng: np.random.Generator) -> list[HalfArray]:
    """Return `data` (x, y, z) on two coarser grids, where its own noise is less.

    What is thinner than `least` voxels is continued by its mirror image.
    """
    data = cropped(data)
    made = []
    for lowest, highest in ((1.15, 1.5), (1.5, 2.2)):
        factor = rng.uniform(lowest, highest)
        shape = tuple(max(int(n / factor), min(n, least)) for n in data.shape)
        small = np.maximum(resample(data, (shape[0], shape[1], shape[2])), 0)
        air = np.maximum(resample((data > 0).astype(np.float32), small.shape), 0) < 0.5
        small[air] = 0
        widths = [(0, max(least - length, 0)) for length in small.shape]
        made.append(normalised(np.pad(small, widths, "symmetric")))
    return made


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
