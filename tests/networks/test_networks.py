"""What every network of the table keeps to, with fresh weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from bids_denoise.networks import NETWORKS, build_network
from bids_denoise.networks.cnn4d import CHANNELS, Cnn4d

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


def test_all_but_those_with_tests_of_their_own_are_tried() -> None:
    assert {*SIZES, "cnn4d", "brain_mask"} == set(NETWORKS)


@pytest.mark.parametrize("name", SIZES)
class TestEveryNetworkForVolumes:
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


class TestNetworkForSeries:
    TIMES = (3, 1, 3)

    @pytest.fixture
    def network(self) -> Cnn4d:
        torch.manual_seed(3)
        network = Cnn4d(5, self.TIMES).double()
        for weights in network.parameters():
            torch.nn.init.normal_(weights, std=0.2)
        return network.eval()

    def seen(self, volumes: int, shape: tuple[int, ...] = (7, 6, 5)) -> torch.Tensor:
        generator = torch.Generator().manual_seed(4)
        size = (2, volumes, len(CHANNELS), *shape)
        return torch.randn(size, generator=generator, dtype=torch.float64)

    @pytest.mark.parametrize("volumes", [1, 2, 3, 9])
    def test_volume_by_volume_it_makes_what_it_makes_of_the_series(
        self, network: Cnn4d, volumes: int
    ) -> None:
        seen = self.seen(volumes)
        with torch.inference_mode():
            whole = network(seen)
            assert whole.shape == (2, volumes, 1, 7, 6, 5)
            for series, made in zip(seen, whole, strict=True):
                streamed = torch.cat(list(network.stream(series[:, None])))
                torch.testing.assert_close(streamed, made)

    def test_it_begins_with_the_mean_of_its_pilots(self) -> None:
        torch.manual_seed(3)
        network, seen = Cnn4d(5, self.TIMES).double(), self.seen(4)
        pilots = (seen[:, :, 1:2] + seen[:, :, 2:3]) / 2
        assert float((network(seen) - pilots).abs().max().detach()) < 0.3

    def test_it_has_no_biases(self, network: Cnn4d) -> None:
        assert all(value.ndim == 5 for value in network.state_dict().values())

    def test_how_far_it_sees(self, network: Cnn4d) -> None:
        edge, volumes = 2 * network.reach + 3, 9
        seen = self.seen(volumes, (edge, 4, 4))[:1].requires_grad_()
        network(seen)[0, volumes // 2, 0, edge // 2, 2, 2].backward()
        assert seen.grad is not None
        space, time = (
            seen.grad.abs().sum(axes).nonzero().ravel()
            for axes in ((0, 1, 2, 4, 5), (0, 2, 3, 4, 5))
        )
        assert (int(space.min()), int(space.max())) == (1, edge - 2)
        assert (int(time.min()), int(time.max())) == (volumes // 2 - 2, volumes // 2 + 2)


class TestTheOneForBrainMasks:
    @pytest.fixture
    def network(self) -> Network:
        torch.manual_seed(3)
        network = build_network("brain_mask", {"widths": (8, 16, 16)})
        torch.nn.init.normal_(network.leave.weight, std=0.3)  # type: ignore[arg-type, union-attr]
        return network

    def test_of_every_voxel_it_says_how_likely_it_is_brain(self, network: Network) -> None:
        image = torch.rand((2, 1, 16, 24, 8), generator=torch.Generator().manual_seed(4))
        assert network.multiple == 8
        odds = network(image)
        assert odds.shape == (2, 1, 16, 24, 8)
        torch.testing.assert_close(odds[:1], network(image[:1]))

    def test_voxels_stay_where_they_are(self, network: Network) -> None:
        """What differs between two images shows at the place where they differ."""
        image = torch.zeros((1, 1, 64, 64, 64))
        image[..., 20:40, 20:40, 20:40] = 1
        other = image.clone()
        other[:, 0, 9:11, 51:53, 30:32] = 3
        moved = (network(other) - network(image)).abs()[0, 0].detach()
        weights = moved**2 / (moved**2).sum()
        for axis, place in enumerate((9.5, 51.5, 30.5)):
            others = tuple(each for each in range(3) if each != axis)
            middle = float((weights.sum(others) * torch.arange(64)).sum())
            assert middle == pytest.approx(place, abs=4)

    def test_it_begins_undecided(self) -> None:
        torch.manual_seed(3)
        odds = build_network("brain_mask", {"widths": (8, 16)})(torch.rand(1, 1, 8, 8, 8))
        assert float(odds.abs().max().detach()) < 0.3


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
