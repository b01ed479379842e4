import numpy as np
import pytest

from bids_denoise.noise.floor import floor, local_floor, share_at_floor

FREEDOM = 27


def energies(count: int, sigma: float = 1.0, seed: int = 0, freedom: int = FREEDOM) -> np.ndarray:
    drawn = np.random.default_rng(seed).standard_normal((count, freedom))
    return np.asarray(sigma**2 * np.mean(drawn**2, axis=1))


def structured(count: int, seed: int = 1) -> np.ndarray:
    rise = np.exp(np.random.default_rng(seed).uniform(0, 5, count))
    return np.asarray(energies(count, seed=seed) * rise)


@pytest.mark.parametrize("freedom", [4, 27, 132])
def test_floor_of_noise_is_its_variance(freedom: int) -> None:
    found = floor(energies(4000, 3.0, freedom=freedom), freedom)
    assert np.sqrt(found) == pytest.approx(3.0, rel=0.02)


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_floor_does_not_see_structure(share: float) -> None:
    noisy = energies(round(4000 * (1 - share)))
    found = floor(np.append(noisy, structured(round(4000 * share))), FREEDOM)
    assert np.sqrt(found) == pytest.approx(1.0, rel=0.04)


def test_floor_does_not_depend_on_where_it_starts_nor_on_the_unit() -> None:
    mixed = np.append(energies(2000), structured(2000))
    found = [floor(mixed, FREEDOM, start) for start in (0.05, 0.3, 0.7)]
    assert np.allclose(found, found[0], rtol=0.02)
    assert floor(1e8 * mixed, FREEDOM) == pytest.approx(1e8 * found[1])


def test_floor_is_zero_without_noise() -> None:
    assert floor(np.append(np.zeros(500), structured(300)), FREEDOM) == 0


def test_share_at_the_floor_tells_noise_from_structure() -> None:
    assert share_at_floor(energies(4000), FREEDOM) == pytest.approx(1, abs=0.02)
    assert share_at_floor(structured(4000), FREEDOM) < 0.3


def test_local_floor_follows_a_slope_up_to_the_rim() -> None:
    truth = np.linspace(1, 3, 30)[:, None, None] * np.ones((30, 12, 12))
    noisy = energies(truth.size).reshape(truth.shape) * truth**2
    spoiled = np.random.default_rng(3).random(truth.shape) < 0.3
    noisy[spoiled] *= 20
    inside = np.ones(truth.shape, bool)
    found = np.sqrt(local_floor(noisy, inside, FREEDOM, (1.5, 1.5, 1.5)))
    assert np.median(np.abs(found / truth - 1)) < 0.03
    for rim in (0, -1):
        assert np.median(found[rim] / truth[rim]) == pytest.approx(1, abs=0.04)


def test_local_floor_far_from_all_tiles_is_that_of_the_whole() -> None:
    noisy = energies(40 * 6 * 6, 2.0).reshape(40, 6, 6)
    inside = np.zeros(noisy.shape, bool)
    inside[:10] = True
    found = local_floor(np.where(inside, noisy, 0), inside, FREEDOM, (1.0, 1.0, 1.0))
    assert np.sqrt(found[30:]) == pytest.approx(2.0, rel=0.05)
