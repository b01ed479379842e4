"""What every denoiser of the table keeps to. A new one is tested by standing in it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pytest

from bids_denoise.denoisers import DENOISERS
from bids_denoise.denoisers.apply import denoise
from bids_denoise.denoisers.base import build, parameters
from bids_denoise.errors import ScanError, UsageError
from bids_denoise.simulate.noise import add_gaussian, add_rician
from bids_denoise.simulate.phantom import head_phantom
from bids_denoise.values import Device, Image, Law, Noise

if TYPE_CHECKING:
    from bids_denoise.denoisers.base import Denoiser
    from bids_denoise.values import FloatArray

SHAPE = (32, 36, 28)
VOLUMES = 16
PEAK = 250
GAINS = {3: 0.3, 9: 1.5, 15: 1.5}
"""By sigma in % of the peak, dB of PSNR that even the simplest method gains."""
NAMES = sorted(DENOISERS)
THREE_AXES = [name for name in NAMES if DENOISERS[name].dimensions == 3]
FOUR_AXES = [name for name in NAMES if DENOISERS[name].dimensions == 4]
DEVICE = Device()


@cache
def truth_for(name: str) -> FloatArray:
    """Return a head, for a 4D denoiser as a series of two components. Never written to."""
    head = head_phantom(SHAPE)
    if DENOISERS[name].dimensions == 3:
        return head
    course = 1 + 0.3 * np.sin(np.arange(VOLUMES))
    other = np.where(head > 120, head, 0)[..., np.newaxis] * np.linspace(0, 0.4, VOLUMES)
    return np.asarray(head[..., np.newaxis] * course + other, dtype=np.float32)


def image_of(data: FloatArray) -> Image:
    return Image(data.copy(), np.eye(4), np.ones(data.shape[:3], bool))


def noise_of(image: Image, sigma: float, law: Law = "gaussian") -> Noise:
    return Noise(np.full(image.mask.shape, sigma, np.float32), law, "known")


@cache
def case(name: str, percent: float = 9, law: Law = "gaussian") -> tuple[Image, Noise]:
    sigma = percent / 100 * PEAK
    add = add_rician if law == "rician" else add_gaussian
    image = image_of(add(truth_for(name), sigma, np.random.default_rng(5)))
    return image, noise_of(image, sigma, law)


@cache
def result_for(name: str, percent: float = 9, law: Law = "gaussian") -> FloatArray:
    return denoise(DENOISERS[name](), *case(name, percent, law), DEVICE).data


def psnr(data: FloatArray, truth: FloatArray) -> float:
    head = truth > 10
    error = np.mean((data[head].astype(float) - truth[head]) ** 2)
    return float(10 * np.log10(PEAK**2 / error))


@pytest.mark.parametrize("name", NAMES)
class TestEveryDenoiser:
    def test_its_facts_are_known_words(self, name: str) -> None:
        kind = DENOISERS[name]
        assert kind.name == name
        assert kind.summary
        assert kind.dimensions in {3, 4}
        assert {"cpu"} <= set(kind.devices) <= {"cpu", "cuda"}
        assert set(kind.datatypes) <= {"anat", "func", "dwi"}
        assert set(kind.laws) <= set(get_args(Law))
        assert kind.citations

    def test_its_defaults_are_in_range_and_what_is_not_is_refused(self, name: str) -> None:
        for each in parameters(DENOISERS[name]):
            assert each.help
            build(DENOISERS[name], {each.name: each.default})
            if each.kind in {int, float} and np.isfinite(each.maximum):
                with pytest.raises(UsageError, match=each.name):
                    build(DENOISERS[name], {each.name: each.kind(each.maximum + 1)})

    @pytest.mark.parametrize("law", ["gaussian", "rician"])
    def test_shape_dtype_and_input(self, name: str, law: Law) -> None:
        image, noise = case(name, law=law)
        before = image.data.copy(), noise.sigma.copy()
        result = denoise(DENOISERS[name](), image, noise, DEVICE)
        assert result.data.shape == image.data.shape
        assert result.data.dtype == np.float32
        assert result.data.flags.c_contiguous
        assert not np.shares_memory(result.data, image.data)
        assert all(each.shape == image.mask.shape for each in result.maps.values())
        assert all(each.dtype == np.float32 for each in result.maps.values())
        np.testing.assert_array_equal(image.data, before[0])
        np.testing.assert_array_equal(noise.sigma, before[1])

    @pytest.mark.parametrize("law", ["gaussian", "rician"])
    def test_the_same_bits_again_and_on_more_threads(self, name: str, law: Law) -> None:
        for threads in (1, 2):
            again = denoise(DENOISERS[name](), *case(name, law=law), Device(threads=threads))
            np.testing.assert_array_equal(again.data, result_for(name, law=law))

    @pytest.mark.parametrize("law", ["gaussian", "rician"])
    @pytest.mark.parametrize("percent", GAINS)
    def test_it_gains(self, name: str, percent: int, law: Law) -> None:
        truth = truth_for(name)
        before = psnr(case(name, percent, law)[0].data, truth)
        assert psnr(result_for(name, percent, law), truth) > before + GAINS[percent]

    def test_it_does_not_harm_a_good_scan(self, name: str) -> None:
        truth = truth_for(name)
        assert psnr(result_for(name, 1, "rician"), truth) > psnr(
            case(name, 1, "rician")[0].data, truth
        )

    def test_without_noise_the_input_comes_back(self, name: str) -> None:
        image = image_of(truth_for(name))
        result = denoise(DENOISERS[name](), image, noise_of(image, 0), DEVICE)
        np.testing.assert_array_equal(result.data, image.data)
        assert result.choices == {"unchanged": True}

    @pytest.mark.parametrize("law", ["gaussian", "rician"])
    def test_as_sigma_falls_the_input_comes_back(self, name: str, law: Law) -> None:
        image = image_of(truth_for(name))
        sigma = 1e-4 * PEAK
        result = denoise(DENOISERS[name](), image, noise_of(image, sigma, law), DEVICE)
        assert abs(result.data - image.data).max() < 10 * sigma

    @pytest.mark.parametrize("law", ["gaussian", "rician"])
    def test_units_do_not_matter(self, name: str, law: Law) -> None:
        image, noise = case(name, law=law)
        for factor in (8, 1 / 1024):  # exact in float32
            scale = np.float32(factor)
            scaled = replace(image, data=image.data * scale)
            louder = replace(noise, sigma=noise.sigma * scale)
            result = denoise(DENOISERS[name](), scaled, louder, DEVICE).data / scale
            np.testing.assert_allclose(result, result_for(name, law=law), rtol=1e-4, atol=1e-3)

    def test_strength_is_the_share_that_is_taken_away(self, name: str) -> None:
        image, noise = case(name, law="rician")
        none, half = (
            denoise(DENOISERS[name](), image, noise, DEVICE, strength).data
            for strength in (0.0, 0.5)
        )
        np.testing.assert_array_equal(none, image.data)
        whole = result_for(name, law="rician")
        np.testing.assert_allclose(half, (image.data + whole) / 2, atol=1e-4)

    @pytest.mark.parametrize("value", [0, 7.5])
    def test_constant_data_comes_back(self, name: str, value: float) -> None:
        image = image_of(np.full_like(truth_for(name), value))
        result = denoise(DENOISERS[name](), image, noise_of(image, 5, "rician"), DEVICE)
        np.testing.assert_array_equal(result.data, image.data)

    def test_a_volume_or_region_without_anything_in_it(self, name: str) -> None:
        image, noise = case(name, law="rician")
        data = image.data.copy()
        data[:20] = 0
        result = denoise(DENOISERS[name](), replace(image, data=data), noise, DEVICE)
        assert np.isfinite(result.data).all()
        assert abs(result.data[:10]).max() < noise.sigma.max()

    def test_what_was_not_measured_comes_back(self, name: str) -> None:
        image, noise = case(name)
        mask = np.ones_like(image.mask)
        mask[::3, 5:9] = False
        result = denoise(DENOISERS[name](), replace(image, mask=mask), noise, DEVICE)
        np.testing.assert_array_equal(result.data[~mask], image.data[~mask])

    def test_voxels_without_noise_come_back(self, name: str) -> None:
        image, noise = case(name, law="rician")
        sigma = noise.sigma.copy()
        sigma[:, :4] = 0
        result = denoise(DENOISERS[name](), image, replace(noise, sigma=sigma), DEVICE)
        np.testing.assert_array_equal(result.data[:, :4], image.data[:, :4])
        assert np.isfinite(result.data).all()

    def test_it_follows_the_sigma_map(self, name: str) -> None:
        truth = truth_for(name)
        sigma = np.linspace(4, 36, SHAPE[0], dtype=np.float32)[:, np.newaxis, np.newaxis]
        sigma = np.broadcast_to(sigma, SHAPE).copy()
        spread = sigma if truth.ndim == 3 else sigma[..., np.newaxis]
        rng = np.random.default_rng(6)
        image = image_of((truth + spread * rng.normal(size=truth.shape)).astype(np.float32))
        result = denoise(DENOISERS[name](), image, Noise(sigma, "gaussian", "known"), DEVICE)
        for half in (slice(None, 16), slice(16, None)):
            assert psnr(result.data[half], truth[half]) > psnr(image.data[half], truth[half]) + 1


@pytest.mark.parametrize("name", THREE_AXES)
class TestOneVolumeAtATime:
    def test_a_series_is_its_volumes(self, name: str) -> None:
        image, noise = case(name, law="rician")
        still = np.full_like(image.data, 3)
        series = np.stack([image.data, image.data[::-1], still], axis=-1)
        result = denoise(DENOISERS[name](), replace(image, data=series), noise, DEVICE)
        assert result.data.shape == series.shape
        np.testing.assert_array_equal(result.data[..., 0], result_for(name, law="rician"))
        mirrored = replace(image, data=np.ascontiguousarray(image.data[::-1]))
        alone = denoise(DENOISERS[name](), mirrored, noise, DEVICE).data
        np.testing.assert_array_equal(result.data[..., 1], alone)
        np.testing.assert_array_equal(result.data[..., 2], still)

    @pytest.mark.parametrize("shape", [(20, 18, 1), (1, 18, 20), (9, 10, 3), (8, 8, 8), (2, 1, 1)])
    def test_thin_volumes(self, name: str, shape: tuple[int, ...]) -> None:
        rng = np.random.default_rng(8)
        image = image_of(rng.normal(100, 10, shape).astype(np.float32))
        result = denoise(DENOISERS[name](), image, noise_of(image, 10, "rician"), DEVICE)
        assert result.data.shape == shape
        assert np.isfinite(result.data).all()
        assert result.data.std() < image.data.std()

    def test_the_bias_of_the_magnitude_goes(self, name: str) -> None:
        truth = np.full((40, 40, 40), 30, np.float32)
        image = image_of(add_rician(truth, 20, np.random.default_rng(9)))
        result = denoise(DENOISERS[name](), image, noise_of(image, 20, "rician"), DEVICE)
        assert image.data.mean() > 36
        assert result.data.mean() == pytest.approx(30, abs=1.5)

    def test_a_law_it_cannot_handle_is_refused(self, name: str) -> None:
        image, noise = case(name)
        with pytest.raises(ScanError, match="nc-chi"):
            denoise(DENOISERS[name](), image, replace(noise, law="nc-chi"), DEVICE)


@pytest.mark.parametrize("name", FOUR_AXES)
def test_a_series_is_asked_for(name: str) -> None:
    image = image_of(head_phantom(SHAPE))
    with pytest.raises(ScanError, match="series"):
        denoise(DENOISERS[name](), image, noise_of(image, 5), DEVICE)


def test_a_result_that_is_not_finite_is_refused() -> None:
    class Broken:
        name = "broken"
        dimensions = 3
        laws = ("gaussian",)

        def denoise(self, image: Image, noise: Noise, device: Device) -> Any:
            result = DENOISERS["gaussian"]().denoise(image, noise, device)
            return replace(result, data=np.full_like(result.data, np.nan))

    broken: Denoiser = Broken()  # type: ignore[assignment]  # only what apply looks at
    with pytest.raises(ScanError, match="not finite"):
        denoise(broken, *case("gaussian"), DEVICE)
