"""Parallel imaging: a volume received by many coils, undersampled, and reconstructed.

Phase encoding is undersampled along one axis; the other two are sampled in full. The Fourier
transform along those is unitary and leaves white noise white, so it is never taken: k-space is
written here as position along two axes and frequency along one, slice by slice.

`sigma` is the standard deviation of the noise in each real channel of each coil. Where the
sensitivities have a root sum of squares of 1, it is also that of the sensitivity-weighted image
without undersampling.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import fft

from bids_denoise.simulate import grappa, sense
from bids_denoise.simulate.coils import sensitivities
from bids_denoise.simulate.noise import complex_white

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    import numpy.typing as npt

    from bids_denoise.simulate.noise import ComplexArray
    from bids_denoise.values import FloatArray

    Noise = Callable[[tuple[int, ...]], ComplexArray]
    Pair = tuple[FloatArray, FloatArray]


@dataclass(frozen=True)
class Protocol:
    """How a volume is acquired and reconstructed.

    Attributes
    ----------
    acceleration
        Every how many lines one is acquired (R), from 1 to 4.
    reconstruction
        ``grappa`` (Griswold et al. 2002, doi:10.1002/mrm.10171), or ``sense`` with known
        sensitivities (Pruessmann et al. 1999,
        doi:10.1002/(SICI)1522-2594(199911)42:5<952::AID-MRM16>3.0.CO;2-S).
    combination
        How GRAPPA's coil images become one: ``weighted`` by the sensitivities (Roemer et al.
        1990, doi:10.1002/mrm.1910160203; the magnitude is Rician) or by root sum of squares
        (``rss``; nearly non-central chi).
    calibration
        Central lines that are acquired in full and stay in the image, for GRAPPA.
    axis
        The phase-encoding axis of the volume: 0, 1 or 2. Coils on a single ring tell little
        apart along z; for axis 2 take 16 or more.
    """

    acceleration: int
    reconstruction: Literal["grappa", "sense"] = "grappa"
    combination: Literal["weighted", "rss"] = "weighted"
    calibration: int = 24
    axis: int = 1


@dataclass(frozen=True)
class ParallelScan:
    """A reconstructed magnitude image and how strong its noise is.

    Attributes
    ----------
    magnitude
        float32 (x, y, z).
    sigma
        float32 (x, y, z), standard deviation of the noise in the channel of the signal. For
        ``rss`` it holds where the signal is well above the noise.
    """

    magnitude: FloatArray
    sigma: FloatArray


def acquire(
    truth: FloatArray,
    protocol: Protocol,
    sigma: float,
    rng: np.random.Generator,
    maps: ComplexArray | None = None,
) -> ParallelScan:
    """Return what a scanner with several coils makes of `truth`.

    The sigma map is analytic: for SENSE that of Pruessmann et al., for GRAPPA the propagation of
    the kernel weights into image space (Breuer et al. 2009, doi:10.1002/mrm.22066), with the
    calibration lines counted as the acquired lines that they are.

    Parameters
    ----------
    truth
        Image without noise (x, y, z).
    protocol
        Acquisition and reconstruction.
    sigma
        Standard deviation of the noise in each real channel of each coil, in image units.
    rng
        Where the noise is drawn from. For GRAPPA the same seed gives the same noise in the lines
        that two accelerations share.
    maps
        Sensitivities (coil, x, y, z); those of eight coils when None. Making them takes about
        as long as the rest, so make them once for several volumes.

    Raises
    ------
    ValueError
        A field of `protocol`, `sigma` or the shape of `maps` is not possible.

    Notes
    -----
    A volume of 181 x 217 x 181 with eight coils at R = 3 takes about 20 s and 2 GB.

    Examples
    --------
    >>> from bids_denoise.simulate.phantom import head_phantom
    >>> head = head_phantom((32, 48, 8))
    >>> scan = acquire(head, Protocol(acceleration=2), 3.0, np.random.default_rng(0))
    >>> scan.magnitude.shape, bool(np.median(scan.sigma) > 3)
    ((32, 48, 8), True)
    """
    maps = sensitivities(truth.shape) if maps is None else maps
    _check(truth.shape, protocol, sigma, maps.shape)
    images, turned = _slices(truth, protocol.axis), _slices(maps, protocol.axis)
    reconstruct = _sense if protocol.reconstruction == "sense" else _grappa
    results = list(reconstruct(images, turned, protocol, _noise(sigma, rng)))
    magnitude, gain = (_volume([pair[part] for pair in results], protocol.axis) for part in (0, 1))
    return ParallelScan(magnitude, np.asarray(sigma * gain, dtype=np.float32))


def sense_g_factor(maps: ComplexArray, acceleration: int, axis: int = 1) -> FloatArray:
    """Return by how much SENSE amplifies the noise beyond the square root of R.

    Parameters
    ----------
    maps
        Sensitivities (coil, x, y, z).
    acceleration
        R, from 1 to 4.
    axis
        The phase-encoding axis.

    Returns
    -------
    numpy.ndarray
        float32 (x, y, z), at least 1; 0 where no coil receives anything.

    Raises
    ------
    ValueError
        `acceleration` or `axis` is not possible.
    """
    _check(maps.shape[1:], Protocol(acceleration, "sense", axis=axis), 0, maps.shape)
    return _volume([sense.g_factor(coils, acceleration) for coils in _slices(maps, axis)], axis)


def _check(shape: tuple[int, ...], protocol: Protocol, sigma: float, maps: tuple[int, ...]) -> None:
    least = grappa.fewest_calibration_lines(protocol.acceleration)
    ways = {("grappa", "weighted"), ("grappa", "rss"), ("sense", "weighted")}
    if protocol.acceleration not in {1, 2, 3, 4}:
        raise ValueError(f"acceleration is {protocol.acceleration!r}; it must be 1, 2, 3 or 4")
    if protocol.axis not in {0, 1, 2}:
        raise ValueError(f"axis is {protocol.axis!r}; it must be 0, 1 or 2")
    if (protocol.reconstruction, protocol.combination) not in ways:
        raise ValueError(
            f"reconstruction {protocol.reconstruction!r} with combination "
            f"{protocol.combination!r} is none of {sorted(ways)}"
        )
    if len(maps) != 4 or maps[1:] != shape:
        raise ValueError(f"maps of shape {maps!r} do not fit a volume of shape {shape!r}")
    if not 0 <= sigma < np.inf:
        raise ValueError(f"sigma is {sigma!r}; it must be 0 or more")
    if protocol.reconstruction == "grappa" and not (
        least <= protocol.calibration <= shape[protocol.axis]
    ):
        raise ValueError(
            f"calibration is {protocol.calibration!r}; acceleration {protocol.acceleration} on "
            f"{shape[protocol.axis]} lines needs {least} to {shape[protocol.axis]}"
        )


def _sense(
    images: FloatArray, maps: ComplexArray, protocol: Protocol, noise: Noise
) -> Iterator[Pair]:
    """Yield the magnitude and the noise gain of each slice."""
    step = protocol.acceleration
    for image, coils in zip(images, maps, strict=True):
        folded = sense.fold(image, coils, step)
        # Fewer lines: the noise of a pixel is that of a line times the square root of R.
        folded += np.float32(np.sqrt(step)) * noise(folded.shape)
        yield np.abs(sense.unfold(folded, coils, step)), sense.noise_gain(coils, step)


def _grappa(
    images: FloatArray, maps: ComplexArray, protocol: Protocol, noise: Noise
) -> Iterator[Pair]:
    """Yield the same, with kernels calibrated on the slice and a little on the whole volume."""
    length, step = images.shape[2], protocol.acceleration
    sampled = grappa.sampled_lines(length, step, protocol.calibration)
    first = length // 2 - protocol.calibration // 2
    centre = slice(first, first + protocol.calibration)
    data = [_measured(image, coils, noise) for image, coils in zip(images, maps, strict=True)]
    systems = [grappa.calibration_system(lines[:, centre], step) for lines in data]
    volume = grappa.mean_system(systems)
    for lines, system, coils in zip(data, systems, maps, strict=True):
        weights = grappa.kernel_weights(system, volume, len(lines))
        coil_images = _image(grappa.fill(lines, weights, sampled))
        combining = _combining(coils, protocol.combination)
        magnitude = (
            np.linalg.norm(coil_images, axis=-1)
            if protocol.combination == "rss"
            else np.abs((coil_images * combining).sum(axis=-1))
        )
        yield magnitude, grappa.noise_gain(combining, weights, sampled)


def _measured(image: FloatArray, maps: ComplexArray, noise: Noise) -> ComplexArray:
    """Return all lines of a slice (readout, line, coil); reconstructions use those sampled."""
    spectrum = fft.fft(image[..., np.newaxis] * maps, axis=1, norm="ortho")
    return np.asarray(fft.fftshift(spectrum, axes=1) + noise(spectrum.shape))


def _image(lines: ComplexArray) -> ComplexArray:
    return np.asarray(fft.ifft(fft.ifftshift(lines, axes=1), axis=1, norm="ortho"))


def _combining(maps: ComplexArray, combination: str) -> ComplexArray:
    """Return the factors of the coil images; a root sum of squares acts as such on weak noise."""
    energy = np.square(np.abs(maps)).sum(axis=-1, keepdims=True)
    scale = np.sqrt(energy) if combination == "rss" else energy
    return np.asarray(maps.conj() / np.where(energy > 0, scale, 1))


def _noise(sigma: float, rng: np.random.Generator) -> Noise:
    return lambda shape: complex_white(shape, sigma, rng)


def _slices(data: npt.NDArray[Any], axis: int) -> npt.NDArray[Any]:
    """Return ([coil,] x, y, z) as (slice, readout, phase[, coil])."""
    readout, through = _others(axis)
    last = data if data.ndim == 3 else np.moveaxis(data, 0, -1)
    return np.moveaxis(last, (through, readout, axis), (0, 1, 2))


def _volume(slices: list[FloatArray], axis: int) -> FloatArray:
    readout, through = _others(axis)
    volume = np.moveaxis(np.stack(slices), (0, 1, 2), (through, readout, axis))
    return np.ascontiguousarray(volume, dtype=np.float32)


def _others(axis: int) -> tuple[int, int]:
    readout, through = (other for other in range(3) if other != axis)
    return readout, through
