"""What a reconstruction does to the noise: deterministic operators on images and k-space.

None of them draws anything. Complex data stays complex, so that an operator can stand
between the noise of the two channels and the magnitude (`noise.add_reconstructed`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Any, TypeVar

    import numpy.typing as npt

    Number = TypeVar("Number", np.float32, np.complex64)
    Spectrum = npt.NDArray[np.complex128]


def low_pass(
    data: npt.NDArray[Number], keep: float = 0.8, taper: float = 0.3
) -> npt.NDArray[Number]:
    """Suppress the outer frequencies, as a scanner's k-space filter does.

    Parameters
    ----------
    data
        (x, y, z), real or complex.
    keep
        Share of the frequencies that stays along each axis, in (0, 1].
    taper
        Share of the kept band over which the filter falls from 1 to 0 (Tukey window);
        0 cuts sharply and rings.

    Returns
    -------
    numpy.ndarray
        The shape and kind of `data`, float32 or complex64.

    Raises
    ------
    ValueError
        `keep` or `taper` is out of range.
    """
    if not (0 < keep <= 1 and 0 <= taper <= 1):
        raise ValueError(f"keep {keep!r} must be in (0, 1] and taper {taper!r} in [0, 1]")
    spectrum = _spectrum(data)
    for axis, length in enumerate(data.shape):
        along = [1] * data.ndim
        along[axis] = length
        spectrum = spectrum * _tukey(length, keep, taper).reshape(along)
    return _image(spectrum, data)


def resample(data: npt.NDArray[Number], shape: tuple[int, int, int]) -> npt.NDArray[Number]:
    """Bring `data` (x, y, z) to another matrix by zero-filling or cutting k-space.

    The field of view and the intensities stay. A larger `shape` is a scanner's
    interpolation: the noise becomes smooth. A smaller one is a shorter acquisition.

    Examples
    --------
    >>> resample(np.full((4, 4, 4), 3, np.float32), (8, 8, 4)).mean().item()
    3.0
    """
    spectrum = _spectrum(data)
    for axis, length in enumerate(shape):
        spectrum = _refit(spectrum, axis, length)
    return _image(spectrum * (np.prod(shape) / data.size), data)


def interpolate(
    data: npt.NDArray[Number], shift: tuple[float, float, float]
) -> npt.NDArray[Number]:
    """Move `data` (x, y, z) by `shift` voxels with linear weights, as realignment does.

    Half a voxel averages neighbours: the noise falls by the square root of 2 along that axis.
    The volume wraps around at its border.
    """
    moved = data
    for axis, step in enumerate(shift):
        whole = int(np.floor(step))
        part = np.float32(step - whole)
        near, far = (np.roll(moved, whole + extra, axis) for extra in (0, 1))
        moved = (1 - part) * near + part * far
    return moved


def _tukey(length: int, keep: float, taper: float) -> npt.NDArray[np.float64]:
    frequency = np.abs(np.arange(length) - length // 2) / (length / 2)
    inside = (keep - frequency) / max(keep * taper, np.finfo(float).tiny)
    window: npt.NDArray[np.float64] = 0.5 - 0.5 * np.cos(np.pi * np.clip(inside, 0, 1))
    # At keep = 1 without taper the outermost frequency itself belongs to the band.
    window[(frequency <= keep) & (inside >= 1)] = 1
    return np.where((taper == 0) & (frequency <= keep), 1.0, window)


def _refit(spectrum: Spectrum, axis: int, length: int) -> Spectrum:
    old = spectrum.shape[axis]
    before = length // 2 - old // 2
    if length >= old:
        margin = [(0, 0)] * spectrum.ndim
        margin[axis] = (before, length - old - before)
        return np.pad(spectrum, margin)
    cut: Spectrum = np.take(spectrum, np.arange(length) - before, axis)
    return cut


def _spectrum(data: npt.NDArray[Any]) -> Spectrum:
    return np.asarray(np.fft.fftshift(np.fft.fftn(data)), dtype=np.complex128)


def _image(spectrum: Spectrum, like: npt.NDArray[Number]) -> npt.NDArray[Number]:
    image = np.fft.ifftn(np.fft.ifftshift(spectrum))
    return (image if np.iscomplexobj(like) else image.real).astype(like.dtype)
