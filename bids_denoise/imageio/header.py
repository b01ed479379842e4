"""What a NIfTI header says, and where it contradicts itself."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from bids_denoise.errors import ScanError
from bids_denoise.imageio.stream import open_stream

if TYPE_CHECKING:
    import numpy.typing as npt

    Matrix = npt.NDArray[np.float64]

SPACE_UNITS = {1: "meter", 2: "mm", 3: "micron"}
TIME_UNITS = {8: "sec", 16: "msec", 24: "usec", 32: "hz", 40: "ppm", 48: "rads"}
MILLIMETRES = {"meter": 1000.0, "micron": 0.001}
SECONDS = {"msec": 1e-3, "usec": 1e-6}

FAULTS = (
    *(ImageFileError, HeaderDataError, WrapStructError),
    *(ValueError, OverflowError, EOFError, OSError, zlib.error),
)
"""What nibabel raises on a header without sense, or one that is cut off or damaged."""

ANGLE_TOLERANCE = 0.1
"""Degrees; below it lies the rounding of a quaternion stored in float32."""
SHIFT_TOLERANCE = 0.1
"""Millimetres."""


@dataclass(frozen=True)
class Header:
    """The facts of a NIfTI header.

    Attributes
    ----------
    shape
        As stored, (x, y, z[, t, ...]).
    voxel_size
        Millimetres along the three axes of the grid, from the affine.
    dtype, byte_order
        How voxels are stored, such as ``int16`` and ``little``.
    slope, inter
        A voxel's value is ``slope * stored + inter``.
    space_unit, time_unit
        As the header names them, or ``unknown``.
    repetition_time
        Seconds, for a series; None where the header has none.
    qform_code, sform_code
        NIfTI codes of the two header forms; 0 is "not set".
    orientation
        Anatomical direction in which each axis grows, such as ``RAS``.
    version
        1 or 2.
    remarks
        Plain sentences on what is missing or contradicts itself.
    """

    shape: tuple[int, ...]
    voxel_size: tuple[float, ...]
    dtype: str
    byte_order: str
    slope: float
    inter: float
    space_unit: str
    time_unit: str
    repetition_time: float | None
    qform_code: int
    sform_code: int
    orientation: str
    version: int
    remarks: tuple[str, ...] = ()


def describe(path: Path) -> Header:
    """Return what the header of `path` says; no voxel is read.

    Raises
    ------
    ScanError
        The file is missing, or its header is damaged or not NIfTI.
    """
    return header_facts(path, open_image(path))


def header_facts(path: Path, image: Any) -> Header:
    """Return what the header of an open image says; see `describe`."""
    header = image.header
    affine = affine_in_mm(path, image)
    space_unit, time_unit = _units(header)
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    return Header(
        shape=tuple(int(length) for length in image.shape),
        voxel_size=tuple(round(float(size), 6) for size in sizes),
        dtype=header.get_data_dtype().name,
        byte_order="big" if header.endianness == ">" else "little",
        slope=float(image.dataobj.slope),
        inter=float(image.dataobj.inter),
        space_unit=space_unit,
        time_unit=time_unit,
        repetition_time=_repetition_time(header),
        qform_code=int(header["qform_code"]),
        sform_code=int(header["sform_code"]),
        orientation="".join(_axis_directions(affine)),
        version=2 if isinstance(header, nib.Nifti2Header) else 1,
        remarks=_remarks(header, sizes),
    )


def voxels_bytes(shape: tuple[int, ...], dtype: str = "float32") -> int:
    """Return the memory that voxels of `shape` take, in bytes.

    Examples
    --------
    >>> voxels_bytes((256, 256, 160))
    41943040
    """
    return math.prod(shape) * np.dtype(dtype).itemsize


def open_image(path: Path) -> Any:
    """Open a NIfTI-1 or NIfTI-2 single file without reading its voxels.

    Returns
    -------
    nibabel.Nifti1Image
        Or the Nifti2Image that derives from it.

    Raises
    ------
    ScanError
        The file is missing, or its header is damaged or not NIfTI.
    """
    with open_stream(path) as stream:
        # As much as nibabel looks at: damage so far has its own sentence, not "unknown format".
        start = stream.read(1024)
    if len(start) < 348:
        raise ScanError(
            f"{path}: the header is cut off: {len(start)} bytes, a NIfTI header has at least 348"
        )
    try:
        image: Any = nib.load(path)
        image.header.get_data_dtype()
    except FAULTS as error:
        raise ScanError(f"{path}: not a readable NIfTI file ({error})") from error
    if type(image) not in {nib.Nifti1Image, nib.Nifti2Image}:
        raise ScanError(f"{path}: a {type(image).__name__}, but a NIfTI volume is expected")
    return image


def affine_in_mm(path: Path, image: Any) -> Matrix:
    """Return the affine of an open image, voxel indices to RAS millimetres.

    Raises
    ------
    ScanError
        The affine is singular or not finite.
    """
    affine = np.array(image.affine, dtype=np.float64)
    affine[:3] *= _millimetres(image.header)
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    flat = not np.isfinite(affine).all() or sizes.min() == 0
    if flat or abs(np.linalg.det(affine[:3, :3] / sizes)) < 1e-6:
        form = "sform" if image.header["sform_code"] > 0 else "qform"
        raise ScanError(f"{path}: its {form} gives voxels no volume: {affine[:3].tolist()}")
    return affine


def _axis_directions(affine: Matrix) -> tuple[str, ...]:
    return tuple(nib.orientations.aff2axcodes(affine))


def _repetition_time(header: Any) -> float | None:
    zooms = header.get_zooms()
    if len(zooms) < 4 or not zooms[3] > 0:
        return None
    # The header holds float32: without rounding, 0.8 s would read 0.800000011920929.
    return round(float(zooms[3]) * SECONDS.get(_units(header)[1], 1.0), 6)


def _units(header: Any) -> tuple[str, str]:
    code = int(header["xyzt_units"])
    return SPACE_UNITS.get(code & 7, "unknown"), TIME_UNITS.get(code & 56, "unknown")


def _millimetres(header: Any) -> float:
    return MILLIMETRES.get(_units(header)[0], 1.0)


def _remarks(header: Any, sizes: Matrix) -> tuple[str, ...]:
    remarks = [_form_remark(header)]
    space_unit, time_unit = _units(header)
    zooms = np.array(header.get_zooms()[:3]) * _millimetres(header)
    if space_unit == "unknown":
        remarks.append("The header names no unit of length; mm is assumed.")
    if not np.allclose(zooms, sizes[: len(zooms)], rtol=0.01):
        remarks.append(
            f"The header's voxel sizes {_sizes(zooms)} mm are not those of its affine, "
            f"{_sizes(sizes)} mm; the affine is used."
        )
    if len(header.get_data_shape()) > 3 and header.get_data_shape()[3] > 1:
        if _repetition_time(header) is None:
            remarks.append("The header names no repetition time.")
        elif time_unit == "unknown":
            remarks.append("The header names no unit of time; s is assumed.")
    return tuple(remark for remark in remarks if remark)


def _form_remark(header: Any) -> str:
    codes = int(header["qform_code"]), int(header["sform_code"])
    if not any(codes):
        return "Neither header form is set: left and right cannot be told apart."
    if not all(codes):
        return _shear_remark(header)
    qform, sform = header.get_qform(), header.get_sform()
    angle = _angle_between(qform, sform)
    centre = np.array([*((np.array(header.get_data_shape()[:3]) - 1) / 2), 1.0])
    shift = float(np.linalg.norm((qform - sform) @ centre)) * _millimetres(header)
    if angle <= ANGLE_TOLERANCE and shift <= SHIFT_TOLERANCE:
        return _shear_remark(header)
    return (
        f"The two header forms differ by {angle:.1f} degrees and, at the centre of the grid, "
        f"{shift:.1f} mm; the sform is used, both are kept."
    )


def _shear_remark(header: Any) -> str:
    axes = header.get_best_affine()[:3, :3]
    axes = axes / np.linalg.norm(axes, axis=0)
    skew = np.abs(axes.T @ axes - np.eye(3)).max()
    if not skew > math.sin(math.radians(ANGLE_TOLERANCE)):
        return ""
    angle = math.degrees(math.asin(min(1.0, skew)))
    return f"The axes of the grid are sheared by {angle:.1f} degrees."


def _angle_between(first: Matrix, second: Matrix) -> float:
    """Return the angle of the rotation (or reflection) that takes one form to the other."""
    turn = _nearest_rotation(first) @ _nearest_rotation(second).T
    return math.degrees(math.acos(np.clip((np.trace(turn) - 1) / 2, -1, 1)))


def _nearest_rotation(affine: Matrix) -> Matrix:
    left, _, right = np.linalg.svd(affine[:3, :3])
    return np.asarray(left @ right)


def _sizes(values: Matrix) -> str:
    return " x ".join(f"{value:.3g}" for value in values)
