"""Agreement of connectomes: by hand, by brute force, and what noise does to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from bids_denoise.errors import UsageError
from bids_denoise.stats.connectomes import (
    MEASURES,
    compare_conditions,
    discriminability,
    edge_icc,
    fingerprint,
)
from bids_denoise.stats.reliability import icc

if TYPE_CHECKING:
    from bids_denoise.stats.design import Precise

PEOPLE, REPEATS, PARCELS = 12, 2, 10


def people_of(noise: float, seed: int = 0) -> Precise:
    """Return correlation-like matrices: what all share, a person's own, and noise."""
    rng, own = np.random.default_rng(seed), np.random.default_rng(100)
    common = 0.3 * own.standard_normal((PARCELS, PARCELS))
    person = 0.2 * own.standard_normal((PEOPLE, 1, PARCELS, PARCELS))
    drawn = common + person + noise * rng.standard_normal((PEOPLE, REPEATS, PARCELS, PARCELS))
    both = np.tanh((drawn + np.swapaxes(drawn, 2, 3)) / 2)
    both[..., np.arange(PARCELS), np.arange(PARCELS)] = 1
    return np.asarray(both)


def test_edges_have_the_icc_of_their_values() -> None:
    edges = np.random.default_rng(0).standard_normal((7, 3, 5)) + np.arange(7)[:, None, None]
    edges[:, 1] += 0.5
    wanted = [icc(edges[..., each], "2,1").value for each in range(5)]
    np.testing.assert_allclose(edge_icc(edges), wanted, rtol=1e-10)
    draw = np.array([2.0, 0, 1, 1, 1, 2, 0])
    drawn = np.repeat(edges, draw.astype(int), axis=0)
    wanted = [icc(drawn[..., each], "2,1").value for each in range(5)]
    np.testing.assert_allclose(edge_icc(edges, draw), wanted, rtol=1e-10)
    assert not edge_icc(np.ones((4, 2, 3))).any()


def test_discriminability_is_counted() -> None:
    edges = np.random.default_rng(1).standard_normal((4, 3, 6))
    wins = []
    for person in range(4):
        for one in range(3):
            for other in set(range(3)) - {one}:
                same = np.linalg.norm(edges[person, one] - edges[person, other])
                wins += [
                    (person, same < np.linalg.norm(edges[person, one] - edges[else_, scan]))
                    for else_ in set(range(4)) - {person}
                    for scan in range(3)
                ]
    for person in range(4):
        wanted = np.mean([won for who, won in wins if who == person])
        np.testing.assert_allclose(discriminability(edges)[person], wanted)


def test_fingerprints_by_hand() -> None:
    first = np.array([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]])
    edges = np.stack([first, first[[0, 2, 1]]], axis=1)
    np.testing.assert_array_equal(fingerprint(edges), [1, 0, 0])


def test_less_noise_agrees_better_and_the_change_is_paired() -> None:
    found = compare_conditions(
        {"as measured": people_of(0.3), "denoised": people_of(0.1), "again": people_of(0.3)}
    )
    before, after, again = found.values()
    assert not before.changes
    for name in MEASURES:
        assert set(before.measures) == set(MEASURES)
        assert after.measures[name].value >= before.measures[name].value
        assert again.changes[name].value == again.changes[name].high == 0
        value = after.measures[name].value - before.measures[name].value
        np.testing.assert_allclose(after.changes[name].value, value, atol=1e-12)
    for name in ("icc", "discriminability", "jaccard", "correlation"):
        assert after.changes[name].low > 0
    truth = 0.2**2 / (0.2**2 + 0.1**2)
    assert abs(after.measures["icc"].value - truth) < 0.1


def test_the_same_repeats_agree_fully() -> None:
    same = people_of(0.3)
    same[:, 1] = same[:, 0]
    (found,) = compare_conditions({"x": same}, density=0.2).values()
    for name in MEASURES:
        np.testing.assert_allclose(found.measures[name].value, 1)


def test_strong_edges_are_counted_by_hand() -> None:
    matrices = np.zeros((2, 2, 3, 3))
    rows, columns = np.triu_indices(3, 1)
    matrices[..., rows, columns] = [[[0.9, 0.8, 0.1], [0.9, 0.1, -0.8]], [[0.5, 0.4, 0.3]] * 2]
    (found,) = compare_conditions({"x": matrices}, density=0.6).values()
    np.testing.assert_allclose(found.measures["jaccard"].value, (1 / 3 + 1) / 2)


def test_what_does_not_fit_is_named() -> None:
    good = people_of(0.1)
    with pytest.raises(UsageError, match="condition 'b': shape"):
        compare_conditions({"a": good, "b": good[1:]})
    with pytest.raises(UsageError, match="with two people and two repeats"):
        compare_conditions({"a": good[:, :1]})
    with pytest.raises(UsageError, match=r"density 1\.0"):
        compare_conditions({"a": good}, density=1.0)
    broken = good.copy()
    broken[0, 0, 0, 1] = np.nan
    with pytest.raises(UsageError, match="'a': some correlations are not finite"):
        compare_conditions({"a": broken})
