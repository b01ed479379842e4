"""A person's connectome is hers, lasts over runs, and shows in what is scanned."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from bids_denoise.simulate.cohort import Design, Group, Site, draw_people
from bids_denoise.simulate.fingerprints import (
    CONFOUNDS_OUT,
    RestingRun,
    connectome,
    resting_run,
)
from bids_denoise.simulate.species import SPECIES

PEOPLE = draw_people(Design((Group("control", 3),), (Site("A", snr=80.0),)), 2)
GRID = SPECIES["human"].grid(8.0)
TIMING = (2.0, 240)
PARCELS = replace(CONFOUNDS_OUT, parcels=30)
UPPER = np.triu_indices(30, 1)


@cache
def run(person: int, number: int) -> RestingRun:
    return resting_run(PEOPLE[person], GRID, TIMING, number, PARCELS)


def edges(found: RestingRun) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the correlations of the parcels' means in the noisy data."""
    labels = found.parcels.labels
    means = np.stack([found.data[labels == k].mean(axis=0) for k in range(1, 31)])
    return np.asarray(np.corrcoef(means))[UPPER]


def test_a_connectome_is_a_correlation_matrix_of_ones_own() -> None:
    one, again, other = (connectome(PEOPLE[k], 30) for k in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    np.testing.assert_allclose(one, one.T)
    np.testing.assert_allclose(np.diag(one), 1)
    assert np.linalg.eigvalsh(one).min() > 0
    assert 0.5 < np.corrcoef(one[UPPER], other[UPPER])[0, 1] < 0.9
    alike = connectome(PEOPLE[0], 30, 0.0)
    np.testing.assert_array_equal(alike, connectome(PEOPLE[1], 30, 0.0))
    with pytest.raises(ValueError, match="own"):
        connectome(PEOPLE[0], 30, 0.6)


def test_courses_have_the_true_correlation() -> None:
    long = resting_run(PEOPLE[0], SPECIES["human"].grid(24.0), (2.0, 6000), 0, PARCELS)
    found = np.asarray(np.corrcoef(long.parcels.courses))[UPPER]
    np.testing.assert_allclose(found, connectome(PEOPLE[0], 30)[UPPER], atol=0.12)


def test_runs_of_one_person_are_more_alike_than_those_of_two() -> None:
    first, second = ([edges(run(person, number)) for person in range(3)] for number in (0, 1))
    alike = np.asarray(np.corrcoef(first, second))[:3, 3:]
    assert np.all(alike.argmax(axis=1) == np.arange(3))
    assert np.diag(alike).mean() > alike[~np.eye(3, dtype=bool)].mean() + 0.05


def test_a_run_comes_back_and_has_the_noise_of_the_site() -> None:
    found = run(0, 0)
    again = resting_run(PEOPLE[0], GRID, TIMING, 0, PARCELS)
    np.testing.assert_array_equal(found.data, again.data)
    assert found.data.shape == (*GRID.shape, TIMING[1])
    assert found.data.dtype == np.float32
    error = (found.data - found.clean)[found.brain]
    assert error.std() == pytest.approx(found.sigma, rel=0.03)
    assert found.clean[found.brain].mean() / found.sigma == pytest.approx(80, rel=0.02)


def test_parcels_lie_at_the_same_places_in_everyone() -> None:
    places = [
        np.stack([np.argwhere(run(k, 0).parcels.labels == n).mean(axis=0) for n in range(1, 31)])
        for k in (0, 1)
    ]
    assert np.linalg.norm(places[0] - places[1], axis=1).max() < 2
    assert set(np.unique(run(0, 0).parcels.labels)) == set(range(31))
