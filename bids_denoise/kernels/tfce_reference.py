"""Threshold-free cluster enhancement, threshold by threshold in plain numpy: slow, the truth."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import BoolArray

    Precise = npt.NDArray[np.float64]

CONNECTIVITY = {6: 1, 18: 2, 26: 3}
"""How many steps along axes apart neighbours may be, by the number of neighbours."""


def enhance(
    scores: Precise, mask: BoolArray, connectivity: int = 6, extent: float = 0.5, height: float = 2
) -> Precise:
    """Return the enhanced scores: how much support each voxel has below it.

    The integral over heights h from 0 to the voxel's own score of ``e(h)^extent h^height``, where
    e(h) is how many voxels of `mask` hang together with it at scores of at least h. Between two
    scores that occur e does not change, so the integral is a sum, and exact; negative scores are
    enhanced alike, as a map of its own (Smith & Nichols 2009,
    doi:10.1016/j.neuroimage.2008.03.061).

    Parameters
    ----------
    scores
        (x, y, z), finite.
    mask
        (x, y, z): voxels outside neither count nor connect.
    connectivity
        6, 18 or 26 neighbours.
    extent, height
        The exponents.

    Returns
    -------
    numpy.ndarray
        float64 (x, y, z), with the signs of `scores`, 0 outside of `mask`.
    """
    from scipy.ndimage import generate_binary_structure, label

    structure = generate_binary_structure(3, CONNECTIVITY[connectivity])
    enhanced = np.zeros(scores.shape)
    for sign in (1, -1):
        signed = np.where(mask, sign * scores.astype(np.float64), 0)
        steps = np.concatenate([[0], np.unique(signed[signed > 0])])
        for low, high in pairwise(steps):
            labels, _ = label(signed >= high, structure)
            sizes = np.bincount(labels.ravel()).astype(np.float64)
            sizes[0] = 0
            power = height + 1
            step = (high**power - low**power) / power
            enhanced += sign * (sizes**extent * step)[labels]
    return enhanced
