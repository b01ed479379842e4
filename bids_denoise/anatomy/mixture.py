"""One brain while its tissue classes, its field and what its neighbours tell are estimated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.anatomy.classes import (
    MIXTURES,
    SWAPPED,
    depth_of,
    looks_like_t2w,
    means_of_histogram,
    means_of_prior,
)
from bids_denoise.anatomy.field import Field
from bids_denoise.anatomy.surroundings import (
    constant_weights,
    learnt_weights,
    log_prior,
    neighbour_weights,
    ring,
)
from bids_denoise.kernels import tissue_cpu
from bids_denoise.kernels.tissue_reference import (
    TISSUES,
    Model,
    Voxels,
    features,
    log_likelihood,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import BoolArray, FloatArray

    Precise = npt.NDArray[np.float64]

THINNED = 100_000
"""About that many voxels, evenly spaced, say what the classes and the field are at first."""

SAMPLED = 30_000
"""Voxels that the Markov random field is learnt from."""

FIRST_ROUNDS, ROUNDS = 20, 10

STILL = 0.002
"""Mean change of the fractions in the brain below which nothing more is gained."""

LEAST_DEVIATION = 1e-3
"""Of noise, relative to the distance of the darkest tissue from the brightest."""
MIDDLE = (slice(1, -1), slice(1, -1), slice(1, -1))


class Mixture:
    """The estimate, in steps: `start`, perhaps `swap`, then `refine`.

    Parameters
    ----------
    data
        float32 (x, y, z), of values about 1.
    inside
        bool (x, y, z): the brain, outside along all borders.
    voxel
        (3,) in mm.

    Attributes
    ----------
    fractions
        float32 (x, y, z, 3): of the tissues.
    field
        float32 (x, y, z).
    means, variance
        Of the tissues, and of the noise around each.
    iterations
        So far.
    """

    def __init__(self, data: FloatArray, inside: BoolArray, voxel: Precise) -> None:
        self.fractions = np.zeros((*data.shape, TISSUES), dtype=np.float32)
        self.field = np.ones_like(data)
        self.means, self.variance = np.ones(TISSUES), 1.0
        self.iterations = 0
        self._data, self._inside, self._voxel = data, inside, voxel
        self._context = np.zeros_like(self.fractions)
        steps = _steps(inside)
        self._lattice = tuple(slice(None, None, step) for step in steps)
        self._smooth = Field(inside, voxel, steps)
        self._shares = np.where(MIXTURES.max(axis=1) == 1, 1 / 4, 1 / 16)

    def start(self, prior: FloatArray | None) -> None:
        """Find classes and field from evenly spaced voxels, without their neighbours.

        Parameters
        ----------
        prior
            float32 (3, x, y, z), or None: the classes are then those of middle, high and low
            intensity.
        """
        data, inside = np.pad(self._data[self._lattice], 1), np.pad(self._inside[self._lattice], 1)
        if prior is None:
            found = means_of_histogram(data[inside])
        else:
            some = self._inside[self._lattice]
            found = means_of_prior(data[inside], prior[:, *self._lattice][:, some].T)
            self._context = np.concatenate([self._context, log_prior(prior, self._voxel)], axis=-1)
        self.means, self.variance = found
        context = np.pad(self._context[self._lattice], (*3 * [(1, 1)], (0, 0)))
        voxels = Voxels(data, np.ones_like(data), inside, context)
        alone = np.zeros((*data.shape, TISSUES), dtype=np.float32)
        for turn in range(FIRST_ROUNDS):
            fractions = self._turn(voxels, self._first_weights(), alone)[MIDDLE]
            if turn > 0:
                self._fit_field(data[MIDDLE], voxels.field[MIDDLE], fractions)
                voxels.field[MIDDLE] = self._smooth.on_lattice()
        self.fractions[self._lattice] = fractions

    def is_t2w(self) -> bool:
        """Tell whether fluid is bright, after a `start` without prior."""
        thin = self.fractions.sum(axis=-1) > 0
        depth = depth_of(self._inside, self._voxel)
        return looks_like_t2w(self.means, self.fractions[thin], depth[thin])

    def swap(self) -> None:
        """Exchange white matter and CSF."""
        self.means, self._shares = self.means[[0, 2, 1]], self._shares[SWAPPED]

    def refine(self) -> None:
        """Estimate everything from all voxels and their neighbours."""
        weights = self._first_weights()
        self.field = self._smooth.everywhere()
        voxels = Voxels(self._data, self.field, self._inside, self._context)
        self.fractions = self._turn(voxels, weights, np.zeros_like(self.fractions))
        sample, data = _sample(self._inside), self._data[self._lattice]
        for _ in range(ROUNDS):
            before = self.fractions
            ring(before, self._inside, self._voxel, out=self._context)
            voxels, model = voxels._replace(field=self.field), self._model(weights)
            seen = features(voxels, before, model.near, sample)
            weights = learnt_weights(weights, seen, log_likelihood(voxels, model, sample))
            self.fractions = self._turn(voxels, weights, before)
            self._fit_field(data, self.field[self._lattice], self.fractions[self._lattice])
            self.field = self._smooth.everywhere()
            change = np.abs(self.fractions - before).sum() / np.count_nonzero(self._inside)
            if change < STILL:
                break

    def _turn(self, voxels: Voxels, weights: FloatArray, before: FloatArray) -> FloatArray:
        """Do one iteration of expectation maximisation and return the fractions."""
        fractions, sums = tissue_cpu.expect(voxels, self._model(weights), before)
        self._shares = (sums[:, 0] + 1) / (sums[:, 0] + 1).sum()
        energy = np.square(voxels.data[voxels.inside], dtype=np.float64).sum()
        self._maximise(sums, float(energy))
        self.iterations += 1
        return fractions

    def _fit_field(self, data: FloatArray, field: FloatArray, fractions: FloatArray) -> None:
        """Estimate the field on the lattice anew from what the fractions predict there."""
        predicted = field * (fractions @ self.means.astype(np.float32))
        self._smooth.fit(np.square(predicted), predicted * (data - predicted))

    def _maximise(self, sums: Precise, energy: float) -> None:
        """Take the means and the variance of greatest likelihood; `energy` is the sum of y^2."""
        mixtures = MIXTURES.astype(np.float64)
        square = (mixtures * sums[:, 2:]).T @ mixtures
        # A tissue that is not there keeps its mean.
        faint = 1e-6 * np.trace(square)
        pull = mixtures.T @ sums[:, 1] + faint * self.means
        self.means = np.linalg.solve(square + faint * np.eye(TISSUES), pull)
        means = mixtures @ self.means
        left = energy - 2 * means @ sums[:, 1] + np.square(means) @ sums[:, 2]
        least = LEAST_DEVIATION * np.ptp(self.means)
        self.variance = max(float(left / sums[:, 0].sum()), float(least**2), 1e-12)

    def _first_weights(self) -> FloatArray:
        return constant_weights(self._shares, MIXTURES, self._context.shape[-1])

    def _model(self, weights: FloatArray) -> Model:
        means = (MIXTURES @ self.means).astype(np.float32)
        near = neighbour_weights(self._voxel)
        return Model(MIXTURES, means, np.float32(self.variance), weights, near)


def _steps(inside: BoolArray) -> tuple[int, ...]:
    """Return the steps along the axes at which about `THINNED` voxels are inside."""
    step = max(1, round(float(np.cbrt(np.count_nonzero(inside) / THINNED))))
    return tuple(min(step, max(1, length // 24)) for length in inside.shape)


def _sample(inside: BoolArray) -> tuple[npt.NDArray[np.intp], ...]:
    """Return where about `SAMPLED` evenly spaced voxels of `inside` are."""
    voxels = np.flatnonzero(inside)
    step = max(1, len(voxels) // SAMPLED) | 1
    return np.unravel_index(voxels[::step], inside.shape)
