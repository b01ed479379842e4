import numpy as np
import pytest

from bids_denoise.stats.classify.curves import calibration, decision_curve, roc, treat_all
from bids_denoise.stats.classify.estimates import (
    Sample,
    auc_difference,
    auc_estimate,
    auc_parts,
    brier,
    corrected_t,
    rates,
    variance,
)


def drawn(seed: int, n: int = 60, gap: float = 1.0) -> tuple[Sample, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3 == 0
    return Sample(labels, np.arange(n)), rng.normal(size=n) + gap * labels


def test_auc_and_its_variance_are_delongs() -> None:
    """Against the definition: the kernel over all pairs, S10 / m + S01 / n."""
    sample, scores = drawn(0)
    scores[:6] = scores[6]
    y = sample.labels
    pairs = scores[y][:, None] - scores[~y]
    kernel = (pairs > 0) + 0.5 * (pairs == 0)
    auc, parts = auc_parts(sample, scores)
    assert auc == pytest.approx(kernel.mean())
    expected = kernel.mean(axis=1).var(ddof=1) / y.sum()
    expected += kernel.mean(axis=0).var(ddof=1) / (~y).sum()
    assert variance(sample, parts) == pytest.approx(expected)


def test_the_interval_covers_the_truth() -> None:
    from scipy.stats import norm

    truth = norm.cdf(1 / np.sqrt(2))
    ends = [auc_estimate(*drawn(seed)) for seed in range(400)]
    held = np.mean([each.low <= truth <= each.high for each in ends])
    assert 0.93 <= held <= 0.99


def test_rows_of_one_participant_do_not_make_an_interval_narrower() -> None:
    sample, scores = drawn(1)
    again = Sample(np.tile(sample.labels, 3), np.tile(sample.people, 3))
    one, three = auc_estimate(sample, scores), auc_estimate(again, np.tile(scores, 3))
    assert three.value == pytest.approx(one.value)
    assert three.high - three.low == pytest.approx(one.high - one.low)


def test_a_perfect_auc_has_an_interval() -> None:
    sample, _ = drawn(0)
    perfect = auc_estimate(sample, sample.labels.astype(float))
    assert perfect.value == perfect.high == 1
    assert 0.85 < perfect.low < 0.99
    worst = auc_estimate(sample, -sample.labels.astype(float))
    assert worst.low == worst.value == 0
    assert worst.high == pytest.approx(1 - perfect.low)


def test_paired_differences_find_what_is_there_and_no_more() -> None:
    rng = np.random.default_rng(0)
    wrong = found = 0
    for seed in range(200):
        sample, truth = drawn(seed, 90)
        noisy = [truth + 0.5 * rng.normal(size=90) for _ in range(2)]
        wrong += auc_difference(sample, *noisy).p < 0.05
        found += auc_difference(sample, truth + 2 * rng.normal(size=90), truth).p < 0.05
    assert wrong <= 20
    assert found > 100
    same = auc_difference(sample, truth, truth)
    assert same.p == 1
    assert same.estimate.value == 0


def test_rates_have_wilson_intervals() -> None:
    sample = Sample(np.arange(20) < 10, np.arange(20))
    called = np.arange(20) < 9
    found = rates(sample, called)
    assert found["sensitivity"].value == 0.9
    # From the tables of Newcombe 1998: 9 of 10.
    assert found["sensitivity"].low == pytest.approx(0.596, abs=1e-3)
    assert found["sensitivity"].high == pytest.approx(0.982, abs=1e-3)
    assert found["specificity"].high == pytest.approx(1)
    assert found["balanced_accuracy"].value == pytest.approx(0.95)


def test_calibration_knows_the_honest_from_the_boastful() -> None:
    rng = np.random.default_rng(0)
    logit = rng.normal(-0.5, 1.2, 2000)
    chance = 1 / (1 + np.exp(-logit))
    sample = Sample(rng.random(2000) < chance, np.arange(2000))
    honest = calibration(sample, chance, 0)
    assert honest.slope.low < 1 < honest.slope.high
    assert honest.intercept.low < 0 < honest.intercept.high
    assert np.abs(honest.curve.y - honest.curve.x).max() < 0.06
    assert (honest.curve.low < honest.curve.y).all()
    boastful = calibration(sample, 1 / (1 + np.exp(-2 * logit - 1)), 0)
    assert boastful.slope.value == pytest.approx(honest.slope.value / 2, rel=1e-6)
    assert boastful.slope.high < 1
    assert boastful.intercept.high < 0
    assert boastful.brier.value > honest.brier.value


def test_probabilities_that_separate_have_no_finite_slope() -> None:
    sample = Sample(np.arange(30) < 15, np.arange(30))
    assert calibration(sample, np.where(sample.labels, 0.8, 0.2), 0).slope.value == np.inf
    assert np.isnan(calibration(sample, np.full(30, 0.4), 0).slope.value)


def test_brier_and_roc_agree_with_scikit_learn() -> None:
    from sklearn.metrics import brier_score_loss, roc_auc_score, roc_curve

    sample, scores = drawn(3)
    chance = 1 / (1 + np.exp(-scores))
    assert brier(sample, chance).value == pytest.approx(brier_score_loss(sample.labels, chance))
    assert auc_estimate(sample, scores).value == pytest.approx(roc_auc_score(sample.labels, scores))
    curve = roc(sample, scores, 0)
    false, true, _ = roc_curve(sample.labels, scores, drop_intermediate=False)
    between = np.setdiff1d(np.arange(51), np.flatnonzero(np.isin(curve.x.round(6), false.round(6))))
    np.testing.assert_allclose(curve.y[between], np.interp(curve.x, false, true)[between])
    assert (curve.low <= curve.y).all()
    assert (curve.y <= curve.high).all()


def test_net_benefit_of_a_perfect_model_is_the_prevalence() -> None:
    sample, _ = drawn(0)
    curve = decision_curve(sample, sample.labels.astype(float), 0)
    np.testing.assert_allclose(curve.y, sample.labels.mean())
    assert treat_all(sample).y[0] == pytest.approx(1 / 3 - 2 / 3 * 0.01 / 0.99)


def test_corrected_t_is_wider_than_students() -> None:
    from scipy.stats import ttest_1samp

    differences = np.random.default_rng(0).normal(0.05, 0.1, 50)
    assert corrected_t(differences, 5) > 10 * ttest_1samp(differences, 0).pvalue
    assert corrected_t(np.zeros(10), 5) == 1
