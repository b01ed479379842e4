"""Traits change the truth by what they say, on any grid."""

from __future__ import annotations

import numpy as np
import pytest

from bids_denoise.simulate import anatomy, traits
from bids_denoise.simulate.traits import Ellipsoid

BALL = Ellipsoid((2.0, -1.0, 0.5), (4.0, 7.0, 5.0))


def volume(voxel: float, cell: float, size: float = 1.0) -> float:
    shape = (round(40 / voxel),) * 3
    grid = anatomy.centred_grid(shape, (voxel,) * 3, (0.3, 0.1, -0.2))
    points = traits.contracted(anatomy.points_of(grid), [BALL], [size])
    return float(traits.shares(points, [BALL], cell).sum() * voxel**3)


@pytest.mark.parametrize(("voxel", "tolerance"), [(0.5, 0.004), (1.0, 0.012), (2.0, 0.04)])
def test_a_nucleus_has_its_volume_on_any_grid(voxel: float, tolerance: float) -> None:
    assert volume(voxel, voxel) == pytest.approx(BALL.volume, rel=tolerance)


@pytest.mark.parametrize("size", [0.9, 0.96, 1.1])
def test_a_contracted_nucleus_has_its_share_of_the_volume(size: float) -> None:
    assert volume(0.8, 0.8, size) / volume(0.8, 0.8) == pytest.approx(size, abs=0.003)


def test_contraction_leaves_what_is_far_where_it_is_and_never_folds() -> None:
    grid = anatomy.centred_grid((60, 60, 60), (0.8, 0.8, 0.8), BALL.centre)
    points = anatomy.points_of(grid)
    moved = traits.contracted(points, [BALL], [0.8])
    far = traits.radius(points, BALL) > traits.REACH
    np.testing.assert_array_equal(moved[:, far], points[:, far])
    assert np.abs(moved - points).max() > 0.3
    for axis in range(3):
        assert np.diff(moved[axis], axis=axis).min() > 0


def test_distance_is_that_to_the_border() -> None:
    ball = Ellipsoid((0.0, 0.0, 0.0), (5.0, 5.0, 5.0))
    points = np.array([[5.0, 7.0, 0.0], [0.0, 0.0, 3.0], [0.0, 0.0, 0.0]], dtype=np.float32)
    np.testing.assert_allclose(traits.distance(points, ball), [0, 2, -2], atol=1e-5)
