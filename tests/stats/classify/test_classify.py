from dataclasses import replace

import numpy as np
import pytest

from bids_denoise.stats.classify.estimates import auc_parts
from bids_denoise.stats.classify.folds import fewer, shuffled, splits, stratified_folds
from bids_denoise.stats.classify.jobs import Job, do
from bids_denoise.stats.classify.kernels import gram, pattern, prepared
from bids_denoise.stats.classify.question import (
    CONFOUNDS_ONLY,
    LINEAR,
    MODELS,
    RBF,
    Plan,
    Question,
    codes,
    rows_of,
)
from bids_denoise.stats.classify.run import Classified, classify, sample_of

N, P = 60, 80
PLAN = Plan(folds=4, repeats=2, permutations=59, learning=(0.4, 1.0), learning_repeats=2)


def question(effect: float = 2.0, noise: float = 2.0) -> Question:
    """Two scans of every other participant, two sites, ten features that know the label."""
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(40), np.where(np.arange(40) % 2, 1, 2))[:N]
    labels = (people % 4 < 2)[: len(people)]
    truth = rng.normal(size=(40, P))[people] + 0.3 * rng.normal(size=(N, P))
    truth[labels, :10] += effect
    sites = np.array(["A", "B"])[(people // 4) % 2]
    truth += (sites == "B")[:, None] * 1.5
    noisy = truth + noise * rng.normal(size=truth.shape)
    return Question(
        [f"sub-{(7 * i) % 41:02d}" for i in people],
        labels,
        {"original": noisy.astype(np.float32), "denoised": truth.astype(np.float32)},
        confounds=rng.normal(60, 9, size=(N, 1)),
        confound_names=("age",),
        sites=sites.tolist(),
    )


@pytest.fixture(scope="module")
def found() -> Classified:
    return classify(question(), PLAN)


@pytest.mark.parametrize("model", MODELS)
def test_denoised_is_better_and_both_are_better_than_chance(found: Classified, model: str) -> None:
    one, two = found.answer("original", model), found.answer("denoised", model)
    assert two.auc.value > one.auc.value
    assert two.auc.low > 0.6
    assert two.auc.low < two.auc.value < two.auc.high
    for answer in (one, two):
        assert answer.permutation is not None
        assert 0.4 < answer.permutation.shuffled.value < 0.6
        assert answer.permutation.shuffled.low < answer.permutation.shuffled.value
    assert two.permutation is not None
    assert two.permutation.p.value == pytest.approx(1 / 60)
    assert two.learning.y[0] < two.learning.y[-1]
    assert two.learning.y[-1] == pytest.approx(two.auc.value)
    assert two.calibration.brier.value < 0.25
    confounds = found.answer(CONFOUNDS_ONLY, model)
    assert confounds.auc.low < 0.5
    assert confounds.permutation is None
    with pytest.raises(KeyError):
        found.answer("smoothed", model)


def test_comparisons_are_of_the_same_participants(found: Classified) -> None:
    linear = {(c.first, c.second): c for c in found.comparisons if c.model == LINEAR}
    gain = linear["original", "denoised"]
    values = [found.answer(name, LINEAR).auc.value for name in ("original", "denoised")]
    assert gain.auc.estimate.value == pytest.approx(values[1] - values[0])
    assert gain.auc.estimate.low < gain.auc.estimate.value < gain.auc.estimate.high
    assert 0 <= gain.corrected_p <= 1
    assert ("denoised", CONFOUNDS_ONLY) in linear


def test_auc_is_recomputed_from_decision_values(found: Classified) -> None:
    answer = found.answer("denoised", RBF)
    y = question().labels
    aucs = [
        np.mean([(a > b) + 0.5 * (a == b) for a in values[y] for b in values[~y]])
        for values in answer.decision
    ]
    assert answer.auc.value == pytest.approx(np.mean(aucs))
    right = np.mean([(values > 0)[y].mean() for values in answer.decision])
    assert answer.rates["sensitivity"].value == pytest.approx(right, abs=0.1)


def test_nobody_is_in_two_folds(found: Classified) -> None:
    people = codes(question().participants)
    for fold in found.folds:
        for train, test in splits(fold):
            assert not set(people[train]) & set(people[test])


def test_workers_and_repeated_runs_change_nothing() -> None:
    plan = replace(PLAN, permutations=20, learning=(0.5,), repeats=1, models=(LINEAR,))
    one, two = (classify(question(), replace(plan, workers=n)) for n in (1, 2))
    for first, second in zip(one.answers, two.answers, strict=True):
        np.testing.assert_array_equal(first.decision, second.decision)
        np.testing.assert_array_equal(first.pattern, second.pattern)
        np.testing.assert_array_equal(first.learning.y, second.learning.y)
        if first.permutation and second.permutation:
            np.testing.assert_array_equal(first.permutation.null, second.permutation.null)
    other = classify(question(), replace(plan, seed=1))
    assert (other.answers[0].decision != one.answers[0].decision).any()


def test_patterns_point_to_what_knows_the_label(found: Classified) -> None:
    answer = found.answer("denoised", LINEAR)
    assert answer.pattern.shape == answer.pattern_error.shape == (P,)
    z = answer.pattern / answer.pattern_error
    assert np.median(z[:10]) > 2
    assert np.abs(np.median(z[10:])) < 1
    assert found.answer("denoised", RBF).pattern.size == 0


def test_a_pattern_is_haufes_formula() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 6))
    x -= x.mean(axis=0)
    weights = rng.normal(size=6)
    everyone = np.ones(50, dtype=bool)
    decision = x @ weights
    expected = np.cov(x.T) @ weights / decision.var(ddof=1)
    np.testing.assert_allclose(pattern(x, everyone, decision), expected)


