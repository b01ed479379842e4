"""The projection onto leading eigenvectors, against a full decomposition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bids_denoise.kernels import eigen, householder
from bids_denoise.kernels.householder import DIAGONAL, LANES, VECTOR

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

RNG = np.random.default_rng(0)


def gram(size: int, rows: int) -> Array:
    factor = RNG.standard_normal((rows, size)) * np.geomspace(1, 1e3, size)
    return np.asarray(factor.T @ factor)


def in_blocks(*sizes: int) -> Array:
    total, matrix = sum(sizes), np.zeros((sum(sizes), sum(sizes)))
    start = 0
    for size in sizes:
        matrix[start : start + size, start : start + size] = gram(size, size + 1)
        start += size
    assert start == total
    return matrix


MATRICES = {
    "one": np.array([[3.0]]),
    "two": np.array([[2.0, 1.0], [1.0, 2.0]]),
    "three": gram(3, 5),
    "zero": np.zeros((9, 9)),
    "identity": np.eye(9),
    "constant": np.full((12, 12), 7.0),
    "rank one": np.outer(np.arange(8.0), np.arange(8.0)),
    "rank deficient": gram(20, 6),
    "blocks": in_blocks(4, 1, 7, 3),
    "exchange": np.fliplr(np.eye(10)),
    "graded": gram(21, 40),
    "larger": gram(50, 70),
}


def solve(
    matrices: list[Array], vectors: list[Array], keep: int
) -> tuple[list[Array], list[Array]]:
    """Return the eigenvalues of each matrix and its vector's projection on the last `keep`."""
    size = len(matrices[0])
    lanes: Any = householder.make_lanes(size)
    for lane, (matrix, vector) in enumerate(zip(matrices, vectors, strict=True)):
        lanes.matrix[lane, :, :size] = matrix
        lanes.state[:size, VECTOR, lane] = vector
        householder.tridiagonalise(lanes, lane)
        householder.reflect(lanes, lane, False)
    sweeps, rotations = eigen.diagonalise(lanes, np.empty((size, 2 * LANES)))
    eigenvalues = []
    for lane in range(len(matrices)):
        values = lanes.state[:size, DIAGONAL, lane].copy()
        lanes.state[:size, VECTOR, lane][values < np.sort(values)[-keep]] = 0
        eigenvalues.append(np.sort(values))
    eigen.rotate_back(lanes, sweeps, rotations)
    for lane in range(len(matrices)):
        householder.reflect(lanes, lane, True)
    return eigenvalues, [lanes.state[:size, VECTOR, lane].copy() for lane in range(len(matrices))]


@pytest.mark.parametrize("name", MATRICES)
def test_eigenvalues_and_full_projections(name: str) -> None:
    matrix = MATRICES[name]
    vector = RNG.standard_normal(len(matrix))
    (values,), (projected,) = solve([matrix], [vector], keep=len(matrix))
    expected = np.linalg.eigvalsh(matrix)
    np.testing.assert_allclose(values, expected, atol=1e-13 * max(expected[-1], 1))
    np.testing.assert_allclose(projected, vector, atol=1e-12)


@pytest.mark.parametrize("name", ["three", "constant", "rank one", "graded", "larger"])
def test_projections_onto_leading_eigenvectors(name: str) -> None:
    matrix = MATRICES[name]
    vector, keep = RNG.standard_normal(len(matrix)), 1 if "one" in name or name == "constant" else 3
    _, (projected,) = solve([matrix], [vector], keep)
    leading = np.linalg.eigh(matrix)[1][:, -keep:]
    np.testing.assert_allclose(projected, leading @ (leading.T @ vector), atol=1e-8)


def test_lanes_do_not_touch_one_another() -> None:
    matrices = [gram(10, 14), np.zeros((10, 10)), in_blocks(5, 5), np.eye(10)] * (LANES // 4)
    vectors = list(RNG.standard_normal((LANES, 10)))
    values, projected = solve(matrices, vectors, keep=4)
    for lane in range(LANES):
        (alone,), (vector,) = solve([matrices[lane]], [vectors[lane]], keep=4)
        np.testing.assert_array_equal(values[lane], alone)
        np.testing.assert_array_equal(projected[lane], vector)
