"""The diffusion tensor: signal, fit, anisotropy. Deterministic, for truth and for judging.

Tensors are (..., 6) in mm^2/s: xx, yy, zz, xy, xz, yz.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.simulate.gradients import Gradients
    from bids_denoise.values import BoolArray, FloatArray

    Array = npt.NDArray[np.float64]

LOWEST_SIGNAL = 1e-3


def attenuation(tensors: FloatArray, gradients: Gradients) -> FloatArray:
    """Return exp(-b g.D.g) of `tensors` (..., 6) for every gradient, float32 (..., t)."""
    return np.asarray(np.exp(-tensors @ _weights(gradients).T), dtype=np.float32)


def fit(data: FloatArray, gradients: Gradients, mask: BoolArray, highest: float) -> FloatArray:
    """Fit a tensor to each voxel by weighted linear least squares.

    The weights are the squared signals of an unweighted fit (Basser 1994,
    doi:10.1006/jmrb.1994.1037; Veraart 2013, doi:10.1016/j.neuroimage.2013.05.028).

    Parameters
    ----------
    data
        (x, y, z, t).
    gradients
        Of the t volumes.
    mask
        bool (x, y, z): where to fit.
    highest
        Volumes of a higher b-value (s/mm^2) are left out: there the signal of one tensor
        no longer holds, nor that of noise without a floor.

    Returns
    -------
    numpy.ndarray
        float32 (x, y, z, 6), zero outside the mask.
    """
    used = gradients.bvals <= highest
    design = np.column_stack([-_weights(gradients)[used], np.ones(used.sum())])
    signal = np.maximum(data[mask][:, used].astype(np.float64), LOWEST_SIGNAL)
    logs = np.log(signal)
    weights = np.exp(2 * (logs @ np.linalg.pinv(design).T @ design.T))
    normal = np.einsum("vt,ti,tj->vij", weights, design, design, optimize=True)
    right = (weights * logs) @ design
    tensors = np.zeros((*mask.shape, 6), dtype=np.float32)
    tensors[mask] = np.linalg.solve(normal, right[..., np.newaxis])[:, :6, 0]
    return tensors


def mean_diffusivity(tensors: FloatArray) -> FloatArray:
    """Return a third of the trace of `tensors` (..., 6), in mm^2/s."""
    return np.asarray(tensors[..., :3].mean(axis=-1), dtype=np.float32)


def fractional_anisotropy(tensors: FloatArray) -> FloatArray:
    """Return FA in [0, 1] of `tensors` (..., 6): sqrt(3/2) |D - MD| / |D|; 0 for no tensor.

    Examples
    --------
    >>> stick = np.array([1e-3, 0, 0, 0, 0, 0], np.float32)
    >>> round(fractional_anisotropy(stick).item(), 3)
    1.0
    """
    diagonal, beside = tensors[..., :3], tensors[..., 3:]
    off = 2 * np.square(beside).sum(axis=-1)
    deviation = np.square(diagonal - mean_diffusivity(tensors)[..., np.newaxis]).sum(axis=-1) + off
    size = np.square(diagonal).sum(axis=-1) + off
    share = np.divide(deviation, size, out=np.zeros_like(size), where=size > 0)
    return np.asarray(np.clip(np.sqrt(1.5 * share), 0, 1), dtype=np.float32)


def axial(axis: FloatArray, along: float, across: float) -> FloatArray:
    """Return tensors (..., 6) of diffusivity `along` the unit `axis` (..., 3), `across` it else."""
    x, y, z = np.moveaxis(axis, -1, 0)
    products = np.stack([x * x, y * y, z * z, x * y, x * z, y * z], axis=-1)
    sphere = np.array([1, 1, 1, 0, 0, 0], dtype=np.float32)
    return np.asarray(across * sphere + (along - across) * products, dtype=np.float32)


def _weights(gradients: Gradients) -> Array:
    """Return the b-matrix (t, 6) that turns a tensor into the exponent."""
    x, y, z = gradients.directions.T
    products = np.column_stack([x * x, y * y, z * z, 2 * x * y, 2 * x * z, 2 * y * z])
    return np.asarray(gradients.bvals[:, np.newaxis] * products)
