"""Where the brain is, by thresholds and morphology: for where the network has no answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.anatomy.brain_network import largest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bids_denoise.values import BoolArray, FloatArray

LEVELS = 8
"""Thresholds that are tried, evenly over the signal of the head, from below and from above."""

RADII = (0.0, 0.03, 0.06)
"""How far what hangs together by thin bridges is taken apart, over the size of the head."""

SMOOTHINGS = 4
SHARE = (0.08, 0.75)
"""Of the head that a brain fills."""


def brain_by_morphology(volume: FloatArray, head: BoolArray) -> BoolArray | None:
    """Return the brain as the largest compact region of like signal in the middle of the head.

    The skull, dark in nearly every contrast, or the fluid, parts the brain from the scalp:
    regions above or below each of several thresholds are eroded until thin bridges break, and
    the largest part is grown back. Of all these the one is taken that fills its own hull best
    and lies deepest in the head. Its border is then smoothed by curvature (a median filter,
    repeated: Guichard & Morel 1995).

    Parameters
    ----------
    volume
        float32 (x, y, z), isotropic voxels, about sixty along an axis: it is slow.
    head
        bool (x, y, z).

    Returns
    -------
    numpy.ndarray or None
        bool (x, y, z); None where no region is like a brain.
    """
    from scipy import ndimage

    depth = ndimage.distance_transform_edt(np.pad(head, 1))[1:-1, 1:-1, 1:-1]
    found = max(
        (
            (_likeness(each, head, depth), -number, each)
            for number, each in enumerate(_regions(ndimage.gaussian_filter(volume, 0.7), head))
        ),
        key=lambda one: one[:2],
        default=None,
    )
    if found is None or found[0] <= 0:
        return None
    brain = found[2]
    for _ in range(SMOOTHINGS):
        brain = ndimage.median_filter(brain, 5)
    return np.asarray(ndimage.binary_fill_holes(largest(brain & head)))


def _regions(volume: FloatArray, head: BoolArray) -> Iterator[BoolArray]:
    from scipy import ndimage

    size = float(np.cbrt(np.count_nonzero(head)))
    levels = np.percentile(volume[head], np.linspace(5, 75, LEVELS))
    for level in levels:
        for tissue in (head & (volume > level), head & (volume < level)):
            inner = ndimage.distance_transform_edt(tissue)
            for radius in (size * share for share in RADII):
                core = largest(inner > radius)
                if not core.any():
                    break
                grown = ndimage.distance_transform_edt(~core) <= radius
                gaps = max(0.03 * size, 1.0)
                near = ndimage.distance_transform_edt(~(grown & tissue)) <= gaps
                yield np.asarray(ndimage.distance_transform_edt(near) > gaps)


def _likeness(region: BoolArray, head: BoolArray, depth: FloatArray) -> float:
    """Return how much a region is like a brain, 0 for not at all."""
    from scipy import ndimage

    share = np.count_nonzero(region & head) / np.count_nonzero(head)
    if not SHARE[0] <= share <= SHARE[1]:
        return 0.0
    solid = ndimage.binary_fill_holes(region)
    border = solid & ~ndimage.binary_erosion(solid)
    # A ball has the least surface; what is also skin lies at the surface of the head.
    volume, surface = float(np.count_nonzero(solid)), float(np.count_nonzero(border))
    compact = np.pi ** (1 / 3) * (6 * volume) ** (2 / 3) / surface
    skin = float((depth[border] < 2).mean())
    return float(min(compact, 1.2) * (1 - skin) ** 2 * share**0.25)
