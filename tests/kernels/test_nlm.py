"""One pass of non-local means: the definition against brute force, the engine against it."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bids_denoise.kernels import nlm_cpu, nlm_reference
from bids_denoise.kernels.box_sums import add_up_along_y, add_up_along_z

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray

ENGINES = (nlm_reference.nlm_pass, nlm_cpu.nlm_pass)

# Shapes that end inside a tile, in several bands, thinner than the window; search, patch radius.
CASES = [
    ((19, 17, 11), 2, 1),
    ((9, 13, 11), 1, 2),
    ((40, 11, 5), 3, 1),
    ((7, 20, 6), 2, 0),
    ((7, 6, 5), 3, 3),
    ((70, 5, 4), 2, 4),
    ((3, 2, 2), 3, 1),
    ((5, 1, 3), 2, 2),
    ((1, 1, 1), 1, 1),
]


def volumes(shape: tuple[int, ...], spread: float = 3.0) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(7)
    volume = rng.normal(20, spread, shape).astype(np.float32)
    return volume, (volume + rng.normal(0, 1, shape)).astype(np.float32)


def brute_force(
    volume: FloatArray, guide: FloatArray, sigma: float, radii: tuple[int, int], strength: float
) -> FloatArray:
    """Sum over all pairs of voxels, patch by patch, as the formula has it."""
    search, patch = radii
    padded = np.pad(guide, patch, mode="edge").astype(np.float64)
    size = 2 * patch + 1
    patches = {i: padded[tuple(slice(n, n + size) for n in i)] for i in np.ndindex(*volume.shape)}
    out = np.empty_like(volume)
    for i, mine in patches.items():
        near = [j for j in patches if max(abs(np.subtract(i, j))) <= search]
        distances = np.array([np.mean((mine - patches[j]) ** 2) for j in near])
        excess = np.maximum(distances - 2 * sigma**2, 0) / strength**2
        weights = np.maximum(1 - excess / 16, 0) ** 16
        out[i] = np.average([volume[j] for j in near], weights=weights)
    return out


@pytest.mark.parametrize(("search", "patch"), [(1, 1), (2, 0), (2, 1)])
def test_the_definition_is_the_formula(search: int, patch: int) -> None:
    volume, guide = volumes((5, 4, 6))
    expected = brute_force(volume, guide, 1.0, (search, patch), 2.0)
    result = nlm_reference.nlm_pass(volume, guide, 1.0, search, patch, 2.0)
    np.testing.assert_allclose(result, expected, rtol=1e-5)
    assert abs(expected - volume).max() > 0.5


@pytest.mark.parametrize(("shape", "search", "patch"), CASES)
@pytest.mark.parametrize("sigma_guide", [0.0, 1.0])
def test_the_engine_agrees_with_the_definition(
    shape: tuple[int, ...], search: int, patch: int, sigma_guide: float
) -> None:
    volume, guide = volumes(shape)
    expected = nlm_reference.nlm_pass(volume, guide, sigma_guide, search, patch, 2.0)
    result = nlm_cpu.nlm_pass(volume, guide, sigma_guide, search, patch, 2.0)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, rtol=2e-5)


def test_large_differences_leave_no_rounding_error_behind() -> None:
    volume, guide = volumes((24, 10, 9), spread=0.1)
    volume[::5] += 1e5
    guide[::5] += 1e5
    expected = nlm_reference.nlm_pass(volume, guide, 0.0, 2, 2, 1.0)
    result = nlm_cpu.nlm_pass(volume, guide, 0.0, 2, 2, 1.0)
    np.testing.assert_allclose(result, expected, rtol=1e-4)
    assert abs(expected - volume).max() > 0.1


@pytest.mark.parametrize("shape", [(70, 21, 9), (20, 40, 33)])
def test_threads_change_no_bit(shape: tuple[int, ...]) -> None:
    volume, guide = volumes(shape)
    how = nlm_cpu.weighting(0.5, 2, 1, 1.5)
    results = []
    for threads in (1, 2, 3):
        replaced = guide.copy()
        nlm_cpu.nlm_pass_in_place(volume, replaced, how, threads=threads)
        results.append(replaced)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])
    np.testing.assert_array_equal(results[0], nlm_cpu.nlm_pass(volume, guide, 0.5, 2, 1, 1.5))


def test_a_share_of_the_guide_remains() -> None:
    volume, guide = volumes((70, 6, 5))
    how = nlm_cpu.weighting(0.5, 2, 1, 1.5)
    mixed = guide.copy()
    nlm_cpu.nlm_pass_in_place(volume, mixed, how, remain=0.25)
    expected = 0.75 * nlm_cpu.nlm_pass(volume, guide, 0.5, 2, 1, 1.5) + 0.25 * guide
    np.testing.assert_allclose(mixed, expected, rtol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_inputs_stay(engine: nlm_reference.Engine) -> None:
    volume, guide = volumes((6, 7, 8))
    before = volume.copy(), guide.copy()
    engine(volume, guide, 1.0, 2, 1, 1.0)
    np.testing.assert_array_equal(volume, before[0])
    np.testing.assert_array_equal(guide, before[1])


@pytest.mark.parametrize("engine", ENGINES)
def test_a_voxel_without_any_like_it_comes_back(engine: nlm_reference.Engine) -> None:
    volume = np.zeros((9, 9, 9), np.float32)
    volume[4, 4, 4] = 100
    np.testing.assert_array_equal(engine(volume, volume, 1.0, 2, 1, 1.0), volume)


@pytest.mark.parametrize("engine", ENGINES)
def test_alike_patches_give_the_mean(engine: nlm_reference.Engine) -> None:
    volume, _ = volumes((7, 7, 7))
    result = engine(volume, np.zeros_like(volume), 0.0, 1, 1, 1.0)
    assert result[3, 3, 3] == pytest.approx(volume[2:5, 2:5, 2:5].mean(), rel=1e-5)
    assert result[0, 0, 0] == pytest.approx(volume[:2, :2, :2].mean(), rel=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
def test_mirrored_data_gives_a_mirrored_result(engine: nlm_reference.Engine) -> None:
    volume, guide = volumes((6, 7, 8))
    result = engine(volume, guide, 1.0, 2, 1, 2.0)
    for axis in range(3):
        mirrored = [np.ascontiguousarray(np.flip(each, axis)) for each in (volume, guide)]
        other = engine(mirrored[0], mirrored[1], 1.0, 2, 1, 2.0)
        np.testing.assert_allclose(np.flip(other, axis), result, rtol=2e-5)


def test_more_strength_averages_more() -> None:
    volume, _ = volumes((16, 16, 16), spread=1.0)
    spreads = [
        float(nlm_cpu.nlm_pass(volume, volume, 0.0, 2, 1, strength).std())
        for strength in (0.2, 0.4, 0.8, 1.6)
    ]
    assert spreads == sorted(spreads, reverse=True)
    assert spreads[-1] < 0.3 * spreads[0]


@pytest.mark.parametrize("radius", range(6))
def test_sums_over_boxes(radius: int) -> None:
    rows, stride = 9, 16
    source = np.random.default_rng(1).random((rows + 2 * radius + 1) * stride, np.float32)
    spare = np.zeros((2, source.size), np.float32)
    count = rows * stride
    out = np.zeros(count, np.float32)
    add_up_along_z(source, out, spare, radius, count)
    shifts = [source[k : k + count] for k in range(2 * radius + 1)]
    np.testing.assert_allclose(out, np.sum(shifts, axis=0), rtol=1e-5)
    add_up_along_y(source, out, stride, radius, count)
    shifts = [source[k * stride : k * stride + count] for k in range(2 * radius + 1)]
    np.testing.assert_allclose(out, np.sum(shifts, axis=0), rtol=1e-5)


def test_pairs_are_counted_once_from_each_side() -> None:
    """With all weights 1, each voxel takes as many values as its window has voxels inside."""
    shape = (5, 6, 7)
    volume = np.zeros(shape, np.float32)
    expected = np.ones(shape)
    for axis, n in enumerate(shape):
        inside = [min(i + 2, n - 1) - max(i - 2, 0) + 1 for i in range(n)]
        expected *= np.expand_dims(inside, [other for other in range(3) if other != axis])
    for corner in product((0, 2, 4), (0, 3, 5), (0, 3, 6)):
        volume[...] = 0
        volume[corner] = 1
        result = nlm_cpu.nlm_pass(volume, np.zeros_like(volume), 0.0, 2, 1, 1.0)
        near = tuple(slice(max(i - 2, 0), i + 3) for i in corner)
        np.testing.assert_allclose(result[near], 1 / expected[near], rtol=1e-5)
        assert np.count_nonzero(result) == result[near].size
