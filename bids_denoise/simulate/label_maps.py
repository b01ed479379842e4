"""Label maps seen by a scan grid: any pose and resolution, smooth borders, partial volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from bids_denoise.simulate.fields import smooth_field

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import BoolArray, FloatArray

    Box = tuple[slice, ...]

    Labels = npt.NDArray[np.integer[Any]]
    Matrix = npt.NDArray[np.float64]

Kind = TypeVar("Kind", bound=np.generic)

FINE = 0.9
"""How far apart points with smooth borders are drawn, in scan voxels."""

BLOCK = 1.6
"""From how many label voxels a side on a scan voxel averages blocks of them."""

TETRAHEDRON = np.array([(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)]) / 4
REACH = 2
SLAB = 4
MARGIN = 2


@dataclass(frozen=True)
class View:
    """Where a scan grid looks at a label map.

    `points` (3, x, y, z) are the voxel centres in voxels of the label map, `matrix` (3, 3) is
    the step between them before the elastic deformation.
    """

    points: FloatArray
    matrix: Matrix

    @property
    def spacing(self) -> Matrix:
        """Return how many label voxels a scan voxel spans along each axis of the label map."""
        return np.asarray(np.linalg.norm(self.matrix, axis=1))

    def to(self, origin: Matrix, step: Matrix) -> View:
        """Return the same view in voxels that lie `step` apart and begin at `origin`."""
        along = step.reshape(3, 1, 1, 1).astype(np.float32)
        moved = self.points - origin.reshape(3, 1, 1, 1).astype(np.float32)
        moved /= along
        return View(moved, self.matrix / step[:, np.newaxis])


def elastic(
    shape: tuple[int, int, int], stretch: float, width: float, rng: np.random.Generator
) -> FloatArray:
    """Return a smooth displacement in voxels, float32 (3, x, y, z).

    `width` is its smoothness in voxels, `stretch` the standard deviation of its slope.
    """
    size = np.float32(stretch * width)
    return np.stack([size * smooth_field(shape, width, rng) for _ in range(3)])


def scan_view(anchor: tuple[Matrix, Matrix], matrix: Matrix, displacement: FloatArray) -> View:
    """Place a scan grid so that its voxel `anchor[0]` lies at `anchor[1]` of the label map.

    `displacement` (3, x, y, z), in scan voxels, gives the grid its shape.
    """
    index = np.ogrid[tuple(slice(length) for length in displacement.shape[1:])]
    own = [
        (line - start).astype(np.float32) + moved
        for line, start, moved in zip(index, anchor[0], displacement, strict=True)
    ]
    weights = matrix.astype(np.float32)
    points = [
        weights[axis, 0] * own[0]
        + weights[axis, 1] * own[1]
        + weights[axis, 2] * own[2]
        + np.float32(anchor[1][axis])
        for axis in range(3)
    ]
    return View(np.stack(points), matrix)


def crop(volume: npt.NDArray[Kind], view: View) -> tuple[npt.NDArray[Kind], View]:
    """Return the part of a volume that `view` sees with two voxels more, and the view of it."""
    flat = view.points.reshape(3, -1)
    reach = np.asarray(volume.shape) - 1
    low = np.clip(np.floor(flat.min(axis=1)) - MARGIN, 0, reach).astype(int)
    high = np.clip(np.ceil(flat.max(axis=1)) + MARGIN, 0, reach).astype(int) + 1
    part = volume[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    return part, view.to(low.astype(float), np.ones(3))


def smooth_borders(
    labels: Labels, values: FloatArray, view: View, step: int, width: float
) -> tuple[Labels, FloatArray, View]:
    """Draw `labels` again on a grid finer than the scan's, with smooth borders.

    Every point goes to the label with the most votes: the label's voxels, smoothed.

    Parameters
    ----------
    labels
        (x, y, z), not negative.
    values
        The value of each label.
    view
        The scan grid.
    step
        Only each `step`-th voxel votes: large features stay, folds are lost.
    width
        Standard deviation of the smoothing in steps.

    Returns
    -------
    tuple
        The new labels, their values mixed over about a point at the borders, and their view.
    """
    from scipy.ndimage import find_objects

    coarse = np.ascontiguousarray(labels[::step, ::step, ::step])
    most = np.clip(view.spacing / BLOCK, step, BLOCK * step)
    spacing = np.minimum(FINE * view.spacing, most) / step
    lengths = np.floor((np.asarray(coarse.shape) - 1) / spacing).astype(int) + 1
    canvas = Canvas(np.zeros(lengths, labels.dtype), spacing, width)
    for code, box in enumerate(find_objects(coarse.astype(np.int32) + 1)):
        if box is not None:
            near = _around(box, int(np.ceil(REACH * width)), coarse.shape)
            canvas.claim(code, values[code], (coarse[near] == code, near))
    return canvas.labels, canvas.values, view.to(np.zeros(3), step * spacing)


class Canvas:
    """Labels and their values that are being drawn, `spacing` steps between the points."""

    def __init__(self, labels: Labels, spacing: Matrix, width: float) -> None:
        self.labels = labels
        self.values = np.zeros(labels.shape, dtype=np.float32)
        self.spacing, self.width = spacing, width
        # Whoever comes first gets everything.
        self._most = np.full(labels.shape, -1, dtype=np.float32)
        # Across a border votes differ by 0.8 per standard deviation.
        self._slope = np.float32(width / spacing.mean() / 0.8)

    def claim(self, code: int, value: float, voters: tuple[BoolArray, Box]) -> None:
        """Give the points around the `voters` to a label, as far as it has the most votes."""
        from scipy.ndimage import gaussian_filter

        inside, near = voters
        votes = gaussian_filter(
            inside.astype(np.float32), self.width, mode="nearest", truncate=REACH
        )
        points, fine = self._points(near)
        votes = _interpolate(_interpolate(votes, 2, points[2]), 1, points[1])
        for start in range(0, len(points[0]), SLAB):
            slab = _interpolate(votes, 0, points[0][start : start + SLAB])
            first = fine[0].start + start
            self._mix(code, value, slab, (slice(first, first + len(slab)), *fine[1:]))

    def _points(self, near: Box) -> tuple[list[Matrix], Box]:
        """Return where the points in a box lie in it, in steps, and which points they are."""
        spans = list(zip(near, self.spacing.tolist(), strict=True))
        fine = tuple(
            slice(int(np.ceil(part.start / s)), int((part.stop - 1) / s) + 1) for part, s in spans
        )
        points = [
            np.arange(drawn.start, drawn.stop) * s - part.start
            for drawn, (part, s) in zip(fine, spans, strict=True)
        ]
        return points, fine

    def _mix(self, code: int, value: float, votes: FloatArray, fine: Box) -> None:
        """Draw a label where its votes lead; where they are about even, values are mixed."""
        most, values = self._most[fine], self.values[fine]
        lead = votes - most
        np.copyto(self.labels[fine], self.labels.dtype.type(code), where=lead > 0)
        np.maximum(most, votes, out=most)
        lead *= self._slope
        lead += np.float32(0.5)
        np.clip(lead, 0, 1, out=lead)
        lead *= np.float32(value) - values
        values += lead


def _around(box: Box, reach: int, shape: tuple[int, ...]) -> Box:
    """Return `box` with `reach` voxels more on each side, as far as there are any."""
    return tuple(
        slice(max(part.start - reach, 0), min(part.stop + reach, length))
        for part, length in zip(box, shape, strict=True)
    )


def _interpolate(volume: FloatArray, axis: int, where: Matrix) -> FloatArray:
    """Interpolate linearly at positions `where` in [0, length - 1] along one axis."""
    last = volume.shape[axis] - 1
    low = np.minimum(where.astype(int), max(last - 1, 0))
    along = [1] * volume.ndim
    along[axis] = len(where)
    weight = (where - low).astype(np.float32).reshape(along)
    first = volume.take(low, axis)
    rise = volume.take(np.minimum(low + 1, last), axis) - first
    rise *= weight
    rise += first
    return np.asarray(rise)


def partial_volume(values: FloatArray, view: View, beyond: float) -> FloatArray:
    """Return `values` (x, y, z), `beyond` outside of them, as averaged by the scan's voxels.

    Where a scan voxel is much larger than the voxels of `values`, these are averaged in blocks
    first. Between the blocks the values are linear; a scan voxel that is still larger is the
    mean over four points in it, else the value at its centre.

    Returns
    -------
    numpy.ndarray
        float32, the shape of the scan.
    """
    from scipy.ndimage import map_coordinates

    block = (view.spacing / (BLOCK + 0.01)).astype(int) + 1
    volume = _block_mean(values, block, beyond)
    seen = view.to((block - 1) / 2, block.astype(float))
    large = np.median(seen.spacing) > 1 / FINE + 0.01
    places = TETRAHEDRON if large else np.zeros((1, 3))
    total = np.zeros(seen.points.shape[1:], dtype=np.float32)
    for place in places @ seen.matrix.T:
        moved = seen.points + place.reshape(3, 1, 1, 1).astype(np.float32)
        total += map_coordinates(volume, moved, order=1, mode="constant", cval=beyond)
    total /= len(places)
    return total


def centre_labels(labels: Labels, view: View) -> Labels:
    """Return the label at the centre of each scan voxel, (x, y, z); label 0 beyond the map."""
    from scipy.ndimage import map_coordinates

    return np.asarray(map_coordinates(labels, view.points, order=0, mode="constant"))


def _block_mean(volume: FloatArray, block: npt.NDArray[np.intp], beyond: float) -> FloatArray:
    """Average blocks of voxels, the last ones filled up with `beyond`."""
    for axis, size in enumerate(block.tolist()):
        missing = [(0, 0)] * 3
        missing[axis] = (0, -volume.shape[axis] % size)
        full = np.moveaxis(np.pad(volume, missing, constant_values=beyond), axis, 0)
        total = sum((full[start::size] for start in range(1, size)), start=full[::size])
        volume = np.moveaxis(total / np.float32(size), 0, axis) if size > 1 else volume
    return np.ascontiguousarray(volume)
