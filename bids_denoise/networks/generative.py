"""A conditional generator that draws from the volumes which the noisy one may stem from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from bids_denoise.networks.unet import UNet

if TYPE_CHECKING:
    from torch import Tensor


class Generative(UNet):
    """A U-Net that is given white noise beside the image: each draw gives another sample.

    Trained by the energy score, a proper score (Gneiting & Raftery 2007,
    doi:10.1198/016214506000001437), one pass draws one sample of the posterior.
    """

    draws = True

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128)) -> None:
        super().__init__(widths, extra=1)

    def forward(self, noisy: Tensor, sigma: Tensor, draw: Tensor | None = None) -> Tensor:
        """Return a sample (batch, 1, x, y, z); `draw` is white noise of that shape, or none."""
        seed = torch.zeros_like(noisy) if draw is None else draw * sigma
        channels = torch.cat((noisy, sigma, seed), 1)
        return noisy + self.residual(channels.contiguous(memory_format=torch.channels_last_3d))
