import numpy as np
import pytest

from bids_denoise.noise.spectrum import Spectrum, coloured_sigma, examine
from bids_denoise.noise.tiles import cut
from bids_denoise.simulate.kspace import interpolate, low_pass, resample
from bids_denoise.simulate.noise import white

SHAPE = (96, 80, 72)
SIGMA = 5.0


def noise(seed: int = 0, shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    return white(shape, SIGMA, np.random.default_rng(seed))


def spectrum_of(data: np.ndarray) -> Spectrum:
    tiles = cut(data, np.ones(data.shape, bool))
    return examine(data, tiles, tiles.inside, np.ones(tiles.inside.shape))


@pytest.mark.parametrize("seed", range(5))
def test_white_noise_is_white_at_every_frequency(seed: int) -> None:
    found = spectrum_of(noise(seed))
    assert found.white
    assert found.coloured_axes == ()
    assert found.levels == pytest.approx(SIGMA, rel=0.05)
    assert found.steady.all()
    assert found.shares.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    "filtered",
    [
        lambda data: low_pass(data, 0.7, 0.0),
        lambda data: low_pass(data, 0.8, 0.3),
        lambda data: resample(low_pass(data, 0.6, 0.0), (80, 80, 72)),
        lambda data: interpolate(data, (0.5, 0.5, 0.5)),
    ],
    ids=["cut", "Tukey", "reduced and filtered", "linear"],
)
def test_sigma_of_coloured_noise_is_its_standard_deviation(filtered) -> None:  # type: ignore[no-untyped-def]
    data = filtered(noise())
    found = spectrum_of(data)
    assert not found.white
    assert found.colour > 1.5
    assert coloured_sigma(found) == pytest.approx(data.std(), rel=0.12)


@pytest.mark.parametrize("axis", range(3))
def test_the_axis_that_was_interpolated_is_named(axis: int) -> None:
    shift = [0.0, 0.0, 0.0]
    shift[axis] = 0.5
    found = spectrum_of(interpolate(noise(), (shift[0], shift[1], shift[2])))
    assert not found.white
    assert found.coloured_axes == (axis,)


def test_thin_axes_are_not_judged() -> None:
    found = spectrum_of(noise(shape=(160, 160, 5)))
    assert found.white
    assert found.slopes[2] == 1


def test_few_tiles_give_a_lower_bound() -> None:
    data = interpolate(noise(shape=(40, 32, 24)), (0.5, 0.5, 0.5))
    found = spectrum_of(data)
    assert found.tiles < 100
    assert 0 < coloured_sigma(found) < 0.5 * data.std()


def test_anatomy_alone_is_not_steady() -> None:
    x, y, z = np.indices((96, 96, 96)) / 48 - 1
    radius = np.sqrt(x**2 + y**2 + z**2)
    shells = np.tanh(20 * np.sin(9 * radius)) * (1 + np.sin(7 * x) * np.cos(5 * y))
    found = spectrum_of((100 * shells).astype(np.float32))
    assert not found.steady[:4].any()
    assert coloured_sigma(found) < 1
