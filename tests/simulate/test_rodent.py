"""Rat and mouse: sizes of real brains, tissues where they belong, scans like those of people."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np
import pytest

from bids_denoise.simulate import rodent
from bids_denoise.simulate.anatomy import centred_grid
from bids_denoise.simulate.cohort import Design, Group, Site, draw_people
from bids_denoise.simulate.phantom import CONTRASTS, Tissue
from bids_denoise.simulate.session import Session, nuclei, scan
from bids_denoise.simulate.species import SPECIES
from bids_denoise.simulate.traits import Traits

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray

Name = Literal["rat", "mouse"]
VOXEL = {"rat": 0.5, "mouse": 0.3}
BRAIN = {"rat": 2000, "mouse": 450}


def design(species: Name) -> Design:
    """Return the protocol of four repeats at a signal-to-noise ratio of 10."""
    groups = (Group("control", 2), Group("lesion", 2, effect=0.05))
    site = (Site("A", snr=10.0),)
    return Design(groups, site, contrast="T2w", repeats=4, motion=0.1, species=species)


@cache
def session(species: Name) -> Session:
    made = design(species)
    return scan(
        made, draw_people(made, 0)[0], SPECIES[species].grid(VOXEL[species]), VOXEL[species]
    )


@cache
def plain() -> FloatArray:
    """Return the rat that is drawn, without individuality, at 0.5 mm."""
    drawn = rodent.draw_rodent(rodent.RAT, np.random.default_rng(0), Traits(nuclei=(1.0, 1.0)))
    same = replace(drawn, warp=replace(drawn.warp, volumes=0 * drawn.warp.volumes))
    return rodent.fractions(same, SPECIES["rat"].grid(0.5), 0.5)


def at(x: float, y: float, z: float) -> Tissue:
    affine = SPECIES["rat"].grid(0.5).affine
    index = np.rint(np.linalg.inv(affine) @ [x, y, z, 1])[:3].astype(int)
    return Tissue(int(plain()[:, *index].argmax()))


@pytest.mark.parametrize("species", ["rat", "mouse"])
def test_the_brain_has_its_size(species: Name) -> None:
    grey, white, fluid = np.array(session(species).truth.volumes)
    scale = session(species).person.traits.scale ** 3
    assert (grey + white) / scale == pytest.approx(BRAIN[species], rel=0.08)
    assert 0.15 < white / (grey + white) < 0.4
    assert 0.05 < fluid / (grey + white) < 0.3


def test_fractions_fill_every_voxel_exactly() -> None:
    assert plain().min() >= 0
    np.testing.assert_allclose(plain().sum(axis=0), 1, atol=1e-5)
    assert np.all(plain()[Tissue.AIR][:, :, -1] == 1)


def test_tissues_lie_where_they_belong() -> None:
    assert at(0, 0, 4.3) == Tissue.GREY, "cortex"
    assert at(0, 0, 3.0) == Tissue.WHITE, "callosum"
    assert at(-3.4, -3.4, 0.9) == Tissue.GREY, "hippocampus"
    assert at(2.4, 1.6, 1.5) == Tissue.CSF, "ventricle"
    assert at(1.5, 12.5, 0.8) == Tissue.GREY, "olfactory bulb"
    assert at(0, -9.9, 0.3) == Tissue.WHITE, "arbor vitae"
    assert at(0, -15, -3) == Tissue.WHITE, "brain stem"
    assert at(0, -1, 5.7) == Tissue.SKULL
    assert at(8, 0, -6) == Tissue.MUSCLE
    assert at(7.2, 12.5, -0.5) == Tissue.CSF, "eye"


@pytest.mark.parametrize("species", ["rat", "mouse"])
def test_four_repeats_at_a_signal_to_noise_ratio_of_ten(species: Name) -> None:
    found = session(species)
    brain = found.truth.brain
    assert len(found.repeats) == 4
    assert found.truth.image[brain].mean() / found.sigma == pytest.approx(10, rel=1e-4)
    for each in found.repeats:
        assert (each.data - each.clean)[brain].std() == pytest.approx(found.sigma, rel=0.06)


def test_fluid_is_bright_and_eyes_are_no_part_of_the_brain() -> None:
    truth = session("rat").truth
    even = truth.image / truth.field
    grey, white, fluid = (
        even[truth.tissues[tissue] > limit].mean() for tissue, limit in enumerate((0.9, 0.9, 0.8))
    )
    assert fluid > 1.5 * grey > 1.5 * white
    outside = even[~truth.brain]
    assert outside.max() > 0.9 * 4 * CONTRASTS["T2w"][Tissue.CSF], "the eyes are there"


def test_individuals_differ_and_come_back() -> None:
    made = replace(design("rat"), repeats=1)
    people, grid = draw_people(made, 0), SPECIES["rat"].grid(0.8)
    one, again, other = (scan(made, people[k], grid, 0.8).truth.tissues[0] for k in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert 0.5 < np.corrcoef(one.ravel(), other.ravel())[0, 1] < 0.97


@pytest.mark.parametrize("voxel", [0.25, 0.4])
def test_atrophy_is_the_share_of_the_true_volume(voxel: float) -> None:
    made = design("rat")
    person = draw_people(made, 0)[2]
    healthy = replace(person, traits=replace(person.traits, nuclei=(1.0, 1.0)))
    ill = replace(person, traits=replace(person.traits, nuclei=(0.95, 1.0)))
    shape = (round(14 / voxel), round(10 / voxel), round(8 / voxel))
    grid = centred_grid(shape, (voxel,) * 3, (0, -3.4, 0.9))
    before, after = (
        nuclei(made, each, grid).sum(axis=(1, 2, 3), dtype=np.float64) for each in (healthy, ill)
    )
    assert before[0] * voxel**3 / person.traits.scale**3 == pytest.approx(
        rodent.HIPPOCAMPI[0].volume, rel=0.02
    )
    assert after[0] / before[0] == pytest.approx(0.95, abs=0.004)
    assert after[1] == pytest.approx(before[1], rel=1e-3)


def test_ageing_widens_the_ventricles() -> None:
    made = replace(design("rat"), repeats=1)
    person = draw_people(made, 0)[0]
    young, old = (
        scan(
            made,
            replace(person, traits=replace(person.traits, ageing=ageing)),
            SPECIES["rat"].grid(0.5),
            0.5,
        ).truth.volumes
        for ageing in (0.0, 1.0)
    )
    assert old[2] > 1.05 * young[2]
    assert 0.93 * young[0] < old[0] < young[0]
