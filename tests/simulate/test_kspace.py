from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from bids_denoise.simulate import kspace, noise
from bids_denoise.simulate.phantom import head_phantom

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray

SHAPE = (24, 26, 21)


def neighbours(data: FloatArray) -> float:
    """Correlation of each voxel with the next along x."""
    return float(np.corrcoef(data[1:].ravel(), data[:-1].ravel())[0, 1])


def drawn() -> FloatArray:
    return noise.white(SHAPE, 1.0, np.random.default_rng(0))


def test_full_band_changes_nothing() -> None:
    assert np.allclose(kspace.low_pass(drawn(), keep=1.0, taper=0.0), drawn(), atol=1e-5)
    assert np.allclose(kspace.resample(drawn(), SHAPE), drawn(), atol=1e-5)
    assert np.array_equal(kspace.interpolate(drawn(), (0, 0, 0)), drawn())


def test_low_pass_correlates_and_weakens_the_noise() -> None:
    assert abs(neighbours(drawn())) < 0.03
    filtered = kspace.low_pass(drawn(), keep=0.7, taper=0.0)
    assert filtered.dtype == np.float32
    assert neighbours(filtered) > 0.2
    # White noise has equal power everywhere, so the energy left is the share of the band.
    assert filtered.var() == pytest.approx(0.7**3, rel=0.15)


def test_zero_filling_keeps_what_is_there_and_cutting_takes_it_back() -> None:
    head = head_phantom((25, 29, 21))
    fine = kspace.resample(head, (48, 57, 30))
    assert fine.mean() == pytest.approx(head.mean(), rel=1e-3)
    assert neighbours(fine) > neighbours(head)
    assert np.allclose(kspace.resample(fine, (25, 29, 21)), head, atol=1e-3)


def test_half_a_voxel_averages_two_neighbours() -> None:
    moved = kspace.interpolate(drawn(), (0.5, 0, 0))
    assert moved.var() == pytest.approx(0.5, rel=0.05)
    assert np.allclose(moved, (drawn() + np.roll(drawn(), 1, 0)) / 2, atol=1e-6)


def test_whole_shifts_and_directions() -> None:
    assert np.array_equal(kspace.interpolate(drawn(), (0, -2, 0)), np.roll(drawn(), -2, 1))


def test_operators_stand_between_complex_noise_and_magnitude() -> None:
    head = head_phantom((24, 28, 20))
    scan = noise.add_reconstructed(
        head, 8.0, np.random.default_rng(0), lambda k: kspace.low_pass(k, 0.7)
    )
    assert scan.dtype == np.float32
    assert np.all(scan >= 0)
    assert neighbours(scan[:, :2]) > 0.15


@pytest.mark.parametrize(("keep", "taper"), [(0.0, 0.3), (1.2, 0.3), (0.5, -0.1)])
def test_impossible_bands_are_refused(keep: float, taper: float) -> None:
    with pytest.raises(ValueError, match="must be in"):
        kspace.low_pass(drawn(), keep, taper)
