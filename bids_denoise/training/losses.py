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
"""Noise level, or squared error of the pilots in sigma, below which errors weigh hardly more."""


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


def loss_of_series(network: Network, patches: Mapping[str, Tensor]) -> Tensor:
    """Return the squared error of a network on ``seen`` and ``truth`` of `stretches.cut_patches`.

    Over that of the mean of its pilots, so that runs of little and of much noise count alike.
    """
    truth = patches["truth"]
    clean: Tensor = network(patches["seen"]).float()
    pilots = patches["seen"][:, :, 1:3].mean(2, keepdim=True)
    error = (pilots - truth).square().mean((1, 2, 3, 4, 5), keepdim=True)
    return ((clean - truth).square() / (error + FAINTEST)).mean()


def loss_of_masks(network: Network, patches: Mapping[str, Tensor]) -> Tensor:
    """Return cross entropy plus 1 - Dice of a network on ``image`` and ``brain``, how much is it.

    Dice by Milletari 2016, doi:10.1109/3DV.2016.79.
    """
    brain = patches["brain"]
    odds: Tensor = network(patches["image"]).float()
    entropy = functional.binary_cross_entropy_with_logits(odds, brain)
    found = odds.sigmoid()
    sums = [each.sum((1, 2, 3, 4)) for each in (found * brain, found.square() + brain.square())]
    return entropy + (1 - 2 * sums[0] / (sums[1] + 1)).mean()


def energy_score(draws: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Return the energy score of `draws` (sample, batch, 1, x, y, z), less is better.

    The scores of single voxels, of blocks of 4 x 4 x 4, and of detail, what a voxel differs by
    from its neighbours, are averaged: voxels make the spread right, blocks the texture, and detail
    the power at high frequency. Mean distance of draws to the truth, minus half that between
    draws (Gneiting & Raftery 2007, doi:10.1198/016214506000001437).
    """
    count = len(draws)
    to_truth = [_distance(each - truth, weight) for each in draws]
    pairs = [_distance(draws[i] - draws[j], weight) for i in range(count) for j in range(i)]
    return torch.stack(to_truth).mean() - torch.stack(pairs).mean() / 2


def _distance(difference: Tensor, weight: Tensor) -> Tensor:
    """Return the mean root mean square of `difference`: voxels, detail and blocks."""
    weighed = weight * difference
    detail = weighed - functional.avg_pool3d(weighed, 3, 1, 1, count_include_pad=False)
    blocks = functional.avg_pool3d(weighed.square(), 4)
    means = [(each + 1e-8).sqrt().mean() for each in (weighed.square(), detail.square(), blocks)]
    return torch.stack(means).mean()
