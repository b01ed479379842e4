"""The affine between template and person, whatever the contrast and the header."""

from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from bids_denoise.anatomy.align import _Pair, align
from bids_denoise.anatomy.grids import pull
from bids_denoise.anatomy.template import of_images
from bids_denoise.errors import ScanError
from bids_denoise.simulate.cohort import Design, Group, Site, draw_people
from bids_denoise.simulate.session import Session, scan
from bids_denoise.simulate.species import SPECIES
from tests.anatomy.people import (
    Affine,
    distance,
    image,
    overlap,
    reoriented,
    template,
    tissues,
    turn,
)

BRAIN = template().image > 0.1
SHEAR = np.array([[1.1, 0.05, 0, 4], [0, 0.92, -0.04, -6], [0.03, 0, 1.05, 9], [0, 0, 0, 1]])
# What the mappings of one brain may differ by, in mm: a third of a voxel of the finer grid.
CLOSE = 1.3
MICE = SPECIES["mouse"].grid(0.3)
MOUSE = MICE.affine


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


@pytest.mark.parametrize("tilt", [(0, 0, 0), (25, -15, 10)])
@pytest.mark.parametrize(("named", "searched"), [((0, 0, 0), 1), ((90, 0, 90), 24)])
def test_orientations_are_searched_only_where_the_header_is_not_clearly_right(
    known: Affine,
    monkeypatch: pytest.MonkeyPatch,
    tilt: tuple[int, int, int],
    named: tuple[int, int, int],
    searched: int,
) -> None:
    maps, affine = tissues(1)
    moved = turn(named, (0, 0, 0)) @ turn(tilt, (20, 0, -30))
    steps: list[str] = []
    climbed = _Pair.climbed

    def counted(pair: _Pair, kind: Any, start: Affine, step: str) -> tuple[Affine, float]:
        steps.append(step)
        return climbed(pair, kind, start, step)

    monkeypatch.setattr(_Pair, "climbed", counted)
    found = align(image(maps), moved @ affine, template())
    assert distance(np.linalg.inv(moved) @ found, known, BRAIN, template().affine) < CLOSE
    assert steps.count("start") == searched


@pytest.mark.parametrize("named", [(90, 0, 0), (0, 180, 0)])
def test_a_mouse_whose_axes_are_named_wrongly_is_brought_to_another(
    named: tuple[int, int, int],
) -> None:
    first, other = _mice()
    goal = of_images(first.truth.image * first.truth.brain, first.truth.tissues, MOUSE, "A", "")
    moved = turn(named, (3, 0, -2)) @ MOUSE
    image = other.repeats[0].data * other.truth.brain
    found = align(image, moved, goal)
    warped = pull(other.truth.tissues, moved, goal.grid, found)
    assert overlap(warped[1], first.truth.tissues[1]) > 0.6


@lru_cache(maxsize=1)
def _mice() -> tuple[Session, Session]:
    """Two mice in T2w of 0.3 mm, with noise."""
    group = (Group("control", 2),)
    design = Design(group, (Site("A", snr=10.0),), contrast="T2w", species="mouse")
    one, other = draw_people(design, 0)
    return scan(design, one, MICE, 0.3), scan(design, other, MICE, 0.3)


def test_an_empty_brain_is_an_error() -> None:
    maps, affine = tissues(1)
    with pytest.raises(ScanError, match="the brain is empty"):
        align(0 * image(maps), affine, template())
