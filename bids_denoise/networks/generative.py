"""A conditional generator that draws from the volumes which the noisy one may stem from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from bids_denoise.networks.base import Network, beside
from bids_denoise.networks.unet import Hourglass

if TYPE_CHECKING:
    from torch import Tensor


class Generative(Network):
    """Adds to its pilot, the U-Net's result, what may be there beside it: each draw another.

    What is added is odd in the draw: it turns its sign with it. So the mean over all draws is
    the pilot, and so is that over a draw and its opposite. Trained by the energy score, a
    proper score (Gneiting & Raftery 2007, doi:10.1198/016214506000001437), which is least when
    the draws fall as the truth does.

    Parameters
    ----------
    widths, blocks, pilot
        As of `UNet`.
    """

    draws = True

    def __init__(
        self, widths: tuple[int, ...] = (32, 64), blocks: int = 1, pilot: str = "unet"
    ) -> None:
        super().__init__()
        self.pilot = pilot
        self.spread = Hourglass(4, widths, blocks)
        self.multiple, self.reach = self.spread.multiple, self.spread.reach

    def forward(self, noisy: Tensor, sigma: Tensor, pilot: Tensor, draw: Tensor) -> Tensor:
        """Return a sample (batch, 1, x, y, z); `draw` is white noise of that shape."""
        seen, seed = (noisy - pilot, sigma, pilot), draw * sigma
        both = torch.cat((beside(*seen, seed), beside(*seen, -seed)))
        made: Tensor = self.spread(both)
        this, opposite = made.chunk(2)
        return pilot + (this - opposite) / 2
