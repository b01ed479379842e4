"""How far the surroundings of a voxel, and a template, tell its tissue: learnt from the image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.kernels.tissue_reference import PRODUCTS, TISSUES

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import BoolArray, FloatArray

    Precise = npt.NDArray[np.float64]

RING = 1.5
"""Standard deviation of the wider surroundings, in shortest sides of a voxel."""

BLUR = 1.0
"""Standard deviation of the smoothing of a template's maps, in shortest sides of a voxel."""

LEAST_PRIOR = 0.05
"""What is added to each of a template's maps: no tissue is impossible anywhere."""

RIDGE = 1e-3


def neighbour_weights(voxel: Precise) -> FloatArray:
    """Return how much a neighbour along each axis counts: by its inverse squared distance.

    >>> neighbour_weights(np.array([1.0, 1.0, 2.0])).astype(float).round(3).tolist()
    [0.222, 0.222, 0.056]
    """
    near = np.square(voxel.min() / voxel)
    return np.asarray(near / (2 * near.sum()), dtype=np.float32)


def ring(fractions: FloatArray, inside: BoolArray, voxel: Precise, out: FloatArray) -> None:
    """Write the mean fractions of the wider surroundings inside.

    Into the first three of the last axis of `out`, of `fractions` (x, y, z, 3), 0 outside.
    """
    share = np.maximum(_smooth(inside.astype(np.float32), RING, voxel), np.float32(1e-3))
    for k in range(TISSUES):
        out[..., k] = _smooth(fractions[..., k], RING, voxel) / share


def log_prior(prior: FloatArray, voxel: Precise) -> FloatArray:
    """Return the logarithm of a template's maps (3, x, y, z), smoothed a little: (x, y, z, 3)."""
    maps = np.stack([_smooth(each, BLUR, voxel) for each in prior], axis=-1)
    maps = np.maximum(maps, 0) + np.float32(LEAST_PRIOR)
    return np.asarray(np.log(maps / maps.sum(axis=-1, keepdims=True)), dtype=np.float32)


def constant_weights(shares: Precise, mixtures: FloatArray, context: int) -> FloatArray:
    """Return weights by which each state has its share, whatever the neighbours.

    A template, the last three features after the ring where there are more, counts as it is.
    """
    weights = np.zeros((len(shares), PRODUCTS + context), dtype=np.float32)
    weights[:, :TISSUES] = np.log(shares)[:, np.newaxis]
    # The square of a sum that is 1.
    weights[:, TISSUES:PRODUCTS] = 2 * weights[:, :1]
    if context > TISSUES:
        weights[:, -TISSUES:] = mixtures
    return weights


def learnt_weights(weights: FloatArray, features: Precise, likelihood: Precise) -> FloatArray:
    """Return weights that make the image more likely: one step of Newton's method.

    The states' probabilities given the features are a multinomial logistic model; in place of the
    states, which nobody knows, stand their probabilities given the value as well (an EM step). In
    noise, neighbours come out to tell much; in a clean image, the value does.

    Parameters
    ----------
    weights
        (state, feature).
    features
        (voxel, feature) of a sample.
    likelihood
        Logarithm, (voxel, state).
    """
    states, count = weights.shape
    before = weights.astype(np.float64)
    odds = features @ before.T
    expected, known = _shares(odds), _shares(odds + likelihood)
    slope = (known - expected).T @ features / len(features) - RIDGE * before
    curvature = np.empty((states, count, states, count))
    for one in range(states):
        for other in range(one, states):
            spread = expected[:, one] * ((one == other) - expected[:, other])
            part = (features * spread[:, np.newaxis]).T @ features / len(features)
            curvature[one, :, other, :] = curvature[other, :, one, :] = part
    square = curvature.reshape(states * count, -1)
    square[np.diag_indices_from(square)] += RIDGE
    step = np.linalg.solve(square, slope.ravel()).reshape(states, count)
    return np.asarray(before + step, dtype=np.float32)


def _shares(log_odds: Precise) -> Precise:
    shares = np.exp(log_odds - log_odds.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def _smooth(volume: FloatArray, width: float, voxel: Precise) -> FloatArray:
    from scipy.ndimage import gaussian_filter

    return np.asarray(gaussian_filter(volume, width * voxel.min() / voxel, truncate=2))
