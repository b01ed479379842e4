"""The mean of a cohort has the cohort's mean size and shape, in whatever order it is given."""

import numpy as np
import pytest

from bids_denoise.anatomy.cohort_template import Person, cohort_template
from bids_denoise.anatomy.normalise import Normalised
from bids_denoise.anatomy.template import Template
from bids_denoise.errors import ScanError
from tests.anatomy.people import image, overlap, tissues, turn

SIZES = (0.9, 1.0, 1.15)


@pytest.fixture(scope="module")
def people() -> list[Person]:
    """Three sizes, each placed in its scanner in its own way."""
    made = []
    for number, size in enumerate(SIZES):
        maps, affine = tissues(5 + number, voxel=5.0)
        place = turn((5.0 * number, -4.0 * number, 0), (10.0 * number, 0, 5))
        made.append(Person(image(maps), place @ np.diag([size, size, size, 1]) @ affine, maps))
    return made


@pytest.fixture(scope="module")
def made(people: list[Person]) -> tuple[Template, tuple[Normalised, ...]]:
    return cohort_template(people)


def test_its_brain_is_as_large_as_theirs(
    people: list[Person], made: tuple[Template, tuple[Normalised, ...]]
) -> None:
    template, found = made
    assert template.tissues is not None
    own = [p.tissues.sum() * abs(np.linalg.det(p.affine[:3, :3])) for p in people]  # type: ignore[union-attr]
    size = template.tissues.sum() * abs(np.linalg.det(template.affine[:3, :3]))
    assert size == pytest.approx(np.exp(np.mean(np.log(own))), rel=0.04)
    linear = [np.log(np.linalg.det(each.linear[:3, :3])) for each in found]
    assert np.mean(linear) == pytest.approx(0, abs=0.01)
    brain = template.tissues.sum(axis=0) > 0.5
    assert np.abs(np.mean([each.displacement for each in found], axis=0)[:, brain]).mean() < 0.5


def test_all_fit_it_and_are_given_back_in_their_order(
    people: list[Person], made: tuple[Template, tuple[Normalised, ...]]
) -> None:
    from bids_denoise.anatomy.normalise import warp

    template, found = made
    assert template.tissues is not None
    for person, normalised in zip(people, found, strict=True):
        assert person.tissues is not None
        warped = warp(person.tissues, person.affine, normalised)
        assert overlap(warped[1], template.tissues[1]) > 0.8
    dets = [np.linalg.det(each.linear[:3, :3]) for each in found]
    assert dets == sorted(dets)


def test_the_order_of_the_people_does_not_matter(
    people: list[Person], made: tuple[Template, tuple[Normalised, ...]]
) -> None:
    template, found = cohort_template([people[2], people[0], people[1]])
    assert np.array_equal(template.image, made[0].image)
    assert np.array_equal(found[0].displacement, made[1][2].displacement)


def test_a_cohort_of_one_has_no_mean(people: list[Person]) -> None:
    with pytest.raises(ScanError, match="two people or more"):
        cohort_template(people[:1])
    with pytest.raises(ScanError, match="with tissues or none"):
        cohort_template([people[0], Person(people[1].image, people[1].affine)])
