"""Run a trained network over a series, volume by volume, from the two PCAs that it starts from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bids_denoise.denoisers.inference import MOST_SIGMA, reduced_precision
from bids_denoise.denoisers.tiles import cut_tiles
from bids_denoise.kernels.local_pca import local_pca
from bids_denoise.kernels.local_pca_reference import make_patches
from bids_denoise.kernels.pool import torch_threads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from bids_denoise.denoisers.tiles import Box
    from bids_denoise.networks.base import Network
    from bids_denoise.values import Device, FloatArray

WIDE, NARROW = (3.0, "truncation"), (2.0, "optimal")
"""Radius of a sphere in voxels, and shrinkage: many voxels find weak signal, few keep it sharp."""

MOST_VOXELS = 1_000_000
"""Of a tile of a volume: a network of 64 features then holds about 1.5 GB."""


class Seen(NamedTuple):
    """What the network sees: `networks.cnn4d.CHANNELS` in their order.

    Three series (x, y, z, t) about the mean of each voxel and three maps (x, y, z), float32, in
    units of sigma.
    """

    removed: FloatArray
    wide: FloatArray
    narrow: FloatArray
    wide_error: FloatArray
    narrow_error: FloatArray
    measured: FloatArray


def seen_of(data: FloatArray, sigma: FloatArray, device: Device) -> Seen:
    """Return what the network sees of a series (x, y, z, t) with Gaussian noise of `sigma`.

    `sigma` (x, y, z) is 0 where nothing was measured. The error of a pilot is the noise that its
    components carry: the root of its rank, times one over voxels and one over volumes.
    """
    measured = (sigma > 0).astype(np.float32)
    scaled = np.zeros(data.shape, np.float32)
    here = np.s_[..., np.newaxis]
    np.divide(data, sigma[here], out=scaled, where=measured[here] > 0)
    scaled -= scaled.mean(axis=-1, keepdims=True, dtype=np.float64).astype(np.float32)
    (wide, wide_error), (narrow, narrow_error) = (
        _pilot(scaled, measured, radius, shrinkage, device) for radius, shrinkage in (WIDE, NARROW)
    )
    scaled -= wide
    return Seen(scaled, wide, narrow, wide_error, narrow_error, measured)


def _pilot(
    scaled: FloatArray, measured: FloatArray, radius: float, shrinkage: str, device: Device
) -> tuple[FloatArray, FloatArray]:
    volumes = scaled.shape[3]
    patches = make_patches("sphere", radius, 2, "gaussian")
    everything = [np.arange(volumes)]
    pilot, rank = local_pca(scaled, measured, patches, shrinkage, everything, device)
    error = np.sqrt(rank * (1 / len(patches.offsets) + 1 / volumes))
    return pilot, error.astype(np.float32)


def denoise_series(
    network: Network, data: FloatArray, sigma: FloatArray, device: Device
) -> FloatArray:
    """Return a series (x, y, z, t) without its Gaussian noise of `sigma` (x, y, z).

    The mean of each voxel stays; nothing moves by more than `inference.MOST_SIGMA` sigma.

    Parameters
    ----------
    network
        In evaluation mode.
    data, sigma
        float32; sigma is 0 where nothing was measured.
    device
        Any number of threads gives the same result within rounding.
    """
    import torch

    from bids_denoise.networks.cnn4d import Cnn4d

    assert isinstance(network, Cnn4d)
    seen = seen_of(data, sigma, device)
    result = np.empty(data.shape, np.float32)
    where = torch.device(device.torch_name)
    network.to(where)
    shape = (data.shape[0], data.shape[1], data.shape[2])
    with torch.inference_mode(), torch_threads(device.threads), reduced_precision(where.type):
        for tile in cut_tiles(shape, network.reach, 1, MOST_VOXELS):
            volumes = (each.to(where) for each in _volumes_of(seen, tile.read))
            for index, made in enumerate(network.stream(volumes)):
                result[(*tile.write, index)] = made[0, 0].float().cpu().numpy()[tile.keep]
    # What is taken away: the pilot's part, and what the network does otherwise.
    np.subtract(seen.wide, result, out=result)
    result += seen.removed
    np.clip(result, -MOST_SIGMA, MOST_SIGMA, out=result)
    result *= -sigma[..., np.newaxis]
    result += data
    return result


def _volumes_of(seen: Seen, box: Box) -> Iterator[Tensor]:
    """Yield what is seen of each volume in a box: (1, channel, x, y, z)."""
    import torch

    shape = seen.measured[box].shape
    for index in range(seen.wide.shape[3]):
        volume = np.empty((len(seen), *shape), np.float32)
        for channel, each in zip(volume, seen, strict=True):
            channel[...] = each[box] if each.ndim == 3 else each[(*box, index)]
        yield torch.from_numpy(volume)[None]
