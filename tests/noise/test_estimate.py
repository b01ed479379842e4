"""The room as others see it."""

from pathlib import Path

import numpy as np
import pytest

from bids_denoise.noise import estimate
from bids_denoise.noise.remarks import quantisation_step
from bids_denoise.simulate.kspace import interpolate, low_pass
from bids_denoise.simulate.noise import add_nc_chi, add_reconstructed, add_rician, g_factor
from bids_denoise.simulate.phantom import head_labels, head_phantom
from bids_denoise.values import Image, Noise

SHAPE = (72, 84, 60)
DATA = Path(__file__).parents[3] / "shared" / "data"


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def noise_of(data: np.ndarray, mask: np.ndarray | None = None) -> Noise:
    inside = np.ones(data.shape[:3], bool) if mask is None else mask
    return estimate(Image(data.astype(np.float32), np.eye(4), inside))


def told(noise: Noise, words: str) -> bool:
    return any(words in remark for remark in noise.remarks)


def test_plain_noise_is_trusted_without_many_words() -> None:
    found = noise_of(add_rician(head_phantom(SHAPE), 15.0, rng()))
    assert found.trusted
    assert found.remarks == ()
    assert found.law == "rician"
    assert found.method == "high frequencies of tissue and air"
    assert set(found.estimates) == {"tissue corner", "air corner", "air mean", "wavelet"}
    assert all(type(each) is float for each in found.estimates.values())


def test_input_is_not_written_to_and_the_result_is_always_the_same() -> None:
    noisy = add_rician(head_phantom(SHAPE), 15.0 * g_factor(SHAPE), rng())
    noisy.setflags(write=False)
    mask = np.ones(SHAPE, bool)
    mask.setflags(write=False)
    one, other = (estimate(Image(noisy, np.eye(4), mask)) for _ in range(2))
    assert np.array_equal(one.sigma, other.sigma)
    assert one.estimates == other.estimates


def test_sigma_is_positive_also_where_nothing_was_measured() -> None:
    mask = head_labels(SHAPE) > 0
    sigma = np.linspace(5, 30, SHAPE[0], dtype=np.float32)[:, None, None]
    sigma = np.broadcast_to(sigma, SHAPE)
    noisy = np.where(mask, add_rician(head_phantom(SHAPE), sigma, rng()), 0)
    found = noise_of(noisy, mask)
    assert found.sigma.dtype == np.float32
    assert found.sigma.min() > 0
    assert told(found, "background was removed")
    assert told(found, "varies")


@pytest.mark.parametrize("shape", [(12, 12, 12), (12, 12, 12, 15)])
@pytest.mark.parametrize("value", [0.0, 42.0])
def test_constant_image_has_no_noise(shape: tuple[int, ...], value: float) -> None:
    found = noise_of(np.full(shape, value, np.float32))
    assert found.sigma.shape == (12, 12, 12)
    assert not found.sigma.any()
    assert told(found, "constant")


def test_nothing_measured_is_no_noise() -> None:
    data = np.arange(8000, dtype=np.float32).reshape(20, 20, 20)
    assert not noise_of(data, np.zeros(data.shape, bool)).sigma.any()


@pytest.mark.parametrize(
    "shape",
    [(1, 1, 1), (2, 2, 2), (1, 1, 300), (9, 1, 40), (1, 1, 1, 12), (2, 2, 2, 12), (30, 1, 30, 4)],
)
def test_odd_shapes_get_a_finite_map(shape: tuple[int, ...]) -> None:
    found = noise_of(rng().normal(100, 5, shape))
    assert found.sigma.shape == shape[:3]
    assert np.isfinite(found.sigma).all()
    assert found.sigma.max() < 15


@pytest.mark.parametrize("unit", [1e-30, 1e30])
def test_units_do_not_matter(unit: float) -> None:
    noisy = add_rician(head_phantom(), 10.0, rng())
    scaled = noise_of(noisy * np.float32(unit))
    assert np.allclose(scaled.sigma / np.float32(unit), noise_of(noisy).sigma, rtol=1e-3)


