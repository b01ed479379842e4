"""The smooth multiplicative field of the coils: a few cosines, fitted to its logarithm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

BLOCKS = 20
"""Voxels are added up in blocks, about that many along an axis."""

TINY = 1e-9


class Field:
    """The field of a brain, that is fitted on a lattice in it; 1 everywhere at first.

    Least squares in blocks: O(voxels + blocks x cosines^2) for each `fit`.

    Parameters
    ----------
    inside
        bool (x, y, z): the brain.
    voxel
        (3,) in mm.
    steps
        (3,): the lattice is each so-manieth voxel along each axis, from the first on.
    """

    def __init__(self, inside: BoolArray, voxel: Precise, steps: tuple[int, ...]) -> None:
        shape = inside.shape
        sides = np.asarray(shape) * voxel
        share = sides / sides.max()
        counts = np.clip(np.round(MOST_COSINES * share), 2, np.maximum(np.array(shape) // 4, 1))
        places = [np.arange(0, length, step) for length, step in zip(shape, steps, strict=True)]
        self._inside, self._on_lattice = inside, inside[tuple(slice(None, None, s) for s in steps)]
        self._sizes = [max(1, round(len(place) / BLOCKS)) for place in places]
        self._lattice, self._everywhere = (
            [
                _cosines(int(count), place, length)
                for count, place, length in zip(counts, some, shape, strict=True)
            ]
            for some in (places, [np.arange(length) for length in shape])
        )
        self._coefficients = np.zeros([int(count) for count in counts])
        waves = np.meshgrid(
            *(np.arange(count) / part for count, part in zip(counts, share, strict=True)),
            indexing="ij",
        )
        self._bending = np.square(sum(np.square(wave) for wave in waves)).ravel()
        self._blocks = np.nonzero(_in_blocks(self._on_lattice, self._sizes))
        self._waves = self._waves_of(self._blocks)

    def fit(self, weight: FloatArray, pull: FloatArray) -> None:
        """Move the logarithm of the field by one step of penalised least squares.

        Parameters
        ----------
        weight
            float32 (x, y, z) on the lattice, 0 outside the brain: the squared slope of what is
            predicted with the logarithm of the field.
        pull
            The residual times that slope.
        """
        weights, pulls = (_in_blocks(each, self._sizes)[self._blocks] for each in (weight, pull))
        total = weights.sum()
        stiff = STIFFNESS * total * self._bending
        curvature = (self._waves * weights[:, np.newaxis]).T @ self._waves
        curvature[np.diag_indices_from(curvature)] += stiff + TINY * total
        slope = self._waves.T @ pulls - stiff * self._coefficients.ravel()
        step = np.linalg.solve(curvature, slope)
        self._coefficients = self._coefficients + step.reshape(self._coefficients.shape)

    def on_lattice(self) -> FloatArray:
        """Return the field on the lattice, as `everywhere` does."""
        return self._values(self._lattice, self._on_lattice)

    def everywhere(self) -> FloatArray:
        """Return the field, float32 (x, y, z), mean 1 in the brain, beyond it in that range."""
        return self._values(self._everywhere, self._inside)

    def _waves_of(self, blocks: tuple[npt.NDArray[np.intp], ...]) -> Precise:
        """Return the products of the cosines (block, cosines) in the middle of the blocks."""
        x, y, z = (
            wave[:, np.minimum(size * index + size // 2, wave.shape[1] - 1)]
            for size, index, wave in zip(self._sizes, blocks, self._lattice, strict=True)
        )
        waves = np.einsum("an,bn,cn->nabc", x, y, z, optimize=True)
        return np.asarray(waves.reshape(len(blocks[0]), -1))

    def _values(self, waves: list[Precise], inside: BoolArray) -> FloatArray:
        x, y, z = (wave.astype(np.float32) for wave in waves)
        field = np.tensordot(self._coefficients.astype(np.float32), x, axes=(0, 0))
        field = np.tensordot(field, y, axes=(0, 0))
        field = np.tensordot(field, z, axes=(0, 0))
        np.exp(field, out=field)
        within = field[inside]
        np.clip(field, within.min(), within.max(), out=field)
        field /= np.float32(within.mean(dtype=np.float64))
        return field


def _cosines(count: int, place: npt.NDArray[np.int64], length: int) -> Precise:
    """Return the cosines (count, place) that are flat `MARGIN` beyond both ends."""
    phase = np.pi * (place + 0.5 + MARGIN * length) / ((1 + 2 * MARGIN) * length)
    return np.cos(np.arange(count)[:, np.newaxis] * phase)


def _in_blocks(values: npt.NDArray[Any], sizes: list[int]) -> Precise:
    total = np.asarray(values, dtype=np.float64)
    for axis, size in enumerate(sizes):
        total = np.add.reduceat(total, np.arange(0, total.shape[axis], size), axis=axis)
    return total
