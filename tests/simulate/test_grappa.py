import numpy as np
import pytest

from bids_denoise.simulate import grappa
from bids_denoise.simulate.noise import complex_white


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("length", [40, 41, 43])
@pytest.mark.parametrize("acceleration", [1, 2, 3, 4])
def test_every_rth_line_and_the_centre_are_sampled(length: int, acceleration: int) -> None:
    sampled = grappa.sampled_lines(length, acceleration, 14)
    assert sampled[length // 2 - 7 : length // 2 + 7].all()
    assert sampled[length // 2 % acceleration :: acceleration].all()
    outside = np.r_[sampled[: length // 2 - 7], sampled[length // 2 + 7 :]]
    assert outside.mean() == pytest.approx(1 / acceleration, abs=0.06)


@pytest.mark.parametrize("acceleration", [2, 3, 4])
def test_lines_that_follow_from_their_neighbours_are_found(acceleration: int) -> None:
    """Coils that see one plane wave each other way: every line is a combination of two."""
    line = np.arange(45)
    waves = np.exp(1j * np.outer(line, [0.3, -0.5]))
    mixing = complex_white((2, 3), 1.0, rng(1))
    full = (complex_white((16, 1, 2), 1.0, rng()) * waves @ mixing).astype(np.complex64)
    sampled = grappa.sampled_lines(45, acceleration, 16)
    system = grappa.calibration_system(full[:, 14:30], acceleration)
    weights = grappa.kernel_weights(system, system, 16)
    filled = grappa.fill(np.where(sampled[:, np.newaxis], full, np.nan), weights, sampled)
    edge = 2 * acceleration
    assert np.array_equal(filled[:, sampled], full[:, sampled])
    assert np.allclose(filled[:, edge:-edge], full[:, edge:-edge], atol=1e-2)


@pytest.mark.parametrize("acceleration", [1, 2, 3])
def test_noise_gain_is_the_energy_of_the_answers_to_single_impulses(acceleration: int) -> None:
    readout, length, coils = 5, 25, 2
    gap = acceleration - 1
    weights = complex_white((readout, len(grappa.ACQUIRED), coils, gap, coils), 0.5, rng())
    combining = complex_white((readout, length, coils), 1.0, rng(1))
    sampled = grappa.sampled_lines(length, acceleration, 7)
    energy = np.zeros((readout, length))
    for line in np.flatnonzero(sampled):
        for coil in range(coils):
            impulse = np.zeros((readout, length, coils), np.complex64)
            impulse[:, line, coil] = 1
            filled = np.fft.ifftshift(grappa.fill(impulse, weights, sampled), axes=1)
            image = np.fft.ifft(filled, axis=1, norm="ortho")
            energy += np.abs((image * combining).sum(axis=-1)) ** 2
    gain = grappa.noise_gain(combining, weights, sampled)
    assert np.allclose(gain, np.sqrt(energy), rtol=1e-4)


def test_slice_without_signal_takes_the_kernel_of_the_volume() -> None:
    lines = complex_white((8, 20, 2), 1.0, rng())
    volume = grappa.calibration_system(lines, 2)
    silent = grappa.calibration_system(np.zeros_like(lines), 2)
    borrowed = grappa.kernel_weights(silent, volume, 8)
    assert np.allclose(borrowed, grappa.kernel_weights(volume, volume, 8), atol=1e-4)
    assert not grappa.kernel_weights(silent, silent, 8).any()
