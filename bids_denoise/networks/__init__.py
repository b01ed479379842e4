"""The networks: how voxels flow, and nothing else. Adding one is a file and a line in this table.

Those that denoise are bias-free (Mohan 2020, arXiv:1906.05478): without additive constants a
network is homogeneous, f(a y, a sigma) = a f(y, sigma), so that units do not matter and levels of
noise far from those of its training are met as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bids_denoise.networks.base import Network

NETWORKS = ("srcnn2d", "srcnn", "unet", "generative", "cnn4d", "brain_mask")


def build_network(name: str, sizes: Mapping[str, Any]) -> Network:
    """Return a network with fresh weights.

    Parameters
    ----------
    name
        One of `NETWORKS`.
    sizes
        What the class of that network takes, such as ``{"widths": (32, 64, 128)}``.

    Raises
    ------
    ValueError
        There is no network of that name.
    """
    from bids_denoise.networks.brain_mask import BrainMask
    from bids_denoise.networks.cnn4d import Cnn4d
    from bids_denoise.networks.generative import Generative
    from bids_denoise.networks.srcnn import Srcnn
    from bids_denoise.networks.unet import UNet

    match name:
        case "srcnn2d":
            return Srcnn(planar=True, **sizes)
        case "srcnn":
            return Srcnn(planar=False, **sizes)
        case "unet":
            return UNet(**sizes)
        case "generative":
            return Generative(**sizes)
        case "cnn4d":
            return Cnn4d(**sizes)
        case "brain_mask":
            return BrainMask(**sizes)
    raise ValueError(f"network {name!r} is not one of {', '.join(NETWORKS)}")
