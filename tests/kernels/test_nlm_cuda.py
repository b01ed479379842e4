"""The CUDA engine of non-local means against the definition, on Numba's simulator and on a GPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import numpy as np
import pytest

from bids_denoise.errors import ScanError, UsageError
from bids_denoise.kernels import nlm_cuda, nlm_reference
from bids_denoise.kernels.gpu import cuda_device_names
from bids_denoise.kernels.nlm_cuda import choose_tile, planes_per_slab
from bids_denoise.kernels.nlm_cuda_kernel import Tile

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray

ROOT = Path(__file__).parents[2]
TOLERANCE = 1e-5
STRENGTH = 0.8


@dataclass(frozen=True)
class Case:
    """One pass on a small volume; `tile` is planes, rows, lanes; `memory` is in planes."""

    shape: tuple[int, int, int]
    search_radius: int = 1
    patch_radius: int = 1
    tile: tuple[int, int, int] | None = (3, 5, 6)
    sigma_guide: float = 0.3
    memory: int = 1000
    guided: bool = True


SLABS = Case((7, 2, 3), tile=(2, 4, 6), memory=17)
CASES = {
    "several tiles along each axis, none of them full": Case((4, 5, 7)),
    "guide and volume are one": Case((4, 5, 6), guided=False),
    "guide without noise": Case((4, 4, 5), sigma_guide=0),
    "smaller than a tile": Case((2, 1, 3)),
    "search window larger than the volume": Case((3, 2, 2), 2, 1, (2, 4, 4)),
    "patch of one voxel": Case((4, 5, 6), 1, 0, (2, 3, 4)),
    "patch of 5^3 voxels": Case((3, 4, 5), 1, 2, (2, 6, 7)),
    "slabs that end inside a tile": SLABS,
    "the tile that is shipped": Case((3, 4, 3), tile=None),
}


def volumes(case: Case) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(7)
    volume = rng.normal(10, 1, case.shape).astype(np.float32)
    if not case.guided:
        return volume, volume
    return volume, (volume + rng.normal(0, 0.5, case.shape)).astype(np.float32)


def denoised(case: Case) -> FloatArray:
    memory = float(case.memory * 4 * case.shape[1] * case.shape[2])
    radii = case.search_radius, case.patch_radius
    tile = Tile(*radii, *case.tile) if case.tile else choose_tile(*radii)
    with (
        mock.patch.object(nlm_cuda, "free_memory", return_value=memory),
        mock.patch.object(nlm_cuda, "choose_tile", return_value=tile),
    ):
        return nlm_cuda.nlm_pass(*volumes(case), case.sigma_guide, *radii, STRENGTH)


def relative_error(case: Case) -> tuple[float, float]:
    """Return the largest difference to the reference, and the largest change that it makes."""
    volume, guide = volumes(case)
    radii = case.search_radius, case.patch_radius
    expected = nlm_reference.nlm_pass(volume, guide, case.sigma_guide, *radii, STRENGTH)
    result = denoised(case)
    assert result.dtype == np.float32
    return float(abs(result / expected - 1).max()), float(abs(expected / volume - 1).max())


def simulate() -> None:
    """Print the errors of all cases, and how much slabs change: 0, or the tests fail."""
    errors = {name: relative_error(case) for name, case in CASES.items()}
    whole = denoised(replace(SLABS, memory=1000))
    print(json.dumps(errors | {"slabs": (float(abs(denoised(SLABS) - whole).max()), 0.0)}))


@pytest.fixture(scope="module")
def simulated_errors() -> dict[str, tuple[float, float]]:
    # The simulator is chosen when Numba is imported: it needs a process of its own.
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", __name__],
        env=os.environ | {"NUMBA_ENABLE_CUDASIM": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    errors: dict[str, tuple[float, float]] = json.loads(done.stdout)
    return errors


@pytest.mark.parametrize("name", CASES)
def test_agrees_with_the_reference_on_the_simulator(
    name: str, simulated_errors: dict[str, tuple[float, float]]
) -> None:
    error, change = simulated_errors[name]
    assert error < TOLERANCE
    assert change > 1000 * TOLERANCE


def test_slabs_change_no_bit(simulated_errors: dict[str, tuple[float, float]]) -> None:
    assert simulated_errors["slabs"][0] == 0


@pytest.mark.skipif(not cuda_device_names(), reason="no CUDA device: the simulator has to do")
@pytest.mark.parametrize("memory", [1000, 30])
@pytest.mark.parametrize("radii", [(1, 1), (3, 1), (2, 2)])
def test_agrees_with_the_reference_on_a_gpu(radii: tuple[int, int], memory: int) -> None:
    error, change = relative_error(Case((33, 38, 41), *radii, tile=None, memory=memory))
    assert error < TOLERANCE
    assert change > 1000 * TOLERANCE


@pytest.mark.parametrize("patch_radius", range(5))
@pytest.mark.parametrize("search_radius", range(1, 11))
def test_tile_fits_a_block(search_radius: int, patch_radius: int) -> None:
    tile = choose_tile(search_radius, patch_radius)
    assert tile.shared_bytes <= 48 * 1024
    assert tile.planes <= tile.rows
    assert min(tile.outputs) >= 1
    assert tile.rows * tile.lanes <= 1024


def test_larger_patches_cost_less_than_their_voxels() -> None:
    costs = [choose_tile(3, patch_radius).traffic for patch_radius in (1, 2, 3)]
    assert costs[1] < 2 * costs[0]
    assert costs[2] < 3 * costs[0]


def test_too_large_radii_name_the_way_out() -> None:
    with pytest.raises(UsageError, match="--device cpu"):
        choose_tile(20, 5)


def test_slabs_use_the_memory_and_no_more() -> None:
    shape, plane = (100, 10, 10), 400
    assert planes_per_slab(shape, 4, 300 * plane) == 100
    assert planes_per_slab(shape, 4, 299 * plane) == (299 - 16) // 3
    assert planes_per_slab(shape, 4, 19 * plane) == 1
    with pytest.raises(ScanError, match="100 x 10 x 10 voxels"):
        planes_per_slab(shape, 4, 18 * plane)


if __name__ == "__main__":
    simulate()
