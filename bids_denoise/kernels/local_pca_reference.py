"""PCA of overlapping patches of a series, patch by patch in plain numpy: slow, readable, the truth.

Where `mppca_reference` takes from each patch the voxel in its middle, here each patch gives all of
its voxels, and a voxel is the weighted mean of what the patches around it say ("overcomplete",
Manjon 2013, doi:10.1371/journal.pone.0073021). Sigma is known, so that noise is told from signal by
the edge of its spectrum, not by its shape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from bids_denoise.values import FloatArray

    IntArray = npt.NDArray[np.int64]
    Array = npt.NDArray[Any]
    Precise = npt.NDArray[np.float64]


class Patches(NamedTuple):
    """Which patches are taken, and what each of their voxels counts.

    Attributes
    ----------
    offsets
        int (voxels, 3): of each voxel of a patch from its centre.
    weights
        float32 (voxels,): of each in the mean over patches.
    step
        Every how many voxels along each axis a patch has its centre.
    whole
        Whether patches keep inside the series, where that is wide enough; else the first centre
        is the first voxel. Cubes do, spheres could not reach its corners.
    """

    offsets: IntArray
    weights: FloatArray
    step: int
    whole: bool

    @property
    def reach(self) -> int:
        """Return the largest offset along an axis."""
        return int(np.abs(self.offsets).max())

    def centres(self, length: int) -> range:
        """Return where along an axis of `length` voxels the centres lie; the last can lie beyond.

        Examples
        --------
        >>> list(make_patches("sphere", 2, 2, "uniform").centres(8))
        [0, 2, 4, 6, 8]
        >>> list(make_patches("cube", 2, 2, "uniform").centres(8))
        [2, 4, 6]
        """
        first = min(self.reach, length // 2) if self.whole else 0
        return range(first, max(length - 1 - first, first) + self.step, self.step)


def make_patches(kernel: str, radius: float, step: int, weighting: str) -> Patches:
    """Return patches of one shape on a regular grid.

    Parameters
    ----------
    kernel
        ``sphere`` of `radius` voxels, or ``cube`` of ``2 floor(radius) + 1`` voxels an edge.
    radius
        At least ``sqrt(3) step / 2``, so that each voxel lies in a patch.
    step
        As in `Patches`.
    weighting
        ``uniform``; ``gaussian`` or ``exponential`` in the distance from the centre, a standard
        deviation or a decay length of half the radius.

    Examples
    --------
    >>> [len(make_patches(kernel, 2, 2, "uniform").offsets) for kernel in ("sphere", "cube")]
    [33, 125]
    """
    edge = np.arange(-int(radius), int(radius) + 1)
    # x runs fastest, so that voxels in a row along it follow one another.
    offsets = np.stack(np.meshgrid(edge, edge, edge, indexing="ij"), axis=-1)
    offsets = offsets.transpose(1, 2, 0, 3).reshape(-1, 3)
    distance = np.sqrt((offsets**2).sum(axis=1))
    if kernel == "sphere":
        inside = distance <= radius + 1e-6
        offsets, distance = offsets[inside], distance[inside]
    relative = 2 * distance / radius
    weights = {
        "uniform": np.ones(len(distance)),
        "gaussian": np.exp(-0.5 * relative**2),
        "exponential": np.exp(-relative),
    }[weighting]
    return Patches(offsets, weights.astype(np.float32), step, whole=kernel == "cube")


def local_pca(
    data: Array,
    sigma: FloatArray,
    patches: Patches,
    shrinkage: str,
    groups: Sequence[IntArray] = (),
) -> tuple[Array, FloatArray]:
    """Denoise a series by the principal components of its patches that rise above the noise.

    Parameters
    ----------
    data
        (x, y, z, t) float32 or complex64.
    sigma
        float32 (x, y, z): standard deviation of the noise, of the real and the imaginary part each
        where `data` is complex. Voxels with 0 take no part; they are copied.
    patches, shrinkage
        See `make_patches` and `shares`.
    groups
        Volumes (indices) whose mean is taken out of each voxel before and put back afterwards.

    Returns
    -------
    denoised, rank
        The type and shape of `data`; float32 (x, y, z): mean number of components that were kept.
    """
    scale = sigma * np.float32(np.sqrt(2) if np.iscomplexobj(data) else 1)
    total = np.zeros(data.shape, np.result_type(data, np.float64))
    rank, weight = np.zeros(sigma.shape), np.zeros(sigma.shape)
    centres = [patches.centres(length) for length in sigma.shape]
    for centre in np.stack(np.meshgrid(*centres, indexing="ij"), axis=-1).reshape(-1, 3):
        places = centre + patches.offsets
        inside = ((places >= 0) & (places < sigma.shape)).all(axis=1)
        x, y, z = places[inside].T
        measured = sigma[x, y, z] > 0
        x, y, z = x[measured], y[measured], z[measured]
        if not len(x):
            continue
        found, kept = split(data[x, y, z] / scale[x, y, z, np.newaxis], shrinkage, groups)
        share = patches.weights[inside][measured]
        total[x, y, z] += share[:, np.newaxis] * found
        rank[x, y, z] += share * kept
        weight[x, y, z] += share
    seen = weight > 0
    denoised = data.copy()
    denoised[seen] = (total[seen] * (scale[seen] / weight[seen])[:, np.newaxis]).astype(data.dtype)
    return denoised, (rank / np.where(seen, weight, 1)).astype(np.float32)


def split(patch: Array, shrinkage: str, groups: Sequence[IntArray] = ()) -> tuple[Array, int]:
    """Return a (voxels, t) patch of unit noise without it, and how many components that has."""
    patch = patch.astype(np.result_type(patch, np.float64))
    mean = np.zeros_like(patch)
    for group in groups:
        mean[:, group] = patch[:, group].mean(axis=1, keepdims=True)
    left, singular, right = np.linalg.svd(patch - mean, full_matrices=False)
    shorter, longer = sorted(patch.shape)
    share = shares(singular**2 / longer, np.float64(shorter / longer), shrinkage)
    return mean + (left * (singular * share)) @ right, int(np.count_nonzero(share))


def shares(eigenvalues: Precise, ratio: Any, shrinkage: str) -> Precise:
    """Return which share of each singular value is signal.

    Unit white noise has its eigenvalues below ``(1 + sqrt(ratio))^2``, the edge of the
    Marchenko-Pastur law; what is below has no share.

    Parameters
    ----------
    eigenvalues
        Squared singular values over the longer side of the matrix.
    ratio
        Of the shorter to the longer side; broadcast.
    shrinkage
        ``truncation``: all of what is above. ``optimal``: the share that makes the squared error
        least (Gavish & Donoho 2017, doi:10.1109/TIT.2017.2653801, eq. 7).

    Examples
    --------
    >>> shares(np.array([3.9, 4.1, 100.0]), 1.0, "truncation").tolist()
    [0.0, 1.0, 1.0]
    >>> shares(np.array([3.9, 4.1, 100.0]), 1.0, "optimal").round(2).tolist()
    [0.0, 0.16, 0.98]
    """
    above = eigenvalues > np.square(1 + np.sqrt(ratio))
    if shrinkage == "truncation":
        return np.asarray(above, dtype=np.float64)
    spread = np.square(eigenvalues - ratio - 1) - 4 * ratio
    root = np.sqrt(np.where(above, spread, 0))
    return np.asarray(root / np.where(above, eigenvalues, 1))
