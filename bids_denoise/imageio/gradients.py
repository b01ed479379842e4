"""b-values and gradient directions beside a diffusion scan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.errors import ScanError
from bids_denoise.imageio.stream import require_content

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import Scan

    Numbers = npt.NDArray[np.float64]


def read_bvals(scan: Scan, shape: tuple[int, ...]) -> Numbers | None:
    """Return the b-values of a diffusion scan, (t,) in s/mm^2; None for every other scan.

    The directions are checked too: they are written out beside the denoised image.

    Raises
    ------
    ScanError
        A gradient file is missing, holds no numbers, or does not fit the number of volumes.
    """
    if (scan.datatype, scan.suffix) != ("dwi", "dwi"):
        return None
    volumes = shape[3] if len(shape) == 4 else 1
    bvals = _rows(scan, scan.bval, ".bval")
    bvecs = _rows(scan, scan.bvec, ".bvec")
    if sum(map(len, bvals)) != volumes or min(len(bvals), max(map(len, bvals))) != 1:
        raise ScanError(f"{scan.bval}: {_table(bvals)}; one b-value a volume, {volumes}, is needed")
    if len(bvecs) != 3 or any(len(row) != volumes for row in bvecs):
        raise ScanError(
            f"{scan.bvec}: {_table(bvecs)}; 3 rows of one number a volume, {volumes}, are needed"
        )
    values = np.array([value for row in bvals for value in row], dtype=np.float64)
    if not np.isfinite(values).all() or values.min() < 0:
        raise ScanError(f"{scan.bval}: a b-value is negative or not finite")
    return values


def _rows(scan: Scan, path: Path | None, extension: str) -> list[list[float]]:
    if path is None:
        stem = scan.path.name.removesuffix(".gz").removesuffix(".nii")
        raise ScanError(
            f"{scan.path}: no {extension} file applies to it; {stem}{extension} is expected "
            "beside it, or one by inheritance in a folder above"
        )
    require_content(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        rows = [[float(word) for word in line.split()] for line in lines]
    except (ValueError, UnicodeDecodeError) as error:
        raise ScanError(f"{path}: not a table of numbers ({error})") from error
    filled = [row for row in rows if row]
    if not filled:
        raise ScanError(f"{path}: it holds no numbers")
    return filled


def _table(rows: list[list[float]]) -> str:
    lengths = sorted({len(row) for row in rows})
    return f"{len(rows)} rows of {' or '.join(map(str, lengths))} numbers"
