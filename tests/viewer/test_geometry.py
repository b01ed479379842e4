"""Planes lie as they should, whatever the order of the voxels."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest

from bids_denoise.viewer.geometry import geometry_of, middle

SHAPE = (5, 6, 7)
"""Along right, anterior, superior."""


def world() -> np.ndarray:
    """Return values (right, anterior, superior) that tell each voxel's place."""
    return np.arange(np.prod(SHAPE), dtype=np.float32).reshape(SHAPE)


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("flips", list(product((False, True), repeat=3)))
def test_any_storage_shows_the_same_planes(
    order: tuple[int, int, int], flips: tuple[bool, bool, bool]
) -> None:
    # Voxel axis `stored` runs along world axis `order[stored]`, backwards if it is flipped.
    data = world().transpose(order)
    affine = np.zeros((4, 4))
    affine[3, 3] = 1
    for stored, along in enumerate(order):
        affine[along, stored] = -(along + 1) if flips[stored] else along + 1
        if flips[stored]:
            data = np.flip(data, stored)
    geometry = geometry_of(affine, data.shape)
    assert geometry.shape == SHAPE
    assert geometry.spacing == (1, 2, 3)
    voxel = (1, 4, 2)
    assert data[geometry.stored(voxel)] == world()[voxel]
    sagittal, coronal, axial = geometry.planes(np.ascontiguousarray(data), voxel)
    np.testing.assert_array_equal(sagittal, world()[1].T[::-1])
    np.testing.assert_array_equal(coronal, world()[:, 4].T[::-1])
    np.testing.assert_array_equal(axial, world()[:, :, 2].T[::-1])
    # Superior is up, anterior is to the right of the sagittal plane and up in the axial one.
    assert sagittal[0, -1] == world()[1, -1, -1]
    assert coronal[-1, 0] == world()[0, 4, 0]
    assert axial[0, -1] == world()[-1, -1, 2]


def test_slabs_are_one_voxel_thick() -> None:
    geometry = geometry_of(np.diag([-2.0, 2, 2, 1]), SHAPE)
    for slab, axis, length in zip(geometry.slabs((0, 5, 6)), range(3), SHAPE, strict=True):
        assert slab.axis == axis
        assert slab.high - slab.low == 1
        assert 0 <= slab.low < length
    assert geometry.slabs((0, 5, 6))[0].low == SHAPE[0] - 1


def test_the_middle_of_a_head_and_of_none() -> None:
    geometry = geometry_of(np.eye(4), SHAPE)
    head = np.zeros(SHAPE, bool)
    head[1:4, 2:6, 0:3] = True
    assert middle(head, geometry) == (2, 3, 1)
    assert middle(np.zeros(SHAPE, bool), geometry) == (2, 3, 3)
