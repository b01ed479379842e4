from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bids_denoise.errors import ScanError
from bids_denoise.imageio import checksum, describe, voxels_bytes
from tests.bids_factory import head, head_series
from tests.imageio.nifti import write_nifti

TURNED = {"srow_x": [0.0, -2.5, 0, 40], "srow_y": [2.0, 0, 0, 0]}
"""A quarter turn about the third axis, against the qform."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sub-01_bold.nii.gz"


def test_the_facts_of_a_series(path: Path) -> None:
    fields = {"pixdim": [1, 2, 2.5, 3, 800, 1, 1, 1], "xyzt_units": 2 + 16, "scl_slope": 0.5}
    write_nifti(path, head_series(3), fields, big=True, version=2)
    header = describe(path)
    assert header.shape == (12, 13, 14, 3)
    assert header.voxel_size == (2.0, 2.5, 3.0)
    assert (header.dtype, header.byte_order, header.version) == ("int16", "big", 2)
    assert (header.slope, header.inter) == (0.5, 0.0)
    assert (header.space_unit, header.time_unit) == ("mm", "msec")
    assert header.repetition_time == 0.8
    assert (header.qform_code, header.sform_code, header.orientation) == (1, 1, "RAS")
    assert header.remarks == ()


def test_describing_reads_no_voxels(path: Path) -> None:
    write_nifti(path, np.random.default_rng(0).integers(0, 99, (64, 64, 64)).astype(np.int16))
    path.write_bytes(path.read_bytes()[:20000])
    assert describe(path).shape == (64, 64, 64)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ScanError, match="cut off"):
        describe(path)


@pytest.mark.parametrize(
    ("fields", "remark"),
    [
        ({"qform_code": 0, "sform_code": 0}, "Neither header form is set"),
        (TURNED, "differ by 90.0 degrees"),
        ({"srow_x": [2.0, 0, 0, 3.5]}, "differ by 0.0 degrees and, at the centre of the grid, 3.5"),
        ({"srow_x": [-2.0, 0, 0, 0]}, "differ by"),
        ({"qform_code": 0, "srow_x": [2.0, 0.5, 0, 0]}, "sheared by 11.3 degrees"),
        ({"xyzt_units": 8}, "no unit of length; mm is assumed"),
        ({"xyzt_units": 2}, "no unit of time; s is assumed"),
        ({"pixdim": [1, 2, 2.5, 3, 0, 1, 1, 1]}, "names no repetition time"),
        ({"qform_code": 0, "pixdim": [1, 2, 2.5, 4, 2, 1, 1, 1]}, "2 x 2.5 x 4 mm are not those"),
    ],
)
def test_contradictions_are_remarked_on(path: Path, fields: dict[str, Any], remark: str) -> None:
    write_nifti(path, head_series(3), fields)
    assert any(remark in each for each in describe(path).remarks)


@pytest.mark.parametrize("angle", [0.0, 0.3, 1.1])
def test_the_rounding_of_a_quaternion_is_no_contradiction(path: Path, angle: float) -> None:
    half = angle / 2
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0]])
    rows = turn * [2, 2.5, 3]
    fields = {
        "quatern_d": np.sin(half),
        "qoffset_x": 7.7,
        "srow_x": [*rows[0], 7.7],
        "srow_y": [*rows[1], 0],
    }
    write_nifti(path, head_series(3), fields)
    assert describe(path).remarks == ()


def test_memory_of_voxels() -> None:
    assert voxels_bytes((10, 10, 10, 4)) == 16000
    assert voxels_bytes((10, 10, 10), "int16") == 2000


def test_the_checksum_is_that_of_the_bytes(tmp_path: Path) -> None:
    file = tmp_path / "x.bval"
    file.write_text("abc")
    expected = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert checksum(file) == expected
    (tmp_path / "link").symlink_to("gone")
    with pytest.raises(ScanError, match="datalad get"):
        checksum(tmp_path / "link")


def test_describing_a_missing_or_foreign_file(path: Path) -> None:
    with pytest.raises(ScanError, match="there is no such file"):
        describe(path)
    write_nifti(path, head(), {"magic": b"xyz"})
    with pytest.raises(ScanError, match="not a readable NIfTI file"):
        describe(path)
