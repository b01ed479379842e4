"""Shrinkage of overlapping cosine transforms, in plain numpy: the definition of `cosine_cpu`.

A block of 8^3 voxels is taken apart by the orthonormal 3D cosine transform (DCT-II), where white
noise of standard deviation 1 stays that, and anatomy gathers in few coefficients. Each coefficient
but the mean is shrunk, the block put together again, and each voxel becomes the mean of the
blocks that it is in (Guleryuz 2007, doi:10.1109/TIP.2007.907080; in 3D for MRI Manjon 2012,
doi:10.1016/j.media.2011.04.003). Blocks begin at every voxel along z, and at every third along x
and y, the last one ending with the volume.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import FloatArray

    Precise = npt.NDArray[np.float64]

EDGE = 8
"""Voxels along each edge of a block; a volume has at least as many along each axis."""

STEP = 3
"""Voxels from one block to the next, along x and y."""

THRESHOLD = 2.6
"""Coefficients at least this large, in standard deviations of the noise, are signal."""

FALSE_ALARMS = EDGE**3 * 0.00932
"""Coefficients of a block of nothing but noise that pass `THRESHOLD`: 512 P(|N(0, 1)| > 2.6)."""


def keep_large(volume: FloatArray) -> tuple[FloatArray, float]:
    """Return `volume` (x, y, z) made of its large coefficients, and how much structure it has.

    Parameters
    ----------
    volume
        float32, with white noise of standard deviation 1.

    Returns
    -------
    estimate
        float32 (x, y, z).
    structure
        The share of coefficients, of 0 to 1, that stand out of the noise: its mean over the
        blocks, each weighted by this share itself, so that air does not count.
    """
    total = np.zeros(volume.shape)
    shares = []
    for block in blocks(volume.shape):
        coefficients = transform(volume[block])
        small = np.abs(coefficients) < THRESHOLD
        shares.append(max(small.size - small.sum() - FALSE_ALARMS, 0) / small.size)
        small[0, 0, 0] = False
        coefficients[small] = 0
        total[block] += back(coefficients)
    structure = np.square(shares).sum() / max(np.sum(shares), np.finfo(float).tiny)
    return (total / coverage(volume.shape)).astype(np.float32), float(structure)


def wiener(volume: FloatArray, pilot: FloatArray) -> FloatArray:
    """Return `volume` with each coefficient c shrunk by p^2 / (p^2 + 1), p the one of `pilot`.

    Parameters
    ----------
    volume
        float32 (x, y, z), with white noise of standard deviation 1.
    pilot
        float32 (x, y, z), an estimate of what is below that noise.

    Returns
    -------
    float32 (x, y, z).
    """
    total = np.zeros(volume.shape)
    for block in blocks(volume.shape):
        power = transform(pilot[block]) ** 2
        gain = power / (power + 1)
        gain[0, 0, 0] = 1
        total[block] += back(gain * transform(volume[block]))
    return (total / coverage(volume.shape)).astype(np.float32)


def origins(length: int, step: int) -> list[int]:
    """Return where blocks begin along an axis of `length` voxels."""
    last = length - EDGE
    return sorted({*range(0, last + 1, step), last})


def blocks(shape: tuple[int, ...]) -> list[tuple[slice, ...]]:
    """Return the place of every block in a volume of `shape`."""
    starts = product(*(origins(n, step) for n, step in zip(shape, (STEP, STEP, 1), strict=True)))
    return [tuple(slice(start, start + EDGE) for start in corner) for corner in starts]


def coverage(shape: tuple[int, ...]) -> Precise:
    """Return (x, y, z) how many blocks each voxel is in."""
    x, y, z = (cover(n, step) for n, step in zip(shape, (STEP, STEP, 1), strict=True))
    return x[:, np.newaxis, np.newaxis] * y[:, np.newaxis] * z


def cover(length: int, step: int) -> Precise:
    """Return how many blocks each voxel of an axis is in."""
    count = np.zeros(length)
    for start in origins(length, step):
        count[start : start + EDGE] += 1
    return count


def transform(block: FloatArray | Precise) -> Precise:
    """Return the cosine transform of a block."""
    basis = _basis()
    coefficients: Precise = np.einsum(
        "ai,bj,ck,ijk->abc", basis, basis, basis, block, optimize=True
    )
    return coefficients


def back(coefficients: Precise) -> Precise:
    """Return the block of a cosine transform."""
    basis = _basis()
    block: Precise = np.einsum(
        "ai,bj,ck,abc->ijk", basis, basis, basis, coefficients, optimize=True
    )
    return block


def _basis() -> Precise:
    frequency, place = np.indices((EDGE, EDGE))
    basis: Precise = np.cos(np.pi * frequency * (place + 0.5) / EDGE) * np.sqrt(2 / EDGE)
    basis[0] = np.sqrt(1 / EDGE)
    return basis
