"""The heads and brains that views for brain masks are drawn of: label maps, as they lie.

From label maps of whole heads, from scans whose brain was extracted, and from rodents by formula.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bids_denoise import imageio
from bids_denoise.anatomy.brain_network import largest
from bids_denoise.anatomy.tissues import segment
from bids_denoise.imageio.padding import padding
from bids_denoise.metrics.comparison import box_around
from bids_denoise.simulate import rodent
from bids_denoise.simulate.anatomy import centred_grid
from bids_denoise.simulate.contrasts import RIGHT_TO_LEFT
from bids_denoise.simulate.phantom import Tissue
from bids_denoise.simulate.traits import Traits

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from bids_denoise.values import BoolArray

    Codes = npt.NDArray[np.int16]

GREY = 3
FLUID = 24
VESSELS = (30, 62, 85)
OUTSIDE = 500
"""Codes of cortex, of the fluid around the brain, of what is no brain tissue, and from which on
others are."""

COARSE = 2
"""Side of a label map's voxel in mm of a human brain: views are no finer."""

SULCUS = 6.0
RIM = 1.2
SMOOTH = 0.8
"""How wide half a sulcus is that belongs to the brain, and how much fluid around it does, in mm of
a human brain; what its outline is smoothed by, standard deviation in voxels."""

MARGIN = 8

TISSUE_CODES = (GREY, 2, FLUID)
"""Codes of grey matter, white matter and CSF."""

RODENT_CODES = dict(zip(Tissue, (0, 511, 515, FLUID, 3, 2, 10, 30, 507), strict=True))
"""Codes of the tissues of a simulated head."""

EYES = 506

BRIGHT = 95
"""Percentile of the brain that is taken for the signal of bright tissue."""

UNLIKE = 3.0
"""How far rodents are from the mean one, over what animals of one strain are."""

PER_MM = 4
"""Voxels to a mm of a rat: along its brain as many as of 2 mm along a human one."""
UNSEEN = np.zeros((0, 0, 0), np.float16)
"""The signal of a head that no scanner saw."""


class Head(NamedTuple):
    """A label map (x, y, z) without the air around it, in RAS order, and where its brain is.

    Where nothing but the brain is known, all else is 0. `signal` (x, y, z), bright tissue 1, is
    what a scanner saw of it, or `UNSEEN`.
    """

    labels: Codes
    brain: BoolArray
    signal: npt.NDArray[np.float16] = UNSEEN

    @property
    def extracted(self) -> bool:
        """Return whether there is nothing but the brain."""
        return int(self.labels.max()) < OUTSIDE


def head_of(path: Path) -> Head:
    """Return a head from a label map of FreeSurfer codes, skull and scalp from `OUTSIDE` on."""
    volume, affine = imageio.read_placed(path)
    codes = _usual_way(volume.astype(np.int16), affine)
    for code, other in RIGHT_TO_LEFT.items():
        codes[codes == code] = other
    codes = np.ascontiguousarray(codes[box_around(codes > 0, MARGIN)])
    coarse = (slice(None, None, COARSE),) * 3
    return Head(codes[coarse].copy(), brain_of(codes)[coarse].copy())


def brain_head_of(path: Path) -> Head:
    """Return the brain of a T1w scan that was extracted: its outline is as it was left.

    Grey matter, white matter and CSF are segmented without a template.
    """
    from scipy.ndimage import binary_fill_holes, zoom

    data, affine = imageio.read_placed(path)
    brain = np.asarray(binary_fill_holes(~padding(data)))
    sides = np.linalg.norm(affine[:3, :3], axis=0)
    data, brain = (
        zoom(each.astype(np.float32), sides / COARSE, order=1, grid_mode=True, mode="nearest")
        for each in (data, brain)
    )
    inside = brain > 0.5
    affine = affine @ np.diag([*COARSE / sides, 1.0])
    tissues = segment(data, inside, affine, contrast="T1w").probabilities
    codes = np.array(TISSUE_CODES, np.int16)[tissues.argmax(axis=0)] * inside
    data *= inside / np.percentile(data[inside], BRIGHT)
    box = box_around(_usual_way(inside, affine), MARGIN // COARSE)
    inside, codes, data = (_usual_way(each, affine)[box].copy() for each in (inside, codes, data))
    return Head(codes, inside, data.astype(np.float16))


def rodent_of(number: int) -> Head:
    """Return the head of a rodent that is drawn by its `number`."""
    drawn = rodent.draw_rodent(
        rodent.RAT, np.random.default_rng((3, number)), Traits(ageing=number % 3 - 1), UNLIKE
    )
    x, y, z = (int(PER_MM * side) for side in rodent.EXTENT)
    grid = centred_grid((x, y, z), (1 / PER_MM,) * 3, (0.0, 0.0, 0.0))
    parts = rodent.fractions(drawn, grid, 1 / PER_MM)
    codes = np.array([RODENT_CODES[each] for each in Tissue], np.int16)[parts.argmax(axis=0)]
    inside = rodent.brain_tissues(drawn, grid, parts).sum(axis=0) > 0.5
    codes[(codes == FLUID) & ~inside] = EYES
    return Head(codes, brain_of(codes, COARSE))


def brain_of(codes: Codes, voxel: float = 1.0) -> BoolArray:
    """Return brain tissue, closed over sulci and ventricles, with a thin rim of fluid around it.

    That is what methods of extraction leave, too. `codes` (x, y, z) are FreeSurfer's, on a grid of
    `voxel` mm.
    """
    from scipy import ndimage
    from scipy.stats import norm

    within = (codes > 0) & (codes < OUTSIDE)
    tissue = largest(within & ~np.isin(codes, (FLUID, *VESSELS)))
    reached = ndimage.distance_transform_edt(~tissue) <= SULCUS / voxel
    closed = ndimage.distance_transform_edt(reached) > SULCUS / voxel
    solid = ndimage.binary_fill_holes((closed & within) | tissue)
    smooth = ndimage.gaussian_filter(solid.astype(np.float32), SMOOTH)
    rim = within & (smooth > norm.sf(RIM / voxel / SMOOTH))
    return np.asarray((smooth > 0.5) | rim)


def _usual_way(volume: npt.NDArray[Any], affine: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
    """Return `volume` with axes from left to right, from back to front and upwards."""
    steps = affine[:3, :3]
    order = [int(np.argmax(np.abs(row))) for row in steps]
    ways = [slice(None, None, int(np.sign(steps[row, axis]))) for row, axis in enumerate(order)]
    return volume.transpose(order)[tuple(ways)]
