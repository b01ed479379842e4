import numpy as np
import pytest

from bids_denoise.simulate import noise

SHAPE = (30, 32, 34)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_gaussian_noise_has_the_sigma_asked_for_and_is_white() -> None:
    drawn = noise.add_gaussian(np.full(SHAPE, 100, np.float32), 4.0, rng()) - 100
    assert drawn.dtype == np.float32
    assert drawn.std() == pytest.approx(4.0, rel=0.02)
    assert abs(drawn.mean()) < 0.1
    assert abs(np.mean(drawn[1:] * drawn[:-1])) < 0.02 * 16


def test_sigma_map_is_followed_in_every_volume() -> None:
    sigma = np.linspace(1, 5, 30, dtype=np.float32)[:, None, None] * np.ones(SHAPE, np.float32)
    drawn = noise.add_gaussian(np.zeros((*SHAPE, 3), np.float32), sigma, rng())
    measured = drawn.std(axis=(1, 2, 3))
    assert np.allclose(measured, np.linspace(1, 5, 30), rtol=0.1)


@pytest.mark.parametrize("coils", [1, 4, 8])
def test_energy_of_the_magnitude_is_signal_plus_two_sigma_squared_a_coil(coils: int) -> None:
    signal = np.full(SHAPE, 20, np.float32)
    drawn = noise.add_nc_chi(signal, 6.0, coils, rng())
    assert np.mean(drawn.astype(np.float64) ** 2) == pytest.approx(400 + 2 * coils * 36, rel=0.02)


def test_rician_is_rayleigh_in_air_and_gaussian_at_high_signal() -> None:
    air = noise.add_rician(np.zeros(SHAPE, np.float32), 3.0, rng())
    tissue = noise.add_rician(np.full(SHAPE, 300, np.float32), 3.0, rng())
    assert air.mean() == pytest.approx(3 * np.sqrt(np.pi / 2), rel=0.01)
    assert air.std() == pytest.approx(3 * np.sqrt(2 - np.pi / 2), rel=0.02)
    assert tissue.std() == pytest.approx(3.0, rel=0.02)


def test_same_seed_same_noise_and_input_is_left_alone() -> None:
    signal = np.full(SHAPE, 50, np.float32)
    first, second = (noise.add_rician(signal, 5.0, rng(7)) for _ in range(2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, noise.add_rician(signal, 5.0, rng(8)))
    assert np.all(signal == 50)


def test_no_noise_returns_the_signal() -> None:
    signal = rng().uniform(1, 9, SHAPE).astype(np.float32)
    assert np.array_equal(noise.add_gaussian(signal, 0.0, rng()), signal)
    assert np.allclose(noise.add_rician(signal, 0.0, rng()), signal, rtol=1e-6)


def test_identity_reconstruction_is_rician() -> None:
    drawn = noise.add_reconstructed(np.zeros(SHAPE, np.float32), 3.0, rng(), lambda k: k)
    assert drawn.dtype == np.float32
    assert drawn.mean() == pytest.approx(3 * np.sqrt(np.pi / 2), rel=0.01)


def test_g_factor_peaks_where_its_formula_says() -> None:
    gain = noise.g_factor((21, 23, 25), peak=3.0)
    assert gain.dtype == np.float32
    assert gain[10, 11, 12] == gain.max()
    assert gain.max() == pytest.approx(3.0)
    assert gain.min() > 1
    assert noise.g_factor((21, 23, 25), centre=0.5).argmax() > gain.argmax()


def test_no_coil_is_refused() -> None:
    with pytest.raises(ValueError, match="coils is 0"):
        noise.add_nc_chi(np.zeros(SHAPE, np.float32), 1.0, 0, rng())
