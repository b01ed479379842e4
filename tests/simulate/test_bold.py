from functools import cache

import numpy as np
import pytest

from bids_denoise.simulate import anatomy, bold
from bids_denoise.simulate.physiology import Physiology

GRID = anatomy.centred_grid((28, 32, 13), (7, 7, 8))
EVENTS = tuple(
    bold.Event(10.0 + 40 * i, 15.0, ("tapping", "checkerboard")[i % 2]) for i in range(4)
)
PARADIGM = bold.Paradigm(
    events=EVENTS,
    regions={
        "tapping": bold.Region((-38, -24, 56), 16),
        "checkerboard": bold.Region((0, -88, 4), 20),
    },
)


@cache
def run(seed: int = 0, amplitude: float = 0.02) -> bold.BoldTruth:
    person = anatomy.draw_individual(np.random.default_rng(5))
    paradigm = bold.Paradigm(PARADIGM.events, PARADIGM.regions, amplitude)
    return bold.bold_run(person, GRID, paradigm, (2.0, 80), np.random.default_rng(seed))


def test_response_peaks_at_five_seconds_and_undershoots() -> None:
    seconds = np.arange(0, 32, 0.1)
    curve = bold.haemodynamic_response(seconds)
    assert curve.max() == pytest.approx(1)
    assert seconds[curve.argmax()] == pytest.approx(5, abs=0.2)
    assert 12 < seconds[curve.argmin()] < 18
    assert -0.2 < curve.min() < -0.05
    assert bold.haemodynamic_response(np.array([-3.0]))[0] == 0


def test_response_to_a_block_follows_it_by_a_few_seconds() -> None:
    answer = bold.response([bold.Event(10, 15, "a")], 1.0, 60)
    assert answer.max() == pytest.approx(1, abs=0.01)
    assert np.all(answer[:11] == 0)
    assert 15 <= answer.argmax() <= 27
    assert not bold.response([], 1.0, 60).any()


def test_run_answers_where_and_as_strongly_as_asked() -> None:
    truth, silent = run(), run(amplitude=0.0)
    change = truth.series - silent.series
    expected = sum(
        truth.amplitudes[name][..., None] * truth.responses[name] for name in truth.responses
    )
    base = silent.series / (1 + 0.05)
    assert np.allclose(change / np.maximum(base, 1), expected, atol=0.003)
    assert 0.008 < truth.amplitudes["checkerboard"].max() <= 0.02
    assert not np.any(truth.amplitudes["tapping"] * truth.amplitudes["checkerboard"])


def test_parcels_share_the_courses_that_are_reported() -> None:
    truth = run()
    clean = truth.series / np.maximum(truth.series.mean(axis=-1, keepdims=True), 1)
    found = []
    for parcel, course in enumerate(truth.parcels.courses, start=1):
        inside = (truth.parcels.labels == parcel) & truth.brain
        if np.count_nonzero(inside) > 3:
            found.append(np.corrcoef(clean[inside].mean(axis=0), course)[0, 1])
    assert len(found) > 40
    assert np.median(found) > 0.5


def test_a_silent_run_has_nothing_but_its_task() -> None:
    still = Physiology(networks=0, local=0, heart=0, breath=0, drift=0, motion=0)
    person = anatomy.draw_individual(np.random.default_rng(5))
    truth = bold.bold_run(person, GRID, PARADIGM, (2.0, 80), np.random.default_rng(0), still)
    change = truth.series[truth.brain] / truth.series[truth.brain][..., :1] - 1
    expected = np.zeros_like(change)
    for name, course in truth.responses.items():
        expected += truth.amplitudes[name][truth.brain][..., None] * course
    np.testing.assert_allclose(change, expected, atol=1e-5)


def test_run_repeats_by_seed_and_stays_positive() -> None:
    first, again, other = run(1), run.__wrapped__(1), run(2)
    assert np.array_equal(first.series, again.series)
    assert not np.array_equal(first.series, other.series)
    assert first.series.min() >= 0
    assert first.series.dtype == np.float32
    assert 1000 < first.brain.sum() < 8000
