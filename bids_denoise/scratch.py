"""Where the voxels of a series lie: in memory, or in a file that is mapped into memory.

A series that is too large lies in a file. The kernel keeps of it in memory what there is room for,
writes the rest to disk and fetches it again, so that a run of any length goes through in a bounded
memory, as long as it is treated in parts: planes of equal x, slices of equal z, or some volumes at
once. To all code it is an array like any other. What is made from it (`empty_like`) lies beside it.

The file loses its name as soon as it is open. Its disk space is given back with the last
reference to the array, and by the kernel when the process is killed.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bids_denoise.errors import storage_errors

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]
    Shape = tuple[int, ...]

LARGEST_IN_MEMORY = 256 * 2**20
"""Bytes of a series from which on it lies in a file."""

PART = 64 * 2**20
"""Bytes of a series that are treated at once, if they are bytes of more than one plane."""


def empty(shape: Shape, dtype: npt.DTypeLike, folder: Path | None) -> Array:
    """Return an array whose values are not set: in a file in `folder` when it is large.

    Parameters
    ----------
    folder
        None for an array in memory, whatever its size.

    Raises
    ------
    StorageError
        There is no room on the disk; it is set aside here, so that writing cannot fail.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if folder is None or size <= LARGEST_IN_MEMORY:
        return np.empty(shape, dtype)
    with storage_errors(folder), tempfile.NamedTemporaryFile(dir=folder) as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            file.truncate(size)
        return np.memmap(file, dtype, "r+", shape=shape)


def empty_like(
    data: Array, shape: Shape | None = None, dtype: npt.DTypeLike | None = None
) -> Array:
    """Return an array whose values are not set, as large as `data`, beside it if large."""
    return empty(data.shape if shape is None else shape, dtype or data.dtype, folder_of(data))


def copy_of(data: Array) -> Array:
    """Return a copy of `data` that lies beside it."""
    copy = empty_like(data)
    copy[...] = data
    return copy


def folder_of(data: Array) -> Path | None:
    """Return the folder that an array, or what it is a view of, lies in; None if in memory."""
    name = getattr(data, "filename", None)
    return None if name is None else Path(name).parent


def parts(data: Array, axis: int) -> Iterator[slice]:
    """Yield the pieces of an axis of `data` to go along it, about `PART` bytes at a time.

    Examples
    --------
    >>> list(parts(np.zeros((4, 5, 6)), 0))
    [slice(0, 4, None)]
    """
    length = data.shape[axis]
    step = max(1, PART * length // max(data.nbytes, 1))
    for start in range(0, length, step):
        yield slice(start, min(start + step, length))


def volumes(data: Array, indices: Sequence[int] | None = None) -> Iterator[Array]:
    """Yield volumes (x, y, z) of a series, all of them by default, each contiguous.

    Some are fetched at once: a volume lies all over the series, and a file is read from one end to
    the other for it.
    """
    wanted = range(data.shape[3]) if indices is None else indices
    step = max(1, 4 * PART * data.shape[3] // max(data.nbytes, 1))
    for start in range(0, len(wanted), step):
        chosen = wanted[start : start + step]
        some = np.empty((len(chosen), *data.shape[:3]), data.dtype)
        for x, plane in enumerate(data):
            some[:, x] = np.moveaxis(plane[..., chosen], -1, 0)
        yield from some


def extremes(data: Array) -> tuple[float, float]:
    """Return the lowest and the highest value, looking at every plane once."""
    low, high = np.transpose([(plane.min(), plane.max()) for plane in data])
    return float(low.min()), float(high.max())
