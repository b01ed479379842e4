import numpy as np
import pytest

from bids_denoise.noise import estimate
from bids_denoise.noise.series import difference_sigma, marchenko_pastur_map
from bids_denoise.simulate.kspace import interpolate
from bids_denoise.simulate.noise import add_rician, g_factor
from bids_denoise.simulate.phantom import head_labels, head_phantom
from bids_denoise.values import Image

SHAPE = (44, 48, 36)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def clean_series(volumes: int) -> np.ndarray:
    """Return a phantom whose tissues change independently: a signal of low rank."""
    labels = head_labels(SHAPE)
    change = 1 + 0.1 * rng(7).standard_normal((labels.max() + 1, volumes))
    series = head_phantom(SHAPE, "T2w")[..., np.newaxis] * change[labels]
    return np.asarray(series, dtype=np.float32)


def image_of(data: np.ndarray, bvals: np.ndarray | None = None) -> Image:
    return Image(data, np.eye(4), np.ones(data.shape[:3], bool), bvals)


@pytest.mark.parametrize("bvals", [None, np.full(20, 1000.0)])
def test_sigma_of_a_series(bvals: np.ndarray | None) -> None:
    head = head_labels(SHAPE) > 0
    found = estimate(image_of(add_rician(clean_series(20), 5.0, rng()), bvals))
    assert found.method == "Marchenko-Pastur"
    assert found.law == "rician"
    assert np.median(found.sigma[head]) == pytest.approx(5.0, rel=0.05)
    assert found.sigma.shape == SHAPE
    assert found.sigma.min() > 0
    assert ("differences in time" in found.estimates) == (bvals is None)


def test_varying_noise_of_a_series_is_mapped() -> None:
    head = head_labels(SHAPE) > 0
    sigma = 5 * g_factor(SHAPE)
    found = marchenko_pastur_map(add_rician(clean_series(20), sigma, rng()), head, "rician")
    assert np.corrcoef(found[head], sigma[head])[0, 1] > 0.9
    assert np.median(np.abs(found / sigma - 1)[head]) < 0.1


def test_magnitude_is_corrected_where_there_is_hardly_signal() -> None:
    data = add_rician(np.full((24, 24, 24, 30), 6.0, np.float32), 8.0, rng())
    head = np.ones(data.shape[:3], bool)
    assert np.median(marchenko_pastur_map(data, head, "rician")) == pytest.approx(8, rel=0.06)
    assert np.median(marchenko_pastur_map(data, head, "gaussian")) < 6


def test_short_series_are_treated_by_volume_and_say_so() -> None:
    data = add_rician(clean_series(4), 10.0, rng())
    found = estimate(image_of(data))
    assert "Marchenko-Pastur" not in found.estimates
    assert any("only 4 volumes" in remark for remark in found.remarks)
    assert len(set(found.remarks)) == len(found.remarks)
    assert np.median(found.sigma) == pytest.approx(10, rel=0.15)


def test_series_without_noise_has_none() -> None:
    flat = np.zeros((20, 20, 20, 12), np.float32) + np.arange(12, dtype=np.float32)
    found = estimate(image_of(flat))
    assert not found.sigma.any()


def test_differences_in_time_do_not_see_fluctuating_voxels() -> None:
    data = add_rician(np.full((20, 20, 20, 40), 500, np.float32), 4.0, rng())
    data[:8] += 30 * rng(1).standard_normal((8, 20, 20, 40)).astype(np.float32)
    head = np.ones(data.shape[:3], bool)
    assert difference_sigma(data, head) == pytest.approx(4.0, rel=0.05)


def test_filtered_series_is_said_to_be() -> None:
    clean = clean_series(12)
    noisy = np.stack(
        [
            interpolate(add_rician(clean[..., each], 5.0, rng(each)), (0.5, 0.5, 0.5))
            for each in range(12)
        ],
        axis=-1,
    )
    found = estimate(image_of(noisy))
    assert not found.trusted
    assert any("correlated" in remark for remark in found.remarks)
