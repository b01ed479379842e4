import numpy as np
import pytest

from bids_denoise.noise.volume import estimate_volume, law_of, wavelet_sigma
from bids_denoise.simulate.kspace import interpolate
from bids_denoise.simulate.noise import add_gaussian, add_nc_chi, add_rician, g_factor
from bids_denoise.simulate.phantom import Tissue, head_labels, head_phantom

SHAPE = (72, 84, 60)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def everywhere(data: np.ndarray) -> np.ndarray:
    return np.ones(data.shape, bool)


def uniform_brain(
    value: float = 150.0, shape: tuple[int, int, int] = SHAPE
) -> tuple[np.ndarray, np.ndarray]:
    """Return slow shading in the shape of a brain, exact 0 outside, and its mask."""
    labels = head_labels(shape)
    brain = ~np.isin(labels, (Tissue.AIR, Tissue.SCALP, Tissue.SKULL, Tissue.MUSCLE))
    x = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None, None]
    return np.where(brain, value * (1 + 0.3 * x), np.float32(0)).astype(np.float32), brain


@pytest.mark.parametrize("contrast", ["T1w", "T2w"])
@pytest.mark.parametrize("percent", [3, 5, 9, 15])
def test_sigma_of_a_whole_head(contrast: str, percent: int) -> None:
    sigma = 2.55 * percent
    noisy = add_rician(head_phantom(SHAPE, contrast), sigma, rng(percent))
    found = estimate_volume(noisy, everywhere(noisy), "rician")
    assert np.median(found.sigma) == pytest.approx(sigma, rel=0.06)
    assert found.estimates["air corner"] == pytest.approx(sigma, rel=0.03)
    assert found.estimates["air mean"] == pytest.approx(sigma, rel=0.03)
    assert found.spectrum is not None
    assert found.spectrum.white


def test_air_is_believed_where_anatomy_hides_the_noise() -> None:
    noisy = add_rician(head_phantom((48, 56, 40)), 1.5, rng())
    found = estimate_volume(noisy, everywhere(noisy), "rician")
    assert found.source == "air"
    assert np.median(found.sigma) == pytest.approx(1.5, rel=0.06)
    assert found.estimates["tissue corner"] > 1.15 * 1.5


@pytest.mark.parametrize("sigma", [4.0, 15.0, 50.0, 80.0])
def test_sigma_of_an_extracted_brain_down_to_low_signal(sigma: float) -> None:
    clean, brain = uniform_brain()
    noisy = np.where(brain, add_rician(clean, sigma, rng()), np.float32(0))
    found = estimate_volume(noisy, brain, "rician")
    assert found.source == "tissue"
    assert "air mean" not in found.estimates
    assert np.median(found.sigma[brain]) == pytest.approx(sigma, rel=0.05)


def test_constant_noise_gives_a_constant_map() -> None:
    clean, brain = uniform_brain()
    for seed in range(3):
        noisy = np.where(brain, add_rician(clean, 10.0, rng(seed)), np.float32(0))
        assert np.ptp(estimate_volume(noisy, brain, "rician").sigma) == 0
        noisy = add_rician(head_phantom(SHAPE), 10.0, rng(seed))
        found = estimate_volume(noisy, everywhere(noisy), "rician").sigma
        low, high = np.quantile(found, (0.05, 0.95))
        assert 9 < low <= high < 11


@pytest.mark.parametrize("extracted", [True, False])
def test_varying_noise_gives_a_map(extracted: bool) -> None:
    shape = (110, 130, 100)
    sigma = 8 * g_factor(shape, peak=2.5, centre=0.3)
    clean, brain = uniform_brain(shape=shape)
    mask = brain if extracted else everywhere(clean)
    data = clean if extracted else head_phantom(shape)
    noisy = np.where(mask, add_rician(data, sigma, rng()), np.float32(0))
    found = estimate_volume(noisy, mask, "rician").sigma
    assert found.dtype == np.float32
    assert np.corrcoef(found[mask], sigma[mask])[0, 1] > 0.9
    assert np.median(np.abs(found / sigma - 1)[mask]) < 0.08
    assert found.min() > 0


def test_noise_free_image_gives_next_to_nothing() -> None:
    for data in (head_phantom((96, 112, 80)), uniform_brain()[0]):
        found = estimate_volume(data, data > 0, "rician")
        assert np.median(found.sigma) < 0.001 * data.max()


