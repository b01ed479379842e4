"""The E step of tissue segmentation, compiled for the CPU. Defined in `tissue_reference`.

Planes of equal x are worked on one by one, and their sums added in their order: the number of
threads changes no bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from bids_denoise.kernels.pool import for_each
from bids_denoise.kernels.tissue_reference import LEAST, PRODUCTS, TISSUES, Model, Voxels

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import FloatArray

FAST = {"contract", "nsz", "reassoc"}
ALONE, LEAST_WEIGHT, HALF = np.float32(1 / TISSUES), np.float32(LEAST), np.float32(0.5)
ZERO, ONE = np.float32(0), np.float32(1)


def expect(
    voxels: Voxels, model: Model, fractions: FloatArray, threads: int = 1
) -> tuple[FloatArray, npt.NDArray[np.float64]]:
    """Return what `tissue_reference.expect` does, within rounding."""
    expected = np.zeros_like(fractions)
    planes = len(fractions)
    sums = np.zeros((planes, len(model.means), 3))
    for_each(
        lambda x: _plane(x, voxels, model, fractions, expected[x], sums[x]),
        range(1, planes - 1),
        threads,
    )
    return expected, sums.sum(axis=0)


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _plane(x, voxels, model, fractions, out, sums):  # type: ignore[no-untyped-def]
    data, field, inside, context = voxels
    mixtures, _, _, weights, near = model
    states, count = weights.shape
    odds, feature = np.empty(states, np.float32), np.empty(count, np.float32)
    around = np.empty(TISSUES, np.float32)
    for y in range(1, data.shape[1] - 1):
        for z in range(1, data.shape[2] - 1):
            if not inside[x, y, z]:
                continue
            _neighbours(fractions, x, y, z, near, around)
            for k in range(TISSUES):
                feature[k] = around[k] * around[k]
            feature[3], feature[4] = around[0] * around[1], around[0] * around[2]
            feature[5] = around[1] * around[2]
            for c in range(count - PRODUCTS):
                feature[PRODUCTS + c] = context[x, y, z, c]
            _posterior(data[x, y, z], field[x, y, z], feature, model, odds)
            by, bb = field[x, y, z] * data[x, y, z], field[x, y, z] * field[x, y, z]
            for s in range(states):
                for k in range(TISSUES):
                    out[y, z, k] += odds[s] * mixtures[s, k]
                sums[s, 0] += odds[s]
                sums[s, 1] += odds[s] * by
                sums[s, 2] += odds[s] * bb


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _neighbours(fractions, x, y, z, near, around):  # type: ignore[no-untyped-def]
    """Write the mean fractions of the six neighbours, as far as they are inside."""
    total = ZERO
    for k in range(TISSUES):
        along_x = fractions[x - 1, y, z, k] + fractions[x + 1, y, z, k]
        along_y = fractions[x, y - 1, z, k] + fractions[x, y + 1, z, k]
        along_z = fractions[x, y, z - 1, k] + fractions[x, y, z + 1, k]
        around[k] = near[0] * along_x + near[1] * along_y + near[2] * along_z
        total += around[k]
    for k in range(TISSUES):
        around[k] = ALONE if total < LEAST_WEIGHT else around[k] / total


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _posterior(value, field, feature, model, odds):  # type: ignore[no-untyped-def]
    """Write the probability of each state into `odds`."""
    _, means, variance, weights, _ = model
    precision, most = HALF / variance, np.float32(-1e30)
    for s in range(len(odds)):
        residual = value - field * means[s]
        odd = -precision * residual * residual
        for f in range(len(feature)):
            odd += weights[s, f] * feature[f]
        odds[s] = odd
        most = max(most, odd)
    total = ZERO
    for s in range(len(odds)):
        odds[s] = np.exp(odds[s] - most)
        total += odds[s]
    total = ONE / total
    for s in range(len(odds)):
        odds[s] *= total
