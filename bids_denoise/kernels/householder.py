"""Many small symmetric matrices to tridiagonal form, by Householder reflections that are kept.

Golub & Van Loan, Matrix Computations, 4th ed., 8.3.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

if TYPE_CHECKING:
    import numpy.typing as npt

    DoubleArray = npt.NDArray[np.float64]

LANES = 16
WIDTH = 8  # rows are padded with zeros to a multiple of this, so that loops fill registers
REORDER = {"contract", "reassoc", "nsz", "arcp"}

# The fields of a row of `Lanes.state`. The last four are for `eigen` alone.
DIAGONAL, COUPLING, VECTOR, BULGE, SINE, COSINE, CORRECTION = range(7)
FIELDS = 7


class Lanes(NamedTuple):
    """Room for `LANES` matrices of size n, side by side.

    Attributes
    ----------
    matrix
        (lanes, n, padded n). In: the symmetric matrices. After `tridiagonalise`, row i
        holds the Householder vector that cleared it.
    factor
        (lanes, n), of each Householder vector.
    state
        (n + 1, fields, lanes), the last row unused. ``DIAGONAL`` and ``COUPLING`` (of i and
        i + 1) are the tridiagonal matrix; after `eigen.diagonalise`, ``DIAGONAL`` holds the
        eigenvalues, in no order. ``VECTOR`` is what is projected, in the coordinates
        reached so far.
    """

    matrix: DoubleArray
    factor: DoubleArray
    state: DoubleArray


@njit(cache=True)
def copy_line(source, into):  # type: ignore[no-untyped-def]
    """Copy a line of numbers into the beginning of another."""
    # An assignment to a slice compiles ten times as long, for its check of shapes.
    for i in range(len(source)):
        into[i] = source[i]


@njit(cache=True)
def make_lanes(size):  # type: ignore[no-untyped-def]
    """Return empty `Lanes` for matrices of `size`."""
    padded = -(-size // WIDTH)
    padded = (padded + (padded + 1) % 2) * WIDTH  # odd: columns must not share a cache set
    return Lanes(
        np.zeros((LANES, size, padded)),
        np.zeros((LANES, size)),
        np.zeros((size + 1, FIELDS, LANES)),
    )


@njit(cache=True)
def tridiagonalise(lanes, lane):  # type: ignore[no-untyped-def]
    """Reduce one lane's matrix to tridiagonal form, from the last row upwards.

    The rank-two update of one step, ``A - v w^T - w v^T``, and the matrix-vector product of
    the next go over the matrix in one pass.
    """
    matrix = lanes.matrix[lane]
    size, padded = matrix.shape
    work = np.zeros((4, padded))  # v, w, the next v, and its product with the matrix
    for i in range(size - 1, 0, -1):
        row = matrix[i]
        _update_row(row, work, i)
        lanes.state[i, DIAGONAL, lane] = row[i]
        factor, coupling = _householder(row, i)
        lanes.factor[lane, i] = factor
        lanes.state[i - 1, COUPLING, lane] = coupling
        used = -(-i // WIDTH) * WIDTH
        work[2:, :used] = 0
        copy_line(row[:i], work[2])
        for j in range(0, i - 1, 2):
            _update_two_rows(matrix, j, work, used)
        if i % 2 == 1:
            _update_one_row(matrix, i - 1, work, used)
        _next_update(work, factor, i)
        work[:2, i:used] = 0
    lanes.state[0, DIAGONAL, lane] = matrix[0, 0] - 2 * work[0, 0] * work[1, 0]
    lanes.state[size - 1, COUPLING, lane] = 0


@njit(cache=True, fastmath=REORDER)
def _update_row(row, work, i):  # type: ignore[no-untyped-def]
    v, w = work[0], work[1]
    v_own, w_own = v[i], w[i]
    for c in range(i + 1):
        row[c] -= v_own * w[c] + w_own * v[c]


@njit(cache=True, fastmath=REORDER, error_model="numpy")
def _householder(row, i):  # type: ignore[no-untyped-def]
    # Turns row[:i] into the vector u, with last element 1, for which 1 - factor u u^T maps
    # the old row[:i] onto its last axis, where its length is `coupling`.
    rest = 0.0
    for c in range(i - 1):
        rest += row[c] * row[c]
    last = row[i - 1]
    row[i - 1] = 1.0
    if rest == 0.0:
        return 0.0, last
    coupling = -np.copysign(np.sqrt(rest + last * last), last)
    inverse = 1.0 / (last - coupling)
    for c in range(i - 1):
        row[c] *= inverse
    return (coupling - last) / coupling, coupling


@njit(cache=True, fastmath=REORDER)
def _update_two_rows(matrix, j, work, used):  # type: ignore[no-untyped-def]
    one, two = matrix[j], matrix[j + 1]
    v, w, following, product = work[0], work[1], work[2], work[3]
    v0, w0, u0 = v[j], w[j], following[j]
    v1, w1, u1 = v[j + 1], w[j + 1], following[j + 1]
    for c in range(used):
        new_one = one[c] - v0 * w[c] - w0 * v[c]
        new_two = two[c] - v1 * w[c] - w1 * v[c]
        one[c] = new_one
        two[c] = new_two
        product[c] += u0 * new_one + u1 * new_two


@njit(cache=True, fastmath=REORDER)
def _update_one_row(matrix, j, work, used):  # type: ignore[no-untyped-def]
    one = matrix[j]
    v, w, following, product = work[0], work[1], work[2], work[3]
    v0, w0, u0 = v[j], w[j], following[j]
    for c in range(used):
        new_one = one[c] - v0 * w[c] - w0 * v[c]
        one[c] = new_one
        product[c] += u0 * new_one


@njit(cache=True, fastmath=REORDER)
def _next_update(work, factor, i):  # type: ignore[no-untyped-def]
    v, w, following, product = work[0], work[1], work[2], work[3]
    along = 0.0
    for c in range(i):
        along += product[c] * following[c]
    half = 0.5 * factor * factor * along
    for c in range(i):
        w[c] = factor * product[c] - half * following[c]
        v[c] = following[c]


@njit(cache=True, fastmath=REORDER)
def reflect(lanes, lane, backwards):  # type: ignore[no-untyped-def]
    """Take one lane's vector into the coordinates of its tridiagonal matrix, or back."""
    matrix = lanes.matrix[lane]
    size = len(matrix)
    vector = lanes.state[:size, VECTOR, lane].copy()  # contiguous
    for step in range(1, size):
        i = step if backwards else size - step
        row = matrix[i]
        along = 0.0
        for c in range(i):
            along += row[c] * vector[c]
        along *= lanes.factor[lane, i]
        for c in range(i):
            vector[c] -= along * row[c]
    copy_line(vector, lanes.state[:, VECTOR, lane])
