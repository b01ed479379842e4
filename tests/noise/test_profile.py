import numpy as np
import pytest

from bids_denoise.noise.profile import profile_of, told_by
from bids_denoise.simulate.kspace import interpolate, low_pass
from bids_denoise.simulate.noise import white

SHAPE = (96, 80, 72)


def noise() -> np.ndarray:
    return white(SHAPE, 5.0, np.random.default_rng(0))


def everywhere() -> np.ndarray:
    return np.ones(SHAPE, bool)


@pytest.mark.parametrize("axis", range(3))
def test_profile_of_white_noise_is_flat(axis: int) -> None:
    found = profile_of(noise(), everywhere(), axis)
    assert found is not None
    assert found.frequencies[[0, -1]].tolist() == [0, 1]
    inner = found.levels[1:-1]
    assert inner.max() < 1.15 * inner.min()
    assert inner.mean() == pytest.approx(5.0 * 0.86, rel=0.1)  # a low quantile


@pytest.mark.parametrize("keep", [0.6, 0.8])
def test_zero_filling_is_told_with_its_edge(keep: float) -> None:
    found = profile_of(low_pass(noise(), keep, 0.0), everywhere(), 1)
    assert found is not None
    words = told_by(found)
    assert "zero-filled" in words
    assert float(words.split("beyond ")[1].split()[0]) == pytest.approx(keep, abs=0.04)


@pytest.mark.parametrize("axis", range(3))
def test_interpolation_is_told(axis: int) -> None:
    shift = [0.0, 0.0, 0.0]
    shift[axis] = 0.5
    found = profile_of(interpolate(noise(), (shift[0], shift[1], shift[2])), everywhere(), axis)
    assert found is not None
    assert "interpolated" in told_by(found)


def test_smoothing_is_told() -> None:
    from scipy.ndimage import gaussian_filter

    for width in (0.6, 1.0):
        found = profile_of(gaussian_filter(noise(), width), everywhere(), 0)
        assert found is not None
        assert "smoothed" in told_by(found)


def test_short_axes_and_small_regions_tell_nothing() -> None:
    assert profile_of(noise()[:20], everywhere()[:20], 0) is None
    region = np.zeros(SHAPE, bool)
    region[:40, :16, :16] = True
    assert profile_of(noise(), region, 0) is None
