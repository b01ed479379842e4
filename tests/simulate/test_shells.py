"""What is built around a brain: never in it, of many looks, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from bids_denoise.simulate.shells import Surroundings, any_surroundings, shells, surrounded


@pytest.fixture
def ball() -> np.ndarray:
    index = np.indices((40, 40, 40)) - 19.5
    return np.asarray(np.sqrt(np.square(index).sum(axis=0)) < 9)


def head(ball: np.ndarray, seed: int) -> np.ndarray:
    data = np.where(ball, np.float32(100), np.float32(0))
    return surrounded(data, ball, (1.0, 1.0, 1.0), np.random.default_rng(seed))


def test_the_brain_stays_what_it_was(ball: np.ndarray) -> None:
    for seed in range(4):
        made = head(ball, seed)
        assert made.dtype == np.float32
        assert made.min() >= 0
        np.testing.assert_allclose(made[17:23, 17:23, 17:23], 100, rtol=1e-3)


def test_there_is_tissue_around_it_and_air_around_that(ball: np.ndarray) -> None:
    made = [head(ball, seed) for seed in range(12)]
    assert np.median([np.count_nonzero(each[~ball] > 2) for each in made]) > 1000
    assert sum(each[0, 0, 0] == 0 for each in made) > 8


def test_no_head_is_like_another_and_a_seed_gives_it_again(ball: np.ndarray) -> None:
    np.testing.assert_array_equal(head(ball, 3), head(ball, 3))
    assert np.abs(head(ball, 3) - head(ball, 4))[~ball].max() > 5


def test_units_of_length_do_not_matter(ball: np.ndarray) -> None:
    data = np.where(ball, np.float32(100), np.float32(0))
    mouse = surrounded(data, ball, (0.1, 0.1, 0.1), np.random.default_rng(3))
    np.testing.assert_allclose(mouse, head(ball, 3), atol=0.05)


def test_the_skull_is_mostly_darker_than_the_scalp() -> None:
    line = np.broadcast_to(np.linspace(0, 1, 60, dtype=np.float32)[:, None, None], (60, 12, 12))
    dips = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        profile = shells(line, rng, 1 / 60, any_surroundings(rng)).mean(axis=(1, 2))
        dips += profile[1:8].min() < 0.8 * profile[2:40].max()
    assert dips > 15


def test_surroundings_have_the_signals_that_are_asked_for(ball: np.ndarray) -> None:
    data = np.where(ball, np.float32(100), np.float32(0))
    signals = Surroundings(fluid=2.0, bone=0.1, marrow=0.1, soft=(0.5, 0.5))
    made = [
        surrounded(data, ball, (1.0, 1.0, 1.0), np.random.default_rng(seed), signals)
        for seed in range(8)
    ]
    for each in made:
        assert each.max() < 201
    assert sum(np.count_nonzero(np.abs(each[~ball] - 10) < 1) > 100 for each in made) > 2


def test_the_fluid_may_be_given_and_all_else_drawn() -> None:
    drawn = [any_surroundings(np.random.default_rng(seed), fluid=0.7) for seed in range(9)]
    assert {each.fluid for each in drawn} == {0.7}
    assert len({each.bone for each in drawn}) == 9
    assert all(each.marrow >= each.bone for each in drawn)
