"""The CUDA kernel as machine code: it assembles, keeps to its registers, touches no local memory.

Needs no GPU, only the compiler libraries that numba-cuda uses and the assembler of the toolkit.
"""

from __future__ import annotations

import re

import pytest

from benchmarks.nlm_cuda import ToolkitError, assemble
from bids_denoise.denoisers.base import parameters
from bids_denoise.denoisers.nlm import NonLocalMeans
from bids_denoise.kernels.nlm_cuda import choose_tile

CAPABILITIES = [(8, 0), (9, 0)]
PARAMETERS = {each.name: each for each in parameters(NonLocalMeans)}
SEARCH, PATCH = PARAMETERS["search_radius"], PARAMETERS["patch_radius"]
SEARCH_RADII = sorted({int(SEARCH.minimum), SEARCH.default, int(SEARCH.maximum)})
PATCH_RADII = range(int(PATCH.minimum), int(PATCH.maximum) + 1)


@pytest.fixture(scope="module")
def toolkit() -> None:
    try:
        assemble(choose_tile(1, 0), CAPABILITIES[-1])
    except ToolkitError as error:
        pytest.skip(f"the CUDA kernel is NOT checked as machine code: {error}")


@pytest.mark.usefixtures("toolkit")
@pytest.mark.parametrize("capability", CAPABILITIES, ids="sm_{0[0]}{0[1]}".format)
@pytest.mark.parametrize("patch_radius", PATCH_RADII)
@pytest.mark.parametrize("search_radius", SEARCH_RADII)
def test_keeps_out_of_local_memory(
    search_radius: int, patch_radius: int, capability: tuple[int, int]
) -> None:
    tile = choose_tile(search_radius, patch_radius)
    assembly = assemble(tile, capability)
    assert not re.search(r"\.local\b", assembly.ptx)
    assert assembly.stack == 0
    assert assembly.spilled == 0
    assert assembly.shared == tile.shared_bytes
    threads, blocks = tile.launch_bounds
    assert threads * blocks * assembly.registers <= 65536
    assert threads * blocks >= 512
