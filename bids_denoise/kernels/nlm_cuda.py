"""Non-local means, one pass, compiled for CUDA. Defined in `nlm_reference`.

The kernel is in `nlm_cuda_kernel`, `docs/cuda.md` has its counts and what they predict.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from importlib import import_module
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from bids_denoise.errors import ScanError, UsageError
from bids_denoise.kernels.gpu import simulated
from bids_denoise.kernels.nlm_cuda_kernel import WARP, Tile, make_kernel
from bids_denoise.kernels.nlm_reference import TAPER

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray

# As Any: numba's own types describe its simulator.
cuda: Any = import_module("numba.cuda")

SHARED_BYTES = 48 * 1024
MEMORY_SHARE = 0.8


def nlm_pass(
    volume: FloatArray,
    guide: FloatArray,
    sigma_guide: float,
    search_radius: int,
    patch_radius: int,
    strength: float,
) -> FloatArray:
    """Return `volume` (x, y, z) after one pass of non-local means, made on the current device.

    Parameters and result are those of `nlm_reference.nlm_pass`, with which it agrees within
    the rounding of float32. A volume that does not fit the device's free memory goes through
    it in slabs along x, each with the borders it needs: one launch a slab.

    Raises
    ------
    UsageError
        The radii are too large for the shared memory of a block.
    ScanError
        Not even one plane with its borders fits the memory of the device.

    Notes
    -----
    O(voxels x search window x patch radius) operations.
    """
    tile = choose_tile(search_radius, patch_radius)
    spread = TAPER * strength**2
    level = np.float32(1 + 2 * sigma_guide**2 / spread)
    slope = np.float32(1 / (spread * (2 * patch_radius + 1) ** 3))
    out = np.empty(volume.shape, np.float32)
    planes = planes_per_slab(volume.shape, search_radius + patch_radius, free_memory())
    for start in range(0, len(volume), planes):
        made = slice(start, start + planes)
        _denoise_slab(tile, (volume, guide), out, made, (level, slope))
    return out


@lru_cache
def choose_tile(search_radius: int, patch_radius: int) -> Tile:
    """Return the tile with the least shared-memory traffic that fits a block of any device.

    Raises
    ------
    UsageError
        The radii are too large for the shared memory of a block.
    """
    # More rows would save little traffic and leave more threads idle in the second stage.
    rows = range(2 * patch_radius + 1, max(8, 4 * (patch_radius + 1)) + 1)
    lanes = [n for n in (WARP, WARP // 2) if n > 2 * patch_radius]
    shapes = product(range(1, rows.stop), rows, lanes)
    tiles = [Tile(search_radius, patch_radius, *shape) for shape in shapes]
    fitting = [
        tile for tile in tiles if tile.planes <= tile.rows and tile.shared_bytes <= SHARED_BYTES
    ]
    if not fitting:
        raise UsageError(
            f"search radius {search_radius} with patch radius {patch_radius} does not fit the "
            "shared memory of a CUDA device; take smaller ones or --device cpu"
        )
    return min(fitting, key=lambda tile: tile.traffic)


def planes_per_slab(shape: tuple[int, ...], reach: int, memory: float) -> int:
    """Return how many x planes of a volume of `shape` are denoised in one launch.

    Volume and guide need `reach` more planes on either side, the result none. `memory` is
    in bytes.

    Raises
    ------
    ScanError
        Not even one plane with its borders fits.
    """
    plane = 4 * shape[1] * shape[2]
    if plane * 3 * shape[0] <= memory:
        return shape[0]
    planes = (int(memory / plane) - 4 * reach) // 3
    if planes < 1:
        need = plane * (4 * reach + 3)
        raise ScanError(
            f"an image of {' x '.join(map(str, shape))} voxels needs {need / 1e6:.0f} MB of free "
            f"memory on the CUDA device, which has {memory / 1e6:.0f} MB; --device cpu needs none"
        )
    return planes


def free_memory() -> float:
    """Return the bytes of the current device that a pass may use."""
    return float(cuda.current_context().get_memory_info().free * MEMORY_SHARE)


def _denoise_slab(
    tile: Tile,
    sources: tuple[FloatArray, FloatArray],
    out: FloatArray,
    made: slice,
    fall: tuple[np.float32, np.float32],
) -> None:
    # Arrays on the device live in here alone, so that those of one slab are free for the next.
    reach = tile.search_radius + tile.patch_radius
    held = slice(max(made.start - reach, 0), made.stop + reach)
    volume = cuda.to_device(np.ascontiguousarray(sources[0][held], np.float32))
    guide = volume
    if sources[1] is not sources[0]:
        guide = cuda.to_device(np.ascontiguousarray(sources[1][held], np.float32))
    result = cuda.device_array(out[made].shape, np.float32)
    _launch(tile, (volume, guide, result, np.int32(made.start - held.start), *fall))
    result.copy_to_host(out[made])


def _launch(tile: Tile, arguments: tuple[Any, ...]) -> None:
    shape = arguments[2].shape
    blocks = [-(-n // m) for n, m in zip(shape, tile.outputs, strict=True)]
    with warnings.catch_warnings():
        # A small image makes a small grid, and that is as it should be.
        warnings.filterwarnings("ignore", message="Grid size")
        _compiled(tile)[tuple(blocks[::-1]), (tile.lanes, tile.rows)](*arguments)


@lru_cache
def _compiled(tile: Tile) -> Any:
    if simulated():
        return cuda.jit(make_kernel(tile))
    return cuda.jit(make_kernel(tile), launch_bounds=tile.launch_bounds)
