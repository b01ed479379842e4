"""A network over a volume: borders, tiles, units. With weights drawn at random: any will do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bids_denoise.denoisers import inference
from bids_denoise.denoisers.inference import MOST_SIGMA, apply_network
from bids_denoise.kernels.pool import torch_threads
from bids_denoise.simulate.noise import add_gaussian
from bids_denoise.simulate.phantom import head_phantom
from bids_denoise.values import Device

if TYPE_CHECKING:
    from bids_denoise.networks.base import Network
    from bids_denoise.values import FloatArray

SHAPE = (30, 34, 26)
DEVICE = Device()


@pytest.fixture(autouse=True)
def single_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compute the same on every processor."""
    monkeypatch.setattr(inference, "precision", lambda _: "float32")


@pytest.fixture(params=["srcnn2d", "srcnn", "unet", "generative"])
def network(request: pytest.FixtureRequest) -> Network:
    import torch

    from bids_denoise.networks import build_network

    torch.manual_seed(1)
    sizes: dict[str, Any] = {"widths": (4, 6)}
    if request.param in {"unet", "generative"}:
        sizes["blocks"] = 1
    made = build_network(request.param, sizes).eval()
    for weights in made.parameters():
        torch.nn.init.normal_(weights, std=0.05)
    return made


def noisy_head(shape: tuple[int, int, int] = SHAPE) -> tuple[FloatArray, FloatArray]:
    sigma = np.linspace(5, 25, shape[0], dtype=np.float32)[:, None, None] * np.ones(shape, "f4")
    return add_gaussian(head_phantom(shape), sigma, np.random.default_rng(0)), sigma


def run(network: Network, data: FloatArray, sigma: FloatArray, threads: int = 1) -> FloatArray:
    seed = (0, 0) if network.draws else None
    pilot = (data + data.mean()) / 2 if network.pilot else None
    return apply_network(network, data, sigma, Device(threads=threads), pilot=pilot, seed=seed)


def test_tiles_make_no_difference(network: Network) -> None:
    data, sigma = noisy_head((64, 34, 26))
    whole = run(network, data, sigma)
    network.most_voxels = 40_000
    np.testing.assert_allclose(run(network, data, sigma), whole, atol=2e-4)


def test_threads_make_no_difference(network: Network) -> None:
    data, sigma = noisy_head()
    one, two = (run(network, data, sigma, threads) for threads in (1, 2))
    np.testing.assert_allclose(one, two, atol=2e-4)


def test_unit_and_offset_make_no_difference(network: Network) -> None:
    data, sigma = noisy_head()
    plain = run(network, data, sigma)
    assert abs(plain - data).max() > 0.1
    np.testing.assert_allclose(run(network, data + 500, sigma), plain + 500, atol=5e-3)
    np.testing.assert_allclose(run(network, 16 * data, 16 * sigma) / 16, plain, atol=2e-4)


def test_nothing_moves_by_more_than_noise_can(network: Network) -> None:
    import torch

    for weights in network.parameters():
        torch.nn.init.normal_(weights, std=3)
    data, sigma = noisy_head()
    moved = abs(run(network, data, sigma) - data)
    assert (moved > 4 * sigma).any()
    assert (moved <= MOST_SIGMA * sigma + 1e-3).all()


@pytest.mark.parametrize("shape", [(1, 1, 2), (5, 30, 7), (33, 2, 18)])
def test_any_shape(network: Network, shape: tuple[int, int, int]) -> None:
    data = np.random.default_rng(2).normal(100, 10, shape).astype(np.float32)
    result = run(network, data, np.full(shape, 10, np.float32))
    assert result.shape == shape
    assert result.dtype == np.float32
    assert np.isfinite(result).all()


def test_draws_follow_the_seed() -> None:
    import torch

    from bids_denoise.networks import build_network

    torch.manual_seed(1)
    made = build_network("generative", {"widths": (4, 6), "blocks": 1}).eval()
    for weights in made.parameters():
        torch.nn.init.normal_(weights, std=0.05)
    data, sigma = noisy_head()
    first, again, other = (
        apply_network(made, data, sigma, DEVICE, pilot=data, seed=(seed, 0)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert abs(first - other).max() > 0.01


def test_the_number_of_threads_is_put_back() -> None:
    import torch

    before = torch.get_num_threads()
    with torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
