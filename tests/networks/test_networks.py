"""What every network of the table keeps to, with fresh weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from bids_denoise.networks import NETWORKS, build_network

if TYPE_CHECKING:
    from bids_denoise.networks.base import Network

SIZES: dict[str, dict[str, Any]] = {
    "srcnn2d": {"widths": (6, 4)},
    "srcnn": {"widths": (6, 4)},
    "unet": {"widths": (4, 5, 6)},
    "generative": {"widths": (4, 5, 6)},
}


def network_of(name: str) -> Network:
    """Return a network whose last layer is not near 0, in double precision."""
    torch.manual_seed(3)
    network = build_network(name, SIZES[name]).double()
    for weights in network.parameters():
        torch.nn.init.normal_(weights, std=0.3)
    return network


def inputs(network: Network, edge: int = 16) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(4)
    count = 3 if network.draws else 2
    shape = (1, 1, edge, edge, edge)
    return [torch.rand(shape, generator=generator, dtype=torch.float64) for _ in range(count)]


@pytest.mark.parametrize("name", NETWORKS)
class TestEveryNetwork:
    def test_it_has_no_biases(self, name: str) -> None:
        assert all(value.ndim == 5 for value in network_of(name).state_dict().values())

    def test_units_do_not_matter(self, name: str) -> None:
        network = network_of(name)
        noisy, sigma, *draw = inputs(network)
        result = network(noisy, sigma, *draw)
        assert result.shape == noisy.shape
        torch.testing.assert_close(network(8 * noisy, 8 * sigma, *draw), 8 * result)

    def test_it_begins_as_the_identity_nearly(self, name: str) -> None:
        torch.manual_seed(3)
        network = build_network(name, SIZES[name]).double()
        noisy, sigma, *draw = inputs(network)
        assert float((network(noisy, sigma, *draw) - noisy).abs().max().detach()) < 0.05

    def test_it_sees_no_further_than_its_reach(self, name: str) -> None:
        network = network_of(name)
        edge = 2 * network.reach + 3
        edge += -edge % network.multiple + network.multiple
        shapes = [(1, 1, edge, 8, 8)] * (3 if network.draws else 2)
        given = [torch.rand(each, dtype=torch.float64, requires_grad=True) for each in shapes]
        middle = edge // 2
        network(*given)[0, 0, middle, 4, 4].backward()
        for each in given:
            assert each.grad is not None
            seen = each.grad.abs().sum((0, 1, 3, 4)).nonzero().ravel()
            assert int(seen.min()) >= middle - network.reach
            assert int(seen.max()) <= middle + network.reach
            assert int(seen.max() - seen.min()) >= network.reach / 2


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="'resnet'"):
        build_network("resnet", {})


def test_slices_are_apart_in_two_dimensions() -> None:
    network = network_of("srcnn2d")
    noisy, sigma = inputs(network)
    changed = noisy.clone()
    changed[..., 3] = 0
    moved = (network(changed, sigma) - network(noisy, sigma)).abs().sum((0, 1, 2, 3))
    assert moved.nonzero().ravel().tolist() == [3]


def test_samples_differ_by_their_draw_and_by_sigma() -> None:
    network = network_of("generative")
    noisy, sigma, draw = inputs(network)
    assert not torch.equal(network(noisy, sigma, draw), network(noisy, sigma, 1 - draw))
    nothing = torch.zeros_like(sigma)
    torch.testing.assert_close(network(noisy, nothing, draw), network(noisy, nothing, 1 - draw))
