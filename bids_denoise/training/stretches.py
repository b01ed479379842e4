"""The blocks and patches of a network for series: a run a block, stretches of it the patches.

The same for a seed and a step; what `training/patches.py` is for single volumes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from bids_denoise.denoisers.by_volumes import Seen, seen_of
from bids_denoise.training.runs import part_of_real, simulated_run
from bids_denoise.values import Device

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from bids_denoise.training.bank import Bank
    from bids_denoise.training.patches import Tensors
    from bids_denoise.training.recipe import Recipe

    HalfArray = npt.NDArray[np.float16]

SERIES = 4
"""Of what a block holds, the first are series: three that the network sees, and the truth."""


class Stretches(NamedTuple):
    """A run with noise; half precision, to hold many.

    Attributes
    ----------
    series
        (series, x, y, z, t): removed, wide, narrow, truth.
    maps
        (map, x, y, z): wide_error, narrow_error, measured.
    """

    series: HalfArray
    maps: HalfArray

    def arrays(self) -> dict[str, HalfArray]:
        """Return what there is, by name."""
        return self._asdict()


def draw_block(recipe: Recipe, bank: Bank, block: int) -> Stretches:
    """Return a run with noise and its pilots. It depends on the recipe and `block` alone."""
    runs = recipe.runs
    assert runs is not None
    rng = np.random.default_rng((recipe.seed, block))
    if bank.runs and rng.random() < runs.share:
        run = part_of_real(bank.runs[int(rng.integers(len(bank.runs)))], runs, rng)
    else:
        run = simulated_run(runs, rng)
    seen = seen_of(run.noisy, run.sigma, Device(threads=1))
    about = run.truth - run.noisy.mean(axis=-1, keepdims=True)
    about /= run.sigma[..., np.newaxis]
    series = np.stack([*seen[: SERIES - 1], about]).astype(np.float16)
    return Stretches(series, np.stack(seen[SERIES - 1 :]).astype(np.float16))


def cut_patches(recipe: Recipe, blocks: Sequence[Tensors], step: int) -> dict[str, torch.Tensor]:
    """Return the patches of a step, each from another run of `blocks` where there are enough.

    ``seen`` (batch, t, channel, x, y, z) and ``truth`` (batch, t, 1, x, y, z), in a random place,
    mirrored and turned in plane at random, which depends on the recipe's seed and `step` alone.
    """
    assert recipe.runs is not None
    rng = np.random.default_rng((recipe.seed, step, 1))
    chosen = rng.choice(len(blocks), recipe.batch, replace=len(blocks) < recipe.batch)
    pieces = [_piece(blocks[int(each)], recipe.runs.patch, rng) for each in chosen]
    return {name: torch.stack([each[name] for each in pieces]) for name in pieces[0]}


def _piece(
    block: Tensors, patch: tuple[int, int, int, int], rng: np.random.Generator
) -> dict[str, torch.Tensor]:
    series, maps = block["series"], block["maps"]
    *box, stretch = (
        slice(start, start + edge)
        for edge, start in (
            (edge, int(rng.integers(0, length - edge, endpoint=True)))
            for edge, length in zip(patch, series.shape[1:], strict=True)
        )
    )
    mirrored = [axis for axis in range(2, 5) if rng.random() < 0.5]
    volumes = series[(slice(None), *box, stretch)].movedim(-1, 0)  # (t, series, x, y, z)
    fixed = maps[(slice(None), *box)].expand(len(volumes), *([-1] * 4))
    together = torch.cat([volumes, fixed], 1).flip(mirrored).float()
    if patch[0] == patch[1] and rng.random() < 0.5:
        together = together.transpose(2, 3)
    order = [*range(SERIES - 1), *range(SERIES, len(Seen._fields) + 1)]
    return {"seen": together[:, order], "truth": together[:, SERIES - 1 : SERIES]}
