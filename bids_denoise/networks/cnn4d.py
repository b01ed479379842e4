"""A network for series: convolutions over space and over time by turns, improving on two pilots.

Space and time apart as in doi:10.1109/CVPR.2018.00675 (Tran 2018), by residual blocks. A volume is
denoised from its neighbours in space and time; what the whole run shares the pilots have found
already, so that any number of volumes, of any size and distance in time, will do.

All series are in units of sigma, about the mean of each voxel, and "measured" is 1 in each: what
lies above the noise is a fixed number, whatever the scanner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from bids_denoise.networks.base import Network, conv, quiet
from bids_denoise.networks.fused import rectified

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import Tensor

CHANNELS = ("removed", "wide", "narrow", "wide_error", "narrow_error", "measured")
"""What it sees of each voxel and volume: what the wide pilot took away, both pilots, how far off
each is by its rank, and whether the voxel was measured."""

START = 0.3
"""How much a fresh block adds over time."""


class Block(torch.nn.Module):
    """Adds to its input a convolution over space, rectified and convolved over time.

    `times` is 1 or 3: from how many volumes.
    """

    def __init__(self, width: int, times: int) -> None:
        super().__init__()
        self.space = conv(width, width, 3)
        self.time = conv(width, width, (times, 1, 1))
        self.time.weight.detach().mul_(START)

    def forward(self, features: Tensor, volumes: int) -> Tensor:
        """Return features (batch x volumes, width, x, y, z) of whole series."""
        # (batch x volumes, x, y, z, width) is (batch, volumes, voxels, 1, width): nothing moves.
        inner = rectified(self.space, features).movedim(1, -1)
        flat = inner.reshape(-1, volumes, inner[0, ..., 0].numel(), 1, inner.shape[-1])
        mixed: Tensor = self.time(flat.movedim(-1, 1)).movedim(1, -1)
        return features + mixed.reshape(inner.shape).movedim(-1, 1)

    def stream(self, series: Iterable[Tensor]) -> Iterator[Tensor]:
        """Yield features (1, width, x, y, z) volume by volume; those given are overwritten.

        One volume waits for the next, no more: what `forward` does in little memory.
        """
        taps = self.time.weight[:, :, :, 0, 0].unbind(-1)
        before = waiting = None
        for features in series:
            inner = rectified(self.space, features)
            if len(taps) == 1:
                yield _mixed(features, inner, taps[0])
                continue
            _mixed(features, inner, taps[1])
            if waiting is not None and before is not None:
                _mixed(features, before, taps[0])
                yield _mixed(waiting, inner, taps[2])
            before, waiting = inner, features
        if waiting is not None:
            yield waiting


class Cnn4d(Network):
    """Convolutions over space and time, for series of any size.

    Parameters
    ----------
    width
        Features.
    times
        How many volumes the convolution over time of each block spans, 1 or 3.
    """

    def __init__(self, width: int = 64, times: tuple[int, ...] = (3, 1, 3, 1, 3, 1, 3, 1)) -> None:
        super().__init__()
        self.enter = conv(len(CHANNELS), width, 3)
        self.blocks = torch.nn.ModuleList(Block(width, each) for each in times)
        self.leave = quiet(conv(width, 1, 3))
        self.reach = 2 + len(times)

    def forward(self, seen: Tensor) -> Tensor:
        """Return what each voxel does about its mean (batch, t, 1, x, y, z) in units of sigma.

        `seen` (batch, t, channel, x, y, z) has the `CHANNELS`.
        """
        flat = seen.flatten(0, 1)
        features = self.enter(_quick(flat))
        for block in self.blocks:
            features = block(features, seen.shape[1])
        made: Tensor = _start(flat) + self.leave(features)
        return made.reshape(*seen.shape[:2], *made.shape[1:])

    def stream(self, volumes: Iterable[Tensor]) -> Iterator[Tensor]:
        """Yield the result (1, 1, x, y, z) of each of `volumes` (1, channel, x, y, z) in turn.

        As `forward` makes of the whole series, holding a few volumes only.
        """
        starts = []

        def entered() -> Iterator[Tensor]:
            for volume in volumes:
                starts.append(_start(volume))
                yield self.enter(_quick(volume))

        series: Iterable[Tensor] = entered()
        for block in self.blocks:
            assert isinstance(block, Block)
            series = block.stream(series)
        for features in series:
            yield starts.pop(0) + self.leave(features)


def _start(flat: Tensor) -> Tensor:
    """Return what is corrected: the mean of the pilots."""
    return (flat[:, 1:2] + flat[:, 2:3]) / 2


def _quick(flat: Tensor) -> Tensor:
    return flat.contiguous(memory_format=torch.channels_last_3d)


def _mixed(onto: Tensor, inner: Tensor, tap: Tensor) -> Tensor:
    """Return `onto` (1, width, x, y, z), to which `tap` (width, width) of `inner` was added."""
    rows, columns = (each.movedim(1, -1).view(-1, len(tap)) for each in (onto, inner))
    rows.addmm_(columns, tap.to(columns.dtype).mT)
    return onto
