"""Cut a volume in tiles whose margins make seams impossible."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    Shape = tuple[int, int, int]
    Box = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Tile:
    """One piece of a volume.

    Attributes
    ----------
    read
        What the network is shown, in voxels of the volume.
    write
        What of the result is kept, in voxels of the volume; those of all tiles fill it once.
    keep
        The same, in voxels of the tile.
    """

    read: Box
    write: Box
    keep: Box


def cut_tiles(shape: Shape, reach: int, multiple: int, most_voxels: int) -> Iterator[Tile]:
    """Yield tiles of `shape` (x, y, z) of about `most_voxels` at the most.

    Each is read with a margin of `reach` voxels where the volume goes on, so that what is
    kept of it is what a network of that reach would make of the whole volume.

    Parameters
    ----------
    shape
        Edges, each a multiple of `multiple`.
    reach
        How far an output voxel sees, in voxels.
    multiple
        Tiles begin and end at multiples of this.
    most_voxels
        Bounds the memory; exceeded where even the smallest tile is larger.
    """
    parts = _parts(shape, reach, multiple, most_voxels)
    cuts = [_cut(*each, reach, multiple) for each in zip(shape, parts, strict=True)]
    for x, y, z in product(*cuts):
        yield Tile(*((x[kind], y[kind], z[kind]) for kind in range(3)))


def _parts(shape: Shape, reach: int, multiple: int, most_voxels: int) -> Shape:
    """Return into how many pieces each axis is cut, for the least work."""
    x, y, z = (range(1, max(length // max(multiple, reach, 1), 1) + 1) for length in shape)
    best = None
    for parts in product(x, y, z):
        edges = [
            min(-(-length // part) + multiple + 2 * reach, length) if part > 1 else length
            for length, part in zip(shape, parts, strict=True)
        ]
        voxels = edges[0] * edges[1] * edges[2]
        work = voxels * parts[0] * parts[1] * parts[2]
        rank = (voxels > most_voxels, voxels if voxels > most_voxels else work)
        if best is None or rank < best[0]:
            best = (rank, parts)
    if best is None:  # an axis always has at least one piece
        raise ValueError(f"shape {shape!r} cannot be cut")
    return best[1]


def _cut(length: int, parts: int, reach: int, multiple: int) -> list[tuple[slice, slice, slice]]:
    """Return read, write and keep along one axis."""
    borders = [round(length * part / parts / multiple) * multiple for part in range(parts + 1)]
    pieces = []
    for begin, end in pairwise(borders):
        margin = -(-reach // multiple) * multiple
        low, high = max(begin - margin, 0), min(end + margin, length)
        pieces.append((slice(low, high), slice(begin, end), slice(begin - low, end - low)))
    return pieces
