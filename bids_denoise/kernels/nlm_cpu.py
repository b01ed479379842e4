"""Non-local means, one pass, compiled for the CPU. Defined in `nlm_reference`.

The volume is cut into tiles that fit the cache, whole along z; `nlm_tile` has what is done with
one. A tile's result depends on nothing but the tile, so the number of threads changes no bit.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.kernels.bands import replace_band
from bids_denoise.kernels.nlm_reference import TAPER
from bids_denoise.kernels.nlm_tile import ALIGNMENT, Tile, Weighting, denoise_tile
from bids_denoise.kernels.pool import for_each

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray

PLANES = 32  # of a tile
TILE_PLANE = 3072  # floats of one plane of a tile: with its surroundings a tile fills 2 MB
TURNED = 0.8
"""Volumes are turned if rows along another axis are that much nearer to being filled by voxels."""


def weighting(
    sigma_guide: float, search_radius: int, patch_radius: int, strength: float
) -> Weighting:
    """Return the weighting of the parameters of `nlm_reference.nlm_pass`."""
    voxels = (2 * patch_radius + 1) ** 3
    spread = TAPER * strength**2
    farthest = spread + 2 * sigma_guide**2
    return Weighting(
        search_radius,
        patch_radius,
        np.float32(farthest / spread),
        np.float32(1 / (voxels * spread)),
        np.float32(1.01 * voxels * farthest),
    )


def nlm_pass(
    volume: FloatArray,
    guide: FloatArray,
    sigma_guide: float,
    search_radius: int,
    patch_radius: int,
    strength: float,
) -> FloatArray:
    """Return `volume` (x, y, z) after one pass: `nlm_reference.nlm_pass` within rounding."""
    out = guide.copy()
    how = weighting(sigma_guide, search_radius, patch_radius, strength)
    nlm_pass_in_place(volume, out, how)
    return out


def nlm_pass_in_place(
    volume: FloatArray,
    guide: FloatArray,
    how: Weighting,
    remain: float = 0.0,
    threads: int = 1,
) -> None:
    """Replace `guide` by ``(1 - remain) pass + remain guide``, where pass is one of `volume`.

    Both are float32 (x, y, z), C-contiguous. The guide is replaced in bands along x, each when
    the next but one no longer needs it, so that beside it only two bands are held. Any number of
    threads gives the same bits. A volume of few slices is turned: in short rows, what has to lie
    around a row would be half of the work.

    Notes
    -----
    O(voxels x search window), whatever the patch: its radius enters by a logarithm along z.
    """
    work = [_stride(length, how) / length for length in volume.shape]
    axis = int(np.argmin(work))
    if work[axis] < TURNED * work[2]:
        order = (2, 1 - axis, axis)  # slices first: along y there have to be tiles for all threads
        turned, result = (np.ascontiguousarray(each.transpose(order)) for each in (volume, guide))
        nlm_pass_in_place(turned, result, how, remain, threads)
        guide[...] = result.transpose(np.argsort(order))
        return
    wide = max(PLANES, how.search_radius + how.patch_radius)
    waiting: tuple[slice, FloatArray] | None = None
    for start in range(0, len(volume), wide):
        band = slice(start, min(start + wide, len(volume)))
        made = _denoise_band(volume, guide, band, how, threads)
        if waiting:
            replace_band(guide[waiting[0]], waiting[1], remain)
        waiting = band, made
    if waiting:
        replace_band(guide[waiting[0]], waiting[1], remain)


def nlm_planes(
    volume: FloatArray,
    guide: FloatArray,
    planes: slice,
    how: Weighting,
    remain: float = 0.0,
    threads: int = 1,
) -> FloatArray:
    """Return some planes of equal x of what `nlm_pass_in_place` makes of `guide`, within rounding.

    Only these are computed, and `guide` is not written to.
    """
    kept = guide[planes].copy()
    replace_band(kept, _denoise_band(volume, guide, planes, how, threads), remain)
    return kept


def _denoise_band(
    volume: FloatArray, guide: FloatArray, band: slice, how: Weighting, threads: int
) -> FloatArray:
    made = np.empty((band.stop - band.start, *volume.shape[1:]), np.float32)
    stride = _stride(volume.shape[2], how)
    deep = max(4, TILE_PLANE // stride)
    corners = product(range(band.start, band.stop, PLANES), range(0, volume.shape[1], deep))
    tiles = [
        Tile(x, min(x + PLANES, band.stop), y, min(y + deep, volume.shape[1])) for x, y in corners
    ]
    for_each(
        lambda tile: denoise_tile(volume, guide, made[tile.x_low - band.start :], tile, how),
        tiles,
        threads,
    )
    return made


def _stride(nz: int, how: Weighting) -> int:
    wide = nz + 2 * (how.search_radius + how.patch_radius)
    return -(-wide // ALIGNMENT) * ALIGNMENT