def test_held_out_rows_are_without_effect_on_training_rows() -> None:
    plan = replace(PLAN, select=20)
    rows = rows_of(question(), plan, "original")
    train = np.arange(N) % 3 != 0
    x = prepared(rows, train, plan)
    changed = rows.features.copy()
    changed[~train] *= 50
    labels = np.where(train, rows.labels, ~rows.labels)
    again = prepared(replace(rows, features=changed, labels=labels), train, plan)
    assert x.shape == (N, 20)
    np.testing.assert_array_equal(x[train], again[train])
    assert np.diag(gram(x, train))[train].mean() == pytest.approx(1)


def test_missing_values_are_filled_from_training_rows() -> None:
    asked = question()
    features = asked.features["original"].copy()
    features[::5, 3] = np.nan
    asked = replace(asked, features={"x": features})
    assert asked.confounds is not None
    asked.confounds[4] = np.nan
    rows = rows_of(asked, PLAN, "x")
    assert np.isfinite(prepared(rows, np.arange(N) % 3 != 0, PLAN)).all()


@pytest.mark.parametrize("select", [None, 10])
def test_labels_without_meaning_are_not_found(select: int | None) -> None:
    """Also with features selected by label, which a naive pipeline does over all rows."""
    aucs = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(40, 400)).astype(np.float32)
        labels = rng.permutation(np.arange(40) % 2 == 0)
        plan = Plan(models=(LINEAR,), repeats=2, learning=(), seed=seed, select=select)
        asked = Question([str(i) for i in range(40)], labels, {"x": x})
        rows = rows_of(asked, plan, "x")
        values = [do(Job(rows, plan, repeat))[LINEAR].decision for repeat in range(2)]
        aucs.append(auc_parts(sample_of(asked, plan), np.stack(values))[0])
    assert np.mean(aucs) == pytest.approx(0.5, abs=0.09)


def test_few_ways_to_shuffle_within_folds_draw_the_folds_anew() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(12, 30)).astype(np.float32)
    labels = np.arange(12) % 2 == 0
    plan = replace(PLAN, folds=3, inner_folds=2, models=(LINEAR,))
    asked = Question([str(i) for i in range(12)], labels, {"x": x}, sites=["A", "A", "B", "B"] * 3)
    null = do(Job(rows_of(asked, plan, "x"), plan, shuffles=range(30)))[LINEAR]
    assert len(np.unique(null)) > 5


def test_own_transformers_are_fitted_in_the_folds() -> None:
    from sklearn.decomposition import PCA

    plan = replace(PLAN, transformers=(PCA(5, random_state=0),))
    rows = rows_of(question(), plan, "original")
    assert prepared(rows, np.arange(N) % 3 != 0, plan).shape == (N, 5)


def test_folds_hold_as_many_of_each_label_and_site() -> None:
    rng = np.random.default_rng(0)
    people = np.arange(50)
    labels, sites = people % 5 < 2, people % 2
    fold = stratified_folds(labels, people, sites, 5, rng)
    for label in (False, True):
        for site in (0, 1):
            counts = np.bincount(fold[(labels == label) & (sites == site)], minlength=5)
            assert np.ptp(counts) <= 1
        assert np.ptp(np.bincount(fold[labels == label])) <= 1


def test_shuffles_stay_within_sites_and_participants() -> None:
    asked = question()
    people, sites = codes(asked.participants), codes(asked.sites or ())
    mixed = shuffled(asked.labels, people, sites, np.random.default_rng(0))
    assert (mixed != asked.labels).any()
    for person in np.unique(people):
        assert len(set(mixed[people == person])) == 1
    first = np.unique(people, return_index=True)[1]
    for site in (0, 1):
        here = first[sites[first] == site]
        assert mixed[here].sum() == asked.labels[here].sum()


def test_fewer_participants_keep_both_labels() -> None:
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(20), 2)
    labels = people % 4 == 0
    few = fewer(np.ones(40, bool), labels, people, (0.1, 3), rng)
    assert len(np.unique(people[few & labels])) == 3
    assert len(np.unique(people[few])) == 6
