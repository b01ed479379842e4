"""Leave-one-out of repeats: the error against the known truth, whatever the law of the noise."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from bids_denoise.errors import UsageError
from bids_denoise.simulate.noise import add_gaussian, add_rician
from bids_denoise.simulate.phantom import head_phantom
from bids_denoise.stats.repeats import Turn, leave_one_out, overlap, rician_signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from bids_denoise.stats.repeats import LeaveOneOut
    from bids_denoise.values import BoolArray, FloatArray

SIGMA = 13.0
"""SNR of 10 in the middle of the head's tissues."""


@pytest.fixture(scope="module")
def head() -> tuple[FloatArray, BoolArray]:
    truth = head_phantom((64, 72, 48)).astype(np.float32)
    return truth, truth > 35


def smoothed(scan: FloatArray) -> FloatArray:
    """Return a scan denoised by a narrow filter: some noise goes, some detail too."""
    return np.asarray(gaussian_filter(scan, 0.45), np.float32)


def repeats_of(
    truth: FloatArray, count: int, law: Callable[..., FloatArray], seed: int = 0
) -> FloatArray:
    rng = np.random.default_rng(seed)
    return np.stack([law(truth, SIGMA, rng) for _ in range(count)])


def error(scans: FloatArray, truth: FloatArray, mask: BoolArray) -> float:
    return float(np.mean(np.square(scans[:, mask].astype(np.float64) - truth[mask])))


def check(found: LeaveOneOut, originals: float, denoised: float, within: float = 0.05) -> None:
    np.testing.assert_allclose(np.mean(found.mse_original), originals, rtol=within)
    np.testing.assert_allclose(np.mean(found.mse_denoised), denoised, rtol=within)
    assert found.averages.low < found.noise.value / denoised < found.averages.high


def turns_of(
    scans: FloatArray, clean: FloatArray, mask: BoolArray, sigma: float = 0.0, rician: bool = False
) -> list[Turn]:
    """Return repeats that lie on one grid, so that nothing has to be interpolated."""
    places = np.asarray(np.ravel_multi_index(tuple(np.indices(mask.shape) // 10), mask.shape))
    places = places.astype(np.int64)
    level = np.full(mask.shape, sigma, np.float32) if sigma else None
    turns = []
    for own in range(len(scans)):
        others = np.delete(scans, own, axis=0)
        turn = Turn(scans[own], clean[own], others, mask, places, level, rician)
        turns.append(turn)
    return turns


@pytest.mark.parametrize("count", [2, 3, 4])
def test_gaussian_noise(head: tuple[FloatArray, BoolArray], count: int) -> None:
    truth, mask = head
    scans = repeats_of(truth, count, add_gaussian)
    clean = np.stack([smoothed(each) for each in scans])
    found = leave_one_out(turns_of(scans, clean, mask, SIGMA if count == 2 else 0))
    check(found, error(scans, truth, mask), error(clean, truth, mask))
    np.testing.assert_allclose(found.noise.value, SIGMA**2, rtol=0.03)
    assert found.psnr_denoised.value > found.psnr_original.value
    if count > 2:
        assert found.noise.low < found.noise.value < found.noise.high


@pytest.mark.parametrize("count", [2, 4])
def test_rician_noise_and_the_bias_of_the_references(
    head: tuple[FloatArray, BoolArray], count: int
) -> None:
    """What is denoised without bias is told from originals, whose references have one."""
    truth, mask = head
    scans = repeats_of(truth, count, add_rician)
    rng = np.random.default_rng(5)
    clean = np.stack([add_gaussian(truth, 6.5, rng) for _ in range(count)])
    found = leave_one_out(turns_of(scans, clean, mask, SIGMA, rician=True))
    check(found, error(scans, truth, mask), error(clean, truth, mask))
    ignored = leave_one_out(turns_of(scans, clean, mask, SIGMA))
    wanted = error(clean, truth, mask)
    assert abs(np.mean(found.mse_denoised) - wanted) < abs(np.mean(ignored.mse_denoised) - wanted)


def test_a_mean_of_four_is_worth_four(head: tuple[FloatArray, BoolArray]) -> None:
    truth, mask = head
    scans = repeats_of(truth, 4, add_gaussian)
    others = repeats_of(truth, 16, add_gaussian, seed=9)
    means = others.reshape(4, 4, *truth.shape).mean(axis=1)
    found = leave_one_out(turns_of(scans, means, mask))
    assert abs(found.averages.value - 4) < 0.2
    assert found.averages.low < 4 < found.averages.high
    assert found == leave_one_out(turns_of(scans, means, mask))


def test_pieces_count_by_what_all_repeats_show_of_them(head: tuple[FloatArray, BoolArray]) -> None:
    """Masks and grids may differ: sums of the same piece come together."""
    truth, mask = head
    scans = repeats_of(truth, 3, add_gaussian)
    clean = np.stack([smoothed(each) for each in scans])
    turns = turns_of(scans, clean, mask)
    less = mask.copy()
    less[:30] = False
    found = leave_one_out([replace(turns[0], mask=less), *turns[1:]])
    wanted = [
        error(scans[:1], truth, less),
        *(error(scans[i : i + 1], truth, mask) for i in (1, 2)),
    ]
    np.testing.assert_allclose(found.mse_original, wanted, rtol=0.05)


def test_the_mean_of_a_magnitude_is_inverted() -> None:
    rng = np.random.default_rng(0)
    signal = np.array([1.5, 3.0, 10.0, 60.0])
    noise = rng.standard_normal((2, 200_000, 4))
    mean = np.hypot(signal + noise[0], noise[1]).mean(axis=0)
    found = rician_signal(2 * mean, np.full(4, 2.0))
    np.testing.assert_allclose(found.value, 2 * signal, rtol=0.01)
    assert found.slope[0] > found.slope[1] > found.slope[2] >= found.slope[3] == 1
    spread = np.hypot(signal + noise[0], noise[1]).var(axis=0)
    np.testing.assert_allclose(found.share, spread, rtol=0.01)


def test_overlap_of_three_maps_by_hand() -> None:
    labels = np.array([[1, 1, 2, 0], [1, 2, 2, 0], [1, 1, 0, 0]]).reshape(3, 4, 1, 1)
    found = overlap(labels, (1, 2, 3))
    np.testing.assert_allclose(found[1].jaccard, (1 / 2 + 1 + 1 / 2) / 3)
    np.testing.assert_allclose(found[1].dice, (2 / 3 + 1 + 2 / 3) / 3)
    np.testing.assert_allclose(found[2].jaccard, (1 / 2 + 0 + 0) / 3)
    assert np.isnan(found[3].dice)


def test_what_does_not_fit_is_named(head: tuple[FloatArray, BoolArray]) -> None:
    truth, mask = head
    scans = repeats_of(truth, 2, add_gaussian)
    turn = turns_of(scans, scans, mask, SIGMA)[0]
    with pytest.raises(UsageError, match="sigma of the noise has to be given"):
        turns_of(scans, scans, mask)
    with pytest.raises(UsageError, match="one scan: at least two"):
        turns_of(scans[:1], scans[:1], mask)
    with pytest.raises(UsageError, match="denoised: shape"):
        replace(turn, denoised=scans[0, 1:])
    with pytest.raises(UsageError, match="mask: shape"):
        replace(turn, mask=mask[1:])
    with pytest.raises(UsageError, match="mask: no voxel"):
        replace(turn, mask=np.zeros_like(mask))
    with pytest.raises(UsageError, match="others: shape"):
        replace(turn, others=turn.others[:, 1:])
    with pytest.raises(UsageError, match="there is no repeat"):
        leave_one_out([])
