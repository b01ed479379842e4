"""SENSE of one slice with known sensitivities: deterministic operators.

Every R-th line of k-space folds the field of view R times along phase encoding, and each
folded pixel is solved for the R voxels in it (Pruessmann et al. 1999,
doi:10.1002/(SICI)1522-2594(199911)42:5<952::AID-MRM16>3.0.CO;2-S). Where R does not divide the
length, the field of view is extended by air. Images are (readout, phase), sensitivities
(readout, phase, coil), folded images (readout, phase / R, coil).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Any

    import numpy.typing as npt

    from bids_denoise.simulate.noise import ComplexArray
    from bids_denoise.values import FloatArray


def fold(image: FloatArray, maps: ComplexArray, acceleration: int) -> ComplexArray:
    """Return the coil images that an acquisition of every R-th line gives, complex64."""
    received = _overlapping(image[..., np.newaxis] * maps, acceleration)
    return np.asarray(received.sum(axis=-1), dtype=np.complex64)


def unfold(folded: ComplexArray, maps: ComplexArray, acceleration: int) -> ComplexArray:
    """Return the image that explains `folded` by least squares, complex64 (readout, phase)."""
    mixing = _overlapping(maps, acceleration)
    adjoint = mixing.conj().swapaxes(-1, -2)
    solved = np.linalg.solve(_normal(mixing), adjoint @ folded[..., np.newaxis])
    return _apart(solved[..., 0], maps.shape[1])


def noise_gain(maps: ComplexArray, acceleration: int) -> FloatArray:
    """Return how much noise the unfolded image has, for 1 in each channel of a coil at R = 1.

    float32 (readout, phase); 0 where no coil receives anything.
    """
    return np.asarray(np.sqrt(acceleration) * _root_inverse(maps, acceleration), dtype=np.float32)


def g_factor(maps: ComplexArray, acceleration: int) -> FloatArray:
    """Return by how much the noise exceeds that of R = 1 times the square root of R."""
    energy = np.square(np.abs(maps)).sum(axis=-1)
    return np.asarray(_root_inverse(maps, acceleration) * np.sqrt(energy), dtype=np.float32)


def _root_inverse(maps: ComplexArray, acceleration: int) -> FloatArray:
    inverse = np.linalg.inv(_normal(_overlapping(maps, acceleration)))
    diagonal = np.sqrt(np.diagonal(inverse, axis1=-2, axis2=-1).real)
    return np.where(maps.any(axis=-1), _apart(diagonal, maps.shape[1]), 0)


def _normal(mixing: npt.NDArray[np.complex64]) -> npt.NDArray[np.complex128]:
    """Return the normal matrices of the folded pixels, with 1 for voxels that nothing receives."""
    normal = (mixing.conj().swapaxes(-1, -2) @ mixing).astype(np.complex128)
    silent = (mixing == 0).all(axis=-2, keepdims=True)
    return np.asarray(normal + silent * np.eye(mixing.shape[-1]))


def _overlapping(data: ComplexArray, acceleration: int) -> ComplexArray:
    """Return (readout, phase, coil) as (readout, phase / R, coil, R): what folds together."""
    readout, length, coils = data.shape
    extended = np.pad(data, ((0, 0), (0, -length % acceleration), (0, 0)))
    apart = extended.reshape(readout, acceleration, -1, coils)
    return np.ascontiguousarray(np.moveaxis(apart, 1, -1))


def _apart(data: npt.NDArray[Any], length: int) -> npt.NDArray[Any]:
    """Return (readout, phase / R, R) as (readout, phase)."""
    return data.swapaxes(1, 2).reshape(len(data), -1)[:, :length]
