"""Look up every voxel in a table: variance stabilisation of Rician data and the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from bids_denoise.kernels.pool import for_each

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray

CHUNK = 1 << 17  # voxels a thread takes at a time
HALF, QUARTER = np.float32(0.5), np.float32(0.25)


class Curve(NamedTuple):
    """A function at `low`, ``low + 1 / density``, ...; beyond the last value its form is known."""

    values: FloatArray
    low: np.float32
    density: np.float32


def stabilise(arrays: tuple[FloatArray, ...], curve: Curve, threads: int = 1) -> None:
    """Write f(data / sigma); beyond the curve f(m) is ``sqrt(m^2 - 1/2)``.

    The arrays are sigma (voxels,), greater than 0; data (voxels, volumes); and what is written to,
    which may be the data. All are float32.
    """
    _over_chunks(_stabilise, arrays, curve, threads)


def unstabilise(arrays: tuple[FloatArray, ...], curve: Curve, threads: int = 1) -> None:
    """Write sigma times the signal whose stabilised mean is the data.

    The curve holds the square of the signal, which is straight where the signal is 0. Beyond
    it the mean is ``signal + 1 / (4 signal)``. Arrays as in `stabilise`.
    """
    _over_chunks(_unstabilise, arrays, curve, threads)


def _over_chunks(
    work: Callable[..., None], arrays: tuple[FloatArray, ...], curve: Curve, threads: int
) -> None:
    sigma, data, out = arrays

    def do_chunk(start: int) -> None:
        part = slice(start, start + CHUNK)
        work(data[part], sigma[part], curve, out[part])

    for_each(do_chunk, range(0, len(data), CHUNK), threads)


@njit(cache=True, nogil=True, error_model="numpy")
def _stabilise(data, sigma, curve, out):  # type: ignore[no-untyped-def]
    values, low, density = curve
    last = len(values) - 1
    for voxel in range(len(data)):
        for volume in range(data.shape[1]):
            measured = data[voxel, volume] / sigma[voxel]
            place = max((measured - low) * density, np.float32(0))
            if place < last:
                index = int(place)
                part = place - np.float32(index)
                value = values[index] + part * (values[index + 1] - values[index])
            else:
                value = np.sqrt(measured * measured - HALF)
            out[voxel, volume] = value


@njit(cache=True, nogil=True, error_model="numpy")
def _unstabilise(stable, sigma, curve, out):  # type: ignore[no-untyped-def]
    values, low, density = curve
    last = len(values) - 1
    for voxel in range(len(stable)):
        for volume in range(stable.shape[1]):
            place = max((stable[voxel, volume] - low) * density, np.float32(0))
            if place < last:
                index = int(place)
                part = place - np.float32(index)
                signal = np.sqrt(values[index] + part * (values[index + 1] - values[index]))
            else:
                half = HALF * stable[voxel, volume]
                signal = half + np.sqrt(half * half - QUARTER)
            out[voxel, volume] = signal * sigma[voxel]
