"""Repeats of one image laid on each other: each on its own grid, the others brought there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.anatomy.rigid import finer, resample, rigid
from bids_denoise.simulate.anatomy import Grid
from bids_denoise.stats.repeats import Turn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy.typing as npt

    from bids_denoise.values import BoolArray, FloatArray

    Affine = npt.NDArray[np.float64]
    IntArray = npt.NDArray[np.int64]

SAME_GAIN = 0.02
"""Relative difference of the medians of two repeats from which on they are scaled."""

MARGIN = 8
"""Voxels about the mask of a repeat that are brought to the others."""

CUBE = 10
"""Edge, in voxels of the first repeat, of the pieces of the head that are drawn for intervals."""

MOST_CUBES = 1 << 10
"""Along an axis, on either side of the first voxel."""


@dataclass(frozen=True)
class Repeat:
    """One of several scans of one head.

    Attributes
    ----------
    original, denoised
        float32 (x, y, z).
    affine
        (4, 4), voxel to RAS mm.
    mask
        bool (x, y, z): the brain, or the head.
    sigma
        float32 (x, y, z), of the noise, where it is known; `rician` says that the mean of the
        originals is above the signal.
    """

    original: FloatArray
    denoised: FloatArray
    affine: Affine
    mask: BoolArray
    sigma: FloatArray | None = None
    rician: bool = False

    @property
    def grid(self) -> Grid:
        """Return where its voxels lie."""
        x, y, z = self.original.shape
        return Grid((x, y, z), self.affine)


def align(repeats: Sequence[Repeat]) -> list[Affine]:
    """Return of each repeat the mapping (4, 4) of mm of the first to its own, by the denoised.

    Raises
    ------
    ScanError
        Two have nothing in common.
    """
    first = repeats[0]
    return [np.eye(4)] + [
        rigid(each.denoised, each.affine, first.denoised, first.affine, first.mask)
        for each in repeats[1:]
    ]


def turns(repeats: Sequence[Repeat], ways: Sequence[Affine]) -> Iterator[Turn]:
    """Yield each repeat on its own grid with the others brought there, where all were scanned."""
    fine = [_brain(each) for each in repeats]
    for own, repeat in enumerate(repeats):
        part = _box(repeat.mask)
        grid = _cut(repeat.grid, part)
        placed = [
            (*each, way @ np.linalg.inv(ways[own]))
            for number, (each, way) in enumerate(zip(fine, ways, strict=True))
            if number != own
        ]
        seen = repeat.mask[part]
        for data, affine, way in placed:
            at = _indices(grid, np.linalg.inv(affine) @ way @ grid.affine)
            for index, length in zip(at, data.shape, strict=True):
                seen = seen & (index >= 0) & (index <= length - 1)
        others = [resample(data, affine, grid, way, "sinc") for data, affine, way in placed]
        yield Turn(
            repeat.original[part],
            repeat.denoised[part],
            np.stack([_same_gain(each, repeat.original[part], seen) for each in others]),
            seen,
            _places(grid, ways[own], repeats[0].affine),
            None if repeat.sigma is None else repeat.sigma[part],
            repeat.rician,
        )


def labels_on(
    grid: Grid, maps: Iterable[FloatArray], affines: Sequence[Affine], ways: Sequence[Affine]
) -> IntArray:
    """Return the tissue of each voxel of the first repeat's grid in each repeat, 0 beyond.

    Parameters
    ----------
    grid
        Of the first repeat, whose maps are not interpolated.
    maps
        Of each repeat, float32 (tissue, x, y, z).
    affines, ways
        Of each repeat: its voxels to mm, and mm of the first to its mm.
    """
    found = []
    for number, (tissues, affine, way) in enumerate(zip(maps, affines, ways, strict=True)):
        moved = [resample(each, affine, grid, way, "linear") for each in tissues if number]
        here = np.stack(moved) if moved else tissues
        found.append(np.where(here.sum(axis=0) > 0.5, 1 + here.argmax(axis=0), 0))
    return np.stack(found)


def _same_gain(other: FloatArray, own: FloatArray, seen: BoolArray) -> FloatArray:
    """Return another repeat in the units of one's own: scanners change their gain by session.

    A difference of less than `SAME_GAIN` is left alone, which noise could make.
    """
    medians = [float(np.median(each[seen])) for each in (own, other)] if seen.any() else [1.0, 1.0]
    gain = medians[0] / medians[1] if min(medians) > 0 else 1.0
    return other if abs(gain - 1) < SAME_GAIN else other * np.float32(gain)


def _brain(repeat: Repeat) -> tuple[FloatArray, Affine]:
    """Return the brain of an original in voxels of half the size, and their affine."""
    part = _box(repeat.mask, MARGIN)
    return finer(repeat.original[part], _cut(repeat.grid, part).affine)


def _box(inside: BoolArray, margin: int = 0) -> tuple[slice, slice, slice]:
    """Return the box of what is True, so many voxels wider where the image goes on."""
    if not inside.any():
        return slice(None), slice(None), slice(None)
    x, y, z = (
        slice(max(int(at.min()) - margin, 0), int(at.max()) + 1 + margin)
        for at in np.nonzero(inside)
    )
    return x, y, z


def _cut(grid: Grid, part: tuple[slice, slice, slice]) -> Grid:
    x, y, z = (each.indices(length) for each, length in zip(part, grid.shape, strict=True))
    affine = grid.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ (x[0], y[0], z[0])
    return Grid((x[1] - x[0], y[1] - y[0], z[1] - z[0]), affine)


def _places(grid: Grid, way: Affine, first: Affine) -> IntArray:
    """Return the number of the cube of the first repeat's grid that each voxel lies in."""
    places = np.zeros(grid.shape, dtype=np.int64)
    for at in _indices(grid, np.linalg.inv(way @ first) @ grid.affine):
        cube = np.floor((at + 0.5) / CUBE).astype(np.int64) + MOST_CUBES
        places = places * (2 * MOST_CUBES) + np.clip(cube, 0, 2 * MOST_CUBES - 1)
    return places


def _indices(grid: Grid, to_index: Affine) -> Iterator[Affine]:
    """Yield where each voxel of a grid lies along each axis of another one, (x, y, z)."""
    x, y, z = np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij", sparse=True)
    for row in to_index[:3]:
        yield row[0] * x + row[1] * y + row[2] * z + row[3]
