"""What the networks share: the interface, and the convolution without bias."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

    Sizes = tuple[int, int, int]
    Module = TypeVar("Module", bound=nn.Module)


class Network(nn.Module):
    """A network that takes noise away, mostly.

    ``network(noisy, sigma)`` takes two tensors (batch, 1, x, y, z) in any one unit and returns
    the denoised volume, of the same shape; one with a pilot, or that draws, takes those too. That
    for series and that for brain masks take and return what they say themselves.

    Attributes
    ----------
    reach
        Voxels from which an output voxel can see: a tile with a margin of that many is free of
        seams.
    multiple
        Edges of the input must be multiples of this.
    pilot
        The denoiser whose result it takes as ``pilot``, or none.
    draws
        Whether it takes white noise as ``draw`` and returns a sample.
    most_voxels
        Above which it is slower: of a tile.
    """

    reach: int
    multiple: int = 1
    pilot: str = ""
    draws: bool = False
    most_voxels: int = 7_500_000


def conv(inputs: int, outputs: int, kernel: int | Sizes, step: int = 1) -> nn.Conv3d:
    """Return a 3D convolution without bias, of the size of its input unless `step` is 2."""
    padding: Literal["same", "valid"] = "same" if step == 1 else "valid"
    layer = nn.Conv3d(inputs, outputs, kernel, stride=step, padding=padding, bias=False)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return layer


def quiet(layer: nn.Conv3d) -> nn.Conv3d:
    """Return `layer` with small weights: what ends in it begins near 0."""
    nn.init.normal_(layer.weight, std=1e-3)
    return layer


def beside(*channels: Tensor) -> Tensor:
    """Return volumes as the channels of one tensor, laid out so that convolutions are quick."""
    return torch.cat(channels, 1).contiguous(memory_format=torch.channels_last_3d)


def laid_out(network: Module) -> Module:
    """Return `network` with its weights in the order in memory that is several times faster."""
    laid: Module = network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    return laid
