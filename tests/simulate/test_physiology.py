"""Brain and body at rest: spectra, correlation and motion are those that are asked for."""

from __future__ import annotations

import numpy as np
import pytest

from bids_denoise.simulate import anatomy, physiology
from bids_denoise.simulate.phantom import Tissue
from bids_denoise.simulate.physiology import Physiology

GRID = anatomy.centred_grid((26, 30, 10), (6.0, 6.0, 6.0))
TIMING = (1.8, 150)


def test_courses_are_slow_and_of_unit_spread() -> None:
    courses = physiology.slow_courses(200, *TIMING, np.random.default_rng(0))
    np.testing.assert_allclose(courses.std(axis=1), 1)
    np.testing.assert_allclose(courses.mean(axis=1), 0, atol=1e-9)
    power = (np.abs(np.fft.rfft(courses)) ** 2).mean(axis=0)
    frequency = np.fft.rfftfreq(TIMING[1], TIMING[0])
    slow, fast = (
        power[(frequency > a) & (frequency < b)].mean() for a, b in ((0.01, 0.04), (0.2, 0.27))
    )
    assert slow > 5 * fast


def test_parcels_are_correlated_as_reported() -> None:
    rng = np.random.default_rng(0)
    points = anatomy.points_of(GRID)
    grey = np.ones(GRID.shape, np.float32)
    parcels = physiology.draw_parcels(points, grey, 60, (1.0, 20_000), rng)
    assert set(np.unique(parcels.labels)) == set(range(1, 61))
    found = np.corrcoef(parcels.courses)
    np.testing.assert_allclose(found, parcels.correlation, atol=0.12)
    assert np.sqrt(np.mean((found - parcels.correlation) ** 2)) < 0.05


def test_a_brain_at_rest_fluctuates_as_strongly_as_a_real_one() -> None:
    rng = np.random.default_rng(1)
    parts = anatomy.fractions(anatomy.draw_individual(rng), GRID)
    change, parcels = physiology.at_rest(parts, anatomy.points_of(GRID), TIMING, Physiology(), rng)
    brain = parts[[Tissue.GREY, Tissue.WHITE, Tissue.DEEP_GREY]].sum(axis=0) > 0.5
    assert change.dtype == np.float32
    low, middle, high = np.percentile(change[brain].std(axis=1), (25, 50, 75))
    assert 0.004 < low < 0.007 < middle < 0.011
    assert high < 0.016
    assert parcels.labels.shape == GRID.shape


def test_a_head_that_moves_changes_most_at_its_edges() -> None:
    rng = np.random.default_rng(0)
    baseline = np.zeros(GRID.shape, np.float32)
    baseline[8:18, 8:22, 3:8] = 100
    change = physiology.moved(baseline, anatomy.points_of(GRID), TIMING, 0.1, rng)
    spread = change.std(axis=-1)
    assert spread[7:9].max() > 0.5
    assert spread[12:14, 13:17, 5].max() < 1e-3
    still = physiology.moved(baseline, anatomy.points_of(GRID), TIMING, 0.0, rng)
    assert not still.any()


def test_the_same_seed_gives_the_same_rest() -> None:
    parts = anatomy.fractions(anatomy.draw_individual(np.random.default_rng(0)), GRID)
    points = anatomy.points_of(GRID)
    one, two, other = (
        physiology.at_rest(parts, points, (2.0, 20), Physiology(), np.random.default_rng(seed))[0]
        for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(one, two)
    assert np.abs(one - other).max() > 0.001


def test_motion_of_a_tenth_of_a_millimetre_is_the_shift_of_the_image() -> None:
    points = anatomy.points_of(GRID)
    ramp = points[0].copy()
    rng = np.random.default_rng(2)
    change = physiology.moved(ramp, points, TIMING, 0.1, rng)
    centre = tuple(n // 2 for n in GRID.shape)
    assert change[centre].std() == pytest.approx(0.1, rel=0.6)
