"""The noise of an MRI, by law: samplers that take a seeded generator, over deterministic maps.

`sigma` is everywhere the standard deviation of the Gaussian noise in each real channel, in
image units: a number, or a map (x, y, z) for parallel imaging. Samplers return float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import FloatArray

    Sigma = float | FloatArray
    ComplexArray = npt.NDArray[np.complex64]
    Reconstruction = Callable[[ComplexArray], ComplexArray]


def add_gaussian(data: FloatArray, sigma: Sigma, rng: np.random.Generator) -> FloatArray:
    """Return `data` (x, y, z[, t]) plus white Gaussian noise of standard deviation `sigma`.

    Examples
    --------
    >>> noisy = add_gaussian(np.zeros((40, 40, 40), np.float32), 2.0, np.random.default_rng(0))
    >>> round(float(noisy.std()), 1)
    2.0
    """
    return np.asarray(data + white(data.shape, sigma, rng), dtype=np.float32)


def add_rician(data: FloatArray, sigma: Sigma, rng: np.random.Generator) -> FloatArray:
    """Return the magnitude of `data` (x, y, z[, t]) with noise in both quadrature channels.

    The law of a scan from one coil, or from many that are combined with known
    sensitivities (Gudbjartsson & Patz 1995, doi:10.1002/mrm.1910340618).

    Examples
    --------
    In air the magnitude is Rayleigh distributed, with mean sigma sqrt(pi / 2):

    >>> noisy = add_rician(np.zeros((40, 40, 40), np.float32), 2.0, np.random.default_rng(0))
    >>> round(float(noisy.mean()), 1)
    2.5
    """
    return add_nc_chi(data, sigma, 1, rng)


def add_nc_chi(data: FloatArray, sigma: Sigma, coils: int, rng: np.random.Generator) -> FloatArray:
    """Return the root sum of squares of `data` (x, y, z[, t]) received by `coils` coils.

    Each coil brings two channels of noise; the signal is all in one of them, which leaves
    the law unchanged: non-central chi with 2 `coils` degrees of freedom
    (Constantinides 1997, doi:10.1002/mrm.1910380524).

    Raises
    ------
    ValueError
        `coils` is less than 1.
    """
    if coils < 1:
        raise ValueError(f"coils is {coils!r}; at least 1 is needed")
    energy = np.square(data + white(data.shape, sigma, rng))
    for _ in range(2 * coils - 1):
        energy += np.square(white(data.shape, sigma, rng))
    return np.asarray(np.sqrt(energy), dtype=np.float32)


def add_reconstructed(
    data: FloatArray, sigma: Sigma, rng: np.random.Generator, reconstruct: Reconstruction
) -> FloatArray:
    """Return the magnitude of ``reconstruct(data + complex white noise)``.

    With an operator of `bids_denoise.simulate.kspace` the noise comes out correlated, as a
    scanner's zero-filling or filter leaves it. `sigma` is that before the reconstruction.
    """
    return np.abs(reconstruct(data + complex_white(data.shape, sigma, rng))).astype(np.float32)


def white(shape: tuple[int, ...], sigma: Sigma, rng: np.random.Generator) -> FloatArray:
    """Return white Gaussian noise of `shape` (x, y, z[, t]); the sampler under all others."""
    return rng.standard_normal(shape, dtype=np.float32) * _over_volumes(sigma, len(shape))


def complex_white(shape: tuple[int, ...], sigma: Sigma, rng: np.random.Generator) -> ComplexArray:
    """Return complex noise with standard deviation `sigma` in either channel."""
    return np.asarray(white(shape, sigma, rng) + 1j * white(shape, sigma, rng), dtype=np.complex64)


def g_factor(shape: tuple[int, int, int], peak: float = 2.5, centre: float = 0.0) -> FloatArray:
    r"""Return the smooth noise amplification of parallel imaging: 1 outside, `peak` inside.

    .. math:: g = 1 + (peak - 1) \exp(-2 |u - c|^2)

    with voxel centres u between -1 and 1 along each axis and c = `centre` along the first: an
    analytic stand-in for a SENSE g-factor, highest far from all coils.

    Parameters
    ----------
    shape
        (x, y, z).
    peak
        Largest amplification, at least 1.
    centre
        Position of the peak along x, from -1 to 1.

    Returns
    -------
    numpy.ndarray
        float32 (x, y, z).
    """
    x, y, z = np.meshgrid(*(_line(length) for length in shape), indexing="ij", sparse=True)
    distance = (x - centre) ** 2 + y**2 + z**2
    return np.asarray(1 + (peak - 1) * np.exp(-2 * distance), dtype=np.float32)


def _line(length: int) -> npt.NDArray[np.float64]:
    return np.linspace(-1 + 1 / length, 1 - 1 / length, length)


def _over_volumes(sigma: Sigma, axes: int) -> FloatArray:
    level = np.asarray(sigma, dtype=np.float32)
    if level.ndim in {0, axes}:
        return level
    return level[..., np.newaxis]
