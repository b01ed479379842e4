"""Repeats on each other, whichever way their axes lie."""

from typing import get_args

import numpy as np
import pytest

from bids_denoise.anatomy.rigid import Interpolation, resample, rigid
from bids_denoise.errors import ScanError
from bids_denoise.simulate.anatomy import Grid
from tests.anatomy.people import distance, image, reoriented, tissues, turn

MOVED = turn((4, -3, 2.5), (2.3, -3.1, 1.7))
BACK = turn((0, 0, 0), (0, 0, 0))
BACK[:] = np.linalg.inv(MOVED)


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 2, 0)])
def test_a_repeat_is_found_to_a_tenth_of_a_voxel(axes: tuple[int, int, int]) -> None:
    maps, affine = tissues(4)
    brain = maps.sum(axis=0) > 0.5
    still = image(maps)
    grid = Grid(still.shape, affine)
    other = 1.3 * resample(still, affine, grid, BACK, "cubic")
    rng = np.random.default_rng(0)
    sigma = np.float32(np.median(still[brain]) / 10)
    noisy, repeat = (
        each + scale * sigma * rng.standard_normal(each.shape, dtype=np.float32)
        for each, scale in ((still, np.float32(1)), (other, np.float32(1.3)))
    )
    found = rigid(*reoriented(repeat, affine, axes), noisy, affine, brain)
    assert distance(found, MOVED, brain, affine) < 0.1 * 3.0
    assert found[:3, :3] @ found[:3, :3].T == pytest.approx(np.eye(3), abs=1e-6)


def test_an_empty_mask_is_an_error() -> None:
    maps, affine = tissues(4)
    with pytest.raises(ScanError, match="mask is empty"):
        rigid(image(maps), affine, image(maps), affine, maps[0] > 2)


@pytest.mark.parametrize("interpolation", get_args(Interpolation))
def test_where_nothing_moves_nothing_changes(interpolation: Interpolation) -> None:
    data = np.random.default_rng(2).random((9, 8, 7), dtype=np.float32)
    grid = Grid(data.shape, np.eye(4))
    assert resample(data, np.eye(4), grid, np.eye(4), interpolation) == pytest.approx(
        data, abs=1e-5
    )
