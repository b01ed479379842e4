"""Run a trained network over a series, volume by volume, from the two PCAs that it starts from."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bids_denoise import scratch
from bids_denoise.denoisers.heap import freed_memory_kept
from bids_denoise.denoisers.inference import MOST_SIGMA, reduced_precision
from bids_denoise.denoisers.tiles import cut_tiles
from bids_denoise.kernels.local_pca import Rule, local_pca
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
    scaled = scratch.empty_like(data)
    for into, plane, level in zip(scaled, data, sigma[..., np.newaxis], strict=True):
        into[...] = 0
        np.divide(plane, level, out=into, where=level > 0)
        mean = into.mean(axis=-1, keepdims=True, dtype=np.float64)
        np.subtract(into, mean.astype(np.float32), out=into)
    (wide, wide_error), (narrow, narrow_error) = (
        _pilot(scaled, measured, radius, shrinkage, device) for radius, shrinkage in (WIDE, NARROW)
    )
    for plane, kept in zip(scaled, wide, strict=True):
        np.subtract(plane, kept, out=plane)
    return Seen(scaled, wide, narrow, wide_error, narrow_error, measured)


def _pilot(
    scaled: FloatArray, measured: FloatArray, radius: float, shrinkage: str, device: Device
) -> tuple[FloatArray, FloatArray]:
    volumes = scaled.shape[3]
    patches = make_patches("sphere", radius, 2, "gaussian")
    rule = Rule(shrinkage, [np.arange(volumes)])
    pilot, rank = local_pca(scaled, measured, patches, rule, device)
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
    result = scratch.empty_like(data)
    where = torch.device(device.torch_name)
    network.to(where)
    shape = (data.shape[0], data.shape[1], data.shape[2])
    with (
        torch.inference_mode(),
        torch_threads(device.threads),
        reduced_precision(where.type),
        freed_memory_kept(),
    ):
        for tile in cut_tiles(shape, network.reach, 1, MOST_VOXELS):
            made = network.stream(each.to(where) for each in _volumes_of(seen, tile.read))
            for part in scratch.parts(result, 3):
                coming = islice(made, part.stop - part.start)
                some = [each[0, 0].float().cpu().numpy()[tile.keep] for each in coming]
                result[(*tile.write, part)] = np.stack(some, axis=-1)
    # What is taken away: the pilot's part, and what the network does otherwise.
    for plane, before, level, removed, wide in zip(
        result, data, sigma[..., np.newaxis], seen.removed, seen.wide, strict=True
    ):
        away = np.clip(removed + (wide - plane), -MOST_SIGMA, MOST_SIGMA)
        plane[...] = before - away * level
    return result


def _volumes_of(seen: Seen, box: Box) -> Iterator[Tensor]:
    """Yield what is seen of each volume in a box: (1, channel, x, y, z)."""
    import torch

    maps = [each[box] for each in seen[3:]]
    series = (scratch.volumes(each[box]) for each in seen[:3])
    for volumes in zip(*series, strict=True):
        yield torch.from_numpy(np.stack([*volumes, *maps]))[None]
