"""The CUDA kernel of `nlm_cuda`: what one block of threads does.

A block makes a tile of the result, for all shifts of the search window. Threads are (row, lane):
row along y, lane along z, the axis that is contiguous in memory. Each shift has two stages, with
one barrier between them:

1. `differ`: thread (row, lane) holds a line of the guide along x in registers. It subtracts the
   shifted line, squares, sums along x over the width of a patch, and puts the sums into shared
   memory.
2. `average`: thread (plane, lane) takes one x plane of these sums, completes the boxes along z and
   y, makes the weights, and adds to the means that it holds in registers.

So a squared difference is made once a shift, not once for each patch it lies in. The guide and the
volume around the tile lie in shared memory, for one shift along x at a time. All that depends on
the radii is a constant of the compiled kernel: loops over registers unroll. Indices are made
unsigned, since Numba lets a signed one count from the end, at several instructions each.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

# As Any: numba's own types describe its simulator.
cuda: Any = import_module("numba.cuda")

WARP = 32
REGISTERS_PER_SM = 65536
REGISTERS_BESIDES = 45  # for addresses and intermediate values, by what the assembler takes
OUTSIDE = np.float32(np.inf)
ZERO = np.float32(0)
ONE = np.float32(1)

DeviceCode = Callable[..., None]


@dataclass(frozen=True)
class Tile:
    """The work of one block: `planes` x (`rows` - 2p) x (`lanes` - 2p) voxels of the result.

    Attributes
    ----------
    search_radius, patch_radius
        As in `nlm_reference.nlm_pass`; p is the patch radius.
    planes
        Planes along x, at most `rows`.
    rows, lanes
        Threads along y and z. They cover the tile and the borders of its patches.
    """

    search_radius: int
    patch_radius: int
    planes: int
    rows: int
    lanes: int = WARP

    @property
    def outputs(self) -> tuple[int, int, int]:
        """Voxels of the result along x, y, z."""
        return self.planes, self.rows - 2 * self.patch_radius, self.lanes - 2 * self.patch_radius

    @property
    def guide_window(self) -> tuple[int, int, int]:
        """Voxels of the guide that one shift along x reads."""
        border = 2 * self.search_radius
        return self.planes + 2 * self.patch_radius, self.rows + border, self.lanes + border

    @property
    def volume_window(self) -> tuple[int, int, int]:
        """Voxels of the volume that one shift along x averages."""
        planes, rows, lanes = self.outputs
        return planes, rows + 2 * self.search_radius, lanes + 2 * self.search_radius

    @property
    def sums(self) -> tuple[int, int, int, int]:
        """Sums along x, twice: the next shift writes while the last one is still read."""
        return 2, self.planes, self.rows, self.lanes

    @property
    def shared_bytes(self) -> int:
        """Shared memory of one block."""
        return 4 * sum(map(math.prod, (self.guide_window, self.volume_window, self.sums)))

    @property
    def traffic(self) -> float:
        """Shared-memory accesses for each voxel of the result and shift."""
        width = 2 * self.patch_radius + 1
        differ = self.rows * (2 * self.planes + width - 1)
        average = self.planes * (self.rows * width + self.outputs[1])
        filled = 2 * (math.prod(self.guide_window) + math.prod(self.volume_window))
        fill = filled / (2 * self.search_radius + 1) ** 2
        # Two half rows in a warp meet in the same banks of memory.
        accesses = (differ + average) * max(self.lanes, WARP)
        return (accesses + fill) / math.prod(self.outputs)

    @property
    def launch_bounds(self) -> tuple[int, int]:
        """Threads of a block, and the blocks an SM should hold: this caps the registers."""
        held = self.guide_window[0] + self.rows + 2 * self.outputs[1]
        threads = self.rows * self.lanes
        return threads, max(1, REGISTERS_PER_SM // (threads * (held + REGISTERS_BESIDES)))


def make_kernel(tile: Tile) -> DeviceCode:
    """Return the kernel for `tile`, not yet compiled.

    Its arguments are volume, guide and result (float32 (x, y, z), C order, of one slab), the plane
    of `volume` that the result begins at, and the two numbers of the weight function: a sum q of
    squared differences over a patch has the weight clip(level - slope q, 0, 1)^16.
    """
    search, depth, steps = tile.search_radius, tile.guide_window[0], 2 * tile.search_radius + 1
    guide_window, volume_window, sums_shape = tile.guide_window, tile.volume_window, tile.sums
    planes, rows, lanes = tile.outputs
    hold, fill_guide, fill_volume, store = _hold(tile), _fill_guide(tile), _fill(tile), _store(tile)
    differ, average = _differ(tile), _average(tile)

    def kernel(volume: Any, guide: Any, result: Any, start: int, level: Any, slope: Any) -> None:
        near = cuda.shared.array(guide_window, np.float32)
        values = cuda.shared.array(volume_window, np.float32)
        sums = cuda.shared.array(sums_shape, np.float32)
        own = cuda.local.array(depth, np.float32)
        total = cuda.local.array(rows, np.float32)
        weights = cuda.local.array(rows, np.float32)
        x0, y0, z0 = cuda.blockIdx.z * planes, cuda.blockIdx.y * rows, cuda.blockIdx.x * lanes
        averages = cuda.threadIdx.y < planes and cuda.threadIdx.x < lanes
        hold(own, guide, (start + x0, y0, z0))
        for j in range(rows):
            total[j] = ZERO
            weights[j] = ZERO
        half = np.uint32(0)
        for shift_x in range(steps):
            corner = (start + x0 + shift_x - search, y0 - search, z0 - search)
            cuda.syncthreads()
            fill_guide(near, guide, corner)
            fill_volume(values, volume, corner)
            cuda.syncthreads()
            for shift_y in range(steps):
                for shift_z in range(steps):
                    differ(own, near, sums[half], shift_y, shift_z)
                    cuda.syncthreads()
                    if averages:
                        shift = (shift_y, shift_z)
                        average(sums[half], values, (total, weights), shift, (level, slope))
                    half ^= np.uint32(1)
        if averages:
            store(result, total, weights, (x0, y0, z0))

    return kernel


def _inlined(function: DeviceCode) -> DeviceCode:
    # Inlined as Numba code: register arrays are passed, and a call would put them into memory.
    inlined: DeviceCode = cuda.jit(function, device=True, inline="always")
    return inlined


def _hold(tile: Tile) -> DeviceCode:
    depth, patch = tile.guide_window[0], tile.patch_radius

    def hold(own: Any, guide: Any, corner: Any) -> None:
        y = min(max(corner[1] + cuda.threadIdx.y - patch, 0), guide.shape[1] - 1)
        z = min(max(corner[2] + cuda.threadIdx.x - patch, 0), guide.shape[2] - 1)
        for i in range(depth):
            x = min(max(corner[0] + i - patch, 0), guide.shape[0] - 1)
            own[i] = guide[np.uint32(x), np.uint32(y), np.uint32(z)]

    return _inlined(hold)


def _fill_guide(tile: Tile) -> DeviceCode:
    planes, rows, lanes = tile.guide_window
    patch, threads_y, threads_z = tile.patch_radius, tile.rows, tile.lanes

    def fill_guide(near: Any, guide: Any, corner: Any) -> None:
        for line in range(cuda.threadIdx.y, planes * rows, threads_y):
            i, j = line // rows, line % rows
            x = min(max(corner[0] - patch + i, 0), guide.shape[0] - 1)
            y = min(max(corner[1] - patch + j, 0), guide.shape[1] - 1)
            for k in range(cuda.threadIdx.x, lanes, threads_z):
                z = min(max(corner[2] - patch + k, 0), guide.shape[2] - 1)
                value = guide[np.uint32(x), np.uint32(y), np.uint32(z)]
                near[np.uint32(i), np.uint32(j), np.uint32(k)] = value

    return _inlined(fill_guide)


def _fill(tile: Tile) -> DeviceCode:
    planes, rows, lanes = tile.volume_window
    threads_y, threads_z = tile.rows, tile.lanes

    def fill(values: Any, volume: Any, corner: Any) -> None:
        for line in range(cuda.threadIdx.y, planes * rows, threads_y):
            i, j = line // rows, line % rows
            x, y = corner[0] + i, corner[1] + j
            inside = 0 <= x < volume.shape[0] and 0 <= y < volume.shape[1]
            for k in range(cuda.threadIdx.x, lanes, threads_z):
                z = corner[2] + k
                value = OUTSIDE
                if inside and 0 <= z < volume.shape[2]:
                    value = volume[np.uint32(x), np.uint32(y), np.uint32(z)]
                values[np.uint32(i), np.uint32(j), np.uint32(k)] = value

    return _inlined(fill)


def _differ(tile: Tile) -> DeviceCode:
    planes, depth, width = tile.planes, tile.guide_window[0], 2 * tile.patch_radius + 1

    def differ(own: Any, near: Any, sums: Any, shift_y: int, shift_z: int) -> None:
        row, lane = np.uint32(cuda.threadIdx.y), np.uint32(cuda.threadIdx.x)
        y, z = np.uint32(shift_y) + row, np.uint32(shift_z) + lane
        squared = cuda.local.array(depth, np.float32)
        for i in range(depth):
            difference = own[i] - near[i, y, z]
            squared[i] = difference * difference
        for i in range(planes):
            box = squared[i]
            for k in range(1, width):
                box += squared[i + k]
            sums[i, row, lane] = box

    return _inlined(differ)


def _average(tile: Tile) -> DeviceCode:
    sum_rows, rows, width = tile.rows, tile.outputs[1], 2 * tile.patch_radius + 1

    def average(sums: Any, values: Any, mean: Any, shift: Any, fall: Any) -> None:
        plane, lane = np.uint32(cuda.threadIdx.y), np.uint32(cuda.threadIdx.x)
        line = cuda.local.array(sum_rows, np.float32)
        for j in range(sum_rows):
            box = sums[plane, j, lane]
            for k in range(1, width):
                box += sums[plane, j, lane + np.uint32(k)]
            line[j] = box
        for j in range(rows):
            box = line[j]
            for k in range(1, width):
                box += line[j + k]
            weight = min(max(fall[0] - fall[1] * box, ZERO), ONE)
            for _ in range(4):
                weight *= weight
            value = values[plane, np.uint32(shift[0]) + np.uint32(j), np.uint32(shift[1]) + lane]
            if value < OUTSIDE:
                mean[0][j] += weight * value
                mean[1][j] += weight

    return _inlined(average)


def _store(tile: Tile) -> DeviceCode:
    rows = tile.outputs[1]

    def store(result: Any, total: Any, weights: Any, corner: Any) -> None:
        x, z = corner[0] + cuda.threadIdx.y, corner[2] + cuda.threadIdx.x
        if x < result.shape[0] and z < result.shape[2]:
            for j in range(rows):
                y = corner[1] + j
                if y < result.shape[1]:
                    value = total[j] / weights[j]
                    result[np.uint32(x), np.uint32(y), np.uint32(z)] = value

    return _inlined(store)
