"""Brains with known tissues and shape, on any grid."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bids_denoise.anatomy.template import Template, mni152
from bids_denoise.simulate.anatomy import centred_grid, draw_individual, fractions
from bids_denoise.simulate.phantom import Tissue

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray

Affine = npt.NDArray[np.float64]
SIGNALS = np.array([0.6, 1.0, 0.25], dtype=np.float32)


@lru_cache(maxsize=1)
def template() -> Template:
    """MNI152 in voxels of 4 mm, for speed."""
    return mni152(4.0)


@lru_cache(maxsize=8)
def tissues(seed: int, voxel: float = 3.0, strength: float = 1.0) -> tuple[FloatArray, Affine]:
    """GM, WM and CSF of a person inside her brain, and their affine."""
    shape = [round(size / voxel) for size in (150, 190, 160)]
    grid = centred_grid((shape[0], shape[1], shape[2]), (voxel, voxel, voxel), (0.0, -20.0, 6.0))
    individual = draw_individual(np.random.default_rng(seed), strength)
    parts = fractions(individual, grid)
    grey = parts[Tissue.GREY] + parts[Tissue.DEEP_GREY]
    three = np.stack([grey, parts[Tissue.WHITE], parts[Tissue.CSF]])
    brain = three.sum(axis=0) > 0.5
    return np.where(brain, three, np.float32(0)), grid.affine


def image(maps: FloatArray) -> FloatArray:
    """A T1-weighted brain."""
    return np.asarray(np.tensordot(SIGNALS, maps, axes=1), dtype=np.float32)


def reoriented(
    data: FloatArray, affine: Affine, axes: tuple[int, int, int]
) -> tuple[FloatArray, Affine]:
    """The same brain in the same place, its array stored along other axes, the first reversed."""
    lead = data.ndim - 3
    turned = data.transpose(*range(lead), *(lead + axis for axis in axes))
    turned = np.ascontiguousarray(np.flip(turned, lead))
    to_old = np.zeros((4, 4))
    to_old[3, 3] = 1
    for new, old in enumerate(axes):
        to_old[old, new] = 1
    flip = np.diag([-1.0, 1, 1, 1])
    flip[0, 3] = turned.shape[lead] - 1
    return turned, affine @ to_old @ flip


def turn(degrees: tuple[float, float, float], shift: tuple[float, float, float]) -> Affine:
    """A rigid mapping of mm to mm."""
    from scipy.spatial.transform import Rotation

    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    matrix[:3, 3] = shift
    return matrix


def distance(one: Affine, other: Affine, inside: npt.NDArray[np.bool_], affine: Affine) -> float:
    """How far apart two mappings take the points of a brain, in mm, root mean square."""
    points = np.argwhere(inside) @ affine[:3, :3].T + affine[:3, 3]
    apart = points @ (one - other)[:3, :3].T + (one - other)[:3, 3]
    return float(np.sqrt(np.square(apart).sum(axis=1).mean()))


def overlap(one: FloatArray, other: FloatArray) -> float:
    """Dice of fractions."""
    return float(2 * np.minimum(one, other).sum() / (one.sum() + other.sum()))
