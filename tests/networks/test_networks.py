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
    "unet": {"widths": (4, 5, 6), "blocks": 2},
    "generative": {"widths": (4, 5), "blocks": 1},
}


def network_of(name: str) -> Network:
    """Return a network whose last layer is not near 0, in double precision."""
    torch.manual_seed(3)
    network = build_network(name, SIZES[name]).double()
    for weights in network.parameters():
        torch.nn.init.normal_(weights, std=0.3)
    return network


def names(network: Network) -> list[str]:
    """Return what the network takes."""
    return ["noisy", "sigma", *["pilot"] * bool(network.pilot), *["draw"] * network.draws]


def inputs(network: Network, edge: int = 16) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(4)
    shape = (1, 1, edge, edge, edge)
    return {
        name: torch.rand(shape, generator=generator, dtype=torch.float64) for name in names(network)
    }


@pytest.mark.parametrize("name", NETWORKS)
class TestEveryNetwork:
    def test_it_has_no_biases(self, name: str) -> None:
        assert all(value.ndim == 5 for value in network_of(name).state_dict().values())

    def test_units_do_not_matter(self, name: str) -> None:
        network = network_of(name)
        given = inputs(network)
        result = network(**given)
        assert result.shape == given["noisy"].shape
        louder = {name: each if name == "draw" else 8 * each for name, each in given.items()}
        torch.testing.assert_close(network(**louder), 8 * result)

    def test_it_begins_with_what_it_starts_from(self, name: str) -> None:
        torch.manual_seed(3)
        network = build_network(name, SIZES[name]).double()
        given = inputs(network)
        start = given.get("pilot", given["noisy"])
        assert float((network(**given) - start).abs().max().detach()) < 0.3

    def test_it_sees_no_further_than_its_reach(self, name: str) -> None:
        network = network_of(name)
        edge = 2 * network.reach + 3
        edge += -edge % network.multiple + network.multiple
        given = {
            each: torch.rand((1, 1, edge, 8, 8), dtype=torch.float64, requires_grad=True)
            for each in names(network)
        }
        middle = edge // 2
        network(**given)[0, 0, middle, 4, 4].backward()
        for each in given.values():
            assert each.grad is not None
            seen = each.grad.abs().sum((0, 1, 3, 4)).nonzero().ravel()
            assert int(seen.min()) >= middle - network.reach
            assert int(seen.max()) <= middle + network.reach
            assert int(seen.max() - seen.min()) >= network.reach / 2


def test_draws_and_their_opposites_have_the_pilot_as_their_mean() -> None:
    network = network_of("generative")
    given = inputs(network)
    draw = network(**given)
    opposite = network(**{**given, "draw": -given["draw"]})
    torch.testing.assert_close((draw + opposite) / 2, given["pilot"])
    assert float((draw - opposite).abs().max().detach()) > 1e-3


def test_a_network_without_a_pilot_starts_from_the_noisy_volume() -> None:
    torch.manual_seed(3)
    network = build_network("unet", {"widths": (4, 5), "blocks": 1, "pilot": ""}).double()
    assert names(network) == ["noisy", "sigma"]
    given = inputs(network)
    assert float((network(**given) - given["noisy"]).abs().max().detach()) < 0.3


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="'resnet'"):
        build_network("resnet", {})


def test_slices_are_apart_in_two_dimensions() -> None:
    network = network_of("srcnn2d")
    noisy, sigma = inputs(network).values()
    changed = noisy.clone()
    changed[..., 3] = 0
    moved = (network(changed, sigma) - network(noisy, sigma)).abs().sum((0, 1, 2, 3))
    assert moved.nonzero().ravel().tolist() == [3]


def test_samples_differ_by_their_draw_and_by_sigma() -> None:
    network = network_of("generative")
    given = inputs(network)
    other = given | {"draw": 1 - given["draw"]}
    assert not torch.equal(network(**given), network(**other))
    nothing = {"sigma": torch.zeros_like(given["sigma"])}
    torch.testing.assert_close(network(**(given | nothing)), network(**(other | nothing)))
