"""Threshold-free cluster enhancement, exact and in one pass. Defined in `tfce_reference`.

The voxels are taken from the highest score to the lowest and joined with those neighbours that
came before: the tree of all clusters at all heights (Najman & Couprie 2006,
doi:10.1109/TIP.2006.877518). Between a voxel and its parent the cluster that ends in the voxel
has one size, so a walk from the roots to the peaks adds up the integral of every voxel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from bids_denoise.kernels.tfce_reference import CONNECTIVITY

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import BoolArray, FloatArray

    Places = npt.NDArray[np.int32]


class Lattice(NamedTuple):
    """The voxels of a mask in a volume with a border of one voxel, as flat indices.

    `places` (voxels,), in the order of ``volume[mask]``; `steps` to the neighbours of any;
    `size` of the volume.
    """

    places: Places
    steps: Places
    size: int


def lattice_of(mask: BoolArray, connectivity: int = 6) -> Lattice:
    """Return the lattice of `mask` (x, y, z) with 6, 18 or 26 neighbours a voxel."""
    steps = np.indices((3, 3, 3)).reshape(3, -1).T - 1
    apart = np.abs(steps).sum(axis=1)
    steps = steps[(apart > 0) & (apart <= CONNECTIVITY[connectivity])]
    box = np.argwhere(mask) - np.argwhere(mask).min(axis=0) + 1
    shape = box.max(axis=0) + 2
    strides = np.array([shape[1] * shape[2], shape[2], 1])
    return Lattice(
        (box @ strides).astype(np.int32), (steps @ strides).astype(np.int32), int(shape.prod())
    )


def enhance(
    scores: FloatArray, lattice: Lattice, extent: float = 0.5, height: float = 2
) -> FloatArray:
    """Return the enhanced scores, as `tfce_reference.enhance`.

    Parameters
    ----------
    scores
        float32 (voxels,) of a mask, finite.
    lattice
        Of the mask, from `lattice_of`.
    extent, height
        The exponents.

    Returns
    -------
    numpy.ndarray
        float32 (voxels,), with the signs of `scores`.

    Notes
    -----
    O(n log n) for n voxels, however many heights. The GIL is released.
    """
    enhanced = np.zeros_like(scores)
    order = np.argsort(scores).astype(np.int32)
    negative = np.searchsorted(scores, 0, sorter=order)
    top = np.full(lattice.size, -1, np.int32)
    for part in (order[:negative], order[: negative - 1 if negative else None : -1]):
        top[:] = -1
        _enhance(scores, np.ascontiguousarray(part), lattice, (extent, height), top, enhanced)
    return enhanced


@njit(cache=True, nogil=True)
def _enhance(scores, order, lattice, exponents, top, enhanced):  # type: ignore[no-untyped-def]
    """Fill in the voxels of `order`, which have scores of one sign, the largest first."""
    parent, sizes = _component_tree(order, lattice, top)
    extent, power = exponents[0], exponents[1] + 1
    total, height = np.empty(len(order)), np.empty(len(order))
    for rank in range(len(order) - 1, -1, -1):
        score, size = np.float64(scores[order[rank]]), np.float64(sizes[rank])
        height[rank] = abs(score * score * score if power == 3 else abs(score) ** power)
        spread = np.sqrt(size) if extent == 0.5 else size**extent
        under = parent[rank]
        below, before = (0.0, 0.0) if under == rank else (height[under], total[under])
        total[rank] = before + spread * (height[rank] - below) / power
        enhanced[order[rank]] = total[rank] if score > 0 else -total[rank]


@njit(cache=True, nogil=True)
def _component_tree(order, lattice, top):  # type: ignore[no-untyped-def]
    """Return each voxel's parent, and how many voxels lie on it and above, by place in `order`.

    `top` leads from place to place to the root of a cluster, for which `lowest` is the voxel that
    came last.
    """
    parent = np.arange(len(order)).astype(np.int32)
    sizes = np.ones(len(order), np.int32)
    lowest = np.empty(len(top), np.int32)
    for rank in range(len(order)):
        own = lattice.places[order[rank]]
        root = own
        top[own], lowest[own] = own, rank
        for step in lattice.steps:
            near = own + step
            if top[near] < 0:
                continue
            while top[near] != near:
                top[near] = top[top[near]]
                near = top[near]
            if near == root:
                continue
            joined = lowest[near]
            parent[joined] = rank
            if sizes[joined] > sizes[rank]:
                near, root = root, near
            sizes[rank] += sizes[joined]
            top[near] = root
            lowest[root] = rank
    return parent, sizes
