"""Time the CUDA engine of non-local means; without a GPU, predict its time from its machine code.

The prediction needs numba-cuda, its compiler libraries (nvidia-nvvm, nvidia-cuda-nvrtc), and of the
CUDA toolkit ``ptxas`` (nvidia-cuda-nvcc) and ``nvdisasm`` (nvidia-cuda-nvdisasm): no driver.
`docs/cuda.md` explains the columns and holds the table.
"""

from __future__ import annotations

import math
import re
import shutil
import site
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from bids_denoise.kernels.gpu import cuda_device_names
from bids_denoise.kernels.nlm_cuda import choose_tile, nlm_pass
from bids_denoise.kernels.nlm_cuda_kernel import Tile, make_kernel

SHAPE = (181, 217, 181)
RADII = ((2, 1), (3, 1), (5, 1), (3, 2), (3, 3))
ARITHMETIC = {"FADD": 1, "FMUL": 1, "FFMA": 2}
SHARED = {"LDS", "STS"}
WARP = 32


@dataclass(frozen=True)
class Gpu:
    """What a GPU can do each clock, in instructions of whole warps, for each SM.

    From NVIDIA's white papers on the two architectures and the CUDA programming guide.
    """

    name: str
    capability: tuple[int, int]
    sms: int
    hertz: float
    shared_bytes: int
    arithmetic: float
    shared: float = 1
    issue: float = 4


GPUS = (
    Gpu("A100 SXM", (8, 0), 108, 1.41e9, 164 * 1024, arithmetic=2),
    Gpu("H100 SXM", (9, 0), 132, 1.98e9, 228 * 1024, arithmetic=4),
)


@dataclass(frozen=True)
class Assembly:
    """A kernel as assembled for one architecture; sizes are in bytes, registers by thread."""

    ptx: str
    cubin: bytes
    registers: int
    shared: int
    stack: int
    spilled: int


class ToolkitError(RuntimeError):
    """A part of the CUDA toolkit is missing or too old."""


def tool(name: str) -> Iterator[str]:
    """Yield the paths of a toolkit program: those that came with pip packages, then PATH's."""
    for folder in site.getsitepackages():
        yield from map(str, Path(folder).glob(f"nvidia/cu1?/bin/{name}"))
    found = shutil.which(name)
    if found is not None:
        yield found


