"""Stroke patients: distributions, scores by their published rules, and an AUC that is known."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from bids_denoise.simulate import clinical
from bids_denoise.simulate.clinical import OTHERS, Hospitals, Patients


@cache
def many(external: bool = False) -> Patients:
    hospitals = OTHERS if external else Hospitals()
    return clinical.draw_patients(20_000, hospitals, np.random.default_rng(5))


def test_a_cohort_has_the_size_of_the_study_and_comes_back() -> None:
    derivation, external = clinical.nishi_cohort(0)
    assert len(derivation.good) == 387
    assert len(external.good) == 115
    assert all(len(values) == 387 for values in derivation.table.values())
    again, _ = clinical.nishi_cohort(0)
    other, _ = clinical.nishi_cohort(1)
    for name, values in derivation.table.items():
        np.testing.assert_array_equal(values, again.table[name])
    assert not np.array_equal(derivation.good, other.good)


def test_variables_are_those_of_such_patients() -> None:
    table = many().table
    assert np.median(table["age"]) == pytest.approx(74, abs=2)
    assert np.median(table["nihss"]) == pytest.approx(17, abs=1)
    assert np.nanmedian(table["aspects"]) == pytest.approx(8, abs=1)
    assert 90 < np.nanmedian(table["onset_to_door"]) < 140
    assert 0.3 < table["atrial_fibrillation"].mean() < 0.5
    assert 0.5 < table["hypertension"].mean() < 0.7
    assert np.mean(table["occlusion_site"] == "M1") > 0.45
    assert set(np.unique(table["side"])) == {"left", "right"}
    assert 0.3 < many().good.mean() < 0.5


def test_variables_are_correlated() -> None:
    table = many().table

    def together(one: str, other: str) -> float:
        known = np.isfinite(table[one]) & np.isfinite(table[other])
        return float(np.corrcoef(table[one][known], table[other][known])[0, 1])

    assert together("nihss", "aspects") == pytest.approx(-0.4, abs=0.08)
    assert together("age", "pre_mrs") > 0.2
    assert together("glucose", "diabetes") > 0.25
    assert together("age", "atrial_fibrillation") > 0.15
    assert together("onset_to_door", "tpa") < -0.2


def test_values_go_missing_as_often_as_said_and_nowhere_else() -> None:
    for name, values in many().table.items():
        if values.dtype.kind == "f":
            missing = np.isnan(values).mean()
            assert missing == pytest.approx(clinical.MISSING.get(name, 0), abs=0.01)


def test_outcomes_follow_the_true_probability() -> None:
    patients = many()
    for low, high in ((0.0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 1.0)):
        there = (patients.probability >= low) & (patients.probability < high)
        expected = patients.probability[there].mean()
        assert patients.good[there].mean() == pytest.approx(expected, abs=0.035)


def test_the_best_auc_is_realistic_and_no_score_exceeds_it() -> None:
    patients, best = many(), clinical.best_auc(Hospitals())
    assert best == pytest.approx(0.85, abs=0.015)
    assert clinical.expected_auc(patients.probability, patients.probability) == pytest.approx(
        best, abs=0.006
    )
    thrive = clinical.expected_auc(-patients.thrive, patients.probability)
    span = clinical.expected_auc(-patients.span, patients.probability)
    assert 0.70 < thrive < 0.78
    assert 0.58 < span < thrive
    assert clinical.expected_auc(patients.thrive, patients.probability) == pytest.approx(1 - thrive)


def test_expected_auc_is_that_of_drawn_outcomes() -> None:
    from scipy.stats import rankdata

    patients = many()
    ranks = rankdata(-patients.thrive)
    good = int(patients.good.sum())
    drawn = (ranks[patients.good].sum() - good * (good + 1) / 2) / (good * (len(ranks) - good))
    assert clinical.expected_auc(-patients.thrive, patients.probability) == pytest.approx(
        drawn, abs=0.012
    )


def test_the_truth_is_not_linear() -> None:
    """Ten years cost more at 80 than at 60, and nothing before 55."""

    def odds(age: float) -> float:
        numbers = {"age": age, "nihss": 12.0, "aspects": 9.0, "onset_to_door": 60.0, "tpa": 1.0}
        numbers |= {"pre_mrs": 0.0, "glucose": 110.0, "atrial_fibrillation": 0.0}
        table = {name: np.array([value]) for name, value in numbers.items()}
        table |= {"occlusion_site": np.array(["M1"]), "side": np.array(["right"])}
        share = float(clinical.good_probability(table, Hospitals())[0])
        return float(np.log(share / (1 - share)))

    assert odds(40) == pytest.approx(odds(50))
    assert odds(80) - odds(90) > 1.5 * (odds(60) - odds(70)) > 0


@pytest.mark.parametrize(
    ("age", "nihss", "diseases", "thrive", "span"),
    [(59, 10, 0, 0, 0), (60, 11, 1, 4, 0), (79, 20, 0, 3, 0), (80, 21, 3, 9, 1), (85, 15, 0, 4, 1)],
)
def test_scores_follow_their_rules(
    age: int, nihss: int, diseases: int, thrive: int, span: int
) -> None:
    names = ("hypertension", "diabetes", "atrial_fibrillation")
    table = {name: np.array([float(place < diseases)]) for place, name in enumerate(names)}
    table |= {"age": np.array([float(age)]), "nihss": np.array([float(nihss)])}
    assert clinical.thrive_score(table).tolist() == [thrive]
    assert clinical.span_100(table).tolist() == [span]


def test_other_hospitals_differ_a_little() -> None:
    here, there = many(), many(external=True)
    assert np.mean(there.table["age"]) - np.mean(here.table["age"]) == pytest.approx(2, abs=0.4)
    assert 0.02 < here.good.mean() - there.good.mean() < 0.15
    assert clinical.best_auc(OTHERS) == pytest.approx(clinical.best_auc(Hospitals()), abs=0.02)
