"""Held-out regression of the volumes of a series, patch by patch in plain numpy: the truth.

Each value is predicted by everything in its patch that its own noise has no part in: the other
volumes at the same voxel, and all volumes at its neighbours (J-invariance: Batson & Royer 2019,
arXiv:1901.11365; for diffusion Fadnavis 2020, arXiv:2011.01355). The prediction and the value
are then averaged with the weights of their errors. What is learnt is one precision matrix a patch.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from bids_denoise.kernels.local_pca_reference import shares

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.kernels.local_pca_reference import Patches
    from bids_denoise.values import FloatArray

    Array = npt.NDArray[Any]
    Precise = npt.NDArray[np.float64]

OFFSETS = tuple(product((-1, 0, 1), repeat=3))
RINGS = tuple(tuple(each for each in OFFSETS if sum(map(abs, each)) == apart) for apart in (1, 2))
"""The 6 neighbours of a voxel across its faces, and the 12 across its edges."""

DAMPING = 0.6
"""Of what the neighbours say. They share neighbours of their own, so that their noise varies more
from eigenvalue to eigenvalue than that of independent voxels; damped, it does not pass for signal.
"""


def held_out(
    data: FloatArray, sigma: FloatArray, patches: Patches, shrinkage: str, components: int
) -> tuple[FloatArray, FloatArray]:
    """Denoise a series by the held-out regression of each of its volumes.

    Parameters
    ----------
    data
        float32 (x, y, z, t).
    sigma
        float32 (x, y, z): standard deviation of the noise. Voxels with 0 take no part; they
        are copied.
    patches
        In which the regression is fitted, with an intercept, and applied; a voxel is the weighted
        mean of those it lies in.
    shrinkage
        See `local_pca_reference.shares`.
    components
        At most so many principal components of the series speak for the neighbours.

    Returns
    -------
    denoised, rank
        float32 (x, y, z, t); float32 (x, y, z): mean number of components of the covariance that
        rise above the noise.
    """
    volumes = data.shape[3]
    features = with_neighbours(data, sigma, shared_components(data, sigma, components))
    total, rank, weight = (np.zeros(shape) for shape in (data.shape, sigma.shape, sigma.shape))
    centres = [patches.centres(length) for length in sigma.shape]
    for centre in product(*centres):
        places = np.array(centre) + patches.offsets
        inside = np.flatnonzero(((places >= 0) & (places < sigma.shape)).all(axis=1))
        inside = inside[sigma[tuple(places[inside].T)] > 0]
        if not len(inside):
            continue
        here, share = tuple(places[inside].T), patches.weights[inside]
        mean = features[here].mean(axis=0)
        centred = features[here] - mean
        precision, kept = precision_of(centred, shrinkage)
        found = combined(centred, precision, volumes) + mean[:volumes]
        total[here] += share[:, np.newaxis] * found
        rank[here] += share * kept
        weight[here] += share
    seen = weight > 0
    denoised = data.copy()
    denoised[seen] = total[seen] * (sigma[seen] / weight[seen])[:, np.newaxis]
    return denoised, (rank / np.where(seen, weight, 1)).astype(np.float32)


def combined(features: Precise, precision: Precise, volumes: int) -> Precise:
    """Return the first `volumes` columns of `features`, each averaged with its prediction.

    The best prediction of column j by the others has the coefficients ``-P_jk / P_jj`` and the
    error ``1 / P_jj``, of which the noise of the value is 1: so much the prediction counts. What
    cannot be predicted stays as it is.
    """
    result = features[:, :volumes].copy()
    for volume in range(volumes):
        certainty = precision[volume, volume]
        if certainty > 0:
            others = np.delete(np.arange(features.shape[1]), volume)
            predicted = features[:, others] @ (-precision[others, volume] / certainty)
            result[:, volume] = certainty * predicted + (1 - certainty) * features[:, volume]
    return result


def precision_of(features: Array, shrinkage: str) -> tuple[Precise, int]:
    """Return the inverse P of the covariance of signal and unit noise, and the signal's rank.

    Of centred `features` (voxels, features). Components that are not above the noise have the
    eigenvalue 1; the others have ``1 - share`` (`shares`), 0 where they are kept whole.
    """
    features = features.astype(np.float64)
    shorter, longer = sorted(features.shape)
    values, vectors = np.linalg.eigh(features.T @ features)
    share = shares(values / longer, np.float64(shorter / longer), shrinkage)
    precision = (vectors * (1 - share)) @ vectors.T
    return precision, int(np.count_nonzero(share))


def with_neighbours(data: FloatArray, sigma: FloatArray, basis: FloatArray) -> Precise:
    """Return the series over its noise, beside it what each of `RINGS` says, (x, y, z, features).

    That is the mean of its measured voxels in `basis`, times the square root of their number in
    full, so that its noise is 1, and times `DAMPING`.
    """
    measured = sigma > 0
    scaled = np.divide(data, sigma[..., np.newaxis], where=measured[..., np.newaxis], out=0 * data)
    parts = [scaled.astype(np.float64)]
    padded = np.pad(parts[0] @ basis, [(1, 1)] * 3 + [(0, 0)])
    counted = np.pad(measured, 1)
    for ring in RINGS:
        views = [
            tuple(slice(1 + d, 1 + d + n) for d, n in zip(at, sigma.shape, strict=True))
            for at in ring
        ]
        count = sum(counted[view].astype(int) for view in views)
        total = sum(padded[view] for view in views)
        scale = DAMPING * np.sqrt(len(ring)) / np.maximum(count, 1)
        parts.append(total * scale[..., np.newaxis])
    return np.concatenate(parts, axis=-1)


def shared_components(data: FloatArray, sigma: FloatArray, most: int) -> FloatArray:
    """Return the principal components of a series above its noise, `most` at most.

    About zero, over all measured voxels; noise alone has eigenvalues below the edge of the
    Marchenko-Pastur law.

    Returns
    -------
    numpy.ndarray
        float32 (t, components), orthonormal, the strongest first.
    """
    volumes = data.shape[3]
    matrix, voxels = np.zeros((volumes, volumes)), 0
    for values, scale in zip(data, sigma, strict=True):
        measured = scale > 0
        scaled = values[measured] / scale[measured][:, np.newaxis].astype(np.float64)
        matrix += scaled.T @ scaled
        voxels += len(scaled)
    values, vectors = np.linalg.eigh(matrix / max(voxels, 1))
    edge = (1 + np.sqrt(volumes / max(voxels, 1))) ** 2
    count = min(int(np.count_nonzero(values > edge)), most)
    return np.ascontiguousarray(vectors[:, ::-1][:, :count], dtype=np.float32)
