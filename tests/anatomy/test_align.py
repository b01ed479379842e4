"""The affine between template and person, whatever the contrast and the header."""

import numpy as np
import pytest

from bids_denoise.anatomy.align import align
from bids_denoise.errors import ScanError
from tests.anatomy.people import Affine, distance, image, reoriented, template, tissues, turn

BRAIN = template().image > 0.1
SHEAR = np.array([[1.1, 0.05, 0, 4], [0, 0.92, -0.04, -6], [0.03, 0, 1.05, 9], [0, 0, 0, 1]])
# What the mappings of one brain may differ by, in mm: a third of a voxel of the finer grid.
CLOSE = 1.3


@pytest.fixture(scope="module")
def known() -> Affine:
    maps, affine = tissues(1)
    return align(image(maps), affine, template())


def test_a_person_in_the_templates_place_is_left_there(known: Affine) -> None:
    assert distance(known, np.eye(4), BRAIN, template().affine) < 4


@pytest.mark.parametrize("weights", [(0.6, 0.3, 1.0), (1.0, 0.9, 0.5)], ids=["T2w", "flat"])
def test_the_contrast_does_not_matter(known: Affine, weights: tuple[float, ...]) -> None:
    maps, affine = tissues(1)
    other = np.tensordot(np.array(weights), maps, axes=1)
    found = align(np.asarray(other, np.float32), affine, template())
    assert distance(found, known, BRAIN, template().affine) < 2 * CLOSE


@pytest.mark.parametrize(
    "moved", [SHEAR, turn((20, -15, 10), (40, -30, 60)), turn((90, 0, 180), (0, 20, 0))]
)
def test_a_person_elsewhere_is_found(known: Affine, moved: Affine) -> None:
    maps, affine = tissues(1)
    found = align(image(maps), moved @ affine, template())
    assert distance(np.linalg.inv(moved) @ found, known, BRAIN, template().affine) < CLOSE


@pytest.mark.parametrize("axes", [(2, 0, 1), (1, 0, 2)])
def test_the_order_of_the_axes_does_not_matter(
    known: Affine,
    axes: tuple[int, int, int],
) -> None:
    maps, affine = tissues(1)
    data, turned = reoriented(image(maps), affine, axes)
    assert distance(align(data, turned, template()), known, BRAIN, template().affine) < CLOSE


def test_a_mouse_is_found_as_a_human_is(known: Affine) -> None:
    maps, affine = tissues(1)
    small = np.diag([0.06, 0.06, 0.06, 1.0])
    found = align(image(maps), small @ affine, template())
    assert distance(np.linalg.inv(small) @ found, known, BRAIN, template().affine) < CLOSE


def test_an_empty_brain_is_an_error() -> None:
    maps, affine = tissues(1)
    with pytest.raises(ScanError, match="the brain is empty"):
        align(0 * image(maps), affine, template())
