import numpy as np
import pytest

from bids_denoise.simulate.fields import shading, smooth_field


@pytest.mark.parametrize("width", [1.0, 3.0, 12.0, (2.0, 9.0, 1.0)])
def test_fields_are_standardised_and_repeat(width: float | tuple[float, ...]) -> None:
    first, second = (smooth_field((30, 33, 21), width, np.random.default_rng(3)) for _ in "ab")
    assert np.array_equal(first, second)
    assert first.dtype == np.float32
    assert first.shape == (30, 33, 21)
    assert first.mean() == pytest.approx(0, abs=1e-5)
    assert first.std() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("width", [1.5, 3.0, 6.0])
def test_correlation_falls_as_a_gaussian_of_the_width_asked_for(width: float) -> None:
    rng, lag = np.random.default_rng(0), round(2 * width)
    fields = [smooth_field((150, 40, 40), width, rng) for _ in range(8)]
    measured = np.mean([np.mean(field[lag:] * field[:-lag]) for field in fields])
    assert measured == pytest.approx(np.exp(-(lag**2) / (4 * width**2)), abs=0.1)


def test_shading_is_positive_slow_and_of_its_strength() -> None:
    field = shading((40, 40, 40), 0.1, np.random.default_rng(0))
    assert np.all(field > 0)
    assert np.log(field).std() == pytest.approx(0.1, rel=0.01)
    assert np.abs(np.diff(field, axis=0)).max() < 0.05
