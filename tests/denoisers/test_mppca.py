"""MP-PCA as a denoiser: its window, what it refuses, what it says of itself."""

from __future__ import annotations

import numpy as np
import pytest

from bids_denoise.denoisers.apply import denoise
from bids_denoise.denoisers.base import build, parameters
from bids_denoise.denoisers.mppca import MarchenkoPasturPca, automatic_window
from bids_denoise.errors import ScanError, UsageError
from bids_denoise.values import Device, Image, Noise

DEVICE = Device()


def image_of(shape: tuple[int, ...], sigma: float = 5.0, diffusion: bool = False) -> Image:
    """Return a series of two components, bright in the middle, with white noise."""
    rng = np.random.default_rng(3)
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, size) for size in shape[:3]), indexing="ij")
    maps = np.stack([1 + np.exp(-(x**2) - y**2), x + z], axis=-1)
    truth = 100 * maps @ (1 + rng.random((2, shape[3])))
    data = (truth + sigma * rng.standard_normal(shape)).astype(np.float32)
    bvals = np.zeros(shape[3]) if diffusion else None
    return Image(data, np.eye(4), np.ones(shape[:3], bool), bvals)


def noise_of(image: Image, sigma: float = 5.0) -> Noise:
    return Noise(np.full(image.mask.shape, sigma, np.float32), "rician", "known")


def test_the_automatic_window() -> None:
    assert [automatic_window(count, True) for count in (10, 27, 28, 125, 126, 343)] == [
        *(3, 3, 5, 5, 7, 7)
    ]
    assert [automatic_window(count, False) for count in (10, 28, 156, 1000)] == [3, 5, 5, 5]


@pytest.mark.parametrize("diffusion", [True, False])
def test_maps_and_choices(diffusion: bool) -> None:
    image = image_of((8, 9, 7, 30), diffusion=diffusion)
    result = denoise(MarchenkoPasturPca(), image, noise_of(image), DEVICE)
    assert result.data.shape == image.data.shape
    assert result.data.dtype == np.float32
    assert {name: each.shape for name, each in result.maps.items()} == {
        "sigma": (8, 9, 7),
        "rank": (8, 9, 7),
    }
    assert np.median(result.maps["sigma"]) == pytest.approx(5.0, rel=0.05)
    assert np.median(result.maps["rank"]) == 2
    assert result.choices == {"window": 5}


def test_the_input_and_what_was_not_measured_stay() -> None:
    image = image_of((8, 8, 8, 20))
    image.mask[:3] = False
    before = image.data.copy()
    result = denoise(MarchenkoPasturPca(), image, noise_of(image), DEVICE)
    np.testing.assert_array_equal(image.data, before)
    np.testing.assert_array_equal(result.data[:3], before[:3])
    assert np.std(result.data[3:] - before[3:]) == pytest.approx(5.0, rel=0.1)
    assert not result.maps["sigma"][:3].any()


@pytest.mark.parametrize("estimator", ["corderogrande2019", "veraart2016"])
def test_scaled_input_gives_scaled_output(estimator: str) -> None:
    image = image_of((6, 6, 6, 15))
    scaled = Image(image.data * np.float32(2.0**12), image.affine, image.mask)
    method = MarchenkoPasturPca(estimator=estimator)
    plain = denoise(method, image, noise_of(image), DEVICE)
    large = denoise(method, scaled, noise_of(scaled), DEVICE)
    np.testing.assert_array_equal(large.data, plain.data * np.float32(2.0**12))


def test_hardly_any_noise_leaves_the_image() -> None:
    image = image_of((7, 7, 7, 20), sigma=1e-3)
    result = denoise(MarchenkoPasturPca(), image, noise_of(image, 1e-3), DEVICE)
    np.testing.assert_allclose(result.data, image.data, atol=5e-3)


@pytest.mark.parametrize("volumes", [2, 9])
def test_few_volumes_are_refused_with_the_number_that_is_needed(volumes: int) -> None:
    image = image_of((6, 6, 6, volumes))
    with pytest.raises(ScanError, match=f"at least 10 volumes, this series has {volumes}"):
        denoise(MarchenkoPasturPca(), image, noise_of(image), DEVICE)


def test_a_line_of_voxels_is_refused() -> None:
    image = image_of((1, 1, 40, 12))
    with pytest.raises(ScanError, match="at least 6 voxels, but an image of 1 x 1 x 40 has room"):
        denoise(MarchenkoPasturPca(), image, noise_of(image), DEVICE)


def test_a_single_slice_is_denoised() -> None:
    image = image_of((12, 12, 1, 20))
    result = denoise(MarchenkoPasturPca(), image, noise_of(image), DEVICE)
    assert np.median(result.maps["sigma"]) == pytest.approx(5.0, rel=0.1)


@pytest.mark.parametrize("window", [1, 2, 4, 17])
def test_windows_that_are_not_odd_are_refused(window: int) -> None:
    with pytest.raises(UsageError, match=f"window: {window} is n"):
        build(MarchenkoPasturPca, {"window": window})


def test_windows_that_are_odd_are_taken() -> None:
    image = image_of((9, 9, 9, 12))
    method = build(MarchenkoPasturPca, {"window": 7, "estimator": "veraart2016"})
    assert denoise(method, image, noise_of(image), DEVICE).choices == {"window": 7}


def test_the_parameters_are_declared() -> None:
    assert [each.name for each in parameters(MarchenkoPasturPca)] == ["window", "estimator"]
