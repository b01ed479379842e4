from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from bids_denoise import imageio
from bids_denoise.errors import StorageError
from bids_denoise.imageio import write_new

AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.float32])
@pytest.mark.parametrize("name", ["new.nii.gz", "new.nii"])
def test_voxels_and_header_come_back(tmp_path: Path, dtype: type, name: str) -> None:
    drawn = np.random.default_rng(0).uniform(0, 200, (5, 6, 7, 3))
    data: npt.NDArray[Any] = drawn.astype(dtype)
    write_new(tmp_path / name, data, AFFINE, tr=1.5)
    header = imageio.describe(tmp_path / name)
    assert np.array_equal(imageio.read(tmp_path / name), data.astype(np.float32))
    assert header.shape == (5, 6, 7, 3)
    assert header.dtype == np.dtype(dtype).name
    assert header.voxel_size == (2, 2, 3)
    assert header.repetition_time == 1.5
    assert (header.space_unit, header.time_unit) == ("mm", "sec")
    assert (header.qform_code, header.sform_code) == (1, 1)
    assert header.remarks == ()


def test_a_volume_has_no_unit_of_time(tmp_path: Path) -> None:
    write_new(tmp_path / "map.nii.gz", np.ones((4, 4, 4), np.float32), AFFINE)
    header = imageio.describe(tmp_path / "map.nii.gz")
    assert header.repetition_time is None
    assert header.remarks == ()


def test_a_folder_that_is_not_there_is_an_error_of_storage(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot write"):
        write_new(tmp_path / "none" / "x.nii.gz", np.ones((4, 4, 4), np.float32), AFFINE)
