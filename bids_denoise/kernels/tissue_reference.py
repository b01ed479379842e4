r"""The E step of tissue segmentation: how much of each tissue a voxel holds.

A voxel is in one of several states, mixtures c of grey matter, white matter and CSF. Its value is

.. math:: y = b \sum_k c_k \mu_k + \text{noise of variance } v

with the field b, and before it is looked at, its state is s with a probability

.. math:: p(s) \propto \exp \Big( \sum_f w_{sf} \phi_f \Big)

where :math:`\phi` are the products of the mean fractions of its six neighbours (all six of three
numbers, which sum to 1, so that a constant is among them) and whatever else is told of the voxel:
a Markov random field in the mean-field approximation (Zhang 2001, doi:10.1109/42.906424), of
which nothing is fixed beforehand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import BoolArray, FloatArray

    DoubleArray = npt.NDArray[np.float64]

TISSUES = 3
PRODUCTS = 6
PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
LEAST = 1e-3
"""Weight of neighbours inside, relative to all, below which a voxel counts as alone."""


class Voxels(NamedTuple):
    """What is known of the voxels; the border of the volume is outside.

    `data` and `field` are float32 (x, y, z), `inside` bool (x, y, z), `context` float32
    (x, y, z, any number): further features.
    """

    data: FloatArray
    field: FloatArray
    inside: BoolArray
    context: FloatArray


class Model(NamedTuple):
    """What is estimated.

    `mixtures` (state, 3), `means` (state,), `variance`, `weights` (state, 6 + context), and how
    much a neighbour counts along each axis, `near` (3,), summing to 1/2; all float32.
    """

    mixtures: FloatArray
    means: FloatArray
    variance: np.float32
    weights: FloatArray
    near: FloatArray


def expect(
    voxels: Voxels, model: Model, fractions: FloatArray, threads: int = 1
) -> tuple[FloatArray, DoubleArray]:
    """Return the fractions that are expected in each voxel, given those of its neighbours.

    Parameters
    ----------
    voxels, model
        See there.
    fractions
        float32 (x, y, z, 3), 0 outside.
    threads
        Not used here.

    Returns
    -------
    expected
        float32 (x, y, z, 3), 0 outside.
    sums
        (state, 3): over all voxels the probability p of the state, ``p b y``, and ``p b^2``.
    """
    del threads
    at = np.nonzero(voxels.inside)
    log_odds = features(voxels, fractions, model.near, at) @ model.weights.T.astype(np.float64)
    probability = np.exp(log_odds + log_likelihood(voxels, model, at))
    probability /= probability.sum(axis=1, keepdims=True)
    expected = np.zeros_like(fractions)
    expected[at] = probability @ model.mixtures
    y, b = (each[at].astype(np.float64) for each in (voxels.data, voxels.field))
    sums = [probability.sum(axis=0), (b * y) @ probability, b**2 @ probability]
    return expected, np.stack(sums, axis=1)


def log_likelihood(
    voxels: Voxels, model: Model, at: tuple[npt.NDArray[np.intp], ...]
) -> DoubleArray:
    """Return the log likelihood (voxel, state), the same constant left out for all states."""
    y, b = (each[at].astype(np.float64)[:, np.newaxis] for each in (voxels.data, voxels.field))
    residual = np.square(y - b * model.means) / (2 * float(model.variance))
    return np.asarray(residual.min(axis=1, keepdims=True) - residual)


def features(
    voxels: Voxels,
    fractions: FloatArray,
    near: FloatArray,
    at: tuple[npt.NDArray[np.intp], ...],
) -> DoubleArray:
    """Return the features of the voxels `at`, (voxel, 6 + context)."""
    around = np.zeros((len(at[0]), TISSUES))
    for axis, weight in enumerate(near.tolist()):
        for step in (-1, 1):
            there = tuple(index + step * (axis == own) for own, index in enumerate(at))
            around += weight * fractions[there]
    total = around.sum(axis=1, keepdims=True)
    around = np.where(total < LEAST, 1 / TISSUES, around / np.maximum(total, LEAST))
    products = np.stack([around[:, one] * around[:, other] for one, other in PAIRS], axis=1)
    return np.concatenate([products, voxels.context[at]], axis=1)
