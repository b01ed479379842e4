"""What a network is to make small."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from bids_denoise.networks.base import Network

FAINTEST = 0.01
"""Noise level below which errors weigh hardly more."""


def loss_of(network: Network, patches: Mapping[str, Tensor], samples: int, seed: int) -> Tensor:
    """Return the loss of a network on `patches`: noisy, sigma, truth and, if it has one, pilot.

    For one sample the squared error over the noise level; for more the energy score of that many
    draws. What is left of the noise grows about as the root of its level, so that in these units a
    decibel counts about the same at all levels.
    """
    seen = {name: each for name, each in patches.items() if name != "truth"}
    truth, sigma = patches["truth"], patches["sigma"]
    weight = 1 / (FAINTEST * sigma.mean((1, 2, 3, 4), keepdim=True) + FAINTEST**2)
    if samples == 1:
        clean: Tensor = network(**seen).float()
        return (weight * (clean - truth).square()).mean()
    generator = torch.Generator(device=truth.device).manual_seed(seed)
    noise = (
        torch.randn(truth.shape, generator=generator, device=truth.device) for _ in range(samples)
    )
    draws = [network(**seen, draw=each) for each in noise]
    return energy_score(torch.stack(draws).float(), truth, weight.sqrt())


def energy_score(draws: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Return the energy score of `draws` (sample, batch, 1, x, y, z), less is better.

    The score of small blocks, of one voxel and of 4 x 4 x 4, is averaged: single voxels make
    the spread right, blocks the texture. Mean distance of draws to the truth, minus half that
    between draws (Gneiting & Raftery 2007, doi:10.1198/016214506000001437).
    """
    count = len(draws)
    total = draws.new_zeros(())
    for edge in (1, 4):
        to_truth = sum(_distance(each - truth, weight, edge) for each in draws) / count
        pairs = [
            _distance(draws[i] - draws[j], weight, edge) for i in range(count) for j in range(i)
        ]
        total = total + to_truth - sum(pairs) / (2 * len(pairs))
    return total / 2


def _distance(difference: Tensor, weight: Tensor, edge: int) -> Tensor:
    """Return the mean root mean square of `difference` over blocks of `edge` voxels."""
    squares = (weight * difference).square()
    if edge > 1:
        squares = functional.avg_pool3d(squares, edge)
    return (squares + 1e-8).sqrt().mean()
