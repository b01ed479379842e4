"""Voxels of a NIfTI file into a float32 array, slab by slab.

A file holds volume after volume, the array voxel after voxel. What is too large for the memory goes
as it is to a scratch file first, and from there slice by slice: volume by volume, each page of
the array would be written as often as there are slabs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bids_denoise import scratch
from bids_denoise.errors import ScanError
from bids_denoise.imageio.stream import ByteStream, largest_size, open_stream

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import BoolArray, FloatArray

    Slabs = Iterator[tuple[tuple[slice, ...], npt.NDArray[Any]]]

SLAB_VOXELS = 1 << 22
"""Voxels converted at once: some 60 MiB beside the float32 array."""

MEASURES = "iuf"
"""Kinds of numbers a magnitude can be stored in: signed, unsigned, floating point."""


@dataclass(frozen=True)
class Voxels:
    """Voxels as read.

    Attributes
    ----------
    data
        float32, the stored shape without trailing axes of length 1 beyond the fourth;
        finite: what was not is 0.
    finite
        bool (x, y, z): False where a value (of any volume) was not finite or too large for float32.
    not_finite
        How many values that were.
    """

    data: FloatArray
    finite: BoolArray
    not_finite: int


def read_voxels(path: Path, image: Any, folder: Path | None = None) -> Voxels:
    """Read all voxels of an open image, slope and intercept applied.

    The file is read once, to its end, so that the checksum of a compressed file is verified.
    Beside the result only one slab of stored voxels is in memory. A large series lies in a file in
    `folder`, if there is one (`scratch.empty`).

    Raises
    ------
    ScanError
        The voxels are not real numbers, the file ends too early, or its compressed data is
        damaged.
    StorageError
        There is no room in `folder`.
    """
    proxy = image.dataobj
    shape = grid_shape(path, proxy.shape)
    if proxy.dtype.kind not in MEASURES:
        kind = "complex" if proxy.dtype.kind == "c" else "colour (RGB)"
        raise ScanError(f"{path}: {kind} voxels; integers or floating-point numbers are allowed")
    _check_size(path, proxy)
    data = scratch.empty(shape, np.float32, folder if len(shape) > 3 else None)
    finite = np.ones(shape[:3], dtype=np.bool_)
    not_finite = 0
    with open_stream(path) as stream:
        stream.skip(proxy.offset)
        for place, stored in _slabs(stream, data, proxy.dtype):
            slab = _converted(stored, float(proxy.slope), float(proxy.inter))
            fine = np.isfinite(slab)
            if not fine.all():
                not_finite += slab.size - int(fine.sum())
                slab[~fine] = 0
                _mark(finite, fine, place)
            data[place] = slab
        stream.finish()
    return Voxels(data=data, finite=finite, not_finite=not_finite)


def grid_shape(path: Path, stored: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of voxels without trailing axes of length 1 beyond the fourth.

    Raises
    ------
    ScanError
        It has not three or four axes, or holds nothing.
    """
    shape = tuple(int(length) for length in stored)
    while len(shape) > 4 and shape[-1] == 1:
        shape = shape[:-1]
    named = " x ".join(map(str, shape))
    if not 3 <= len(shape) <= 4:
        raise ScanError(f"{path}: {len(shape)}D data ({named}); 3D and 4D are allowed")
    if min(shape) < 1:
        raise ScanError(f"{path}: it holds no voxels ({named})")
    return shape


def _check_size(path: Path, proxy: Any) -> None:
    needed = proxy.offset + math.prod(proxy.shape) * proxy.dtype.itemsize
    if largest_size(path) < needed:
        raise ScanError(
            f"{path}: the file is cut off: its header promises {needed} bytes, "
            f"its {path.stat().st_size} bytes cannot hold them"
        )


def _slabs(stream: ByteStream, data: FloatArray, dtype: np.dtype[Any]) -> Slabs:
    """Yield the stored voxels, and where in `data` they belong."""
    by_volume = _along_the_last_axis(stream, data.shape, dtype)
    if scratch.folder_of(data) is None:
        yield from by_volume
        return
    stored = scratch.empty_like(data, data.shape[::-1], dtype)
    for place, slab in by_volume:
        stored[place[-1]] = slab.T
    for part in scratch.parts(data, 2):
        yield np.s_[:, :, part, :], stored[:, part].T


def _along_the_last_axis(stream: ByteStream, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Slabs:
    """Yield the stored voxels, some steps of the last axis at a time."""
    whole = (slice(None),) * (len(shape) - 1)
    step_bytes = math.prod(shape[:-1]) * dtype.itemsize
    steps = max(1, SLAB_VOXELS // math.prod(shape[:-1]))
    for start in range(0, shape[-1], steps):
        place = slice(start, min(start + steps, shape[-1]))
        length = place.stop - place.start
        stored = stream.read(length * step_bytes)
        if len(stored) < length * step_bytes:
            raise ScanError(
                f"{stream.path}: the voxels are cut off in "
                f"{'volume' if len(shape) == 4 else 'slice'} {start + len(stored) // step_bytes} "
                f"of {shape[-1]}"
            )
        yield (
            (*whole, place),
            np.frombuffer(stored, dtype).reshape((*shape[:-1], length), order="F"),
        )


def _converted(stored: npt.NDArray[Any], slope: float, inter: float) -> FloatArray:
    with np.errstate(over="ignore", invalid="ignore"):
        if (slope, inter) != (1.0, 0.0):
            # float64 in between: a large intercept would cost digits in float32.
            stored = stored.astype(np.float64) * slope + inter
        return stored.astype(np.float32)


def _mark(finite: BoolArray, fine: BoolArray, place: tuple[slice, ...]) -> None:
    finite[place[:3]] &= fine.all(axis=-1) if fine.ndim == 4 else fine
