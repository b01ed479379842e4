"""Shrinkage of overlapping cosine transforms, compiled. Defined in `cosine_reference`.

All blocks of one y, and of `LANES` neighbouring z, are taken along x in one sweep. The transform
is separable, so a plane is transformed along z and y once for all blocks of the sweep that it is
in; only the transform along x, the shrinkage and its way back are each block's own. As no block
weighs more than another, the way back along y and z is made on the sum over x. The `LANES` blocks
lie side by side in memory and go through every step together, in vector registers.

Sweeps that touch the same rows are never made at the same time: those of every other group of y
go first, then those between them. So each voxel sums its blocks in one order, and the number of
threads changes no bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from bids_denoise.kernels.bands import replace_band
from bids_denoise.kernels.cosine_reference import (
    EDGE,
    FALSE_ALARMS,
    STEP,
    THRESHOLD,
    cover,
    origins,
)
from bids_denoise.kernels.eight import add, backward, forward, load, store
from bids_denoise.kernels.pool import for_each

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import FloatArray

    IntArray = npt.NDArray[np.int64]

LANES = 16
ROW = EDGE * LANES  # floats of the z transforms of one row
PLANE = EDGE * ROW
APART = LANES + 2 * EDGE  # floats from one shifted copy to the next, see `_synthesise`
GROUP = 3  # y origins of a task: the blocks of the next but one begin below its last one
BAND = 16  # x origins between two writes into the pilot
ZERO, ONE = np.float32(0), np.float32(1)
LEAST = np.float32(1e-30)
FAST = {"contract", "nsz", "nnan", "ninf"}


class Task(NamedTuple):
    """The blocks that begin at `xs` and `ys`; the result begins with plane `first`."""

    xs: IntArray
    ys: IntArray
    first: int
    guided: bool


class Share(NamedTuple):
    """One over the number of blocks that each voxel of an axis is in."""

    x: FloatArray
    y: FloatArray
    z: FloatArray


class Bench(NamedTuple):
    """The flat arrays of a sweep.

    `volume`, `pilot` and `result` hold 8 planes of 8 x 8 coefficients, `plane` one, `line` the
    voxels of a row, `shifted` a row's 8 voxels of each block, `kept` how many coefficients each
    block keeps.
    """

    volume: FloatArray
    pilot: FloatArray
    result: FloatArray
    plane: FloatArray
    line: FloatArray
    shifted: FloatArray
    kept: FloatArray


def keep_large(volume: FloatArray, threads: int = 1) -> tuple[FloatArray, float]:
    """Return the estimate and the structure: `cosine_reference.keep_large` within rounding.

    `volume` is C-contiguous. A coefficient right at the threshold may fall on either side.
    """
    estimate = np.zeros_like(volume)
    xs = np.array(origins(volume.shape[0], STEP))
    sums = _sweep_groups((volume, volume), estimate, xs, guided=False, threads=threads)
    return estimate, float(sums[1] / max(sums[0], np.finfo(float).tiny))


def wiener_in_place(volume: FloatArray, pilot: FloatArray, remain: float, threads: int = 1) -> None:
    """Replace `pilot` by ``(1 - remain) wiener(volume, pilot) + remain pilot``.

    Both are float32 (x, y, z), C-contiguous. Beside them a band of about 50 planes is held.
    """
    xs = np.array(origins(volume.shape[0], STEP))
    carried = np.zeros((0, *volume.shape[1:]), np.float32)
    for begin in range(0, len(xs), BAND):
        band = xs[begin : begin + BAND]
        stop = xs[begin + BAND] if begin + BAND < len(xs) else len(volume)
        made = np.zeros((band[-1] + EDGE - band[0], *volume.shape[1:]), np.float32)
        made[: len(carried)] = carried
        _sweep_groups((volume, pilot), made, band, guided=True, threads=threads)
        carried = made[stop - band[0] :].copy()
        replace_band(pilot[band[0] : stop], made[: stop - band[0]], remain)
        del made  # before the next band is


def _sweep_groups(
    sources: tuple[FloatArray, FloatArray],
    out: FloatArray,
    xs: IntArray,
    *,
    guided: bool,
    threads: int,
) -> FloatArray:
    """Add to `out` all blocks that begin at `xs`; return the sums of structure and its square."""
    shape = sources[0].shape
    share = Share(*(
        (1 / cover(n, step)).astype(np.float32)
        for n, step in zip(shape, (STEP, STEP, 1), strict=True)
    ))  # fmt: skip
    ys = np.array(origins(shape[1], STEP))
    groups = [ys[begin : begin + GROUP] for begin in range(0, len(ys), GROUP)]
    found = np.zeros((len(groups), 2))
    for parity in (0, 1):
        for_each(
            lambda i: _sweep_group(
                sources, out, Task(xs, groups[i], int(xs[0]), guided), share, found[i]
            ),
            range(parity, len(groups), 2),
            threads,
        )
    sums: FloatArray = found.sum(axis=0)
    return sums


@njit(cache=True, nogil=True, error_model="numpy")
def _sweep_group(sources, out, task, share, found):  # type: ignore[no-untyped-def]
    bench = Bench(
        np.empty(EDGE * PLANE, np.float32),
        np.empty(EDGE * PLANE, np.float32),
        np.empty(EDGE * PLANE, np.float32),
        np.empty(PLANE, np.float32),
        np.zeros(LANES + EDGE, np.float32),
        np.zeros(EDGE * APART, np.float32),
        np.empty(LANES, np.float32),
    )
    for y in task.ys:
        for z in range(0, out.shape[2] - EDGE + 1, LANES):
            _sweep(sources, out, task, share, bench, (y, z, found))


@njit(cache=True, error_model="numpy")
def _sweep(sources, out, task, share, bench, place):  # type: ignore[no-untyped-def]
    y, z, found = place
    lanes = min(LANES, out.shape[2] - EDGE + 1 - z)
    at, ahead = task.xs[0], task.xs[0]
    bench.result[:] = ZERO
    for x in task.xs:
        _leave(out, share, bench, (at - task.first, at, x - at), (y, z, lanes))
        at = x
        while ahead < x + EDGE:
            _analyse(sources[0], (ahead, y, z), bench, bench.volume[(ahead - x) * PLANE :])
            if task.guided:
                _analyse(sources[1], (ahead, y, z), bench, bench.pilot[(ahead - x) * PLANE :])
            ahead += 1
        if task.guided:
            _shrink(bench)
        else:
            _keep(bench)
            for kept in bench.kept[:lanes]:
                structure = max(kept - FALSE_ALARMS, 0) / EDGE**3
                found[0] += structure
                found[1] += structure**2
    _leave(out, share, bench, (at - task.first, at, EDGE), (y, z, lanes))


@njit(cache=True, error_model="numpy")
def _leave(out, share, bench, planes, place):  # type: ignore[no-untyped-def]
    """Write out the planes that no further block is in, and move the others to the front."""
    target, x, count = planes
    if count == 0:
        return
    for k in range(count):
        _synthesise(
            bench.result[k * PLANE :], bench, out[target + k], share, (share.x[x + k], *place)
        )
    left = (EDGE - count) * PLANE
    for i in range(left):
        bench.volume[i] = bench.volume[i + count * PLANE]
    for i in range(left):
        bench.pilot[i] = bench.pilot[i + count * PLANE]
    for i in range(left):
        bench.result[i] = bench.result[i + count * PLANE]
    bench.result[left:] = ZERO


@njit(cache=True, error_model="numpy", fastmath=FAST)
def _analyse(source, place, bench, out):  # type: ignore[no-untyped-def]
    """Transform the 8 rows of a plane along z, then y."""
    x, y, z = place
    line, plane = bench.line, bench.plane
    length = min(LANES + EDGE, source.shape[2] - z)
    for row in range(EDGE):
        line[:length] = source[x, y + row, z : z + length]
        line[length:] = ZERO
        start = row * ROW
        for i in range(LANES):
            store(plane, start + i, LANES, forward(load(line, i, 1)))
    for i in range(ROW):
        store(out, i, ROW, forward(load(plane, i, ROW)))


@njit(cache=True, error_model="numpy", fastmath=FAST)
def _synthesise(coefficients, bench, out, share, place):  # type: ignore[no-untyped-def]
    """Add a plane, transformed back along y and z, to the rows of `out`."""
    share_x, y, z, lanes = place
    plane, shifted = bench.plane, bench.shifted
    for i in range(ROW):
        store(plane, i, ROW, backward(load(coefficients, i, ROW)))
    for row in range(EDGE):
        start = row * ROW
        for i in range(LANES):
            store(shifted, i + EDGE, APART, backward(load(plane, start + i, LANES)))
        for i in range(EDGE, EDGE * APART, APART):  # blocks that would reach beyond the volume
            shifted[i + lanes : i + LANES] = ZERO
        line, share_z = out[y + row, z:], share.z[z:]
        share_row = share_x * share.y[y + row]
        for i in range(lanes + EDGE - 1):
            # Voxel k of the block at i - k.
            a, b, c, d, e, f, g, h = load(shifted, i + EDGE, APART - 1)
            line[i] += share_row * share_z[i] * (((a + b) + (c + d)) + ((e + f) + (g + h)))


@njit(cache=True, error_model="numpy", fastmath=FAST)
def _keep(bench):  # type: ignore[no-untyped-def]
    """Add to the result what is large of the blocks at hand, and count it."""
    threshold = np.float32(THRESHOLD)
    source, result, kept = bench.volume, bench.result, bench.kept
    kept[:] = ZERO
    for row in range(0, PLANE, LANES):
        lowest = threshold if row else ZERO  # the mean of a block always stays
        for i in range(LANES):
            a, b, c, d, e, f, g, h = forward(load(source, row + i, PLANE))
            kept[i] += (
                _large(a, threshold) + _large(b, threshold) + _large(c, threshold)
                + _large(d, threshold) + _large(e, threshold) + _large(f, threshold)
                + _large(g, threshold) + _large(h, threshold)
            )  # fmt: skip
            a, b, c, d, e, f, g, h = backward((
                a * _large(a, lowest), b * _large(b, threshold), c * _large(c, threshold),
                d * _large(d, threshold), e * _large(e, threshold), f * _large(f, threshold),
                g * _large(g, threshold), h * _large(h, threshold),
            ))  # fmt: skip
            add(result, row + i, PLANE, (a, b, c, d, e, f, g, h))


@njit(cache=True, error_model="numpy", fastmath=FAST)
def _shrink(bench):  # type: ignore[no-untyped-def]
    """Add to the result the Wiener estimate of the blocks at hand."""
    source, pilot, result = bench.volume, bench.pilot, bench.result
    for row in range(0, PLANE, LANES):
        noise = ONE if row else LEAST
        for i in range(LANES):
            a, b, c, d, e, f, g, h = forward(load(source, row + i, PLANE))
            j, k, m, n, o, p, q, r = forward(load(pilot, row + i, PLANE))
            add(result, row + i, PLANE, backward((
                a * _gain(j, noise), b * _gain(k, ONE), c * _gain(m, ONE), d * _gain(n, ONE),
                e * _gain(o, ONE), f * _gain(p, ONE), g * _gain(q, ONE), h * _gain(r, ONE),
            )))  # fmt: skip


@njit(cache=True, error_model="numpy")
def _large(value, threshold):  # type: ignore[no-untyped-def]
    return ONE if abs(value) >= threshold else ZERO


@njit(cache=True, error_model="numpy")
def _gain(pilot, noise):  # type: ignore[no-untyped-def]
    power = pilot * pilot
    return power / (power + noise)
