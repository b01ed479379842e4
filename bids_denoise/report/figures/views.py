"""Where to cut an image for display: three planes through the head, and a detail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.orientation import orientation, turned

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import BoolArray, FloatArray

    Affine = npt.NDArray[np.float64]

MARGIN = 0.04
"""Air to show around the head, as a share of its size."""

STRONG_STEP = 80
"""Percentile of the differences between voxels above which all edges count alike."""

BRAIN = 0.8
"""Radius of the ellipsoid around the brain, in that of the head's box."""

DETAIL = 0.3
"""Edge of the detail, as a share of the head's shorter side in the axial plane."""


@dataclass(frozen=True)
class Cut:
    """One plane of an image, ready to be shown with the origin at the lower left.

    Attributes
    ----------
    name
        ``sagittal``, ``coronal``, ``axial`` or ``detail``.
    pixels
        (horizontal, vertical) voxels.
    size
        Width and height in mm.
    left, right
        Letters of the anatomical directions at either side; empty in a detail.
    """

    name: str
    pixels: FloatArray
    size: tuple[float, float]
    left: str
    right: str


@dataclass(frozen=True)
class Views:
    """How to turn and cut every image on one grid, so that figures can be laid over each other.

    Attributes
    ----------
    order, flips
        Which voxel axis runs along right, anterior, superior, and whether it runs backwards.
    spacing
        Voxel size in mm along right, anterior, superior.
    box
        First and last voxel shown along each turned axis, the last not included.
    centre
        Voxel that the planes go through.
    detail
        Corners of the detail in the axial plane: right and anterior, first and last.
    """

    order: tuple[int, int, int]
    flips: tuple[bool, bool, bool]
    spacing: tuple[float, float, float]
    box: tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
    centre: tuple[int, int, int]
    detail: tuple[tuple[int, int], tuple[int, int]]

    def turned(self, data: FloatArray) -> FloatArray:
        """Return data (x, y, z) with axes right, anterior, superior; a view, never resampled."""
        return turned(data, self.order, self.flips)

    def cuts(self, data: FloatArray) -> tuple[Cut, ...]:
        """Return the sagittal, coronal and axial plane of (x, y, z), and the detail."""
        turned = self.turned(data)
        (x0, x1), (y0, y1), (z0, z1) = self.box
        right, front, up = self.centre
        dx, dy, dz = self.spacing
        (a0, a1), (b0, b1) = self.detail
        sagittal = turned[right, y0:y1, z0:z1]
        coronal = turned[x0:x1, front, z0:z1]
        detail = turned[a0:a1, b0:b1, up]
        return (
            Cut("sagittal", sagittal, ((y1 - y0) * dy, (z1 - z0) * dz), "P", "A"),
            Cut("coronal", coronal, ((x1 - x0) * dx, (z1 - z0) * dz), "L", "R"),
            Cut("axial", turned[x0:x1, y0:y1, up], ((x1 - x0) * dx, (y1 - y0) * dy), "L", "R"),
            Cut("detail", detail, ((a1 - a0) * dx, (b1 - b0) * dy), "", ""),
        )


def views_of(volume: FloatArray, head: BoolArray, affine: Affine) -> Views:
    """Return the planes through the middle of the head, and the detail with most edges.

    Parameters
    ----------
    volume
        float32 (x, y, z); of the denoised image, so that noise is not taken for edges.
    head
        bool (x, y, z).
    affine
        (4, 4) voxel indices to RAS mm. Each voxel axis counts as the world axis it is nearest to.
    """
    order, flips = orientation(affine)
    lengths = np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
    right, anterior, superior = (float(lengths[axis]) or 1.0 for axis in order)
    spacing = (right, anterior, superior)
    empty = Views(order, flips, spacing, ((0, 0),) * 3, (0, 0, 0), ((0, 0),) * 2)
    shown = empty.turned(head if head.any() else np.ones_like(head))  # type: ignore[arg-type]
    box, centre = _box_and_centre(shown)
    axial = empty.turned(volume)[:, :, centre[2]]
    detail = _busiest(axial, box[:2], spacing, centre)
    return Views(order, flips, spacing, box, centre, detail)


def _box_and_centre(
    head: FloatArray,
) -> tuple[tuple[tuple[int, int], tuple[int, int], tuple[int, int]], tuple[int, int, int]]:
    bounds, centre = [], []
    for axis in range(3):
        others = tuple(each for each in range(3) if each != axis)
        weight = head.sum(axis=others, dtype=np.float64)
        inside = np.flatnonzero(weight)
        margin = int(np.ceil(MARGIN * len(inside)))
        first, last = int(inside[0]) - margin, int(inside[-1]) + margin + 1
        bounds.append((max(first, 0), min(last, head.shape[axis])))
        centre.append(int(np.average(np.arange(len(weight)), weights=weight)))
    return (bounds[0], bounds[1], bounds[2]), (centre[0], centre[1], centre[2])


def _busiest(
    axial: FloatArray,
    box: tuple[tuple[int, int], ...],
    spacing: tuple[float, float, float],
    centre: tuple[int, int, int],
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the square with the most edges among those near the middle of the head."""
    lengths = [last - first for first, last in box]
    edge = DETAIL * min(length * size for length, size in zip(lengths, spacing, strict=False))
    sides = [max(1, min(n, round(edge / size))) for n, size in zip(lengths, spacing, strict=False)]
    total = np.zeros((axial.shape[0] + 1, axial.shape[1] + 1))
    total[1:, 1:] = np.cumsum(np.cumsum(_steps(axial), axis=0), axis=1)
    best, at = -1.0, (box[0][0], box[1][0])
    for x in _starts(box[0], sides[0], centre[0]):
        for y in _starts(box[1], sides[1], centre[1]):
            right, top = x + sides[0], y + sides[1]
            edges = total[right, top] - total[x, top] - total[right, y] + total[x, y]
            if edges > best:
                best, at = edges, (x, y)
    return (at[0], at[0] + sides[0]), (at[1], at[1] + sides[1])


def _steps(axial: FloatArray) -> npt.NDArray[np.float64]:
    """Return the local differences, the largest cut down so that a few do not decide."""
    steps = np.zeros(axial.shape)
    steps[1:] += np.abs(np.diff(axial, axis=0))
    steps[:, 1:] += np.abs(np.diff(axial, axis=1))
    return np.minimum(steps, np.percentile(steps, STRONG_STEP))


def _starts(bounds: tuple[int, int], side: int, centre: int) -> range:
    """Return where a square may begin, so that its middle is in the middle half of the head."""
    quarter = (bounds[1] - bounds[0]) // 4
    first = max(bounds[0], centre - quarter - side // 2)
    last = min(bounds[1] - side, centre + quarter - side // 2)
    return range(min(first, last), max(first, last) + 1)


def middle_of(head: BoolArray) -> BoolArray:
    """Return the head without its rim: an ellipsoid in its box, where the brain is.

    Examples
    --------
    >>> int(middle_of(np.ones((4, 4, 4), bool)).sum())
    8
    """
    distance = np.zeros(head.shape)
    for axis in range(3):
        others = tuple(each for each in range(3) if each != axis)
        inside = np.flatnonzero(head.any(axis=others))
        if not len(inside):
            return head
        middle, half = (inside[0] + inside[-1]) / 2, (inside[-1] - inside[0] + 1) / 2
        line = ((np.arange(head.shape[axis]) - middle) / half) ** 2
        distance += line.reshape([-1 if each == axis else 1 for each in range(3)])
    return np.asarray(head & (distance < BRAIN**2))
