"""Shrinkage of overlapping cosine transforms: the transform, the definition, the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.fft import dctn

from bids_denoise.kernels import cosine_cpu, cosine_reference
from bids_denoise.kernels.eight import backward, forward

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray

# One block; ends that no step meets; several groups along y, bands along x and lanes along z.
SHAPES = [(8, 8, 8), (9, 13, 11), (20, 26, 40), (62, 10, 24)]


def noisy_step(shape: tuple[int, ...], seed: int = 0) -> FloatArray:
    volume = np.random.default_rng(seed).normal(10, 1, shape).astype(np.float32)
    volume[shape[0] // 2 :, shape[1] // 3 :] += 6
    return volume


def test_the_transform_of_eight_values() -> None:
    values = np.random.default_rng(2).random((5, 8), np.float32)
    for row in values:
        expected = dctn(row, norm="ortho")
        transformed = forward(tuple(row))
        np.testing.assert_allclose(transformed, expected, atol=1e-6)
        np.testing.assert_allclose(backward(tuple(map(np.float32, transformed))), row, atol=1e-6)


def test_the_transform_of_a_block() -> None:
    block = noisy_step((8, 8, 8))
    np.testing.assert_allclose(
        cosine_reference.transform(block), dctn(block, norm="ortho"), atol=1e-4
    )
    back = cosine_reference.back(cosine_reference.transform(block))
    np.testing.assert_allclose(back, block, rtol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_large_coefficients_agree_with_the_definition(shape: tuple[int, ...]) -> None:
    volume = noisy_step(shape)
    estimate, structure = cosine_cpu.keep_large(volume)
    expected, expected_structure = cosine_reference.keep_large(volume)
    np.testing.assert_allclose(estimate, expected, atol=2e-5)
    assert structure == pytest.approx(expected_structure, rel=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("remain", [0.0, 0.3])
def test_wiener_agrees_with_the_definition(shape: tuple[int, ...], remain: float) -> None:
    volume, pilot = noisy_step(shape), noisy_step(shape, seed=1)
    expected = (1 - remain) * cosine_reference.wiener(volume, pilot) + remain * pilot
    cosine_cpu.wiener_in_place(volume, pilot, remain)
    np.testing.assert_allclose(pilot, expected, atol=2e-5)


def test_threads_change_no_bit() -> None:
    volume = noisy_step((60, 40, 30))
    estimate, structure = cosine_cpu.keep_large(volume, threads=1)
    finished = estimate.copy()
    cosine_cpu.wiener_in_place(volume, finished, 0.3, threads=1)
    for threads in (2, 3):
        other, other_structure = cosine_cpu.keep_large(volume, threads)
        np.testing.assert_array_equal(other, estimate)
        assert other_structure == structure
        cosine_cpu.wiener_in_place(volume, other, 0.3, threads)
        np.testing.assert_array_equal(other, finished)


def test_false_alarms_are_those_of_noise() -> None:
    rng = np.random.default_rng(3)
    kept = [
        (abs(cosine_reference.transform(rng.normal(size=(8, 8, 8)))) > cosine_reference.THRESHOLD)
        for _ in range(400)
    ]
    assert np.sum(kept) / 400 == pytest.approx(cosine_reference.FALSE_ALARMS, rel=0.05)


def test_noise_has_no_structure_and_little_is_left_of_it() -> None:
    noise = np.random.default_rng(4).normal(50, 1, (40, 40, 40)).astype(np.float32)
    estimate, structure = cosine_cpu.keep_large(noise)
    assert structure < 0.01
    assert estimate.std() < 0.2
    assert estimate.mean() == pytest.approx(50, abs=0.05)
    cosine_cpu.wiener_in_place(noise, estimate, 0.0)
    assert estimate.std() < 0.1


def test_what_is_far_above_the_noise_stays() -> None:
    volume = 1000 * np.random.default_rng(5).random((12, 12, 12), np.float32)
    estimate, structure = cosine_cpu.keep_large(volume)
    assert structure > 0.9
    assert abs(estimate - volume).max() < 3
    cosine_cpu.wiener_in_place(volume, estimate, 0.0)
    assert abs(estimate - volume).max() < 1