def assemble(tile: Tile, capability: tuple[int, int]) -> Assembly:
    """Compile the kernel for `tile` to PTX, and that to machine code.

    Raises
    ------
    ToolkitError
        A library or program is missing, or the assembler is older than the compiler.
    """
    cuda: Any = import_module("numba.cuda")
    from numba import float32, int32

    array = float32[:, :, ::1]
    signature = (array, array, array, int32, float32, float32)
    try:
        ptx, _ = cuda.compile_ptx(
            make_kernel(tile), signature, cc=capability, launch_bounds=tile.launch_bounds
        )
    except (ImportError, RuntimeError, TypeError, AttributeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ToolkitError(f"numba-cuda cannot compile to PTX here: {reason}") from error
    return _assembled(ptx, capability)


def _assembled(ptx: str, capability: tuple[int, int]) -> Assembly:
    refusals = ["there is no ptxas"]
    for program in tool("ptxas"):
        with tempfile.TemporaryDirectory() as folder:
            source, cubin = Path(folder, "nlm.ptx"), Path(folder, "nlm.cubin")
            source.write_text(ptx)
            architecture = "sm_{}{}".format(*capability)
            command = [program, "-v", f"-arch={architecture}", str(source), "-o", str(cubin)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                return _read(ptx, cubin.read_bytes(), done.stderr)
            if "Unsupported .version" not in done.stderr:
                raise RuntimeError(done.stderr)
            refusals.append(f"{program} is older than the compiler library: {done.stderr.strip()}")
    raise ToolkitError(refusals[-1])


def _read(ptx: str, cubin: bytes, log: str) -> Assembly:
    def numbers(pattern: str) -> list[int]:
        return [int(number) for match in re.findall(pattern, log) for number in match]

    stack, *spilled = numbers(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes")
    registers, shared = numbers(r"Used (\d+) registers.* (\d+) bytes smem")
    return Assembly(ptx, cubin, registers, shared, stack, sum(spilled))


def stages(cubin: bytes) -> tuple[Counter[str], Counter[str]]:
    """Return the instructions of the innermost loop: those of all warps, those of the averaging.

    The loop is the shortest one with a barrier in it; after the barrier a branch guards the
    averaging stage, which ends where the threads meet again.
    """
    listing = _disassembled(cubin)
    labels: dict[str, int] = {}
    code: list[str] = []
    for line in listing.splitlines():
        if label := re.match(r"\s*\.(L_x_\d+):", line):
            labels[label[1]] = len(code)
        elif instruction := re.search(r"/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P[T\d]+ )?(.*?);", line):
            code.append(instruction[1])
    loops = []
    for end, line in enumerate(code):
        jump = re.match(r"BRA .*`\(\.(L_x_\d+)\)", line)
        if jump and labels[jump[1]] <= end:
            loops.append(code[labels[jump[1]] : end + 1])
    loop = min((each for each in loops if any("BAR" in line for line in each)), key=len)
    names = [line.split()[0].split(".")[0] for line in loop]
    begin, end = names.index("BAR") + 1, names.index("BSYNC")
    return Counter(names[:begin] + names[end:]), Counter(names[begin:end])


def _disassembled(cubin: bytes) -> str:
    program = next(tool("nvdisasm"), None)
    if program is None:
        raise ToolkitError("there is no nvdisasm (pip install nvidia-cuda-nvdisasm)")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "nlm.cubin")
        path.write_bytes(cubin)
        return subprocess.run(
            [program, "-c", str(path)], capture_output=True, text=True, check=True
        ).stdout


def prediction(tile: Tile, gpu: Gpu) -> list[str]:
    """Return one row of the table: the kernel's counts on `gpu` and the time they allow."""
    assembly = assemble(tile, gpu.capability)
    every, averaging = stages(assembly.cubin)
    warps = Counter({name: n * tile.rows for name, n in every.items()})
    warps.update({name: n * tile.planes for name, n in averaging.items()})
    arithmetic = sum(warps[name] for name in ARITHMETIC)
    shared = sum(warps[name] for name in SHARED)
    clocks = {
        "arithmetic": arithmetic / gpu.arithmetic,
        "shared memory": shared / gpu.shared,
        "issue": warps.total() / gpu.issue,
    }
    bound = max(clocks, key=lambda name: clocks[name])
    steps = 2 * tile.search_radius + 1
    fill = 2 * (math.prod(tile.guide_window) + math.prod(tile.volume_window)) / WARP * steps
    blocks = math.prod(-(-n // m) for n, m in zip(SHAPE, tile.outputs, strict=True))
    seconds = blocks * (steps**3 * clocks[bound] + fill) / gpu.sms / gpu.hertz
    each = WARP / math.prod(tile.outputs)
    flop = sum(warps[name] * flops for name, flops in ARITHMETIC.items())
    resident = blocks_per_sm(assembly, tile, gpu)
    return [
        gpu.name,
        f"{steps}^3, {2 * tile.patch_radius + 1}^3",
        " x ".join(map(str, tile.outputs)),
        f"{assembly.registers}",
        f"{assembly.shared / 1024:.1f}",
        f"{resident} ({resident * tile.rows} warps)",
        f"{warps.total() * each:.1f}",
        f"{flop * each:.1f}",
        f"{shared * 4 * each:.1f}",
        bound,
        f"{seconds * 1e3:.1f}",
    ]


def blocks_per_sm(assembly: Assembly, tile: Tile, gpu: Gpu) -> int:
    """Return how many blocks one SM holds at once."""
    # Registers go to warps in units of 256; each block takes 1 KB of shared memory besides.
    by_registers = 65536 // (tile.rows * WARP * 8 * math.ceil(assembly.registers / 8))
    return min(by_registers, gpu.shared_bytes // (assembly.shared + 1024), 64 // tile.rows)


def timing(search_radius: int, patch_radius: int) -> list[str]:
    """Return one row of measured times: the first run, which compiles, and the best of ten."""
    volume = np.random.default_rng(0).normal(100, 5, SHAPE).astype(np.float32)
    seconds = []
    for _ in range(11):
        start = time.perf_counter()
        nlm_pass(volume, volume, 5.0, search_radius, patch_radius, 2.5)
        seconds.append(time.perf_counter() - start)
    windows = f"{2 * search_radius + 1}^3, {2 * patch_radius + 1}^3"
    return [windows, f"{seconds[0] * 1e3:.0f}", f"{min(seconds[1:]) * 1e3:.1f}"]


def main() -> int:
    """Print a table in Markdown."""
    names = cuda_device_names()
    if names:
        print(f"Measured on {names[0]}, {SHAPE} voxels, copies to and from the device included.\n")
        rows = [["search, patch", "first run ms", "best of ten ms"], ["---"] * 3]
        rows += [timing(*radii) for radii in RADII]
    else:
        print(f"No CUDA device here: predicted for {SHAPE} voxels, not measured.\n")
        head = "GPU|search, patch|tile|registers|shared KB|blocks an SM|instructions|FLOP|"
        rows = [(head + "shared bytes|bound|ms").split("|"), ["---"] * 11]
        try:
            rows += [prediction(choose_tile(*radii), gpu) for gpu in GPUS for radii in RADII]
        except ToolkitError as error:
            print(f"{error}; docs/cuda.md holds the table", file=sys.stderr)
            return 1
    for row in rows:
        print("| " + " | ".join(row) + " |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
