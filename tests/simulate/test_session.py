"""Scans of a cohort: truth identities, the effect in the anatomy, noise, motion and sites."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from bids_denoise.simulate.anatomy import NUCLEI, Grid, centred_grid
from bids_denoise.simulate.cohort import TWO_SITES, Design, Person, Site, draw_people, two_groups
from bids_denoise.simulate.session import Session, nuclei, scan
from bids_denoise.simulate.species import SPECIES
from bids_denoise.simulate.traits import Traits

DESIGN = Design(two_groups(2, 0.04), TWO_SITES, repeats=3)
PERSON = draw_people(DESIGN, 3)[2]
GRID = SPECIES["human"].grid(6.0)
AROUND = {
    "1.5 mm": centred_grid((44, 44, 44), (1.5, 1.5, 1.5), (-10, 10, 10)),
    "2 mm": centred_grid((33, 33, 33), (2.0, 2.0, 2.0), (-10, 11, 9)),
    "thick and tilted": centred_grid((66, 66, 16), (1.0, 1.0, 4.0), (-10, 10, 10), tilt=15),
}


@cache
def session() -> Session:
    return scan(DESIGN, PERSON, GRID, 6.0)


def with_traits(**change: object) -> Person:
    return replace(PERSON, traits=replace(Traits(nuclei=(1.0, 1.0)), **change))  # type: ignore[arg-type]


def volumes_of(
    person: Person, finest: float | None = 6.0
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array(scan(replace(DESIGN, repeats=1), person, GRID, finest).truth.volumes)


def test_truth_is_consistent() -> None:
    truth = session().truth
    assert truth.tissues.shape == (3, *GRID.shape)
    assert truth.tissues.min() >= 0
    assert truth.tissues.sum(axis=0).max() <= 1 + 1e-5
    assert np.array_equal(truth.labels > 0, truth.brain)
    sure = truth.tissues > 0.6
    for number, where in enumerate(sure, start=1):
        assert where.any()
        assert np.all(truth.labels[where] == number)
    grey, white, fluid = np.array(truth.volumes) / 1e6
    assert 0.8 < grey < 1.4
    assert 0.5 < white < 0.9
    assert 0.2 < fluid < 0.6
    assert truth.field[truth.brain].mean() == pytest.approx(1, abs=1e-3)
    assert np.ptp(truth.field[truth.brain]) == pytest.approx(PERSON.site.non_uniformity, rel=0.01)


def test_eyes_are_no_part_of_the_brain() -> None:
    from scipy.ndimage import label

    truth = session().truth
    sizes = np.bincount(label(truth.tissues[2] + truth.tissues[:2].sum(axis=0) > 0.3)[0].ravel())[
        1:
    ]
    assert sizes.max() / sizes.sum() > 0.999


def test_same_person_same_scan_whoever_else_there_is() -> None:
    larger = replace(DESIGN, groups=two_groups(5, 0.04), repeats=1)
    again = scan(larger, draw_people(larger, 3)[5], GRID, 6.0)
    assert again.person == PERSON
    np.testing.assert_array_equal(again.repeats[0].data, session().repeats[0].data)
    other = scan(larger, draw_people(larger, 3)[6], GRID, 6.0)
    assert np.abs(other.truth.image - again.truth.image).max() > 100


def test_noise_is_that_of_the_site_and_differs_between_repeats() -> None:
    found = session()
    brain = found.truth.brain
    assert found.truth.image[brain].mean() / found.sigma == pytest.approx(PERSON.site.snr, rel=1e-4)
    errors = [(each.data - each.clean)[brain] for each in found.repeats]
    for error in errors:
        assert error.std() == pytest.approx(found.sigma, rel=0.05)
    assert np.abs(np.corrcoef(errors) - np.eye(3)).max() < 0.05
    air = found.truth.image == 0
    assert found.repeats[0].data[air].mean() == pytest.approx(1.2533 * found.sigma, rel=0.05)


def test_motion_between_repeats_is_known() -> None:
    """Seen where its motion took it, a repeat's head is the first one's."""
    first, *later = session().repeats
    np.testing.assert_array_equal(first.motion, np.eye(4))
    assert first.clean is session().truth.image
    still = replace(DESIGN, repeats=1)
    for each in later:
        turn = each.motion[:3, :3]
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
        assert 0.1 < np.linalg.norm(each.motion @ [0, -18, 8, 1] - [0, -18, 8, 1]) < 4
        undone = Grid(GRID.shape, np.linalg.inv(each.motion) @ GRID.affine)
        there = scan(still, PERSON, undone, 6.0).truth
        inside = there.brain
        expected = there.image / there.field
        found = each.clean / session().truth.field
        np.testing.assert_allclose(found[inside], expected[inside], rtol=2e-4)
        assert np.abs(found - first.clean / session().truth.field)[inside].max() > 20


def test_without_motion_repeats_share_one_image() -> None:
    found = scan(replace(DESIGN, motion=0.0), PERSON, GRID, 6.0)
    assert all(each.clean is found.truth.image for each in found.repeats)
    np.testing.assert_array_equal(found.repeats[2].motion, np.eye(4))


@pytest.mark.parametrize("grid", AROUND.values(), ids=AROUND)
def test_atrophy_is_the_share_of_the_true_volume(grid: Grid) -> None:
    healthy = with_traits()
    ill = with_traits(nuclei=(0.96, 1.0))
    before, after = (
        nuclei(DESIGN, each, grid, 1.0).sum(axis=(1, 2, 3), dtype=np.float64)
        for each in (healthy, ill)
    )
    assert after[0] / before[0] == pytest.approx(0.96, abs=0.004)
    assert after[1] == pytest.approx(before[1], rel=1e-3)


@pytest.mark.parametrize("person", draw_people(DESIGN, 5), ids=lambda each: each.participant_id)
def test_nuclei_have_the_volume_told_whatever_the_warp(person: Person) -> None:
    around = centred_grid((48, 40, 36), (1.5, 1.5, 1.5), (0, 10, 10))
    found = nuclei(DESIGN, person, around).sum(axis=(1, 2, 3), dtype=np.float64) * 1.5**3
    told = person.traits.scale**3 * np.array(person.traits.nuclei)
    np.testing.assert_allclose(found, told * NUCLEI[0].volume, rtol=0.015)


def test_surroundings_fill_up_what_a_nucleus_loses() -> None:
    grid = AROUND["2 mm"]
    healthy, ill = (
        scan(replace(DESIGN, repeats=1), with_traits(nuclei=(size, 1.0)), grid, 2.0).truth
        for size in (1.0, 0.8)
    )
    lost = (
        nuclei(DESIGN, with_traits(), grid, 2.0)
        - nuclei(DESIGN, with_traits(nuclei=(0.8, 1.0)), grid, 2.0)
    ).sum(dtype=np.float64) * 2.0**3
    grey, white, fluid = np.array(ill.volumes) - np.array(healthy.volumes)
    assert lost > 300
    assert grey == pytest.approx(-lost, rel=0.25)
    assert grey + white + fluid == pytest.approx(0, abs=0.01 * lost)
    assert white > 0
    assert fluid > 0


def test_ageing_thins_grey_matter_and_widens_fluid_smoothly() -> None:
    grey, _, fluid = np.array([volumes_of(with_traits(ageing=age)) for age in (-0.5, 0, 0.5, 1)]).T
    assert np.all(np.diff(grey) < 0)
    assert np.all(np.diff(fluid) > 0)
    assert grey[3] / grey[1] == pytest.approx(0.93, abs=0.02)


def test_scale_is_that_of_the_head() -> None:
    small, large = (volumes_of(with_traits(scale=scale)).sum() for scale in (0.97, 1.03))
    assert large / small == pytest.approx((1.03 / 0.97) ** 3, rel=0.01)


def test_sites_differ_in_gain_contrast_and_field() -> None:
    plain, weak = (
        scan(
            replace(DESIGN, repeats=1),
            replace(PERSON, site=Site("X", gain=gain, gamma=gamma, non_uniformity=0.4)),
            GRID,
            6.0,
        ).truth
        for gain, gamma in ((1.0, 1.0), (3.0, 0.7))
    )
    ratio = {}
    for name, truth in (("plain", plain), ("weak", weak)):
        even = truth.image / truth.field
        grey, white = (even[truth.tissues[tissue] > 0.95].mean() for tissue in (0, 1))
        ratio[name] = white / grey
    assert ratio["weak"] == pytest.approx(ratio["plain"] ** 0.7, rel=0.02)
    assert weak.image[weak.brain].mean() > 2.5 * plain.image[plain.brain].mean()
    assert np.ptp(plain.field[plain.brain]) == pytest.approx(0.4, rel=0.01)


def test_a_grid_beside_the_brain_is_refused() -> None:
    with pytest.raises(ValueError, match="brain"):
        scan(DESIGN, PERSON, centred_grid((8, 8, 8), (2, 2, 2), (300, 0, 0)))
