"""The training loop: steps, running mean, checkpoints, and exact resume."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from bids_denoise.networks import build_network
from bids_denoise.networks.base import laid_out
from bids_denoise.training.losses import loss_of
from bids_denoise.training.patches import Patches, draw_patches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bids_denoise.networks.base import Network
    from bids_denoise.training.bank import Bank
    from bids_denoise.training.recipe import Recipe

WARM_UP = 0.03
"""Share of the steps over which the learning rate rises."""

STEEPEST = 1.0
"""Norm that gradients are cut to, once the first steps are made."""


@dataclass
class State:
    """Where a training stands: all that the next step depends on."""

    step: int
    network: Network
    mean: Network
    optimiser: torch.optim.Optimizer
    device: torch.device
    low_precision: bool


def begin(recipe: Recipe, device: torch.device, low_precision: bool) -> State:
    """Return the state before the first step, the same for the same seed."""
    torch.manual_seed(recipe.seed)
    network, mean = (build_network(recipe.network, recipe.sizes) for _ in range(2))
    mean.load_state_dict(network.state_dict())
    for each in (network, mean):
        laid_out(each.to(device))
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=1e-4)
    return State(0, network, mean, optimiser, device, low_precision)


def train(
    recipe: Recipe, bank: Bank, state: State, told: Callable[[int, float], None]
) -> Iterator[State]:
    """Make the steps of `recipe` that are left, yielding the state after each.

    The patches of a step depend on its number alone, so that a training which was broken off
    goes on exactly as it would have.
    """
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(draw_patches, recipe, bank, state.step)
        for step in range(state.step, recipe.steps):
            patches = coming.result()
            coming = pool.submit(draw_patches, recipe, bank, step + 1)
            told(step, _advance(recipe, state, patches))
            state.step = step + 1
            yield state


def rate(recipe: Recipe, step: int) -> float:
    """Return the learning rate of a step."""
    rising = max(int(WARM_UP * recipe.steps), 1)
    if step < rising:
        return recipe.learning_rate * (step + 1) / rising
    done = (step - rising) / max(recipe.steps - rising, 1)
    return recipe.learning_rate * (0.5 + 0.5 * math.cos(math.pi * done))


def _advance(recipe: Recipe, state: State, patches: Patches) -> float:
    for group in state.optimiser.param_groups:
        group["lr"] = rate(recipe, state.step)
    noisy, sigma, truth = (torch.from_numpy(each).to(state.device) for each in patches)
    seed = hash_of(recipe.seed, state.step)
    with torch.autocast(state.device.type, torch.bfloat16, enabled=state.low_precision):
        loss = loss_of(state.network, (noisy, sigma, truth), recipe.samples, seed)
    state.optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(state.network.parameters(), STEEPEST)
    state.optimiser.step()
    # Early on the running mean forgets quickly, or it would remember the fresh weights for long.
    decay = min(recipe.average, (state.step + 1) / (state.step + 10))
    with torch.no_grad():
        for kept, now in zip(state.mean.parameters(), state.network.parameters(), strict=True):
            kept.lerp_(now, 1 - decay)
    return float(loss.detach())


def hash_of(seed: int, step: int) -> int:
    """Return the seed of a step's draws."""
    return (seed * 1_000_003 + step) % 2**31


def save(state: State, path: Path) -> None:
    """Write a checkpoint, whole or not at all."""
    values = {
        "step": state.step,
        "network": state.network.state_dict(),
        "mean": state.mean.state_dict(),
        "optimiser": state.optimiser.state_dict(),
    }
    draft = path.with_suffix(".partial")
    torch.save(values, draft)
    draft.replace(path)


def restore(state: State, path: Path) -> State:
    """Return the state that `path` was saved from."""
    values: dict[str, Any] = torch.load(path, map_location=state.device, weights_only=True)
    state.network.load_state_dict(values["network"])
    state.mean.load_state_dict(values["mean"])
    state.optimiser.load_state_dict(values["optimiser"])
    return replace(state, step=int(values["step"]))


def append_row(path: Path, row: dict[str, float]) -> None:
    """Add a line to the loss curve (JSON lines)."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
