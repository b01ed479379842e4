"""Who is in a cohort: known effects, known confounds, the same people in any company."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bids_denoise.simulate.cohort import (
    TWO_SITES,
    Design,
    Group,
    Person,
    draw_people,
    null_labels,
    participants,
    two_groups,
)


def people(size: int, effect: float = 0.0, confounding: float = 0.0) -> tuple[Person, ...]:
    return draw_people(Design(two_groups(size, effect, confounding), TWO_SITES), 7)


def split(cohort: tuple[Person, ...]) -> tuple[list[Person], list[Person]]:
    return tuple([p for p in cohort if p.group == name] for name in ("control", "patient"))  # type: ignore[return-value]


def test_a_person_is_the_same_in_any_company() -> None:
    few, many = people(3), people(9)
    assert few[:3] == many[:3]
    assert few[3:] == many[9:12]
    assert people(3) == few
    assert draw_people(Design(two_groups(3, 0.0), TWO_SITES), 8) != few


def test_the_table_has_a_row_a_person() -> None:
    rows = participants(people(2))
    assert [row["participant_id"] for row in rows] == [
        "sub-control001",
        "sub-control002",
        "sub-patient001",
        "sub-patient002",
    ]
    assert set(rows[0]) == {"participant_id", "group", "age", "sex", "site"}
    assert {row["site"] for row in rows} <= {"A", "B"}


def test_the_effect_is_on_the_first_nucleus_of_patients_alone() -> None:
    without, with_effect = people(4), people(4, effect=0.04)
    for one, other in zip(without, with_effect, strict=True):
        ratio = other.traits.nuclei[0] / one.traits.nuclei[0]
        assert ratio == pytest.approx(0.96 if one.group == "patient" else 1.0)
        assert replace(other.traits, nuclei=one.traits.nuclei) == one.traits


def test_people_of_one_group_vary_as_asked() -> None:
    design = Design((Group("control", 500),), nucleus_spread=0.03)
    cohort = draw_people(design, 1)
    ages = np.array([person.age for person in cohort])
    nuclei = np.array([person.traits.nuclei for person in cohort])
    expected = 1 - 0.002 * (ages - 40)
    residual = np.log(nuclei / expected[:, np.newaxis])
    assert ages.mean() == pytest.approx(50, abs=1.7)
    assert ages.std() == pytest.approx(12, abs=1.2)
    np.testing.assert_allclose(residual.std(axis=0), 0.03, rtol=0.1)
    assert np.corrcoef(residual.T)[0, 1] == pytest.approx(0.7, abs=0.08)
    volume = {
        sex: np.mean([p.traits.scale**3 for p in cohort if p.sex == sex]) for sex in ("F", "M")
    }
    assert volume["M"] / volume["F"] == pytest.approx(1.1, abs=0.03)


@pytest.mark.parametrize("confounding", [0.0, 0.6, 1.0])
def test_groups_are_as_unbalanced_as_asked(confounding: float) -> None:
    controls, patients = split(people(400, confounding=confounding))
    at_b = [np.mean([p.site.name == "B" for p in group]) for group in (controls, patients)]
    men = [np.mean([p.sex == "M" for p in group]) for group in (controls, patients)]
    for share in (at_b, men):
        assert share[1] - share[0] == pytest.approx(confounding, abs=0.1)
    years = np.mean([p.age for p in patients]) - np.mean([p.age for p in controls])
    assert years == pytest.approx(20 * confounding, abs=2.5)


@pytest.mark.parametrize("confounding", [0.0, 0.8])
def test_null_labels_are_balanced_and_follow_the_site_as_asked(confounding: float) -> None:
    cohort = people(300)
    relabelled = null_labels(cohort, confounding, np.random.default_rng(0))
    controls, patients = split(relabelled)
    assert len(controls) == len(patients) == 300
    assert [p.traits for p in relabelled] == [p.traits for p in cohort]
    at_b = [np.mean([p.site.name == "B" for p in group]) for group in (controls, patients)]
    if confounding:
        assert at_b[1] - at_b[0] > 0.4
    else:
        assert at_b[1] - at_b[0] == pytest.approx(0, abs=0.12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"contrast": "T9w"}, "T9w"),
        ({"groups": (Group("a", 1), Group("a", 1))}, "do not differ"),
        ({"groups": (Group("a", 1, sites=(1.0, 2.0)),)}, "2 sites"),
        ({"groups": (Group("a", 1, effect=0.7),)}, "0.7"),
    ],
)
def test_impossible_designs_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(Design((Group("a", 1),)), **change)  # type: ignore[arg-type]


def test_confounding_beyond_certainty_is_refused() -> None:
    with pytest.raises(ValueError, match="confounding"):
        two_groups(3, 0.0, 1.5)
