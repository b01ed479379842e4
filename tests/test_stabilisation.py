"""Variance stabilisation of Rician data against samples of the law."""

from __future__ import annotations

import numpy as np
import pytest

from bids_denoise.simulate.noise import add_rician
from bids_denoise.stabilisation import stabilise, stabilised_mean, unstabilise

SAMPLES = (60, 60, 60)
SIGNALS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 7.9, 8.1, 11.9, 12.1, 30.0)


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("sigma", [1.0, 23.0])
def test_spread_becomes_one_and_the_mean_comes_back(signal: float, sigma: float) -> None:
    truth = np.full(SAMPLES, signal * sigma, np.float32)
    noisy = add_rician(truth, sigma, np.random.default_rng(1))
    sigmas = np.full(SAMPLES, sigma, np.float32)
    stable = stabilise(noisy, sigmas)
    assert stable.dtype == np.float32
    assert stable.std() == pytest.approx(1, abs=0.045)
    mean = np.full((1, 1, 1), stable.astype(float).mean(), np.float32)
    back = unstabilise(mean, sigmas[:1, :1, :1])
    # Near zero the mean of f hardly depends on the signal: v^2, not v, is what it tells.
    assert back.item() / sigma == pytest.approx(signal, abs=0.2 if signal == 0 else 0.02)


def test_the_mean_of_what_is_stabilised_comes_back() -> None:
    signal = np.linspace(0, 40, 400, dtype=np.float32).reshape(200, 2, 1)
    sigma = np.full(signal.shape, 1.7, np.float32)
    back = unstabilise(stabilised_mean(signal, sigma) / sigma, sigma)
    np.testing.assert_allclose(back, signal, atol=2e-3)


def test_strong_signal_keeps_its_differences() -> None:
    data = np.linspace(20, 200, 500, dtype=np.float32).reshape(5, 10, 10)
    stable = stabilise(data, np.ones_like(data))
    np.testing.assert_allclose(np.diff(stable, axis=2), np.diff(data, axis=2), rtol=2e-3)


def test_the_transform_rises_and_so_does_its_inverse() -> None:
    data = np.linspace(0, 20, 4000, dtype=np.float32).reshape(1, 1, -1)
    ones = np.ones_like(data)
    assert (np.diff(stabilise(data, ones)) > 0).all()
    assert (np.diff(unstabilise(data, ones)) >= 0).all()
    assert unstabilise(data, ones)[0, 0, 0] == 0


def test_no_jump_where_the_tables_end() -> None:
    data = np.linspace(7.9, 13, 2000, dtype=np.float32).reshape(1, 1, -1)
    ones = np.ones_like(data)
    stable = stabilise(data, ones)
    steps = np.diff(stable)
    assert steps.max() < 1.2 * steps.min()
    back = np.diff(unstabilise(stable, ones))
    assert back.max() < 1.2 * np.median(back)
    assert back.min() > 0.8 * np.median(back)


def test_sigma_follows_the_map_in_every_volume() -> None:
    rng = np.random.default_rng(2)
    data = rng.uniform(0, 50, (6, 5, 4, 3)).astype(np.float32)
    sigma = rng.uniform(1, 5, (6, 5, 4)).astype(np.float32)
    stable = stabilise(data, sigma)
    back = unstabilise(stable, sigma)
    for volume in range(3):
        one = np.ascontiguousarray(data[..., volume])
        np.testing.assert_array_equal(stable[..., volume], stabilise(one, sigma))
        np.testing.assert_array_equal(
            back[..., volume], unstabilise(np.ascontiguousarray(stable[..., volume]), sigma)
        )
    np.testing.assert_array_equal(stabilise(4 * data, 4 * sigma), stable)


def test_threads_change_no_bit() -> None:
    data = np.random.default_rng(3).uniform(0, 20, (70, 70, 70)).astype(np.float32)
    sigma = np.full(data.shape, 2, np.float32)
    stable = stabilise(data, sigma, threads=1)
    np.testing.assert_array_equal(stable, stabilise(data, sigma, threads=2))
    np.testing.assert_array_equal(
        unstabilise(stable, sigma, threads=1), unstabilise(stable, sigma, threads=2)
    )


def test_voxels_without_noise_stay_finite() -> None:
    data = np.full((4, 4, 4), 100, np.float32)
    sigma = np.full((4, 4, 4), 2, np.float32)
    sigma[0] = 0
    stable = stabilise(data, sigma)
    assert np.isfinite(stable).all()
    np.testing.assert_allclose(unstabilise(stable, sigma), data, rtol=0.01)
