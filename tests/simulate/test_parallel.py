from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from bids_denoise.simulate import parallel
from bids_denoise.simulate.coils import sensitivities
from bids_denoise.simulate.parallel import Protocol
from bids_denoise.simulate.phantom import head_phantom

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray

SHAPE = (48, 48, 16)
TRUTH = head_phantom(SHAPE)
HEAD = TRUTH > 40
MAPS = sensitivities(SHAPE)
WINDOW = (5, 5, 3)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def error_of(image: FloatArray) -> float:
    return float(np.linalg.norm(image - TRUTH) / np.linalg.norm(TRUTH))


@cache
def noisy(protocol: Protocol, seed: int = 0, sigma: float = 2.0) -> parallel.ParallelScan:
    return parallel.acquire(TRUTH, protocol, sigma, rng(seed), MAPS)


@pytest.mark.parametrize(
    "protocol", [Protocol(1), Protocol(1, combination="rss"), Protocol(1, "sense")]
)
def test_full_sampling_returns_the_truth(protocol: Protocol) -> None:
    scan = noisy(protocol, sigma=0.0)
    assert scan.magnitude.dtype == scan.sigma.dtype == np.float32
    assert error_of(scan.magnitude) < 1e-5
    assert not scan.sigma.any()


@pytest.mark.parametrize(("acceleration", "bound"), [(2, 0.01), (3, 0.02), (4, 0.03)])
@pytest.mark.parametrize("axis", [0, 1])
def test_grappa_without_noise_is_near_the_truth(acceleration: int, bound: float, axis: int) -> None:
    protocol = Protocol(acceleration, axis=axis)
    assert 1e-4 < error_of(noisy(protocol, sigma=0.0).magnitude) < bound


@pytest.mark.parametrize(("acceleration", "bound"), [(2, 1e-6), (3, 1e-5), (4, 1e-4)])
def test_sense_without_noise_is_the_truth(acceleration: int, bound: float) -> None:
    assert error_of(noisy(Protocol(acceleration, "sense"), sigma=0.0).magnitude) < bound


@pytest.mark.parametrize("reconstruction", ["grappa", "sense"])
def test_noise_rises_with_acceleration(reconstruction: Any) -> None:
    scans = [noisy(Protocol(acceleration, reconstruction)) for acceleration in (1, 2, 3)]
    maps = [np.median(scan.sigma[HEAD]) for scan in scans]
    measured = [(scan.magnitude - TRUTH)[HEAD].std() for scan in scans]
    assert maps[0] == pytest.approx(2, rel=1e-3)
    assert measured[0] == pytest.approx(2, rel=0.05)
    for levels in (maps, measured):
        assert levels[2] > 1.2 * levels[1] > 1.4 * levels[0]


@pytest.mark.parametrize(
    "protocol", [Protocol(3), Protocol(4, combination="rss"), Protocol(3, "sense")]
)
def test_replicas_have_the_noise_that_the_map_says(protocol: Protocol) -> None:
    magnitudes = [noisy.__wrapped__(protocol, seed, 1.0).magnitude for seed in range(14)]
    measured = np.sqrt(uniform_filter(np.var(magnitudes, axis=0, ddof=1), WINDOW))
    predicted = np.sqrt(uniform_filter(np.square(noisy(protocol, 0, 1.0).sigma), WINDOW))
    inside = uniform_filter(HEAD.astype(float), WINDOW) > 0.99
    assert np.corrcoef(measured[inside], predicted[inside])[0, 1] > 0.9
    assert np.median((measured / predicted)[inside]) == pytest.approx(1, abs=0.1)


def test_air_is_rayleigh_after_weighting_and_higher_after_root_sum_of_squares() -> None:
    air = TRUTH == 0
    weighted, root = (noisy(Protocol(1, combination=way)).magnitude for way in ("weighted", "rss"))
    assert weighted[air].mean() == pytest.approx(2 * np.sqrt(np.pi / 2), rel=0.02)
    assert np.mean(root[air].astype(float) ** 2) == pytest.approx(2 * 8 * 4, rel=0.02)


@pytest.mark.parametrize("reconstruction", ["grappa", "sense"])
def test_axes_are_alike(reconstruction: Any) -> None:
    turned = parallel.acquire(
        TRUTH.transpose(1, 0, 2),
        Protocol(2, reconstruction, axis=0),
        2.0,
        rng(),
        MAPS.transpose(0, 2, 1, 3),
    )
    scan = noisy(Protocol(2, reconstruction))
    assert np.allclose(turned.magnitude.transpose(1, 0, 2), scan.magnitude, atol=1e-3)
    assert np.allclose(turned.sigma.transpose(1, 0, 2), scan.sigma, atol=1e-4)


def test_g_factor_is_at_least_one_and_that_of_the_map() -> None:
    for acceleration in (1, 2, 3, 4):
        g = parallel.sense_g_factor(MAPS, acceleration)
        assert g.shape == SHAPE
        assert g.min() > 1 - 1e-4
        sigma = noisy(Protocol(acceleration, "sense")).sigma
        assert np.allclose(sigma, 2 * np.sqrt(acceleration) * g, rtol=1e-3)


def test_seed_repeats_and_coils_are_eight_unless_given() -> None:
    protocol = Protocol(2)
    again = parallel.acquire(TRUTH, protocol, 2.0, rng(0))
    assert np.array_equal(again.magnitude, noisy(protocol).magnitude)
    assert np.array_equal(again.sigma, noisy(protocol).sigma)
    assert not np.array_equal(again.magnitude, noisy(protocol, seed=1).magnitude)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"acceleration": 5}, "acceleration is 5"),
        ({"acceleration": 0}, "acceleration is 0"),
        ({"axis": 3}, "axis is 3"),
        ({"calibration": 9}, "calibration is 9; acceleration 3 on 48 lines needs 10 to 48"),
        ({"calibration": 49}, "calibration is 49"),
        ({"reconstruction": "spirit"}, "reconstruction 'spirit'"),
        ({"combination": "sum"}, "combination 'sum'"),
        ({"reconstruction": "sense", "combination": "rss"}, "'sense' with combination 'rss'"),
    ],
)
def test_impossible_protocols_are_refused(change: dict[str, Any], message: str) -> None:
    protocol = Protocol(**({"acceleration": 3} | change))
    with pytest.raises(ValueError, match=message):
        parallel.acquire(TRUTH, protocol, 1.0, rng(), MAPS)


@pytest.mark.parametrize("sigma", [-1.0, np.nan, np.inf])
def test_impossible_sigma_is_refused(sigma: float) -> None:
    with pytest.raises(ValueError, match=f"sigma is {sigma!r}"):
        parallel.acquire(TRUTH, Protocol(2), sigma, rng(), MAPS)


def test_maps_of_another_grid_are_refused() -> None:
    with pytest.raises(ValueError, match=r"maps of shape \(8, 48, 48, 15\)"):
        parallel.acquire(TRUTH, Protocol(2), 1.0, rng(), MAPS[..., 1:])