def test_sigma_has_the_unit_of_the_image() -> None:
    noisy = add_rician(head_phantom(SHAPE), 10.0, rng())
    one = estimate_volume(noisy, everywhere(noisy), "rician").sigma
    for unit in (1e-4, 3e4):
        scaled = (noisy * np.float32(unit)).astype(np.float32)
        other = estimate_volume(scaled, everywhere(noisy), "rician").sigma
        assert np.allclose(other, one * unit, rtol=1e-3)


def test_coloured_noise_is_seen_in_tissue_or_in_air() -> None:
    clean, brain = uniform_brain()
    for data, mask in ((clean, brain), (head_phantom(SHAPE), everywhere(clean))):
        blurred = interpolate(add_rician(data, 10.0, rng()), (0.5, 0.5, 0.5))
        found = estimate_volume(np.where(mask, blurred, np.float32(0)), mask, "rician")
        assert found.spectrum is not None
        assert not found.spectrum.white
        assert "spectrum" in found.estimates


def test_gaussian_data_need_no_correction() -> None:
    noisy = add_gaussian(head_phantom(SHAPE), 20.0, rng())
    found = estimate_volume(noisy, everywhere(noisy), "gaussian")
    assert np.median(found.sigma) == pytest.approx(20.0, rel=0.05)
    assert found.estimates["air corner"] == pytest.approx(20.0, rel=0.05)


def test_air_of_several_coils_is_brighter_than_its_spread() -> None:
    noisy = add_nc_chi(head_phantom(SHAPE), 10.0, 4, rng())
    found = estimate_volume(noisy, everywhere(noisy), "rician").estimates
    assert found["air mean"] > 1.8 * found["air corner"]


@pytest.mark.parametrize("shape", [(60, 60, 1), (60, 50, 3), (20, 20, 20), (9, 9, 9), (3, 4, 5)])
def test_thin_and_small_volumes(shape: tuple[int, int, int]) -> None:
    noisy = add_rician(np.full(shape, 300, np.float32), 6.0, rng())
    found = estimate_volume(noisy, everywhere(noisy), "rician").sigma
    assert found.shape == shape
    assert np.median(found) == pytest.approx(6.0, rel=0.2 if noisy.size > 100 else 0.5)


def test_a_mask_too_thin_for_a_tile_falls_back_on_wavelets() -> None:
    noisy = add_rician(np.full((40, 40, 40), 300, np.float32), 6.0, rng())
    mask = np.zeros(noisy.shape, bool)
    mask[::4] = mask[1::4] = True
    found = estimate_volume(np.where(mask, noisy, np.float32(0)), mask, "rician")
    assert found.method == "wavelet"
    assert np.median(found.sigma) == pytest.approx(6.0, rel=0.05)


def test_wavelet_estimate_of_plain_noise_and_of_nothing() -> None:
    noisy = add_gaussian(np.full((30, 31, 32), 300, np.float32), 6.0, rng())
    assert wavelet_sigma(noisy, everywhere(noisy)) == pytest.approx(6.0, rel=0.05)
    assert wavelet_sigma(noisy, ~everywhere(noisy)) == 0


def test_negative_values_make_the_law_gaussian() -> None:
    clean = head_phantom()
    assert law_of(add_rician(clean, 5.0, rng()), everywhere(clean)) == "rician"
    assert law_of(add_gaussian(clean, 5.0, rng()), everywhere(clean)) == "gaussian"
    ringing = clean + 1
    ringing[0, 0, :3] = -1
    assert law_of(ringing, everywhere(clean)) == "rician"
    series = np.stack([add_gaussian(clean, 5.0, rng(seed)) for seed in range(2)], axis=-1)
    assert law_of(series, everywhere(clean)) == "gaussian"


def test_a_few_negative_values_tell_the_law_where_little_else_is_near_zero() -> None:
    """A brain without air: the only low values are those that noise has pulled down."""
    clean = np.linspace(4, 3000, 40**3, dtype=np.float32).reshape(40, 40, 40)
    noisy = add_gaussian(clean, 10.0, rng())
    assert 10 <= np.count_nonzero(noisy < 0) < 1e-3 * noisy.size
    assert law_of(noisy, everywhere(clean)) == "gaussian"
    assert law_of(np.abs(noisy), everywhere(clean)) == "rician"
