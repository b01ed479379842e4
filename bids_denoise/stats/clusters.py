"""What hangs together in a map of a group: one row a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from bids_denoise.kernels.tfce_reference import CONNECTIVITY

if TYPE_CHECKING:
    from bids_denoise.stats.design import Precise
    from bids_denoise.stats.voxelwise import GroupMaps


@dataclass(frozen=True)
class Cluster:
    """Significant voxels of one direction that hang together.

    Attributes
    ----------
    peak
        RAS mm of the voxel with the largest statistic.
    voxels, size
        How many, and mm^3.
    t, p, effect_size, percent
        At the peak; p is corrected. See `voxelwise.GroupMaps`.
    """

    peak: tuple[float, float, float]
    voxels: int
    size: float
    t: float
    p: float
    effect_size: float
    percent: float


def clusters(
    maps: GroupMaps, affine: Precise, statistic: Literal["t", "tfce"] = "tfce"
) -> tuple[Cluster, ...]:
    """Return the clusters of significant voxels, the largest first.

    Parameters
    ----------
    maps
        Of a comparison; neighbours are those of its enhancement.
    affine
        (4, 4), voxel to RAS mm.
    statistic
        Whose corrected p-values decide.
    """
    from scipy.ndimage import generate_binary_structure, label

    judged = getattr(maps, statistic)
    structure = generate_binary_structure(3, CONNECTIVITY[maps.inference.connectivity])
    volume = abs(float(np.linalg.det(affine[:3, :3])))
    found = []
    for sign in (1, -1):
        labels, count = label(judged.significant & (sign * judged.values > 0), structure)
        for each in range(1, count + 1):
            inside = np.argwhere(labels == each)
            peak = tuple(inside[np.argmax(np.abs(judged.values[labels == each]))])
            x, y, z = (affine @ [*peak, 1.0])[:3]
            at = (maps.t.values, judged.p_corrected, maps.effect_size, maps.percent)
            t, p, effect, percent = (float(each[peak]) for each in at)
            size = len(inside) * volume
            where = (float(x), float(y), float(z))
            found.append(Cluster(where, len(inside), size, t, p, effect, percent))
    return tuple(sorted(found, key=lambda each: (-each.voxels, each.peak)))
