"""Diffusion gradient schemes: evenly spread directions, shells, and the FSL file convention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

REPULSION_STEPS = 200


@dataclass(frozen=True)
class Gradients:
    """`bvals` (t,) in s/mm^2 and unit `directions` (t, 3) in RAS; zeros where b = 0."""

    bvals: Array
    directions: Array


def spread_directions(count: int, rng: np.random.Generator) -> Array:
    """Return `count` unit directions (count, 3) spread evenly over the sphere of axes.

    Charges at both ends of each axis repel each other until they rest (Jones 1999,
    doi:10.1002/(SICI)1522-2594(199909)42:3<515::AID-MRM14>3.0.CO;2-Q). O(count^2).
    """
    axes = _unit(rng.standard_normal((count, 3)))
    for step in range(REPULSION_STEPS):
        force = np.zeros_like(axes)
        for end in (1, -1):
            apart = axes[:, np.newaxis] - end * axes[np.newaxis]
            distance = np.linalg.norm(apart, axis=-1, keepdims=True)
            force += (apart / np.maximum(distance, 1e-3) ** 3).sum(axis=1)
        force -= (force * axes).sum(axis=1, keepdims=True) * axes
        length = np.linalg.norm(force, axis=1, keepdims=True).max()
        # The steps shrink, so that the charges settle whatever their number.
        axes = _unit(axes + 0.5 * force / max(length, 1e-12) / (1 + 0.2 * step))
    return axes


def scheme(
    shells: Sequence[tuple[float, int]], unweighted: int, rng: np.random.Generator
) -> Gradients:
    """Return a scheme of `unweighted` b = 0 volumes and `shells` of (b-value, directions).

    The shells are interleaved, as on a scanner that spreads its heat; b = 0 volumes
    come first and then at even distances.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> scheme([(1000, 6)], 1, rng).bvals
    array([   0., 1000., 1000., 1000., 1000., 1000., 1000.])
    """
    weighted = [
        (place / count, bvalue, *axis)
        for bvalue, count in shells
        for place, axis in enumerate(spread_directions(count, rng))
    ]
    rest = [(place / unweighted - 1e-9, 0.0, 0.0, 0.0, 0.0) for place in range(unweighted)]
    rows = np.array(sorted([*weighted, *rest]))
    return Gradients(bvals=rows[:, 1], directions=rows[:, 2:])


def to_fsl(directions: Array, affine: Array) -> Array:
    """Turn RAS `directions` (t, 3) into the lines of a bvec file (3, t).

    bvec components lie along the voxel axes; the first is mirrored where the affine has a
    positive determinant.
    """
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    along = directions @ axes
    if np.linalg.det(affine[:3, :3]) > 0:
        along = along * np.array([-1, 1, 1])
    return np.ascontiguousarray(along.T)


def _unit(vectors: Array) -> Array:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
