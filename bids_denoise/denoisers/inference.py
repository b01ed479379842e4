"""Run a network over a volume of any size: units, borders, tiles, precision."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bids_denoise import watch
from bids_denoise.denoisers.tiles import cut_tiles
from bids_denoise.kernels.pool import torch_threads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bids_denoise.networks.base import Network
    from bids_denoise.values import Device, FloatArray

LEAST_VOXELS = 1_000_000
"""Of one tile, margins included, where the volume is as large."""

MOST_BYTES = 2_600_000_000
BYTES_OF_A_VOXEL = 48
BYTES_OF_A_TILE_VOXEL = {"bfloat16": 310, "float32": 810}
"""Bounds of the memory: the larger the volume, the smaller its tiles. Measured for the U-Net."""

MOST_SIGMA = 5.0
"""No voxel is moved by more than this many sigma: noise of that size is one voxel in two million,
so that whatever is larger was anatomy."""


def apply_network(
    network: Network,
    data: FloatArray,
    sigma: FloatArray,
    device: Device,
    *,
    pilot: FloatArray | None = None,
    seed: tuple[int, int] | None = None,
) -> FloatArray:
    """Return `data` (x, y, z) with Gaussian noise of `sigma` (x, y, z) taken away.

    Data enters relative to its mean and in units of its spread, so that neither unit nor offset
    matters; its edges are reflected to what the network can halve. The tiles have margins as
    wide as the network sees: the result is that for the whole volume in one piece.

    Parameters
    ----------
    network
        In evaluation mode.
    data, sigma
        float32; sigma is positive.
    device
        Any number of threads gives the same result within rounding.
    pilot
        float32 (x, y, z), for a network that has one: see `trained.pilot_for`.
    seed
        Of the noise that a generative network draws from; None for a network that draws nothing.
    """
    return run_scaled(network, Given(data, sigma, pilot, seed), scale_of(data), device)


class Given(NamedTuple):
    """What a network is given, as `apply_network` takes it."""

    data: FloatArray
    sigma: FloatArray
    pilot: FloatArray | None = None
    seed: tuple[int, int] | None = None


class Scale(NamedTuple):
    """What is subtracted from a volume, and what it is then divided by."""

    offset: np.float32
    unit: np.float32


def scale_of(data: FloatArray) -> Scale:
    """Return the mean of a volume and its spread."""
    return Scale(np.float32(data.mean()), max(np.float32(data.std()), np.float32(1e-30)))


def run_scaled(network: Network, given: Given, scale: Scale, device: Device) -> FloatArray:
    """Return what `apply_network` does, of a part of a volume by the `scale` of the whole."""
    import torch

    (data, sigma, pilot, seed), (offset, unit) = given, scale
    widths = [(0, -length % network.multiple) for length in data.shape]
    volumes = {"noisy": data - offset, "sigma": sigma}
    if pilot is not None:
        volumes["pilot"] = pilot - offset
    shown: dict[str, FloatArray] = {
        name: np.pad(each / unit, widths, "symmetric") for name, each in volumes.items()
    }
    del volumes
    shape = shown["noisy"].shape
    if seed is not None:
        shown["draw"] = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
    result = np.empty(shape, np.float32)
    most = min(_tile_voxels(result.size, device.kind), network.most_voxels)
    where = torch.device(device.torch_name)
    network.to(where)
    with torch.inference_mode(), torch_threads(device.threads), reduced_precision(where.type):
        for tile in cut_tiles(shape, network.reach, network.multiple, most):
            watch.step()
            pieces = {
                name: torch.from_numpy(np.ascontiguousarray(each[tile.read]))[None, None].to(where)
                for name, each in shown.items()
            }
            result[tile.write] = network(**pieces).float().cpu().numpy()[0, 0][tile.keep]
    result = result[tuple(slice(0, length) for length in data.shape)] * unit + offset
    moved = np.clip(result - data, -MOST_SIGMA * sigma, MOST_SIGMA * sigma)
    return np.asarray(data + moved, dtype=np.float32)


def _tile_voxels(voxels: int, kind: str) -> int:
    """Return how large the tiles of a volume of `voxels` may be on a device of this kind."""
    left = (MOST_BYTES - BYTES_OF_A_VOXEL * voxels) // BYTES_OF_A_TILE_VOXEL[precision(kind)]
    return max(left, LEAST_VOXELS)


def network_bytes(voxels: int) -> int:
    """Return how much memory a network takes at most for a volume of `voxels`, beside its arrays.

    In either precision: which it will be only torch can tell, and it is slow to start.
    """
    a_voxel = BYTES_OF_A_TILE_VOXEL["float32"]
    return min(
        a_voxel * voxels, max(MOST_BYTES - BYTES_OF_A_VOXEL * voxels, a_voxel * LEAST_VOXELS)
    )


def precision(kind: str) -> str:
    """Return in which precision networks run on ``cpu`` or ``cuda``: bfloat16 if it is native."""
    import torch

    if kind == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    return "bfloat16" if torch.cpu._is_avx512_bf16_supported() else "float32"


@contextmanager
def reduced_precision(kind: str) -> Iterator[None]:
    """Let networks run in the `precision` of a ``cpu`` or ``cuda`` for the time being."""
    import torch

    with torch.autocast(kind, torch.bfloat16, enabled=precision(kind) == "bfloat16"):
        yield
