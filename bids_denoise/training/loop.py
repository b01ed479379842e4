"""The training loop: steps, running mean, checkpoints, and exact resume."""

from __future__ import annotations

import json
import math
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from bids_denoise.networks import build_network
from bids_denoise.networks.base import laid_out
from bids_denoise.training import heads, stretches
from bids_denoise.training import patches as single
from bids_denoise.training.losses import loss_of, loss_of_masks, loss_of_series

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

    from bids_denoise.networks.base import Network
    from bids_denoise.training.bank import Bank
    from bids_denoise.training.heads import Views
    from bids_denoise.training.patches import Patches, Pilot, Tensors
    from bids_denoise.training.recipe import Recipe
    from bids_denoise.training.stretches import Stretches

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
    loss: torch.Tensor
    """Of the last step; a number as soon as the device has it."""


def begin(
    recipe: Recipe, device: torch.device, low_precision: bool, start: Network | None = None
) -> State:
    """Return the state before the first step, the same for the same seed.

    The weights are fresh, or those of `start`, a network of the same sizes.
    """
    torch.manual_seed(recipe.seed)
    network, mean = (build_network(recipe.network, recipe.sizes) for _ in range(2))
    if start:
        network.load_state_dict(start.state_dict())
    mean.load_state_dict(network.state_dict())
    for each in (network, mean):
        laid_out(each.to(device))
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=1e-4)
    return State(0, network, mean, optimiser, device, low_precision, torch.zeros(()))


def train(
    recipe: Recipe, bank: Bank, state: State, pilot: Pilot | None = None, threads: int = 1
) -> Iterator[State]:
    """Make the steps of `recipe` that are left, yielding the state after each.

    The patches of a step depend on its number alone, so that a training which was broken off
    goes on exactly as it would have, and any number of `threads` may draw blocks ahead. `pilot`
    is as for `patches.draw_block`.
    """
    begun = max(state.step // recipe.reuse - recipe.pool + 1, 0)
    coming = drawn_ahead(recipe, bank, begun, pilot, threads)
    blocks: deque[Tensors] = deque(maxlen=recipe.pool)
    try:
        while state.step < recipe.steps:
            while begun <= state.step // recipe.reuse:
                blocks.append(on_device(next(coming), state.device))
                begun += 1
            advance(recipe, state, _cut(recipe, blocks, state.step))
            yield state
    finally:
        coming.close()


def blend(network: Network, other: Network, share: float) -> None:
    """Move the weights of a network a `share` of the way to those of another, in place."""
    with torch.no_grad():
        for own, each in zip(network.parameters(), other.parameters(), strict=True):
            own.lerp_(each.to(own), share)


def drawn_ahead(
    recipe: Recipe, bank: Bank, block: int, pilot: Pilot | None, threads: int
) -> Generator[Patches | Stretches | Views]:
    """Yield the blocks from `block` on, without end."""
    coming: deque[Future[Patches | Stretches | Views]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            while True:
                while len(coming) <= threads:
                    coming.append(pool.submit(_draw_block, recipe, bank, block, pilot))
                    block += 1
                yield coming.popleft().result()
        finally:
            for each in coming:
                each.cancel()


def _draw_block(
    recipe: Recipe, bank: Bank, block: int, pilot: Pilot | None
) -> Patches | Stretches | Views:
    if recipe.runs:
        return stretches.draw_block(recipe, bank, block)
    if recipe.heads:
        return heads.draw_block(recipe, bank, block)
    return single.draw_block(recipe, bank, block, pilot)


def _cut(recipe: Recipe, blocks: Sequence[Tensors], step: int) -> Tensors:
    if recipe.runs:
        return stretches.cut_patches(recipe, blocks, step)
    if recipe.heads:
        return heads.cut_patches(recipe, blocks, step)
    return single.cut_patches(recipe, blocks, step)


def rate(recipe: Recipe, step: int) -> float:
    """Return the learning rate of a step."""
    rising = max(int(WARM_UP * recipe.steps), 1)
    if step < rising:
        return recipe.learning_rate * (step + 1) / rising
    done = (step - rising) / max(recipe.steps - rising, 1)
    return recipe.learning_rate * (0.5 + 0.5 * math.cos(math.pi * done))


def on_device(
    patches: Patches | Stretches | Views, device: torch.device
) -> dict[str, torch.Tensor]:
    """Return the arrays of `patches` as tensors on `device`."""
    return {name: torch.from_numpy(array).to(device) for name, array in patches.arrays().items()}


def advance(recipe: Recipe, state: State, patches: Tensors) -> None:
    """Make the next step on `patches`."""
    for group in state.optimiser.param_groups:
        group["lr"] = rate(recipe, state.step)
    seed = hash_of(recipe.seed, state.step)
    with torch.autocast(state.device.type, torch.bfloat16, enabled=state.low_precision):
        if recipe.runs:
            loss = loss_of_series(state.network, patches)
        elif recipe.heads:
            loss = loss_of_masks(state.network, patches)
        else:
            loss = loss_of(state.network, patches, recipe.samples, seed)
    state.optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(state.network.parameters(), STEEPEST)
    state.optimiser.step()
    state.loss = loss.detach()
    # Early on the running mean forgets quickly, or it would remember the fresh weights for long.
    decay = min(recipe.average, (state.step + 1) / (state.step + 10))
    with torch.no_grad():
        for kept, now in zip(state.mean.parameters(), state.network.parameters(), strict=True):
            kept.lerp_(now, 1 - decay)
    state.step += 1


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
