"""A NIfTI file for voxels that come from no other file: simulated scans and their truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib

from bids_denoise.imageio.writing import write_voxels

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def write_new(
    path: Path,
    data: npt.NDArray[Any],
    affine: npt.NDArray[np.float64],
    tr: float | None = None,
) -> None:
    """Write `data` (x, y, z[, t]) in its own type, with both header forms set to `affine`.

    Parameters
    ----------
    path
        ``.nii`` or ``.nii.gz``. Left away when writing fails.
    data
        Any type that NIfTI knows, such as int16 or float32.
    affine
        (4, 4), voxel indices to RAS mm; code "scanner".
    tr
        Repetition time in s, for a series.

    Raises
    ------
    StorageError
        The disk is full, or writing failed.
    """
    header: Any = nib.Nifti1Header()
    header.set_data_dtype(data.dtype)
    header.set_data_shape(data.shape)
    header.set_qform(affine, code=1)
    header.set_sform(affine, code=1)
    header.set_xyzt_units("mm", "sec" if data.ndim > 3 else None)
    if tr is not None:
        header.set_zooms((*header.get_zooms()[:3], tr))
    write_voxels(path, data, header)
