"""From a scan's file to an image, or to a sentence that says why not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise import scratch
from bids_denoise.errors import ScanError
from bids_denoise.imageio.gradients import read_bvals
from bids_denoise.imageio.header import affine_in_mm, header_facts, open_image
from bids_denoise.imageio.padding import padding
from bids_denoise.imageio.phase import read_phase
from bids_denoise.imageio.voxels import Voxels, grid_shape, read_voxels
from bids_denoise.values import Image, Scan

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import FloatArray

SINGLE_VOLUME = frozenset(
    {"T1w", "T2w", "PDw", "T2starw", "FLAIR", "inplaneT1", "inplaneT2", "angio", "T2star"}
    | {"FLASH", "PD", "UNIT1"}
)
"""Suffixes whose files hold one volume. PDT2 and the file collections (MEGRE, VFA, ...) may hold
several."""


@dataclass(frozen=True)
class Loaded(Image):
    """An image as it came from its file.

    Attributes
    ----------
    not_finite
        How many values were NaN, infinite or too large for float32; they were set to 0.
    remarks
        Plain sentences on the header and the voxels, for the report.
    """

    not_finite: int = 0
    remarks: tuple[str, ...] = ()


def load(scan: Scan, folder: Path | None = None, phase: bool = True) -> Loaded:
    """Read a scan and refuse what cannot be denoised.

    Every value is ``slope * stored + inter`` in float32. A trailing axis of length 1 is dropped
    for anatomical images and single-band references, which BIDS wants in 3D. Values that are not
    finite become 0, and their voxels leave the mask; so do voxels that hold
    a fill value (see `padding.padding`).

    Memory: 4 bytes for each voxel of the result, unless it lies in a file; about 8 for each voxel
    of one volume, and one slab of stored voxels (60 MiB).

    Parameters
    ----------
    folder
        Where large series lie (`scratch`); None: in memory, whatever their size.
    phase
        Read the phase that belongs to the scan, if there is one.

    Raises
    ------
    ScanError
        The content is not present, the file is damaged or cut off, its shape or type is
        not that of such a scan, it is constant, or the gradients of a diffusion scan are
        missing or do not fit.
    StorageError
        There is no room in `folder`.
    """
    # A sidecar that cannot be read says so when it is looked into: here, before the work starts.
    dict(scan.metadata)
    image = open_image(scan.path)
    affine = affine_in_mm(scan.path, image)
    shape = _shape_of(scan, image.shape)
    bvals = read_bvals(scan, shape)
    voxels = read_voxels(scan.path, image, folder)
    data = voxels.data.reshape(shape)
    _check_contrast(scan.path, data)
    mask = voxels.finite & ~padding(data)
    return Loaded(
        data=data,
        affine=affine,
        mask=mask,
        bvals=bvals,
        phase=read_phase(scan, shape, folder) if phase else None,
        not_finite=voxels.not_finite,
        remarks=header_facts(scan.path, image).remarks + _remarks(voxels),
    )


def read(path: Path) -> FloatArray:
    """Return the voxels of any 3D or 4D NIfTI file as float32; what is not finite becomes 0.

    Raises
    ------
    ScanError
        The file is missing, damaged, or holds no real numbers.
    """
    return read_voxels(path, open_image(path)).data


def read_placed(path: Path) -> tuple[FloatArray, npt.NDArray[np.float64]]:
    """Return the voxels of any 3D or 4D NIfTI file as `read` does, and its affine to RAS mm."""
    image = open_image(path)
    return read_voxels(path, image).data, affine_in_mm(path, image)


def _shape_of(scan: Scan, stored: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape that a scan of this kind has in memory."""
    shape = grid_shape(scan.path, stored)
    named = " x ".join(map(str, shape))
    if min(shape[:3]) < 2:
        raise ScanError(f"{scan.path}: a single slice ({named}); a volume (x, y, z) is needed")
    if shape[3:] == (1,) and (scan.datatype == "anat" or scan.suffix == "sbref"):
        return shape[:3]
    if scan.suffix in SINGLE_VOLUME and len(shape) == 4:
        raise ScanError(f"{scan.path}: {shape[3]} volumes ({named}); a {scan.suffix} holds one")
    return shape


def _check_contrast(path: Path, data: FloatArray) -> None:
    low, high = scratch.extremes(data)
    if low == high:
        raise ScanError(f"{path}: every voxel holds the same value, {low:g}; this is no scan")


def _remarks(voxels: Voxels) -> tuple[str, ...]:
    remarks = []
    if voxels.not_finite:
        where = int(np.count_nonzero(~voxels.finite))
        remarks.append(
            f"{voxels.not_finite} values in {where} voxels were not finite; they were set to 0 "
            "and left out."
        )
    if voxels.data.ndim == 4:
        series = voxels.data.reshape(-1, voxels.data.shape[-1])
        dead = np.flatnonzero(series.min(axis=0) == series.max(axis=0))
        if dead.size:
            remarks.append(f"Volumes without any contrast, counted from 0: {_listed(dead)}.")
    return tuple(remarks)


def _listed(indices: npt.NDArray[np.intp]) -> str:
    shown = ", ".join(map(str, indices[:10]))
    return shown if len(indices) <= 10 else f"{shown} and {len(indices) - 10} more"
