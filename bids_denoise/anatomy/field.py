"""The smooth multiplicative field of the coils: a few cosines, fitted to its logarithm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import BoolArray, FloatArray

    Precise = npt.NDArray[np.float64]

MOST_COSINES = 6
"""Along the longest side, the constant among them: the shortest wave is half of that side."""

MARGIN = 0.15
"""How far the cosines go on beyond either end, relative to the side: there they are flat."""

STIFFNESS = 1e-5
"""What bending costs, relative to the weight of all voxels."""

BLOCKS = 48
"""Voxels are added up in blocks, about that many along an axis."""

TINY = 1e-9


class Field:
    """A field over a volume of `shape` with voxels of `voxel` mm; 1 everywhere at first.

    Least squares in blocks: O(voxels + blocks x cosines^2) for each `fit`.
    """

    def __init__(self, shape: tuple[int, ...], voxel: Precise) -> None:
        self.shape = shape
        sides = np.asarray(shape) * voxel
        share = sides / sides.max()
        counts = np.clip(np.round(MOST_COSINES * share), 2, np.maximum(np.array(shape) // 4, 1))
        self._sizes = [max(1, round(length / BLOCKS)) for length in shape]
        self._counts = [int(count) for count in counts]
        self._coefficients = np.zeros(self._counts)
        waves = np.meshgrid(
            *(np.arange(n) / part for n, part in zip(self._counts, share, strict=True)),
            indexing="ij",
        )
        self._bending = np.square(sum(np.square(wave) for wave in waves)).ravel()

    def fit(self, weight: FloatArray, pull: FloatArray) -> None:
        """Move the logarithm of the field by one step of penalised least squares.

        Parameters
        ----------
        weight
            float32 (x, y, z), 0 outside the brain: the squared slope of the prediction with the
            logarithm of the field, over the variance.
        pull
            (x, y, z): the residual times that slope, over the variance.
        """
        weights, pulls = self._in_blocks(weight), self._in_blocks(pull)
        at = np.nonzero(weights)
        total = weights[at].sum()
        centres = [
            np.minimum(size * index + (size - 1) / 2, length - 1)
            for size, index, length in zip(self._sizes, at, self.shape, strict=True)
        ]
        x, y, z = (self._cosines(axis, place) for axis, place in enumerate(centres))
        waves = np.einsum("an,bn,cn->nabc", x, y, z, optimize=True).reshape(len(at[0]), -1)
        stiff = STIFFNESS * total * self._bending
        curvature = (waves * weights[at][:, np.newaxis]).T @ waves
        curvature[np.diag_indices_from(curvature)] += stiff + TINY * total
        slope = waves.T @ pulls[at] - stiff * self._coefficients.ravel()
        step = np.linalg.solve(curvature, slope)
        self._coefficients = self._coefficients + step.reshape(self._coefficients.shape)

    def values(self, inside: BoolArray) -> FloatArray:
        """Return the field, float32 (x, y, z), mean 1 `inside` and nowhere beyond its range."""
        x, y, z = (self._cosines(axis, np.arange(n)) for axis, n in enumerate(self.shape))
        field = np.einsum("abc,ax->bcx", self._coefficients, x)
        field = np.einsum("bcx,by->cxy", field, y)
        field = np.exp(np.einsum("cxy,cz->xyz", field, z))
        within = field[inside]
        mean = float(within.mean())
        self._coefficients[0, 0, 0] -= np.log(mean)
        np.clip(field, within.min(), within.max(), out=field)
        return np.asarray(field / mean, dtype=np.float32)

    def _cosines(self, axis: int, place: npt.NDArray[np.int64] | Precise) -> Precise:
        length = (1 + 2 * MARGIN) * self.shape[axis]
        phase = np.pi * (place + 0.5 + MARGIN * self.shape[axis]) / length
        return np.cos(np.arange(self._counts[axis])[:, np.newaxis] * phase)

    def _in_blocks(self, values: FloatArray) -> Precise:
        total = np.asarray(values, dtype=np.float64)
        for axis, size in enumerate(self._sizes):
            total = np.add.reduceat(total, np.arange(0, total.shape[axis], size), axis=axis)
        return total
