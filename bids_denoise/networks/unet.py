"""A 3D U-Net of residual blocks that improves on a pilot, told the noise level of every voxel.

doi:10.1007/978-3-319-46723-8_49 (Cicek 2016); residual blocks without biases and the noise level
map as an input, doi:10.1109/TPAMI.2021.3088914 (Zhang 2022).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from torch import nn

from bids_denoise.networks.base import Network, beside, conv, quiet
from bids_denoise.networks.fused import added, added_finer, rectified

if TYPE_CHECKING:
    from torch import Tensor

START = 0.2
"""How much a fresh residual block adds, so that many in a row do not blow up."""


class Block(nn.Module):
    """Adds to its input what two 3 x 3 x 3 convolutions with a rectifier between them make.

    The straight way through cannot die, as a chain of rectifiers can.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = conv(width, width, 3)
        self.second = conv(width, width, 3)
        with_less = START * self.second.weight.detach()
        self.second.weight.detach().copy_(with_less)

    def forward(self, features: Tensor) -> Tensor:
        """Return features (batch, width, x, y, z); those given may be overwritten."""
        return added(self.second, rectified(self.first, features), features)


class UNet(Network):
    """Encoder and decoder over scales of 1, 2, 4, ... voxels; learns what the pilot lacks.

    Parameters
    ----------
    widths
        Features by scale, from the finest.
    blocks
        Residual blocks of each coarser scale, on either side; the finest has one.
    pilot
        The denoiser whose result it starts from; empty: from the noisy image.
    """

    def __init__(
        self, widths: tuple[int, ...] = (64, 128), blocks: int = 3, pilot: str = "nlm"
    ) -> None:
        super().__init__()
        self.pilot = pilot
        self.correction = Hourglass(3 if pilot else 2, widths, blocks)
        self.multiple, self.reach = self.correction.multiple, self.correction.reach

    def forward(self, noisy: Tensor, sigma: Tensor, pilot: Tensor | None = None) -> Tensor:
        """Return the denoised volume (batch, 1, x, y, z)."""
        start = noisy if pilot is None else pilot
        seen = (noisy, sigma) if pilot is None else (noisy - pilot, sigma, pilot)
        correction: Tensor = self.correction(beside(*seen))
        return start + correction


class Hourglass(nn.Module):
    """The layers of a U-Net, from `inputs` channels to one; parameters as in `UNet`."""

    def __init__(self, inputs: int, widths: tuple[int, ...], blocks: int) -> None:
        super().__init__()
        pairs, first = list(pairwise(widths)), widths[0]
        self.enter = conv(inputs, first, 3)
        self.encode_finest, self.decode_finest = Block(first), Block(first)
        self.narrow = nn.ModuleList(conv(fine, coarse, 2, step=2) for fine, coarse in pairs)
        self.encode = nn.ModuleList(_chain(coarse, blocks) for _, coarse in pairs)
        self.widen = nn.ModuleList(conv(coarse, fine, 1) for fine, coarse in pairs)
        self.decode = nn.ModuleList(_chain(coarse, blocks) for coarse in widths[1:-1])
        self.leave = quiet(conv(first, 1, 3))
        self.multiple = 2 ** len(pairs)
        # Two voxels for each block, at the size of a voxel of its scale.
        between = sum(4 * blocks * 2**scale for scale in range(1, len(pairs)))
        self.reach = 6 + between + 2 * blocks * self.multiple + self.multiple

    def forward(self, channels: Tensor) -> Tensor:
        """Return (batch, 1, x, y, z)."""
        features = self.encode_finest(self.enter(channels))
        kept = []
        for narrow, encode in zip(self.narrow, self.encode, strict=True):
            kept.append(features)
            features = encode(narrow(features))
        for widen, decode in zip(
            reversed(self.widen), (*reversed(self.decode), self.decode_finest), strict=True
        ):
            features = decode(added_finer(widen(features), kept.pop()))
        made: Tensor = self.leave(features)
        return made


def _chain(width: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(*(Block(width) for _ in range(blocks)))
