"""Agreement of repeats: published values, formulas, and truth recovered."""

import numpy as np
import pytest

from bids_denoise.errors import UsageError
from bids_denoise.stats.bootstrap import mean_over_people
from bids_denoise.stats.reliability import agreement, bland_altman, icc

# Shrout & Fleiss 1979, table 2: six targets, four judges.
RATINGS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
)


def test_the_icc_of_shrout_and_fleiss() -> None:
    both, one = icc(RATINGS, "2,1"), icc(RATINGS, "3,1")
    assert (round(both.value, 2), round(one.value, 2)) == (0.29, 0.71)
    assert (round(both.low, 3), round(both.high, 2)) == (0.019, 0.76)
    assert (round(one.low, 2), round(one.high, 2)) == (0.34, 0.95)


@pytest.mark.parametrize("kind", ["2,1", "3,1"])
def test_intervals_of_the_icc_hold_the_truth(kind: str) -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        values = 2 * rng.standard_normal((20, 1)) + rng.standard_normal((20, 3))
        found = icc(values, "2,1" if kind == "2,1" else "3,1")
        held += found.low <= 0.8 <= found.high
    assert 0.90 <= held / 200 <= 0.99


def test_a_shift_of_all_counts_for_agreement_alone() -> None:
    values = np.array([[1.0, 3.1], [2.0, 3.9], [3.0, 5.0], [5.0, 7.2]])
    found = agreement(values)
    assert found.icc_consistency.value > 0.99
    assert found.icc_agreement.value < 0.7


def test_variation_and_repeatability_are_those_within_people() -> None:
    rng = np.random.default_rng(1)
    values = 100 + 10 * rng.standard_normal((400, 1)) + 2 * rng.standard_normal((400, 2))
    found = agreement(values)
    within = np.sqrt(np.square(values[:, 0] - values[:, 1]).mean() / 2)
    np.testing.assert_allclose(found.variation.value, 100 * within / values.mean())
    np.testing.assert_allclose(found.repeatability.value, 1.959964 * np.sqrt(2) * within)
    assert found.repeatability.low < 1.96 * np.sqrt(2) * 2 < found.repeatability.high
    apart = np.abs(values[:, 0] - values[:, 1]) < found.repeatability.value
    assert abs(apart.mean() - 0.95) < 0.03


def test_limits_of_bland_and_altman() -> None:
    rng = np.random.default_rng(2)
    one = rng.standard_normal(300)
    other = one + 0.5 + 0.2 * rng.standard_normal(300)
    limits = bland_altman(one, other)
    assert limits.bias.low < 0.5 < limits.bias.high
    assert limits.lower.low < 0.5 - 0.392 < limits.lower.high
    assert limits.upper.low < 0.5 + 0.392 < limits.upper.high
    within = (other - one > limits.lower.value) & (other - one < limits.upper.value)
    assert abs(within.mean() - 0.95) < 0.03


def test_the_interval_of_a_mean_is_that_of_its_standard_error() -> None:
    values = np.random.default_rng(3).standard_normal(100)
    found = mean_over_people(values, seed=1)
    wide = 1.96 * values.std(ddof=1) / 10
    np.testing.assert_allclose(
        [found.low, found.high], [values.mean() - wide, values.mean() + wide], atol=0.03
    )
    assert found == mean_over_people(values, seed=1)
    assert found != mean_over_people(values, seed=2)


def test_too_few_or_missing_values() -> None:
    with pytest.raises(UsageError, match=r"values \(3, 1\): two people with two repeats"):
        icc(np.ones((3, 1)), "2,1")
    with pytest.raises(UsageError, match="are missing"):
        agreement(np.array([[1.0, np.nan], [2.0, 3.0]]))
