"""Non-local means as a denoiser: quality, what it chooses by itself, engines, memory."""

from __future__ import annotations

import tracemalloc
from contextlib import nullcontext
from dataclasses import replace
from functools import cache
from unittest import mock

import numpy as np
import pytest

from bids_denoise.denoisers.apply import denoise
from bids_denoise.denoisers.base import build
from bids_denoise.denoisers.gaussian import Gaussian
from bids_denoise.denoisers.nlm import (
    NonLocalMeans,
    automatic_h,
    automatic_passes,
    automatic_share,
    mean_sigma,
)
from bids_denoise.kernels import nlm_reference
from bids_denoise.simulate.noise import add_gaussian, add_rician, g_factor
from bids_denoise.simulate.phantom import head_phantom
from bids_denoise.values import Denoised, Device, Image, Noise

PEAK = 250
DEVICE = Device(threads=2)
NLM = NonLocalMeans()


@cache
def case(percent: float, contrast: str = "T1w") -> tuple[Image, Noise]:
    truth = head_phantom(contrast=contrast)
    sigma = percent / 100 * PEAK
    data = add_rician(truth, sigma, np.random.default_rng(1))
    image = Image(data, np.eye(4), np.ones(data.shape, bool))
    return image, Noise(np.full(data.shape, sigma, np.float32), "rician", "known")


@cache
def result_for(percent: float, contrast: str = "T1w") -> Denoised:
    return denoise(NLM, *case(percent, contrast), DEVICE)


def gain(percent: float, contrast: str, result: Denoised) -> float:
    """Return the gain of PSNR in dB over the head."""
    truth = head_phantom(contrast=contrast)
    head = truth > 10
    before = np.mean((case(percent, contrast)[0].data[head] - truth[head]) ** 2)
    return float(10 * np.log10(before / np.mean((result.data[head] - truth[head]) ** 2)))


@pytest.mark.parametrize("contrast", ["T1w", "T2w", "FLAIR"])
@pytest.mark.parametrize(("percent", "least"), [(1, 0.7), (3, 2.2), (9, 5.5), (15, 6.8)])
def test_quality(contrast: str, percent: float, least: float) -> None:
    own = gain(percent, contrast, result_for(percent, contrast))
    assert own > least
    smoothed = denoise(Gaussian(), *case(percent, contrast), DEVICE)
    assert own > gain(percent, contrast, smoothed) + 0.5


@pytest.mark.parametrize("percent", [1, 3, 9, 15])
@pytest.mark.parametrize("factor", [0.97, 1.03])
def test_a_sigma_a_little_off_costs_little(percent: float, factor: float) -> None:
    image, noise = case(percent)
    other = denoise(NLM, image, replace(noise, sigma=noise.sigma * np.float32(factor)), DEVICE)
    assert gain(percent, "T1w", other) > gain(percent, "T1w", result_for(percent)) - 0.4


def test_a_noise_free_image_hardly_changes() -> None:
    truth = head_phantom()
    image = Image(truth, np.eye(4), np.ones(truth.shape, bool))
    for percent in (0.02, 0.1, 0.25):
        noise = Noise(np.full(truth.shape, percent / 100 * PEAK, np.float32), "rician", "wrong")
        error = denoise(NLM, image, noise, DEVICE).data - truth
        assert 10 * np.log10(PEAK**2 / np.mean(error[truth > 10] ** 2)) > 50


def test_the_automatic_h_is_near_the_best() -> None:
    for percent in (3, 9, 15):
        chosen = float(result_for(percent).choices["h"])
        gains = [
            gain(percent, "T1w", denoise(NonLocalMeans(h=each), *case(percent), DEVICE))
            for each in (chosen, chosen / 1.5, chosen * 1.5)
        ]
        assert gains[0] > max(gains) - 0.25


def test_h_and_share_follow_the_structure() -> None:
    structures = [0.0, 0.005, 0.02, 0.1, 0.5, 1.0]
    widths = [automatic_h(each) for each in structures]
    assert widths == sorted(widths)
    assert widths[0] > 0.1
    shares = [automatic_share(each) for each in structures]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == 1
    assert 0 < shares[-1] < 0.2
    passes = [automatic_passes(each) for each in structures]
    assert passes == [2, 2, 1, 1, 1, 1]


