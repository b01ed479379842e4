"""Held-out regression: the closed form against the regressions, and what they promise."""

from __future__ import annotations

import numpy as np
import pytest

from bids_denoise.kernels import held_out as fast
from bids_denoise.kernels import held_out_reference as slow
from bids_denoise.kernels.local_pca_reference import make_patches
from bids_denoise.values import Device
from tests.kernels.test_local_pca import device_of, series

PATCHES = make_patches("sphere", 3.0, 3, "gaussian")

# More voxels in a patch than features, fewer, thinner than a patch, one plane, few volumes.
SHAPES = [(9, 8, 7, 12), (6, 5, 7, 90), (5, 11, 4, 20), (1, 7, 6, 15), (8, 2, 1, 30), (7, 7, 7, 4)]


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize(
    ("components", "shrinkage"), [(0, "truncation"), (2, "optimal"), (16, "truncation")]
)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_closed_form_agrees_with_the_regressions(
    shape: tuple[int, ...], components: int, shrinkage: str, device: str
) -> None:
    where = device_of(device)
    data, sigma = series(shape)
    before = data.copy()
    found = fast.held_out(data, sigma, PATCHES, shrinkage, components, where)
    expected = slow.held_out(data, sigma, PATCHES, shrinkage, components)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=2e-3)
        assert one.dtype == other.dtype == np.float32
    np.testing.assert_array_equal(found[0][sigma == 0], data[sigma == 0])
    np.testing.assert_array_equal(data, before)


def test_threads_change_nothing() -> None:
    data, sigma = series((9, 12, 11, 25))
    once = fast.held_out(data, sigma, PATCHES, "truncation", 16, Device(threads=1))
    again = fast.held_out(data, sigma, PATCHES, "truncation", 16, Device(threads=3))
    for one, other in zip(once, again, strict=True):
        np.testing.assert_array_equal(one, other)


def two_components(shrinkage: str) -> tuple[np.ndarray, np.ndarray]:
    """Return nine columns of two components and noise, and their precision."""
    rng = np.random.default_rng(0)
    angles = np.arange(9) * np.pi / 9
    features = 3 * rng.standard_normal((200, 2)) @ np.stack([np.cos(angles), np.sin(angles)])
    features += rng.standard_normal(features.shape)
    precision, rank = slow.precision_of(features - features.mean(axis=0), shrinkage)
    assert rank == 2
    return features, precision


def test_the_prediction_is_that_of_a_regression_on_the_others() -> None:
    features, precision = two_components("optimal")
    covariance = np.linalg.inv(precision)
    others = np.delete(np.arange(9), 4)
    coefficients = np.linalg.solve(covariance[np.ix_(others, others)], covariance[others, 4])
    predicted = features[:, others] @ coefficients
    error = covariance[4, 4] - covariance[4, others] @ coefficients
    expected = predicted / error + features[:, 4] * (1 - 1 / error)
    np.testing.assert_allclose(slow.combined(features, precision, 9)[:, 4], expected, rtol=1e-6)


@pytest.mark.parametrize("shrinkage", ["truncation", "optimal"])
def test_of_its_own_noise_a_value_keeps_what_the_average_gives_it(shrinkage: str) -> None:
    features, precision = two_components(shrinkage)
    bumped = features.copy()
    bumped[:, 4] += 1
    before, after = (slow.combined(each, precision, 9)[:, 4] for each in (features, bumped))
    np.testing.assert_allclose(after - before, 1 - precision[4, 4], rtol=1e-6)
    assert 0.1 < 1 - precision[4, 4] < 0.4


def test_what_nothing_predicts_stays() -> None:
    rng = np.random.default_rng(1)
    features = rng.standard_normal((300, 8))
    features[:, 3] *= 30
    precision, _ = slow.precision_of(features, "truncation")
    result = slow.combined(features, precision, 8)
    assert np.std(result[:, 3] - features[:, 3]) < 0.3
    assert np.std(result[:, :3]) < 0.3
    everything = slow.combined(features, np.zeros((8, 8)), 8)
    np.testing.assert_array_equal(everything, features)


def test_a_neighbour_speaks_for_all_and_those_not_measured_for_none() -> None:
    rng = np.random.default_rng(2)
    data = rng.standard_normal((5, 6, 7, 4)).astype(np.float32)
    sigma = np.full(data.shape[:3], 2, np.float32)
    sigma[2, 3, 4] = 0
    basis = np.eye(4, 2, dtype=np.float32)
    heard = slow.with_neighbours(data, sigma, basis)
    across = [data[3, 3, 3, :2], data[1, 3, 3, :2], data[2, 4, 3, :2], data[2, 2, 3, :2]]
    mean = (np.sum(across, axis=0) + data[2, 3, 2, :2]) / 5 / 2
    np.testing.assert_allclose(heard[2, 3, 3, 4:6], slow.DAMPING * np.sqrt(6) * mean, rtol=1e-5)
    np.testing.assert_allclose(heard[..., :4], data / 2 * (sigma > 0)[..., np.newaxis], rtol=1e-6)


def test_the_noise_of_what_neighbours_say_is_that_of_a_voxel() -> None:
    white = np.random.default_rng(3).standard_normal((30, 30, 30, 3)).astype(np.float32)
    ones = np.ones(white.shape[:3], np.float32)
    heard = slow.with_neighbours(white, ones, np.eye(3, dtype=np.float32))[2:-2, 2:-2, 2:-2]
    np.testing.assert_allclose(heard[..., 3:].std(axis=(0, 1, 2)), slow.DAMPING, rtol=0.03)
    between = np.corrcoef(heard.reshape(-1, 9).T)
    assert np.abs(between - np.eye(9)).max() < 0.05


def test_noise_has_no_components() -> None:
    white = np.random.default_rng(4).standard_normal((12, 12, 12, 10)).astype(np.float32)
    ones = np.ones(white.shape[:3], np.float32)
    assert slow.shared_components(white, ones, 16).shape[1] <= 1
    data, sigma = series((9, 8, 7, 12))
    basis = slow.shared_components(data, sigma, 2)
    assert basis.shape == (12, 2)
    np.testing.assert_allclose(basis.T @ basis, np.eye(2), atol=1e-5)
