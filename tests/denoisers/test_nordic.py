"""NORDIC with the phase and, weaker, without."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bids_denoise.denoisers.apply import denoise
from bids_denoise.denoisers.nordic import Nordic, take_smooth_phase_out
from bids_denoise.errors import ScanError
from bids_denoise.simulate.phantom import head_phantom
from bids_denoise.values import Device, Image, Noise

SHAPE = (28, 30, 12)
VOLUMES = 24
SIGMA = 40.0


def complex_series() -> tuple[Image, np.ndarray, Noise]:
    """Return a noisy series with its phase, the noise-free magnitude, and the noise."""
    rng = np.random.default_rng(0)
    head = head_phantom(SHAPE, "T2starw")[..., np.newaxis]
    x, y, _ = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij")
    course = 1 + 0.05 * np.sin(np.arange(VOLUMES) / 3)
    truth = head * course
    breath = 0.6 * np.sin(np.arange(VOLUMES))
    phase = 2 * (x + y * y)[..., np.newaxis] + x[..., np.newaxis] * breath
    noise = rng.standard_normal((2, *truth.shape))
    noisy = truth * np.exp(1j * phase) + SIGMA * (noise[0] + 1j * noise[1])
    image = Image(
        np.abs(noisy).astype(np.float32),
        np.eye(4),
        np.ones(SHAPE, np.bool_),
        phase=np.angle(noisy).astype(np.float32),
    )
    return image, truth, Noise(np.full(SHAPE, SIGMA, np.float32), "rician", "known")


def test_a_complex_series_is_denoised_further_and_without_the_floor() -> None:
    image, truth, noise = complex_series()
    head = truth[..., 0] > 60
    air = truth[..., 0] == 0
    errors, floors = {}, {}
    for name, each in (("complex", image), ("magnitude only", replace(image, phase=None))):
        found = denoise(Nordic(), each, noise, Device(threads=2))
        assert found.choices["input"] == name
        error = (found.data - truth)[head]
        errors[name] = np.sqrt(np.mean(error**2)) / SIGMA
        floors[name] = found.data[air].mean() / SIGMA
    assert errors["complex"] < 0.25
    assert errors["complex"] < 0.9 * errors["magnitude only"]
    assert floors["complex"] < 0.4
    assert floors["magnitude only"] > 1.0


def test_the_phase_taken_out_is_the_smooth_one_of_the_slice() -> None:
    x, y, z = np.meshgrid(*(np.linspace(0, 1, n) for n in SHAPE), indexing="ij")
    phase = np.stack([x + 0.5 * y + 3 * z, x - y], axis=-1)
    series = (100 * np.exp(1j * phase)).astype(np.complex64)
    take_smooth_phase_out(series, 1.0)
    assert np.abs(np.angle(series[4:-4, 4:-4])).max() < 0.01
    np.testing.assert_allclose(np.abs(series), 100, rtol=1e-5)


def test_too_few_volumes_are_refused_by_name() -> None:
    image, _, noise = complex_series()
    few = replace(image, data=image.data[..., :5].copy(), phase=None)
    with pytest.raises(ScanError, match="nordic needs at least 10 volumes, this series has 5"):
        denoise(Nordic(), few, noise, Device())
