"""The single measurements, against what is known of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from bids_denoise.metrics.comparison import Comparison, compare, head_of
from bids_denoise.metrics.contrast import contrast_metrics, entropy_focus
from bids_denoise.metrics.law import HIGH_SIGNAL, bias_and_spread
from bids_denoise.metrics.residual import residual_metrics, standardised
from bids_denoise.metrics.series import dvars, unevenness
from bids_denoise.metrics.sharpness import edge_profile, edge_widths
from bids_denoise.metrics.sure import (
    MOST_SAMPLES,
    SHORTEST_EDGE,
    estimated_gain,
    high_percentile,
    probe_box,
)
from bids_denoise.metrics.texture import texture_metrics
from bids_denoise.metrics.verdict import verdict
from bids_denoise.simulate.noise import add_rician
from tests.metrics.cases import SHAPE, Case, case, denoised, image_of, noise_of, redo, scaled

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray, Image, Law, Noise

T1W: tuple[str, float, Law] = ("T1w", 5.0, "gaussian")


def pair_of(given: Case, after: object = None) -> Comparison:
    result = denoised(np.asarray(given.after if after is None else after))
    return compare(given.image, result, given.noise, head_of(given.image))[0]


@pytest.mark.parametrize("signal", [0.0, 1.0, 3.0, 8.0, HIGH_SIGNAL + 1])
def test_the_rician_law_is_that_of_the_sampler(signal: float) -> None:
    clean = np.full((100, 100, 40), 2 * signal, np.float32)
    measured = add_rician(clean, 2.0, np.random.default_rng(0))
    bias, spread = bias_and_spread(clean[:1, :1, 0], np.full((1, 1), 2, np.float32), "rician")
    assert measured.mean(dtype=float) == pytest.approx(2 * signal + bias.item(), abs=0.012)
    assert measured.std(dtype=float) == pytest.approx(spread.item(), rel=0.01)


def test_the_rician_law_has_no_step_at_high_signal() -> None:
    signal = np.array([HIGH_SIGNAL - 1e-3, HIGH_SIGNAL + 1e-3], np.float32)
    for each in bias_and_spread(signal, np.ones(2, np.float32), "rician"):
        assert each[0] == pytest.approx(each[1], abs=3e-4)


def test_the_residual_of_the_truth_is_the_noise() -> None:
    given = case(*T1W)
    found = residual_metrics(pair_of(given, given.truth))
    assert found["std_ratio"] == pytest.approx(1, abs=0.01)
    assert found["autocorrelation"] == pytest.approx(0, abs=0.02)
    assert found["image_correlation"] == pytest.approx(0, abs=0.02)
    assert found["gradient_correlation"] == pytest.approx(0, abs=0.02)
    assert found["local_mean_spread"] == pytest.approx(1, abs=0.05)
    assert found["largest_clump"] <= 2


@pytest.mark.parametrize("kept", [True, False])
def test_the_bias_is_taken_off_if_the_denoiser_did(kept: bool) -> None:
    level = 30.0
    clean = np.full(SHAPE, 2 * level, np.float32)
    noise = noise_of(level, "rician")
    noisy = add_rician(clean, level, np.random.default_rng(0))
    result = clean + (bias_and_spread(clean, noise.sigma, "rician")[0] if kept else 0)
    image = image_of(noisy)
    pair = compare(image, denoised(result), noise, np.ones(SHAPE, bool))[0]
    assert float(np.median(standardised(pair))) == pytest.approx(0, abs=0.06)


@pytest.mark.parametrize("percent", [2.0, 5.0, 9.0])
def test_edges_of_the_truth_are_as_wide_as_those_of_the_scan(percent: float) -> None:
    given = case("T1w", percent, "gaussian")
    before, after = edge_widths(edge_profile(pair_of(given, given.truth)))
    assert after == pytest.approx(before, rel=0.02)


@pytest.mark.parametrize("voxel", [1.0, 2.0])
def test_edges_are_measured_in_mm_and_widen_with_blur(voxel: float) -> None:
    step = np.zeros(SHAPE, np.float32)
    step[SHAPE[0] // 2 :] = 100
    found = []
    for width in (0.6, 0.8, 1.0):
        image = image_of(gaussian_filter(step, width))
        image = replace(image, affine=np.diag([voxel, voxel, voxel, 1]))
        everywhere = np.ones(SHAPE, bool)
        pair = compare(image, denoised(image.data), noise_of(0.5), everywhere)[0]
        found.append(edge_widths(edge_profile(pair))[0] or 0)
        # A Gaussian edge rises from 10 to 90 % in 2.563 of its widths; looking between voxels
        # adds to that of a sharp one, the length of the profile takes from that of a wide one.
        assert 0.8 < found[-1] / (2.563 * width * voxel) < 1.6
    assert found == sorted(found)


def test_there_are_no_edges_in_noise() -> None:
    flat = np.random.default_rng(0).normal(100, 5, SHAPE).astype(np.float32)
    given = Case(image_of(flat), noise_of(5.0), flat, flat)
    assert edge_profile(pair_of(given, gaussian_filter(flat, 1))) is None


def test_texture_tells_the_noise() -> None:
    given = case(*T1W)
    before, after, check = texture_metrics(pair_of(given, given.truth))
    assert before == pytest.approx(given.level, rel=0.1)
    assert check == pytest.approx(1, abs=0.1)
    assert after == pytest.approx(0, abs=0.5)


def test_contrast_grows_and_the_classes_are_those_of_the_phantom() -> None:
    given = case(*T1W)
    before, after = contrast_metrics(pair_of(given))
    for name, better in (("snr", 1), ("cnr", 1), ("cjv", -1), ("fber", 1), ("efc", -1)):
        assert better * (after[name] or 0) > better * (before[name] or 0), name


def test_entropy_focus_knows_its_ends() -> None:
    one = np.zeros(1000, np.float32)
    one[0] = 5
    assert entropy_focus(one) == pytest.approx(0, abs=1e-6)
    assert entropy_focus(np.ones(1000, np.float32)) == pytest.approx(1, abs=1e-6)
    assert entropy_focus(np.zeros(1000, np.float32)) is None


@pytest.mark.parametrize("law", ["gaussian", "rician"])
def test_sure_is_the_true_gain(law: Law) -> None:
    given = case("T2w", 5.0, law)
    head = head_of(given.image) & (gaussian_filter(given.after, 1) > 2.5 * given.noise.sigma)
    found = estimated_gain(given.image, denoised(given.after), given.noise, head, redo, 0)
    errors = [np.mean((e - given.truth)[head] ** 2) for e in (given.image.data, given.after)]
    assert found is not None
    # A hard threshold, where the estimate jumps, is missed by the probe and costs 0.2 dB.
    assert found.gain == pytest.approx(10 * np.log10(errors[0] / errors[1]), abs=0.35)
    assert 0 < found.error < 1


def test_sure_of_a_linear_filter_is_exact() -> None:
    """The divergence of a scaling is the factor, so the risk has a closed form."""
    rng = np.random.default_rng(0)
    noisy = rng.normal(0, 3, SHAPE).astype(np.float32)
    image, noise = image_of(noisy), noise_of(3.0)

    def halve(scan: Image, _: Noise) -> FloatArray:
        return scan.data * np.float32(0.5)

    everywhere = np.ones(SHAPE, bool)
    found = estimated_gain(image, denoised(halve(image, noise)), noise, everywhere, halve, 0)
    # The truth is 0: the error falls from sigma^2 to sigma^2 / 4.
    assert found is not None
    assert found.gain == pytest.approx(10 * np.log10(4), abs=0.05)


def test_the_probe_box_is_small_and_in_the_head() -> None:
    head = np.zeros((200, 220, 180), bool)
    head[40:160, 30:190, 20:150] = True
    for volumes, shape in ((1, head.shape), (150, (*head.shape, 150))):
        box = probe_box(head, shape)
        assert box is not None
        assert head[box].size * volumes <= max(MOST_SAMPLES, SHORTEST_EDGE**3 * volumes)
        assert min(head[box].shape) >= SHORTEST_EDGE
        assert head[box].mean() > 0.8
    assert probe_box(head[:50, :50, :50], (50, 50, 50)) is None


def test_a_large_image_gives_the_same_gain_from_its_box(monkeypatch: pytest.MonkeyPatch) -> None:
    given = case("T1w", 9.0, "rician")
    head, result = head_of(given.image), denoised(given.after)
    whole = estimated_gain(given.image, result, given.noise, head, redo, 0)
    monkeypatch.setattr("bids_denoise.metrics.sure.MOST_SAMPLES", 100_000)
    part = estimated_gain(given.image, result, given.noise, head, redo, 0)
    assert whole is not None
    assert part is not None
    assert part.gain == pytest.approx(whole.gain, abs=1.0)


def test_the_phase_of_a_large_image_is_cut_to_the_box(monkeypatch: pytest.MonkeyPatch) -> None:
    given = case("T1w", 9.0, "gaussian")
    image = replace(given.image, phase=given.image.data.copy())
    monkeypatch.setattr("bids_denoise.metrics.sure.MOST_SAMPLES", 100_000)

    def cut(scan: Image, noise: Noise) -> FloatArray:
        assert scan.phase is not None
        assert scan.phase.shape == scan.data.shape
        return redo(scan, noise)

    head = head_of(image)
    assert estimated_gain(image, denoised(given.after), given.noise, head, cut, 0) is not None


@pytest.mark.parametrize("percent", [50.0, 97.3, 99.9])
@pytest.mark.parametrize("shape", [(1, 2, 3), (9, 8, 7), (7, 9, 8, 11)])
def test_a_high_percentile_is_that_of_numpy(shape: tuple[int, ...], percent: float) -> None:
    rng = np.random.default_rng(0)
    data = rng.normal(100, 20, shape).astype(np.float32)
    region = rng.random(shape[:3]) < 0.6
    found = high_percentile(data, region, percent)
    assert found == float(np.percentile(data[region], percent))


def test_dvars_is_in_percent_of_the_mean() -> None:
    data = np.full((2, 2, 2, 3), 100, np.float32)
    data[..., 1] += 5
    assert dvars(data, np.ones((2, 2, 2), bool)) == pytest.approx(
        [5 / 1.01667, 5 / 1.01667], rel=1e-3
    )


def test_unevenness_leaves_small_groups_out() -> None:
    ratios = np.array([0.1, 1, 1, 1])
    assert unevenness(ratios, [np.array([0]), np.array([1, 2, 3])]) == 1


def test_untrusted_noise_is_amber_with_its_reason() -> None:
    noise = replace(noise_of(1.0), trusted=False, remarks=("It was smoothed. Sigma is a guess.",))
    light, reasons = verdict({"std_ratio": 0.9}, noise)
    assert light == "amber"
    assert reasons == ("The noise level cannot be trusted: It was smoothed.",)


def test_red_comes_first() -> None:
    light, reasons = verdict({"brightness": 1.1, "psnr_gain": -2.0}, noise_of(1.0))
    assert light == "red"
    assert [reason.split(":")[0] for reason in reasons] == [
        "Worse than before",
        "The brightness changed",
    ]


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_wrong_sigma_shows_in_the_texture(factor: float) -> None:
    given = case(*T1W)
    wrong = replace(given, noise=scaled(given.noise, factor))
    check = texture_metrics(pair_of(wrong))[2]
    assert check == pytest.approx(1 / factor, rel=0.15)