FAULTS = {
    "zero-filled": lambda data: add_reconstructed(
        data, 10.0, rng(), lambda each: low_pass(each, 0.7, 0.0)
    ),
    "interpolated": lambda data: interpolate(add_rician(data, 10.0, rng()), (0.5, 0.0, 0.0)),
    "filtered": lambda data: low_pass(add_rician(data, 10.0, rng()), 1.0, 0.6),
}


@pytest.mark.parametrize("extracted", [True, False])
@pytest.mark.parametrize("fault", FAULTS)
def test_images_that_were_tampered_with_are_not_trusted(fault: str, extracted: bool) -> None:
    made = FAULTS[fault](head_phantom(SHAPE))
    mask = head_labels(SHAPE) > 0 if extracted else np.ones(SHAPE, bool)
    found = noise_of(np.where(mask, made, 0), mask)
    assert not found.trusted
    assert "not white" in found.remarks[0]


@pytest.mark.parametrize("seed", range(4))
def test_white_noise_is_trusted_whatever_its_strength(seed: int) -> None:
    clean = head_phantom(SHAPE, seed=seed)
    for sigma in (2.5, 8.0, 25.0):
        assert noise_of(add_rician(clean, sigma, rng(seed))).trusted
    assert noise_of(add_rician(clean, 8 * g_factor(SHAPE), rng(seed))).trusted


def test_steps_as_coarse_as_the_noise_are_said() -> None:
    noisy = add_rician(head_phantom(SHAPE), 6.0, rng())
    fine, coarse = noise_of(np.round(noisy)), noise_of(10 * np.round(noisy / 10))
    assert fine.trusted
    assert not coarse.trusted
    assert told(coarse, "steps of 10")


def test_quantisation_step_is_found_behind_a_slope_and_not_in_plain_floats() -> None:
    noisy = add_rician(head_phantom(), 10.0, rng())
    mask = np.ones(noisy.shape, bool)
    stored = (np.round(noisy) * np.float32(0.37)).astype(np.float32)
    assert quantisation_step(stored, mask) == pytest.approx(0.37, rel=1e-3)
    assert quantisation_step(noisy, mask) == 0
    assert quantisation_step(np.zeros_like(noisy), mask) == 0


def test_air_that_was_filtered_is_not_used() -> None:
    labels = head_labels(SHAPE)
    noisy = add_rician(head_phantom(SHAPE), 15.0, rng())
    noisy[labels == 0] *= 0.2
    found = noise_of(noisy)
    assert told(found, "air does not show")
    assert told(found, "disagree")
    assert np.median(found.sigma[labels > 0]) == pytest.approx(15.0, rel=0.1)


def test_bright_air_is_said() -> None:
    assert told(noise_of(add_nc_chi(head_phantom(SHAPE), 15.0, 4, rng())), "bright")


def test_little_tissue_is_not_trusted() -> None:
    found = noise_of(add_rician(np.full((10, 10, 10), 100, np.float32), 5.0, rng()))
    assert not found.trusted
    assert told(found, "too little tissue")


@pytest.mark.shared
@pytest.mark.skipif(not DATA.is_dir(), reason=f"the real scans are not in {DATA}")
def test_noise_added_to_real_extracted_brains_is_found() -> None:
    from bids_denoise.dataset import find_scans
    from bids_denoise.imageio import load
    from bids_denoise.values import Filters

    for dataset in ("human-depression", "mouse-rtg4510"):
        scan = find_scans(DATA / dataset, Filters(participants=("04",)), None, False).scans[0]
        image = load(scan)
        peak = np.percentile(image.data[image.mask], 99)
        own = np.median(noise_of(image.data, image.mask).sigma[image.mask])
        noisy = np.where(image.mask, add_rician(image.data, float(0.09 * peak), rng()), 0)
        found = np.median(noise_of(noisy, image.mask).sigma[image.mask])
        assert found == pytest.approx(np.hypot(own, 0.09 * peak), rel=0.06)
