"""GRAPPA of one slice (Griswold et al. 2002, doi:10.1002/mrm.10171): deterministic operators.

Lines are complex64 (readout, line, coil): position along the readout, frequency along phase
encoding, with frequency 0 at line length // 2. A kernel that is a convolution along the
frequencies of the readout is then a product at each position, and costs less.

Every R-th line is acquired. The gap between two of them is filled from the nearest acquired
lines on both sides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.simulate.noise import ComplexArray
    from bids_denoise.values import BoolArray, FloatArray

    System = tuple[npt.NDArray[np.complex128], npt.NDArray[np.complex128]]

READOUT = np.arange(-2, 3)
"""Where a kernel reads along the frequencies of the readout."""

ACQUIRED = np.arange(-1, 3)
"""Which acquired lines it reads, counted from the one before the gap."""

PRIOR = 1e-2
"""Weight of the whole volume in the calibration of a slice; in a slice of air it is all."""

RIDGE = 1e-7
"""Tikhonov regularisation of the calibration, as a share of the mean energy of a source."""


def sampled_lines(length: int, acceleration: int, calibration: int) -> BoolArray:
    """Return which of `length` lines are acquired: every R-th and the central `calibration`.

    Examples
    --------
    >>> sampled_lines(9, 3, 2).astype(int)
    array([0, 1, 0, 1, 1, 0, 0, 1, 0])
    """
    line = np.arange(length) - length // 2
    centre = (line >= -(calibration // 2)) & (line < calibration - calibration // 2)
    return np.asarray((line % acceleration == 0) | centre)


def fewest_calibration_lines(acceleration: int) -> int:
    """Return how many adjacent lines a kernel spans."""
    return int(ACQUIRED[-1] - ACQUIRED[0]) * acceleration + 1


def calibration_system(lines: ComplexArray, acceleration: int) -> System:
    """Return the normal equations of the kernel weights from fully sampled `lines`.

    Returns
    -------
    tuple of numpy.ndarray
        complex128 (source, source) and (source, target); sources in the order (`ACQUIRED`,
        `READOUT`, coil), targets in the order (line of the gap, coil).
    """
    frequency = fft.fft(lines, axis=0, norm="ortho").astype(np.complex128)
    neighbours = np.stack([np.roll(frequency, -step, axis=0) for step in READOUT], axis=2)
    count = lines.shape[1] - fewest_calibration_lines(acceleration) + 1
    before = np.arange(count)[:, np.newaxis] - acceleration * ACQUIRED[0]
    sources = neighbours[:, before + acceleration * ACQUIRED].reshape(len(lines) * count, -1)
    targets = frequency[:, before + np.arange(1, acceleration)]
    adjoint = sources.conj().T
    return adjoint @ sources, adjoint @ targets.reshape(len(sources), -1)


def mean_system(systems: list[System]) -> System:
    """Return the mean of the normal equations of all slices."""
    squares, products = zip(*systems, strict=True)
    return sum(squares) / len(systems), sum(products) / len(systems)


def kernel_weights(system: System, volume: System, length: int) -> ComplexArray:
    """Solve for the weights by regularised least squares, at each of `length` positions.

    Parameters
    ----------
    system, volume
        Normal equations of the slice, and the mean of those of all slices.
    length
        Positions along the readout.

    Returns
    -------
    numpy.ndarray
        complex64 (readout, `ACQUIRED`, coil of the source, line of the gap, coil).
    """
    squares, products = (own + PRIOR * mean for own, mean in zip(system, volume, strict=True))
    ridge = RIDGE * np.trace(squares).real / len(squares) + np.finfo(float).tiny
    solved = np.linalg.solve(squares + ridge * np.eye(len(squares)), products)
    coils = len(squares) // (len(ACQUIRED) * len(READOUT))
    gap = solved.shape[1] // coils
    kernel = solved.reshape(len(ACQUIRED), len(READOUT), coils, gap, coils)
    waves = np.exp(-2j * np.pi * np.outer(np.arange(length), READOUT) / length)
    weights = np.einsum("xk,akstc->xastc", waves, kernel, optimize=True)
    return np.asarray(weights, dtype=np.complex64)


def fill(lines: ComplexArray, weights: ComplexArray, sampled: BoolArray) -> ComplexArray:
    """Return `lines` with those that were not `sampled` (line,) estimated from their neighbours.

    What lies outside k-space counts as 0.
    """
    (readout, length, coils), acceleration = lines.shape, weights.shape[3] + 1
    first = length // 2 % acceleration - acceleration
    before = np.arange(first, length, acceleration)
    margin = acceleration * len(ACQUIRED)
    padded = np.pad(lines, ((0, 0), (margin, margin), (0, 0)))
    sources = padded[:, margin + before[:, np.newaxis] + acceleration * ACQUIRED]
    read, gap = len(ACQUIRED) * coils, acceleration - 1
    gaps = sources.reshape(readout, -1, read) @ weights.reshape(readout, read, gap * coils)
    # With an empty place before each gap, for the acquired line, the order is that of lines.
    placed = np.pad(gaps, ((0, 0), (0, 0), (coils, 0))).reshape(readout, -1, coils)
    return np.where(sampled[:, np.newaxis], lines, placed[:, -first : length - first])


def noise_gain(combining: ComplexArray, weights: ComplexArray, sampled: BoolArray) -> FloatArray:
    r"""Return how much noise white in the acquired lines has in the combined image.

    .. math:: gain(x, y)^2 = \frac{1}{N} \sum_{line, coil} |\sum_d v_d(x, y, coil)|^2

    The weights of each displacement d in k-space are a factor in image space (Breuer et al. 2009,
    doi:10.1002/mrm.22066). The sum over d runs over the uses of a line: by itself, and for each
    estimated line that reads it. Calibration lines, which are not estimated, thus count as
    what they are, and the result is exact for given weights.

    Parameters
    ----------
    combining
        Factors of the coil images in the combined one (readout, phase, coil).
    weights
        Of `kernel_weights`.
    sampled
        (line,).

    Returns
    -------
    numpy.ndarray
        float32 (readout, phase).
    """
    readout, length, coils = combining.shape
    acceleration = weights.shape[3] + 1
    gap = np.arange(1, acceleration)
    displacement = (acceleration * ACQUIRED[:, np.newaxis] - gap).ravel()
    mixing = weights.transpose(0, 4, 1, 3, 2).reshape(readout, coils, len(displacement) * coils)
    mixed = (combining @ mixing).reshape(readout, length, len(displacement), coils)
    waves = np.exp(-2j * np.pi * np.outer(np.arange(length), displacement) / length)
    mixed *= waves[..., np.newaxis].astype(np.complex64)
    factors = np.concatenate([combining[:, :, np.newaxis], mixed], axis=2)
    used = _uses(sampled, displacement, acceleration)
    pairs = np.einsum("de,xyec->xydc", used @ used.T, factors, optimize=True)
    energy = (pairs.real * factors.real + pairs.imag * factors.imag).sum(axis=(2, 3))
    return np.asarray(np.sqrt(energy / length), dtype=np.float32)


def _uses(sampled: BoolArray, displacement: npt.NDArray[np.int_], acceleration: int) -> FloatArray:
    """Return 1 where an acquired line is used by itself, and at each displacement, else 0."""
    line = np.arange(len(sampled))
    regular = (line - len(sampled) // 2) % acceleration == 0
    read = line - displacement[:, np.newaxis]
    inside = (read >= 0) & (read < len(sampled))
    missing = inside & ~sampled[np.clip(read, 0, len(sampled) - 1)]
    return np.vstack([sampled, regular & missing]).astype(np.float32)
