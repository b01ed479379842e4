"""NIfTI files with chosen headers, written by nibabel itself, for the tests of this folder."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt

from bids_denoise.values import Scan
from tests.bids_factory import head, write_gradients

AFFINE = np.diag([2.0, 2.5, 3.0, 1.0])


def write_nifti(
    path: Path,
    stored: npt.NDArray[Any] | None = None,
    fields: Mapping[str, Any] | None = None,
    big: bool = False,
    version: int = 1,
) -> Path:
    """Write voxels exactly as given, under a header whose fields are then set one by one."""
    data = head() if stored is None else stored
    kinds: Any = {1: nib.Nifti1Image, 2: nib.Nifti2Image}
    header = kinds[version].header_class(endianness=">" if big else "<")
    header.set_data_dtype(data.dtype)
    header.set_data_shape(data.shape)
    header.set_qform(AFFINE, code=1)
    header.set_sform(AFFINE, code=1)
    header.set_xyzt_units("mm", "sec")
    header["scl_slope"], header["scl_inter"] = 1, 0
    header["vox_offset"] = header.single_vox_offset
    for name, value in (fields or {}).items():
        header[name] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    voxels = data.astype(data.dtype.newbyteorder(">" if big else "<"))
    body = header.binaryblock + bytes(4) + voxels.tobytes("F")
    path.write_bytes(gzip.compress(body, mtime=0) if path.name.endswith(".gz") else body)
    return path


def scan_of(path: Path, suffix: str = "T1w", volumes: int = 0) -> Scan:
    """Return a scan of this file; with `volumes`, gradients are written beside it."""
    datatype = {"bold": "func", "sbref": "func", "dwi": "dwi"}.get(suffix, "anat")
    bval = bvec = None
    if volumes:
        stem = path.with_name(path.name.split(".")[0])
        write_gradients(stem, volumes)
        bval, bvec = (stem.with_name(f"{stem.name}.{kind}") for kind in ("bval", "bvec"))
    return Scan(path, path.parent, datatype, suffix, {"sub": "01"}, {}, bval, bvec)
