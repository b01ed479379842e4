"""A 3D U-Net whose inputs are the image and its noise level map (Cicek 2016; Zhang 2022).

doi:10.1007/978-3-319-46723-8_49; the map, bias-free as here, doi:10.1109/TPAMI.2021.3088914.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from torch import nn
from torch.nn import functional

from bids_denoise.networks.base import Network, beside, conv, quiet

if TYPE_CHECKING:
    from torch import Tensor


class Block(nn.Module):
    """Two 3 x 3 x 3 convolutions, each with a rectifier."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = conv(inputs, outputs, 3)
        self.second = conv(outputs, outputs, 3)

    def forward(self, features: Tensor) -> Tensor:
        """Return features (batch, outputs, x, y, z)."""
        features = functional.relu(self.first(features), inplace=True)
        return functional.relu(self.second(features), inplace=True)


class UNet(Network):
    """Encoder and decoder over scales of 1, 2, 4, ... voxels; learns the noise (residual).

    Parameters
    ----------
    widths
        Features by scale, from the finest.
    extra
        Input channels beside the image and sigma.
    """

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128), extra: int = 0) -> None:
        super().__init__()
        pairs = list(pairwise(widths))
        self.enter = Block(2 + extra, widths[0])
        self.narrow = nn.ModuleList(conv(fine, coarse, 2, step=2) for fine, coarse in pairs)
        self.encode = nn.ModuleList(Block(coarse, coarse) for _, coarse in pairs)
        self.widen = nn.ModuleList(conv(coarse, fine, 1) for fine, coarse in pairs)
        self.decode = nn.ModuleList(Block(fine, fine) for fine, _ in pairs)
        self.leave = quiet(conv(widths[0], 1, 3))
        self.multiple = 2 ** len(pairs)
        self.reach = 3 + 4 * (2 ** len(pairs) - 1) + 2 ** (len(pairs) + 1) + self.multiple

    def forward(self, noisy: Tensor, sigma: Tensor) -> Tensor:
        """Return the denoised volume (batch, 1, x, y, z)."""
        return noisy + self.residual(beside(noisy, sigma))

    def residual(self, channels: Tensor) -> Tensor:
        """Return what is to be added to the image, from (batch, 2 + extra, x, y, z)."""
        features = self.enter(channels)
        kept = []
        for narrow, encode in zip(self.narrow, self.encode, strict=True):
            kept.append(features)
            features = encode(narrow(features))
        for widen, decode in zip(reversed(self.widen), reversed(self.decode), strict=True):
            wide = functional.interpolate(widen(features), scale_factor=2.0, mode="nearest")
            features = decode(wide + kept.pop())
        residual: Tensor = self.leave(features)
        return residual