def test_heavy_noise_is_gone_over_twice() -> None:
    image, noise = case(40)
    automatic, once, twice = (
        denoise(NonLocalMeans(passes=each), image, noise, DEVICE) for each in (0, 1, 2)
    )
    assert automatic.choices["passes"] == 2
    np.testing.assert_array_equal(automatic.data, twice.data)
    assert gain(40, "T1w", twice) > gain(40, "T1w", once)


def test_a_good_scan_has_more_structure() -> None:
    structures = [result_for(percent).choices["structure"] for percent in (1, 3, 9, 15)]
    assert structures == sorted(structures, reverse=True)


def test_what_was_chosen_is_told() -> None:
    assert set(result_for(9).choices) == {"h", "structure", "passes"}
    chosen = denoise(NonLocalMeans(h=0.8), *case(9), DEVICE)
    assert chosen.choices["h"] == 0.8


@pytest.mark.parametrize(
    "values", [{"search_radius": 1}, {"search_radius": 5}, {"patch_radius": 0}, {"passes": 2}]
)
def test_parameters_reach_the_result(values: dict[str, int]) -> None:
    other = denoise(build(NonLocalMeans, values), *case(9), DEVICE)
    assert abs(other.data - result_for(9).data).max() > 1
    assert gain(9, "T1w", other) > 5


def test_a_map_of_sigma_helps_where_noise_is_low_and_where_it_is_high() -> None:
    truth = head_phantom((80, 92, 40))
    head = truth > 10
    sigma = 4 * g_factor(truth.shape, peak=6)
    data = add_gaussian(truth, sigma, np.random.default_rng(2))
    image = Image(data, np.eye(4), np.ones(truth.shape, bool))
    everywhere = np.full_like(sigma, np.sqrt(np.mean(sigma[head] ** 2)))
    errors = [
        (denoise(NLM, image, Noise(each, "gaussian", "known"), DEVICE).data - truth) ** 2
        for each in (sigma, everywhere)
    ]
    low, high = np.quantile(sigma[head], [0.2, 0.8])
    for region in (head & (sigma < low), head & (sigma > high)):
        assert 10 * np.log10(errors[1][region].mean() / errors[0][region].mean()) > 0.1


def test_the_mean_sigma_is_that_of_the_signal() -> None:
    unit = np.array([[[0, 10, 5, -3]]], np.float32)
    sigma = np.array([[[9, 1, 2, 9]]], np.float32)
    assert mean_sigma(unit, sigma) == pytest.approx((10 * 1 + 10 * 2) / 20)
    assert mean_sigma(0 * unit, sigma) == pytest.approx(5.25)


def test_memory_beside_the_input() -> None:
    """At most 12 bytes a voxel, the result included; numpy and Numba tell tracemalloc."""
    rng = np.random.default_rng(3)
    data = add_rician(np.full((160, 128, 112), 100, np.float32), 9, rng)
    image = Image(data, np.eye(4), np.ones(data.shape, bool))
    noise = Noise(np.full(data.shape, 9, np.float32), "rician", "known")
    denoise(NLM, image, noise, DEVICE)  # compiled, tables made
    tracemalloc.start()
    denoise(NLM, image, noise, DEVICE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak / data.size <= 12


def test_the_device_chooses_the_engine() -> None:
    image, noise = case(9)
    small = Image(image.data[10:30, 10:30, 10:30].copy(), image.affine, image.mask[:20, :20, :20])
    quiet = replace(noise, sigma=noise.sigma[:20, :20, :20])
    with (
        mock.patch("bids_denoise.kernels.gpu.on_device", return_value=nullcontext()) as entered,
        mock.patch("bids_denoise.kernels.nlm_cuda.nlm_pass", nlm_reference.nlm_pass),
    ):
        other = denoise(NLM, small, quiet, Device("cuda", 1, "a GPU", threads=2))
    entered.assert_called_once_with(1)
    np.testing.assert_allclose(
        other.data, denoise(NLM, small, quiet, DEVICE).data, rtol=1e-3, atol=1e-2
    )
