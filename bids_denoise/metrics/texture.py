"""The finest texture of an image: what noise is left in it, measured without any model of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter

from bids_denoise.metrics.comparison import steepness

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.metrics.comparison import Comparison
    from bids_denoise.values import BoolArray, FloatArray

QUIETEST = 0.25
"""Share of the blocks, those with the least gradient, in which the texture is measured."""

BROAD = 2.5
"""Width in voxels of the Gaussian that finds the brighter half, wide enough to forget noise."""

FEWEST_BLOCKS = 50
MAD_TO_STD = 1.4826
ROOT2 = np.float32(2**0.5)


def texture_metrics(
    pair: Comparison, partner: Comparison | None = None
) -> tuple[float | None, float | None, float | None]:
    """Return the noise in image units before and after, and before in units of its expectation.

    The finest diagonal Haar wavelet over blocks of 2 x 2 x 2 voxels, its median absolute value in
    the blocks of the head with the least gradient (Donoho & Johnstone 1994,
    doi:10.1093/biomet/81.3.425). The third number is near 1 when sigma is right; it is
    lower for interpolated data, and higher where structure is as fine as the voxels. None each
    when the head is too small.

    Parameters
    ----------
    pair
        The volume that is measured.
    partner
        Another volume of the same contrast. With it the difference of both is measured, in which
        structure that both have is gone.
    """
    quiet = _quiet_blocks(pair)
    if quiet.sum() < FEWEST_BLOCKS:
        return None, None, None
    before, after = pair.before, pair.after
    if partner is not None:
        before, after = (before - partner.before) / ROOT2, (after - partner.after) / ROOT2
    old, new = (_diagonal(data)[quiet] for data in (before, after))
    relative = old / _blocks(pair.spread).mean(axis=-1)[quiet]
    sizes = [MAD_TO_STD * float(np.median(np.abs(each))) for each in (old, new, relative)]
    return sizes[0], sizes[1], sizes[2]


def brightness(pair: Comparison) -> float | None:
    """Return the median change of the brighter half of the head, after relative to before."""
    if not pair.head.any():
        return None
    smooth = gaussian_filter(pair.after, BROAD)
    bright = pair.head & (smooth > np.median(smooth[pair.head]))
    level = float(np.median(pair.after[bright])) if bright.any() else 0.0
    change = float(np.median((pair.unbiased - pair.after)[bright])) if bright.any() else 0.0
    return level / (level + change) if level + change > 0 else None


def _quiet_blocks(pair: Comparison) -> BoolArray:
    """Return the blocks that lie in the head and have the least gradient."""
    slope = steepness(gaussian_filter(pair.after, 1.0), pair.spacing)
    inside = _blocks(pair.head).all(axis=-1)
    steepest = _blocks(slope).max(axis=-1)
    if not inside.any():
        return np.asarray(inside)
    return np.asarray(inside & (steepest <= np.quantile(steepest[inside], QUIETEST)))


def _diagonal(data: FloatArray) -> npt.NDArray[np.float64]:
    """Return the diagonal Haar coefficient of each block, with the variance of white noise kept."""
    signs = np.array([1, -1, -1, 1, -1, 1, 1, -1]) / np.sqrt(8)
    return np.asarray(_blocks(data) @ signs)


def _blocks(data: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """Return the voxels of each 2 x 2 x 2 block as a last axis of 8; odd ends are left out."""
    x, y, z = (length // 2 for length in data.shape)
    whole = data[: 2 * x, : 2 * y, : 2 * z].reshape(x, 2, y, 2, z, 2)
    return whole.transpose(0, 2, 4, 1, 3, 5).reshape(x, y, z, 8)
