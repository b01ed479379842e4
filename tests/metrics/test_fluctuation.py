"""Smoothness and autocorrelation of what varies, and signal above b0."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from bids_denoise.metrics.diffusion import above_unweighted
from bids_denoise.metrics.fluctuation import autocorrelation, smoothness
from bids_denoise.metrics.series import tissues_of

SHAPE = (24, 26, 20)
HEAD = np.ones(SHAPE, np.bool_)
SPACING = (2.0, 2.0, 3.0)


def series(width: float = 0.0, volumes: int = 40) -> np.ndarray:
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((*SHAPE, volumes))
    widths = [width / size for size in SPACING] if width else (0, 0, 0)
    shared = gaussian_filter(noise, (*widths, 0), mode="wrap")
    edges = np.linspace(0, 5000, SHAPE[0])[:, None, None, None]
    return np.asarray(1000 + edges + 10 * shared / shared.std(), dtype=np.float32)


@pytest.mark.parametrize("width", [2.5, 4.0])
def test_smoothness_is_that_of_the_kernel_whatever_the_mean_image(width: float) -> None:
    """Two kernels of standard deviation w give a correlation of standard deviation sqrt(2) w."""
    found = smoothness(series(width), HEAD, SPACING)
    assert found == pytest.approx(width * np.sqrt(8 * np.log(2)), rel=0.06)


def test_white_noise_is_rough_and_a_still_series_has_no_smoothness() -> None:
    rough = smoothness(series(), HEAD, SPACING)
    assert rough is None or rough < 2.5
    still = np.full((*SHAPE, 5), 7.3, np.float32)
    assert smoothness(still, HEAD, SPACING) is None
    assert autocorrelation(still, HEAD) is None


def test_voxels_outside_and_still_ones_do_not_count() -> None:
    data = series(3.0)
    expected = smoothness(data, HEAD, SPACING)
    wide = np.concatenate([data, np.random.default_rng(1).random(data.shape).astype(np.float32)])
    inside = np.concatenate([HEAD, ~HEAD])
    assert smoothness(wide, inside, SPACING) == pytest.approx(expected)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.8])
def test_autocorrelation_is_that_of_the_process(share: float) -> None:
    rng = np.random.default_rng(0)
    course = rng.standard_normal((6, 6, 6, 600))
    for t in range(1, 600):
        course[..., t] = share * course[..., t - 1] + np.sqrt(1 - share**2) * course[..., t]
    data = (100 + course).astype(np.float32)
    assert autocorrelation(data, np.ones((6, 6, 6), np.bool_)) == pytest.approx(share, abs=0.03)


def test_signal_above_b0_is_counted() -> None:
    bvals = np.array([0, 0, 1000, 1000.0])
    data = np.ones((2, 2, 2, 4), np.float32)
    data[..., 2:] = 0.5
    data[0, 0, 0, 2] = 1.5
    head = np.ones((2, 2, 2), np.bool_)
    assert above_unweighted(data, bvals, head) == pytest.approx(100 / 16)
    assert above_unweighted(data, np.full(4, 1000.0), head) is None
    assert above_unweighted(data, np.zeros(4), head) is None


def test_tissues_are_told_by_the_intensity_of_the_mean_volume() -> None:
    rng = np.random.default_rng(3)
    levels = np.repeat([100, 200, 300], 12)[:, None, None, None].astype(np.float32)
    data = levels + rng.standard_normal((36, 12, 10, 20)).astype(np.float32)
    head = np.ones(data.shape[:3], np.bool_)
    head[:, :2] = False
    tissues = tissues_of(data, head)
    assert list(tissues) == ["tsnr_dark", "tsnr_middle", "tsnr_bright"]
    for number, where in enumerate(tissues.values()):
        wanted = head.copy()
        wanted[: 12 * number] = wanted[12 * (number + 1) :] = False
        np.testing.assert_array_equal(where, wanted)
    assert tissues_of(data, np.zeros_like(head)) == {}
    assert tissues_of(np.ones_like(data), head) == {}
