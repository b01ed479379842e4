"""A slab of a denoised volume is what the whole volume has there, or near it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bids_denoise.denoisers import DENOISERS
from bids_denoise.denoisers.apply import denoise
from bids_denoise.denoisers.base import Denoiser, build
from bids_denoise.denoisers.slabs import Slab, begin, restarted
from bids_denoise.simulate.noise import add_rician
from bids_denoise.simulate.phantom import head_phantom
from bids_denoise.values import Device, Image, Noise

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray

SHAPE = (44, 50, 46)
VOLUMES = 12
PEAK = 250
SIGMA = 15.0
DEVICE = Device(threads=2)
PLACES = ((0, 1), (3, 5), (22, 23), (43, 44))
PLANES = [(axis, low, high) for axis in range(3) for low, high in PLACES]
EXACT = {"nlm", "gaussian"}
METHODS: list[tuple[str, dict[str, float]]] = [(name, {}) for name in DENOISERS] + [
    ("nlm", {"passes": 2}),
    ("nlm", {"search_radius": 5, "patch_radius": 0, "h": 0.5}),
    ("gaussian", {"fwhm": 4.0}),
]


@cache
def case(dimensions: int, varies: bool = True) -> tuple[Image, Noise]:
    """Return a head, or a series of it, with noise that grows to the right; some of it masked."""
    head: FloatArray = head_phantom(SHAPE)
    sigma = np.full(SHAPE, SIGMA, np.float32)
    if varies:
        sigma *= np.linspace(0.5, 1.5, SHAPE[0], dtype=np.float32)[:, np.newaxis, np.newaxis]
    if dimensions == 4:
        course = 1 + 0.2 * np.sin(np.arange(VOLUMES, dtype=np.float32))
        head = np.asarray(head[..., np.newaxis] * course, dtype=np.float32)
    spread = sigma if dimensions == 3 else sigma[..., np.newaxis]
    noisy = add_rician(np.asarray(head / spread, np.float32), 1.0, np.random.default_rng(3))
    mask = np.ones(SHAPE, bool)
    mask[20:24, 20:24, 20:24] = False
    return Image(noisy * spread, np.eye(4), mask), Noise(sigma, "rician", "known")


@cache
def whole(name: str, parameters: tuple[tuple[str, float], ...], varies: bool) -> FloatArray:
    denoiser = build(DENOISERS[name], dict(parameters))
    return denoise(denoiser, *case(denoiser.dimensions, varies), DEVICE).data


@pytest.mark.parametrize("varies", [False, True])
@pytest.mark.parametrize(("name", "parameters"), METHODS)
def test_a_slab_is_as_the_whole(name: str, parameters: dict[str, float], varies: bool) -> None:
    denoiser = build(DENOISERS[name], parameters)
    image, noise = case(denoiser.dimensions, varies)
    expected = whole(name, tuple(parameters.items()), varies)
    begun = begin(denoiser, image, noise, DEVICE)
    assert begun.exact == (name in EXACT)
    for axis, low, high in PLANES if begun.exact else PLANES[2::4]:
        slab = Slab(axis, low, high)
        found, there = begun.slab(slab, DEVICE), slab.of(expected)
        assert found.shape == there.shape
        assert found.dtype == np.float32
        if begun.exact:
            # The way back from stabilised data is a root: near 0 it magnifies rounding.
            assert np.quantile(abs(found - there), 0.999) < 1e-5 * PEAK
            assert abs(found - there).max() < 2e-4 * PEAK
        else:
            assert np.sqrt(np.mean(np.square(found - there))) < 0.35 * SIGMA
        unmeasured = ~image.mask[(slice(None),) * axis + (slice(low, high),)]
        np.testing.assert_array_equal(found[unmeasured], slab.of(image.data)[unmeasured])


def test_a_rough_slab_is_near_the_best() -> None:
    image, noise = case(3)
    begun = begin(DENOISERS["nlm"](), image, noise, DEVICE)
    assert begun.refines
    for axis, low, high in PLANES:
        slab = Slab(axis, low, high)
        best, rough = (begun.slab(slab, DEVICE, rough=each) for each in (False, True))
        assert rough.shape == best.shape
        assert np.sqrt(np.mean(np.square(rough - best))) < 0.1 * SIGMA


def test_where_there_is_no_noise_the_input_comes_back() -> None:
    image, noise = case(3)
    none = replace(noise, sigma=np.zeros_like(noise.sigma))
    slab = Slab(1, 10, 12)
    for name in ("nlm", "unet", "gaussian"):
        found = begin(DENOISERS[name](), image, none, DEVICE).slab(slab, DEVICE)
        np.testing.assert_array_equal(found, slab.of(image.data))


def test_a_thin_volume_is_treated_as_a_whole() -> None:
    image, noise = case(3)
    thin = replace(image, data=image.data[:, :, :6].copy(), mask=image.mask[:, :, :6])
    level = replace(noise, sigma=noise.sigma[:, :, :6])
    slab = Slab(0, 20, 21)
    expected = slab.of(denoise(DENOISERS["nlm"](), thin, level, DEVICE).data)
    found = begin(DENOISERS["nlm"](), thin, level, DEVICE).slab(slab, DEVICE)
    np.testing.assert_allclose(found, expected, atol=1e-5 * PEAK)


def test_other_parameters_of_non_local_means_need_no_new_beginning() -> None:
    image, noise = case(3)
    other: Denoiser = build(DENOISERS["nlm"], {"patch_radius": 2})
    begun = begin(DENOISERS["nlm"](), image, noise, DEVICE)
    again = restarted(begun, other)
    assert again is not None
    slab = Slab(2, 20, 21)
    expected = begin(other, image, noise, DEVICE).slab(slab, DEVICE)
    np.testing.assert_array_equal(again.slab(slab, DEVICE), expected)
    assert restarted(begun, DENOISERS["unet"]()) is None
