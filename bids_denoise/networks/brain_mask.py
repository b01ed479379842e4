"""A small 3D U-Net that says of every voxel whether it is brain, whatever the contrast.

doi:10.1007/978-3-319-46723-8_49 (Cicek 2016), trained on heads of random
look after doi:10.1016/j.neuroimage.2022.119474 (Hoopes 2022).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from torch import nn
from torch.nn import functional

from bids_denoise.networks.base import Network, beside, conv, quiet

if TYPE_CHECKING:
    from torch import Tensor

FOLD = 2
"""Edge of the blocks of voxels that are folded into channels, on which the layers work."""

GROUPS = 8
"""Features that are normalised together."""


class Block(nn.Module):
    """Adds to its input what two 3 x 3 x 3 convolutions make of it, once it is normalised."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(width // GROUPS, width)
        self.first, self.second = conv(width, width, 3), conv(width, width, 3)

    def forward(self, features: Tensor) -> Tensor:
        """Return features (batch, width, x, y, z)."""
        inner = functional.relu(self.first(self.norm(features)))
        made: Tensor = features + self.second(inner)
        return made


class BrainMask(Network):
    """Encoder and decoder over scales of 2, 4, 8, ... voxels.

    Normalised over each volume, so that it needs no noise level, and no unit.

    Parameters
    ----------
    widths
        Features by scale, from the finest; multiples of 8.
    """

    def __init__(self, widths: tuple[int, ...] = (16, 32, 64, 64)) -> None:
        super().__init__()
        pairs = list(pairwise(widths))
        self.enter = conv(2 * FOLD**3, widths[0], 3)
        self.encode = nn.ModuleList(Block(width) for width in widths)
        self.narrow = nn.ModuleList(conv(fine, coarse, 2, step=2) for fine, coarse in pairs)
        self.widen = nn.ModuleList(conv(coarse, fine, 1) for fine, coarse in pairs)
        self.decode = nn.ModuleList(Block(width) for width in widths[:-1])
        self.norm = nn.GroupNorm(widths[0] // GROUPS, widths[0])
        self.leave = quiet(conv(widths[0], FOLD**3, 3))
        self.multiple = FOLD * 2 ** len(pairs)
        self.reach = 2 * self.multiple * len(widths)

    def forward(self, image: Tensor) -> Tensor:
        """Return the log odds of brain (batch, 1, x, y, z).

        `image` (batch, 1, x, y, z) is the signal, about between 0 and 1, and its edges are
        multiples of `multiple`.
        """
        features = self.encode[0](self.enter(_folded(beside(image, _spread(image)))))
        kept = []
        for narrow, encode in zip(self.narrow, self.encode[1:], strict=True):
            kept.append(features)
            features = encode(narrow(features))
        for widen, decode in zip(reversed(self.widen), reversed(self.decode), strict=True):
            finer = functional.interpolate(widen(features), scale_factor=2.0, mode="nearest")
            features = decode(kept.pop() + finer)
        odds: Tensor = _unfolded(self.leave(functional.relu(self.norm(features))))
        return odds


def _spread(image: Tensor) -> Tensor:
    """Return the standard deviation about each voxel: edges, whichever side is brighter."""
    mean, square = (
        functional.avg_pool3d(each, 3, 1, 1, count_include_pad=False)
        for each in (image, image.square())
    )
    return (square - mean.square()).clamp_min(1e-6).sqrt()


def _folded(channels: Tensor) -> Tensor:
    """Return (batch, channels x `FOLD`^3, x, y, z): the voxels of a block as channels."""
    batch, count, *edges = channels.shape
    x, y, z = (edge // FOLD for edge in edges)
    blocks = channels.reshape(batch, count, x, FOLD, y, FOLD, z, FOLD)
    return blocks.permute(0, 1, 3, 5, 7, 2, 4, 6).reshape(batch, count * FOLD**3, x, y, z)


def _unfolded(channels: Tensor) -> Tensor:
    """Undo `_folded` of one channel."""
    batch, _, x, y, z = channels.shape
    blocks = channels.reshape(batch, FOLD, FOLD, FOLD, x, y, z).permute(0, 4, 1, 5, 2, 6, 3)
    return blocks.reshape(batch, 1, FOLD * x, FOLD * y, FOLD * z)
