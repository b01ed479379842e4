import numpy as np
import pytest

from bids_denoise.simulate import noise, tensors
from bids_denoise.simulate.gradients import scheme

GRADIENTS = scheme([(1000, 12), (2000, 20)], 2, np.random.default_rng(0))
AXIS = np.array([0.6, 0.0, 0.8], np.float32)


def test_anisotropy_of_known_tensors() -> None:
    stick, ball = tensors.axial(AXIS, 1e-3, 0.0), tensors.axial(AXIS, 1e-3, 1e-3)
    assert tensors.fractional_anisotropy(stick) == pytest.approx(1, abs=1e-5)
    assert tensors.fractional_anisotropy(ball) == pytest.approx(0, abs=1e-3)
    assert tensors.fractional_anisotropy(np.zeros(6, np.float32)) == 0
    assert tensors.mean_diffusivity(tensors.axial(AXIS, 1.5e-3, 0.4e-3)) == pytest.approx(23e-4 / 3)


def test_signal_falls_by_the_tensor_along_its_axis() -> None:
    signal = tensors.attenuation(tensors.axial(AXIS, 1.5e-3, 0.4e-3), GRADIENTS)
    along = GRADIENTS.directions @ AXIS
    expected = np.exp(-GRADIENTS.bvals * (0.4e-3 + 1.1e-3 * along**2))
    expected[GRADIENTS.bvals == 0] = 1
    assert np.allclose(signal, expected, atol=1e-5)


def test_fit_returns_the_tensor_it_was_made_from() -> None:
    truth = np.broadcast_to(tensors.axial(AXIS, 1.5e-3, 0.4e-3), (3, 4, 5, 6))
    mask = np.ones((3, 4, 5), bool)
    mask[0] = False
    series = 200 * tensors.attenuation(truth, GRADIENTS)
    fitted = tensors.fit(series, GRADIENTS, mask, highest=1200)
    assert np.allclose(fitted[mask], truth[mask], atol=1e-7)
    assert not fitted[0].any()


def test_noise_biases_anisotropy_upwards() -> None:
    truth = np.broadcast_to(tensors.axial(AXIS, 1e-3, 0.8e-3), (10, 10, 10, 6))
    series = 200 * tensors.attenuation(truth, GRADIENTS)
    noisy = noise.add_rician(series, 15.0, np.random.default_rng(0))
    mask = np.ones((10, 10, 10), bool)
    fitted = tensors.fit(noisy, GRADIENTS, mask, highest=1200)
    measured = tensors.fractional_anisotropy(fitted).mean()
    assert measured > 1.3 * tensors.fractional_anisotropy(truth).mean()
