"""Planted leaks, each refused or flagged by its name."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bids_denoise.errors import LeakError, UsageError
from bids_denoise.stats.classify.leaks import check
from bids_denoise.stats.classify.question import Plan, Question, labels_from

PLAN = Plan()
N, P = 40, 12
RNG = np.random.default_rng(0)
LABELS = np.tile([True, False, False, True], N // 4)
X = RNG.normal(10, 2, size=(N, P)).astype(np.float32)
IDS = [f"sub-{name}" for name in RNG.permutation(np.arange(100, 100 + N))]
SITES = ["A", "A", "B", "B"] * (N // 4)
HONEST = Question(IDS, LABELS, {"x": X}, sites=SITES)


def with_column(values: Any, name: str = "planted") -> Question:
    x = X.copy()
    x[:, 3] = values
    names = [f"f{i}" if i != 3 else name for i in range(P)]
    return replace(HONEST, features={"x": x}, feature_names={"x": names})


def names_of(question: Question, plan: Plan = PLAN) -> dict[str, str]:
    return {flag.name: flag.sentence for flag in check(question, plan)}


def test_an_honest_question_has_no_flags() -> None:
    assert check(HONEST, PLAN) == ()


def test_many_voxels_of_few_people_have_no_flags() -> None:
    x = np.random.default_rng(3).normal(5, 1, (20, 20_000)).astype(np.float32)
    x[:, :5000] = np.round(x[:, :5000])
    question = Question(IDS[:20], LABELS[:20], {"x": x})
    assert check(question, PLAN) == ()


@pytest.mark.parametrize("other", ["{}_ses-2", "{}_T1w", "SUB-{number}", "{number}", "0{number}"])
def test_one_participant_under_two_ids_is_refused(other: str) -> None:
    ids = list(IDS)
    ids[3] = other.format(ids[0], number=ids[0][4:])
    with pytest.raises(LeakError, match=f"one participant, two ids: '{ids[0]}' and '{ids[3]}'"):
        check(replace(HONEST, participants=ids), PLAN)


def test_repeated_ids_are_one_participant_and_have_one_label() -> None:
    ids = list(IDS)
    ids[3] = ids[0]
    assert check(replace(HONEST, participants=ids), PLAN) == ()
    ids[1] = ids[0]
    with pytest.raises(UsageError, match="both labels"):
        check(replace(HONEST, participants=ids), PLAN)


@pytest.mark.parametrize(
    "values",
    [
        LABELS,
        ~LABELS,
        np.where(LABELS, 17.5, -3),
        np.where(LABELS, RNG.choice([1, 4, 7], N), RNG.choice([2, 5, 8], N)),
    ],
    ids=["label", "control", "two codes", "diagnosis codes"],
)
def test_the_label_or_a_code_for_it_is_refused(values: Any) -> None:
    question = with_column(values, "diagnosis_code")
    with pytest.raises(LeakError, match="label in the features: 'diagnosis_code' of 'x'"):
        check(question, PLAN)
    check(question, replace(PLAN, trusted=("diagnosis_code",)))


def test_the_label_with_missing_values_is_refused() -> None:
    values = LABELS.astype(float)
    values[:4] = np.nan
    with pytest.raises(LeakError, match="label in the features"):
        check(with_column(values), PLAN)


def test_what_was_derived_from_the_label_is_flagged() -> None:
    values = LABELS * 4 + np.random.default_rng(1).normal(size=N)
    flags = names_of(with_column(values, "mrs_24h"))
    assert "'mrs_24h' of 'x' with an AUC of" in flags["derived from the label"]
    assert "derived from the label" not in names_of(with_column(LABELS + values * 0.1 + X[:, 0]))


def test_a_confound_that_is_the_label_is_refused() -> None:
    question = replace(
        HONEST,
        confounds=np.column_stack([X[:, 0], LABELS]).astype(float),
        confound_names=("age", "clinic"),
    )
    with pytest.raises(LeakError, match="label in the confounds: 'clinic'"):
        check(question, PLAN)


def test_sites_that_are_the_label_are_refused() -> None:
    sites = np.where(LABELS, "clinic", "university").tolist()
    with pytest.raises(LeakError, match="site is the label: each of the 2 sites"):
        check(replace(HONEST, sites=sites), PLAN)
    sites = np.where(LABELS & (np.arange(N) < 20), "clinic", "university").tolist()
    assert names_of(replace(HONEST, sites=sites)) == {
        "site of one label": "site 'clinic' has only patients"
    }


def test_one_image_under_two_ids_is_refused() -> None:
    x = X.copy()
    x[5] = x[2]
    with pytest.raises(LeakError, match=f"duplicated rows: '{IDS[2]}' and '{IDS[5]}'"):
        check(replace(HONEST, features={"x": x}), PLAN)


def test_one_image_made_twice_is_refused() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(5, 1, (N, 500)).astype(np.float32)
    assert check(replace(HONEST, features={"x": x}), PLAN) == ()
    x[5] = x[2] + 1e-4 * rng.normal(size=500)
    with pytest.raises(LeakError, match="duplicated rows"):
        check(replace(HONEST, features={"x": x}), PLAN)


def test_two_scans_of_one_participant_may_be_equal() -> None:
    ids, x = list(IDS), X.copy()
    ids[3], x[3] = ids[0], x[0]
    assert check(replace(HONEST, participants=ids, features={"x": x}), PLAN) == ()


def test_what_was_fitted_beforehand_is_refused() -> None:
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    unfitted = make_pipeline(StandardScaler(), PCA(2))
    assert check(HONEST, replace(PLAN, transformers=(unfitted,))) == ()
    for fitted in (PCA(2).fit(X), unfitted.fit(X)):
        with pytest.raises(LeakError, match=r"fitted beforehand: .*PCA"):
            check(HONEST, replace(PLAN, transformers=(fitted,)))


def test_features_standardised_over_all_rows_are_flagged() -> None:
    x = (X - X.mean(axis=0)) / X.std(axis=0, ddof=1)
    assert list(names_of(replace(HONEST, features={"x": x}))) == ["standardised beforehand"]


def test_order_and_number_of_rows_that_know_the_label_are_flagged() -> None:
    labels = np.arange(N) < N // 2
    question = Question([f"sub-{i:02d}" for i in range(1, N + 1)], labels, {"x": X})
    flags = names_of(question)
    assert "AUC of 0.00" in flags["row order predicts the label"]
    assert "participant number predicts the label" in flags
    counting = with_column(np.arange(N) * 2 + 5)
    assert "row number in the features" in names_of(counting)
    with pytest.raises(LeakError, match="row number in the features: 'planted'"):
        check(replace(counting, labels=labels, sites=None), PLAN)


def test_missing_values_that_know_the_label_are_flagged() -> None:
    values = X[:, 3].copy()
    values[LABELS & (np.arange(N) < 30)] = np.nan
    flags = names_of(with_column(values, "perfusion"))
    assert "whether 'perfusion' of 'x' is missing goes with the label" in flags["missing by label"]
    values = X[:, 3].copy()
    values[:8] = np.nan
    assert names_of(with_column(values)) == {}


def test_constant_features_are_flagged_and_all_of_them_refused() -> None:
    assert "1 of 12" in names_of(with_column(3.0, "mask"))["constant features"]
    with pytest.raises(UsageError, match="constant features: all 12 of 'x'"):
        check(replace(HONEST, features={"x": np.ones((N, P), np.float32)}), PLAN)


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        (replace(HONEST, labels=np.ones(N, bool)), "all 40 labels are the same"),
        (replace(HONEST, sites=SITES[:-1]), "'sites' has 39 rows, the labels 40"),
        (replace(HONEST, features={}), "no features"),
        (replace(HONEST, feature_names={"x": ["a"]}), r"shape \(40, 12\) and 1 names"),
        (replace(HONEST, sites=["C", *SITES[1:]]), "site 'C' has 1 participants"),
        (with_column(np.nan), "no value at all: 'planted' of 'x'"),
        (with_column(np.inf), "infinite value: 'planted' of 'x'"),
        (Question(IDS[:8], LABELS[:8], {"x": X[:8]}), "too few for the folds: .* has 4"),
    ],
)
def test_designs_that_cannot_answer_are_refused(question: Question, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        check(question, PLAN)


def test_groups_have_two_known_values() -> None:
    assert labels_from(["AD", "HC"], "AD", "HC").tolist() == [True, False]
    with pytest.raises(UsageError, match="'MCI' is unknown; allowed: 'AD'"):
        labels_from(["AD", "HC", "MCI"], "AD", "HC")
    with pytest.raises(UsageError, match="all 2 rows are 'AD'"):
        labels_from(["AD", "AD"], "AD", "HC")
