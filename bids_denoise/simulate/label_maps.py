"""Label maps seen by a scan grid: any pose and resolution, smooth borders, partial volume."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from bids_denoise.simulate.fields import smooth_field

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import FloatArray

    Labels = npt.NDArray[np.integer[Any]]
    Matrix = npt.NDArray[np.float64]

FINE = 0.9
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
        moved = (self.points - origin.reshape(3, 1, 1, 1).astype(np.float32)) / along
        return View(moved, self.matrix / step[:, np.newaxis])


def elastic(
    shape: tuple[int, int, int], stretch: float, width: float, rng: np.random.Generator
) -> FloatArray:
    """Return a smooth displacement in voxels, float32 (3, x, y, z).

    `width` is its smoothness in voxels, `stretch` the standard deviation of its slope.
    """
    size = np.float32(stretch * width)
    return np.stack([size * smooth_field(shape, width, rng) for _ in range(3)])


def look(anchor: tuple[Matrix, Matrix], matrix: Matrix, displacement: FloatArray) -> View:
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


def crop(labels: Labels, view: View) -> tuple[Labels, View]:
    """Return the part of `labels` that `view` sees with two voxels more, and the view of it."""
    flat = view.points.reshape(3, -1)
    reach = np.asarray(labels.shape) - 1
    low = np.clip(np.floor(flat.min(axis=1)) - MARGIN, 0, reach).astype(int)
    high = np.clip(np.ceil(flat.max(axis=1)) + MARGIN, 0, reach).astype(int) + 1
    part = labels[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    return part, view.to(low.astype(float), np.ones(3))


def smooth_borders(labels: Labels, view: View, step: int, width: float) -> tuple[Labels, View]:
    """Draw `labels` again on a grid as fine as the scan's, with smooth borders.

    Every point goes to the label with the most votes: the label's voxels, smoothed.

    Parameters
    ----------
    labels
        (x, y, z), not negative.
    view
        The scan grid.
    step
        Only each `step`-th voxel votes: large features stay, folds are lost.
    width
        Standard deviation of the smoothing in steps.

    Returns
    -------
    tuple
        The new label map and the view of it.
    """
    from scipy.ndimage import find_objects

    coarse = np.ascontiguousarray(labels[::step, ::step, ::step])
    spacing = np.minimum(FINE * view.spacing, step) / step
    lengths = np.floor((np.asarray(coarse.shape) - 1) / spacing).astype(int) + 1
    most = np.zeros(lengths, dtype=np.float32)
    drawn = np.zeros(lengths, dtype=labels.dtype)
    for code, box in enumerate(find_objects(coarse.astype(np.int32) + 1)):
        if box is not None:
            _vote(coarse, (code, box), (spacing, width), (most, drawn))
    return drawn, view.to(np.zeros(3), step * spacing)


def _vote(
    labels: Labels,
    candidate: tuple[int, tuple[slice, ...]],
    grid: tuple[Matrix, float],
    result: tuple[FloatArray, Labels],
) -> None:
    """Let the voxels of one label claim the points around them."""
    from scipy.ndimage import gaussian_filter

    (code, box), (spacing, width), (most, drawn) = candidate, grid, result
    reach = int(np.ceil(3 * width))
    near = tuple(
        slice(max(part.start - reach, 0), min(part.stop + reach, length))
        for part, length in zip(box, labels.shape, strict=True)
    )
    own = (labels[near] == code).astype(np.float32)
    votes = gaussian_filter(own, width, mode="nearest", truncate=3)
    begin = [int(np.ceil(part.start / s)) for part, s in zip(near, spacing, strict=True)]
    end = [int((part.stop - 1) / s) + 1 for part, s in zip(near, spacing, strict=True)]
    for axis in range(3):
        where = np.arange(begin[axis], end[axis]) * spacing[axis] - near[axis].start
        votes = _interpolate(votes, axis, where)
    fine = tuple(slice(a, b) for a, b in zip(begin, end, strict=True))
    wins = votes > most[fine]
    np.copyto(most[fine], votes, where=wins)
    np.copyto(drawn[fine], labels.dtype.type(code), where=wins)


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


def partial_volume(labels: Labels, values: FloatArray, view: View) -> FloatArray:
    """Return the mean of `values` over what each scan voxel covers.

    Parameters
    ----------
    labels
        (x, y, z). Beyond it lies label 0.
    values
        (value, label): one or more values of each label.
    view
        The scan grid. Each voxel is the mean over 2 x 2 x 2 points in it, and where it covers
        several labels between these, over them.

    Returns
    -------
    numpy.ndarray
        float32 (value, x, y, z).
    """
    block = np.maximum(np.rint(view.spacing / 2), 1).astype(int)
    maps = [_block_mean(value[labels], block, value[0]) for value in values]
    seen = view.to((block - 1) / 2 - MARGIN * block, block.astype(float))
    points = _inside(seen.points, maps[0].shape)
    total = np.zeros((len(values), *points.shape[1:]), dtype=np.float32)
    for place in product((-0.25, 0.25), repeat=3):
        index = _nearest(points, seen.matrix @ place, maps[0].shape)
        for number, each in enumerate(maps):
            total[number] += each.take(index)
    total /= 8
    return total


def centre_labels(labels: Labels, view: View) -> Labels:
    """Return the label at the centre of each scan voxel, (x, y, z); label 0 beyond the map."""
    padded = np.pad(labels, MARGIN)
    points = _inside(view.points + np.float32(MARGIN), padded.shape)
    return np.asarray(padded.take(_nearest(points, np.zeros(3), padded.shape)))


def _block_mean(volume: FloatArray, block: npt.NDArray[Any], beyond: float) -> FloatArray:
    """Average blocks of voxels, the last incomplete ones dropped, and frame with `beyond`."""
    for axis, size in enumerate(block.tolist()):
        if size > 1:
            missing = [(0, 0)] * 3
            missing[axis] = (0, -volume.shape[axis] % size)
            full = np.pad(volume, missing, constant_values=beyond)
            split = (*full.shape[:axis], -1, size, *full.shape[axis + 1 :])
            volume = full.reshape(split).mean(axis=axis + 1)
    return np.pad(volume, MARGIN, constant_values=beyond)


def _inside(points: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Move points beyond a framed map onto its frame."""
    low = np.float32(MARGIN - 1)
    return np.stack(
        [
            np.clip(line, low, np.float32(length - MARGIN))
            for line, length in zip(points, shape, strict=True)
        ]
    )


def _nearest(points: FloatArray, offset: Matrix, shape: tuple[int, ...]) -> npt.NDArray[np.intp]:
    """Return the flat index of the voxel nearest to each point, moved by `offset`."""
    index = np.zeros(points.shape[1:], dtype=np.intp)
    for line, moved, length in zip(points, offset, shape, strict=True):
        index *= length
        index += (line + np.float32(moved + 0.5)).astype(np.int32)
    return index
