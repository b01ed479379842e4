from dataclasses import replace

import numpy as np
import pytest

from bids_denoise.errors import LeakError, UsageError
from bids_denoise.stats.classify.learners import BOOSTING, FOREST, LOGISTIC, SVM
from bids_denoise.stats.classify.outcome import SCORE, predict_outcome
from bids_denoise.stats.classify.prediction import Outcome, OutcomePlan
from tests.stats.classify.cohort import occlusions

PLAN = OutcomePlan(
    "good",
    "yes",
    "no",
    score="score",
    score_rises=False,
    external=("cohort", "external"),
    repeats=1,
    shuffles=5,
)


@pytest.fixture(scope="module")
def found() -> Outcome:
    return predict_outcome(occlusions(), PLAN)


@pytest.mark.parametrize("model", [LOGISTIC, SVM, FOREST, BOOSTING])
def test_models_beat_the_simple_score(found: Outcome, model: str) -> None:
    gain = found.derivation[model].against_score
    assert gain is not None
    assert gain.estimate.value >= 0.05
    assert gain.estimate.low > 0
    assert gain.p < 0.05
    assert found.derivation[model].auc.low < found.derivation[model].auc.value
    assert 0.5 < found.derivation[model].calibration.slope.value < 1.8


@pytest.mark.parametrize("model", [LOGISTIC, SVM, FOREST, BOOSTING, SCORE])
def test_external_numbers_follow_from_the_predictions(found: Outcome, model: str) -> None:
    """Recomputed by scikit-learn, pair by pair and by counting, not by our own functions."""
    from sklearn.metrics import brier_score_loss

    got = found.external[model]
    assert len(got.labels) == 115
    chance, y = got.probability[0], got.labels
    higher = chance[y][:, None] - chance[~y]
    assert got.auc.value == pytest.approx(np.mean((higher > 0) + 0.5 * (higher == 0)))
    assert got.calibration.brier.value == pytest.approx(brier_score_loss(y, chance))
    called = chance > 0.5
    assert got.rates["sensitivity"].value == pytest.approx(called[y].mean())
    assert got.rates["specificity"].value == pytest.approx((~called[~y]).mean())
    at = int(np.argmin(np.abs(got.decision.x - 0.5)))
    threshold = got.decision.x[at]
    called = chance >= threshold
    odds = threshold / (1 - threshold)
    benefit = (called & y).sum() / 115 - (called & ~y).sum() / 115 * odds
    assert got.decision.y[at] == pytest.approx(benefit)
    assert got.treat_all.y[at] == pytest.approx(y.mean() - (1 - y.mean()) * odds)


def test_external_models_also_beat_the_score(found: Outcome) -> None:
    for model in (LOGISTIC, SVM):
        gain = found.external[model].against_score
        assert gain is not None
        assert gain.estimate.value >= 0.05


def test_importance_finds_what_the_outcome_hangs_on(found: Outcome) -> None:
    importance = found.derivation[LOGISTIC].importance
    assert next(iter(importance)) in {"age", "nihss", "aspects", "collaterals"}
    assert set(importance) == set(found.predictors)
    assert next(iter(importance.values())).low > 0


def test_a_second_table_is_the_same_as_a_column() -> None:
    table = occlusions(150, 60)
    where = np.array(table["cohort"]) == "external"
    parts = [
        {
            k: [v for v, w in zip(values, where, strict=True) if w == e]
            for k, values in table.items()
        }
        for e in (False, True)
    ]
    plan = replace(PLAN, models=(LOGISTIC,), repeats=1, shuffles=0)
    names = [name for name in table if name not in {"participant_id", "good", "score", "cohort"}]
    apart = replace(plan, external=None, predictors=names)
    one = predict_outcome(table, plan).external[LOGISTIC]
    two = predict_outcome(parts[0], apart, parts[1]).external[LOGISTIC]
    np.testing.assert_array_equal(one.probability, two.probability)
    with pytest.raises(UsageError, match="allowed: one"):
        predict_outcome(parts[0], plan, parts[1])


def test_workers_do_not_change_predictions() -> None:
    table = occlusions(120, 0)
    plan = replace(PLAN, external=None, predictors=("age", "nihss"), repeats=2, shuffles=0)
    plan = replace(plan, folds=2, models=(SVM,))
    one = predict_outcome(table, plan)
    two = predict_outcome(table, replace(plan, workers=2))
    for model in (SVM, SCORE):
        np.testing.assert_array_equal(
            one.derivation[model].probability, two.derivation[model].probability
        )


def test_the_same_person_in_both_cohorts_is_refused() -> None:
    table = occlusions(60, 30)
    where = np.array(table["cohort"]) == "external"
    ids = np.array(table["participant_id"], dtype=object)
    ids[np.flatnonzero(where)[0]] = ids[np.flatnonzero(~where)[0]] + "_ses-2"
    table["participant_id"] = ids.tolist()
    with pytest.raises(LeakError, match=r"external participant in derivation: .*ses"):
        predict_outcome(table, PLAN)


def test_the_same_row_in_both_cohorts_is_refused() -> None:
    table = occlusions(60, 30)
    where = np.array(table["cohort"]) == "external"
    one, two = np.flatnonzero(where)[0], np.flatnonzero(~where)[0]
    for name, values in table.items():
        if name not in {"participant_id", "cohort"}:
            values[one] = values[two]
    with pytest.raises(LeakError, match="external row in derivation"):
        predict_outcome(table, PLAN)


def test_a_code_for_the_outcome_is_refused() -> None:
    table = occlusions(60, 30)
    table["discharge"] = ["home" if v == "yes" else "ward" for v in table["good"]]
    with pytest.raises(LeakError, match="label in the features: 'discharge'"):
        predict_outcome(table, PLAN)
    with pytest.raises(LeakError, match="'good' is the outcome"):
        predict_outcome(table, replace(PLAN, predictors=("age", "good")))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"positive": "maybe"}, "group value 'yes' is unknown; allowed: 'maybe'"),
        ({"negative": "yes"}, "allowed: two values"),
        ({"outcome": "mrs90"}, "outcome column 'mrs90' is not there; allowed: participant_id"),
        ({"score": "collaterals"}, "score column 'collaterals' has"),
        ({"external": ("cohort", "Kyoto")}, "allowed: one of derivation, external"),
        ({"models": ("oracle",)}, "model 'oracle' is unknown; allowed: regularised"),
        ({"predictors": ("age", "sex")}, "predictor column 'sex' is not there"),
    ],
)
def test_what_cannot_be_is_told(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        predict_outcome(occlusions(60, 30), replace(PLAN, **change))  # type: ignore[arg-type]
