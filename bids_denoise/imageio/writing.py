"""Arrays into NIfTI files, under the header of the scan they came from."""

from __future__ import annotations

import gzip
import math
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

import numpy as np

from bids_denoise import scratch
from bids_denoise.errors import ScanError, StorageError, storage_errors
from bids_denoise.imageio.header import open_image

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import FloatArray

    IntArray = npt.NDArray[np.int32]

COMPRESSION = 2
"""gzip level. Noise does not compress: level 6 takes 1.2 to 3 times as long as this for 1 to 9 % of
the size."""

SLAB_VOXELS = 1 << 22
"""Voxels encoded at once."""

ACQUISITION = (
    *("cal_max", "cal_min", "slice_start", "slice_end", "slice_duration", "slice_code", "dim_info"),
    *("toffset", "intent_code", "intent_p1", "intent_p2", "intent_p3", "intent_name"),
    *("descrip", "aux_file"),
)
"""Header fields that are true of the scan, not of what is computed from it."""


def write_like(
    path: Path, data: FloatArray, source: Path, dtype: Literal["float32", "source"] = "float32"
) -> None:
    """Write `data` with the header of `source`, the scan that it was made from.

    Kept: NIfTI version and byte order, both header forms and their codes, units, repetition
    time, slice timing, description, display range, intent and extensions. Written anew: shape,
    type, slope and intercept.

    Parameters
    ----------
    path
        ``.nii`` or ``.nii.gz``. Left away when writing fails.
    data
        float32 (x, y, z[, t]) on the grid of `source`.
    dtype
        ``float32``: as it is, slope 1. ``source``: as `source` is stored. Integers keep the
        slope of `source` when all values fit its range, otherwise slope and intercept
        are computed from the range of `data`. Either way the error is at most half a
        step, and nothing wraps around.

    Raises
    ------
    ScanError
        `source` cannot be read, or `data` is not finite where integers are asked for.
    StorageError
        The disk is full, or writing failed.
    """
    image = open_image(source)
    header = image.header.copy()
    _check_grid(path, data, image.shape)
    stored = image.dataobj.dtype if dtype == "source" else np.dtype(np.float32)
    slope, inter = 1.0, 0.0
    if stored.kind in "iu":
        slope, inter = _scaling(
            path, data, stored, (float(image.dataobj.slope), float(image.dataobj.inter))
        )
    header.set_data_dtype(stored)
    write_voxels(path, data, header, (slope, inter))


def write_map(path: Path, data: FloatArray | IntArray, source: Path) -> None:
    """Write something computed from a scan, such as a map of sigma, on its grid.

    Kept are the grid, both header forms, the unit of length and, for a series, the repetition
    time. What speaks of display range, of intent or of how `source` was acquired is
    cleared.

    Parameters
    ----------
    path
        ``.nii`` or ``.nii.gz``. Left away when writing fails.
    data
        float32 (x, y, z), or (x, y, z, t) for a residual; integers for labels, stored as int16, or
        as int32 where they need it.

    Raises
    ------
    ScanError
        `source` cannot be read, or `data` is not on its grid.
    StorageError
        The disk is full, or writing failed.
    """
    image = open_image(source)
    header = image.header.copy()
    _check_grid(path, data, image.shape)
    header.extensions.clear()
    for field in ACQUISITION:
        header[field] = np.zeros_like(header[field])
    if data.ndim == 3:
        header["pixdim"][4:] = 1
        header["xyzt_units"] = int(header["xyzt_units"]) & 7
    header.set_data_dtype(np.float32 if data.dtype.kind == "f" else _least_integer(data))
    write_voxels(path, data, header)


def _least_integer(labels: npt.NDArray[Any]) -> type[np.int16 | np.int32]:
    return np.int16 if labels.max(initial=0) <= np.iinfo(np.int16).max else np.int32


def _check_grid(path: Path, data: npt.NDArray[Any], shape: tuple[int, ...]) -> None:
    if data.shape[:3] != tuple(shape[:3]) or not 3 <= data.ndim <= max(3, len(shape)):
        raise ScanError(f"{path.name}: data of shape {data.shape} is not on the grid {shape}")


def _scaling(
    path: Path, data: FloatArray, stored: np.dtype[Any], given: tuple[float, float]
) -> tuple[float, float]:
    """Return the slope and intercept under which all of `data` fits the integers `stored`."""
    low, high = scratch.extremes(data)
    if not math.isfinite(low + high):
        raise ScanError(f"{path.name}: values are not finite; integers cannot hold them")
    least, most = _limits(stored)
    slope, inter = given
    ends = sorted(((low - inter) / slope, (high - inter) / slope))
    if least - 0.5 <= ends[0] and ends[1] <= most + 0.5:
        return given
    # The header rounds both to float32: first the intercept, then a slope that makes up for it.
    inter = float(np.float32((low + high) / 2 if least < 0 else low))
    slope = max((high - inter) / most, (low - inter) / least if least < 0 else 0.0)
    return float(np.float32(slope)), inter


def _limits(stored: np.dtype[Any]) -> tuple[int, int]:
    """Return the range of an integer type, as far as float64 counts without gaps."""
    limits = np.iinfo(stored)
    return max(int(limits.min), -(2**53)), min(int(limits.max), 2**53)


def write_voxels(
    path: Path, data: npt.NDArray[Any], header: Any, scaling: tuple[float, float] = (1.0, 0.0)
) -> None:
    """Write `data` under a NIfTI header, in the type that the header names.

    Parameters
    ----------
    path
        ``.nii`` or ``.nii.gz``. Left away when writing fails. The same data gives the same bytes.
    header
        A nibabel NIfTI header; its shape, scaling and offset are set here.
    scaling
        Slope and intercept under which `data` fits the type.

    Raises
    ------
    StorageError
        The disk is full, or writing failed.
    """
    header.set_data_shape(data.shape)
    header.set_slope_inter(*scaling)
    dtype = header.get_data_dtype()
    try:
        with storage_errors(path), path.open("wb") as file, _body(path, file) as body:
            header.write_to(body)
            for slab in scratch.volumes(data) if data.ndim > 3 else _slabs(data):
                body.write(_encoded(slab, dtype, scaling).tobytes(order="F"))
    except StorageError:
        path.unlink(missing_ok=True)
        raise


def _body(path: Path, file: IO[bytes]) -> IO[bytes] | gzip.GzipFile:
    if not path.name.endswith(".gz"):
        return file
    # No name and no time inside: the same voxels give the same bytes.
    return gzip.GzipFile("", "wb", COMPRESSION, file, mtime=0)


def _slabs(data: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    steps = max(1, SLAB_VOXELS // math.prod(data.shape[:-1]))
    for start in range(0, data.shape[-1], steps):
        yield data[..., start : start + steps]


def _encoded(
    slab: npt.NDArray[Any], dtype: np.dtype[Any], scaling: tuple[float, float]
) -> npt.NDArray[Any]:
    if dtype.kind == "f":
        return np.asarray(slab, dtype=dtype)
    slope, inter = scaling
    steps = np.rint((slab.astype(np.float64) - inter) / slope)
    return np.clip(steps, *_limits(dtype)).astype(dtype)
