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
@pytest.mark.parametrize("components", [0, 2, 16])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_closed_form_agrees_with_the_regressions(
    shape: tuple[int, ...], components: int, device: str
) -> None:
    where = device_of(device)
    data, sigma = series(shape)
    before = data.copy()
    found = fast.held_out(data, sigma, PATCHES, components, where)
    expected = slow.held_out(data, sigma, PATCHES, components)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=2e-3)
        assert one.dtype == other.dtype == np.float32
    np.testing.assert_array_equal(found[0][sigma == 0], data[sigma == 0])
    np.testing.assert_array_equal(data, before)


def test_threads_change_nothing() -> None:
    data, sigma = series((9, 12, 11, 25))
    once = fast.held_out(data, sigma, PATCHES, 16, Device(threads=1))
    again = fast.held_out(data, sigma, PATCHES, 16, Device(threads=3))
    for one, other in zip(once, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_prediction_has_no_part_in_what_it_predicts() -> None:
    """What is left of a value's own noise is the share that the average gives the value."""
    rng = np.random.default_rng(0)
    features = 3 * rng.standard_normal((200, 2)) @ rng.standard_normal((2, 9))
    features += rng.standard_normal(features.shape)
    covariance, rank = slow.signal_covariance(features)
    assert rank == 2
    bumped = features.copy()
    bumped[:, 4] += 1
    change = (slow.combined(bumped, covariance, 9) - slow.combined(features, covariance, 9))[:, 4]
    error = 1 / np.linalg.inv(covariance)[4, 4]
    np.testing.assert_allclose(change, 1 - 1 / error, rtol=1e-6)
    assert 0 < change[0] < 0.5


def test_what_nothing_predicts_stays() -> None:
    rng = np.random.default_rng(1)
    features = rng.standard_normal((300, 8))
    features[:, 3] *= 30
    covariance, _ = slow.signal_covariance(features)
    result = slow.combined(features, covariance, 8)
    assert np.abs(result[:, 3] / features[:, 3] - 1).max() < 0.02
    assert np.std(result[:, :3]) < 0.1


def test_a_neighbour_speaks_for_all_and_those_not_measured_for_none() -> None:
    rng = np.random.default_rng(2)
    data = rng.standard_normal((5, 6, 7, 4)).astype(np.float32)
    sigma = np.full(data.shape[:3], 2, np.float32)
    sigma[2, 3, 4] = 0
    basis = np.eye(4, 2, dtype=np.float32)
    heard = slow.with_neighbours(data, sigma, basis)
    across = [data[3, 3, 3, :2], data[1, 3, 3, :2], data[2, 4, 3, :2], data[2, 2, 3, :2]]
    mean = (np.sum(across, axis=0) + data[2, 3, 2, :2]) / 5 / 2
    np.testing.assert_allclose(heard[2, 3, 3, 4:6], 0.8 * np.sqrt(6) * mean, rtol=1e-5)
    np.testing.assert_allclose(heard[..., :4], data / 2 * (sigma > 0)[..., np.newaxis], rtol=1e-6)


def test_the_noise_of_what_neighbours_say_is_that_of_a_voxel() -> None:
    white = np.random.default_rng(3).standard_normal((30, 30, 30, 3)).astype(np.float32)
    ones = np.ones(white.shape[:3], np.float32)
    heard = slow.with_neighbours(white, ones, np.eye(3, dtype=np.float32))[2:-2, 2:-2, 2:-2]
    np.testing.assert_allclose(heard[..., 3:].std(axis=(0, 1, 2)), slow.DAMPING, rtol=0.03)
    between = np.corrcoef(heard.reshape(-1, 9).T)
    assert np.abs(between - np.eye(9)).max() < 0.03


def test_noise_has_no_components() -> None:
    white = np.random.default_rng(4).standard_normal((12, 12, 12, 10)).astype(np.float32)
    ones = np.ones(white.shape[:3], np.float32)
    assert slow.shared_components(white, ones, 16).shape[1] <= 1
    data, sigma = series((9, 8, 7, 12))
    basis = slow.shared_components(data, sigma, 2)
    assert basis.shape == (12, 2)
    np.testing.assert_allclose(basis.T @ basis, np.eye(2), atol=1e-5)
