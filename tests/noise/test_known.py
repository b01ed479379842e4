"""Noise that is measured or given."""

from __future__ import annotations

import numpy as np
import pytest

from bids_denoise.noise.known import given_noise, sigma_of_noise
from bids_denoise.simulate.noise import add_gaussian, add_rician, g_factor
from bids_denoise.values import Noise

SHAPE = (24, 24, 16)


@pytest.mark.parametrize("add", [add_rician, add_gaussian])
@pytest.mark.parametrize("volumes", [1, 8])
def test_sigma_is_that_of_a_scan_without_signal(add: object, volumes: int) -> None:
    rng = np.random.default_rng(0)
    sigma = np.float32(7) * g_factor(SHAPE)
    silent = np.zeros(SHAPE, np.float32)
    data = np.stack([add(silent, sigma, rng) for _ in range(volumes)], axis=-1)  # type: ignore[operator]
    found = sigma_of_noise(data if volumes > 1 else data[..., 0])
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.median(found / sigma), 1, atol=0.02)
    assert np.percentile(np.abs(found / sigma - 1), 95) < 0.2


def test_a_given_map_takes_the_place_of_the_estimate_which_is_told_too() -> None:
    found = Noise(np.full(SHAPE, 5, np.float32), "rician", "air", {"air": 5.0}, trusted=False)
    sigma = np.full(SHAPE, 8, np.float32)
    given = given_noise(found, sigma, "the noise map x.nii")
    assert given.sigma is sigma
    assert given.trusted
    assert given.law == "rician"
    assert given.estimates == {"air": 5.0, "given": 8.0}
    assert given.remarks[0] == "Sigma is known: the noise map x.nii (median 8; estimated: 5)."
