"""Projections onto the leading eigenvectors of many small symmetric matrices at once.

MP-PCA needs, of each matrix, all eigenvalues but not a single eigenvector: only one vector
projected onto the leading ones. So no eigenvector is ever formed. Each matrix is brought to
tridiagonal form by Householder reflections, which are kept as they are. The rotations of the
implicit QL iterations that follow are applied to the one vector, in whose coordinates the
unwanted components are then struck out, and played back in reverse. That is
4/3 n^3 + O(n^2) operations where a full decomposition takes about 9 n^3.

A QL rotation waits for the square root and the division of the one before. `LANES` matrices
advance in step, so that their waits overlap.

Methods: Golub & Van Loan, Matrix Computations, 4th ed., 8.3.1 and 8.3.3; the arithmetic of
a QL step is that of EISPACK's ``tql2``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

if TYPE_CHECKING:
    import numpy.typing as npt

    DoubleArray = npt.NDArray[np.float64]
    IntArray = npt.NDArray[np.int64]

LANES = 8
WIDTH = 8  # rows are padded with zeros to a multiple of this, so that loops fill registers
NEGLIGIBLE = 1e-10  # beside the diagonal; such a coupling moves eigenvalues by its square only
MOST_SWEEPS = 60
REORDER = {"contract", "reassoc", "nsz", "arcp"}


class Lanes(NamedTuple):
    """Room for `LANES` matrices of size n, side by side.

    Attributes
    ----------
    matrix
        (lanes, n, padded n). In: the symmetric matrices. After `tridiagonalise`, row i
        holds the Householder vector that cleared it.
    factor
        (lanes, n), of each Householder vector.
    diagonal, coupling
        (n, lanes) of the tridiagonal matrix; element i of `coupling` couples i and i + 1.
        After `diagonalise`, `diagonal` holds the eigenvalues, in no order.
    vector
        (n, lanes), the vector that is projected, in the coordinates reached so far.
    """

    matrix: DoubleArray
    factor: DoubleArray
    diagonal: DoubleArray
    coupling: DoubleArray
    vector: DoubleArray


class Rotations(NamedTuple):
    """What `diagonalise` did: sweep s rotated the planes ``last[s] - 1`` down to ``first[s]``.

    `cosine` and `sine` are (rotations, lanes), in the order they were applied.
    """

    first: IntArray
    last: IntArray
    cosine: DoubleArray
    sine: DoubleArray


@njit(cache=True)
def make_lanes(size):  # type: ignore[no-untyped-def]
    """Return empty `Lanes` for matrices of `size`."""
    return Lanes(
        np.zeros((LANES, size, -(-size // WIDTH) * WIDTH)),
        np.zeros((LANES, size)),
        np.zeros((size, LANES)),
        np.zeros((size, LANES)),
        np.zeros((size, LANES)),
    )


@njit(cache=True)
def make_rotations(size):  # type: ignore[no-untyped-def]
    """Return room for the rotations of `Lanes` of `size`, enough for most."""
    usual = (3 * size * size) // 2 + size
    sweeps = MOST_SWEEPS * size
    return Rotations(
        np.empty(sweeps, np.int64),
        np.empty(sweeps, np.int64),
        np.empty((usual, LANES)),
        np.empty((usual, LANES)),
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
        lanes.diagonal[i, lane] = row[i]
        factor, coupling = _householder(row, i)
        lanes.factor[lane, i] = factor
        lanes.coupling[i - 1, lane] = coupling
        used = -(-i // WIDTH) * WIDTH
        work[2, :i] = row[:i]
        work[2:, i:used] = 0
        work[3, :i] = 0
        for j in range(0, i - 1, 2):
            _update_two_rows(matrix, j, work, used)
        if i % 2 == 1:
            _update_one_row(matrix, i - 1, work, used)
        _next_update(work, factor, i)
        work[:2, i:used] = 0
    lanes.diagonal[0, lane] = matrix[0, 0] - 2 * work[0, 0] * work[1, 0]
    lanes.coupling[size - 1, lane] = 0


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
    vector = lanes.vector[:, lane].copy()
    for step in range(1, size):
        i = step if backwards else size - step
        row = matrix[i]
        along = 0.0
        for c in range(i):
            along += row[c] * vector[c]
        along *= lanes.factor[lane, i]
        for c in range(i):
            vector[c] -= along * row[c]
    lanes.vector[:, lane] = vector


@njit(cache=True)
def diagonalise(lanes, rotations):  # type: ignore[no-untyped-def]
    """Bring all lanes from tridiagonal to diagonal form, and their vectors along.

    Returns
    -------
    sweeps
        How many, as recorded in `rotations`.
    rotations
        The same, or a larger copy when there was not enough room.
    """
    size = len(lanes.diagonal)
    ends = np.empty(LANES, np.int64)
    sweeps, count = 0, 0
    for first in range(size - 1):
        for _ in range(MOST_SWEEPS):
            last = _block_ends(lanes, first, ends)
            if last == first:
                break
            if count + size > len(rotations.cosine):
                rotations = _with_more_room(rotations)
            _sweep(lanes, ends, first, last, rotations, count)
            rotations.first[sweeps], rotations.last[sweeps] = first, last
            sweeps += 1
            count += last - first
    return sweeps, rotations


@njit(cache=True)
def _with_more_room(rotations):  # type: ignore[no-untyped-def]
    more = np.empty_like(rotations.cosine)
    return Rotations(
        rotations.first,
        rotations.last,
        np.concatenate((rotations.cosine, more)),
        np.concatenate((rotations.sine, more)),
    )


@njit(cache=True, error_model="numpy")
def _block_ends(lanes, first, ends):  # type: ignore[no-untyped-def]
    # Per lane, the end of the block from `first` on that no negligible coupling divides.
    diagonal, coupling = lanes.diagonal, lanes.coupling
    ends[:] = len(diagonal) - 1
    for i in range(len(diagonal) - 2, first - 1, -1):
        for lane in range(LANES):
            beside = abs(diagonal[i, lane]) + abs(diagonal[i + 1, lane])
            negligible = abs(coupling[i, lane]) <= NEGLIGIBLE * beside
            ends[lane] = i if negligible else ends[lane]
    return ends.max()


@njit(cache=True, error_model="numpy")
def _sweep(lanes, ends, first, last, rotations, count):  # type: ignore[no-untyped-def]
    # One implicit QL step with Wilkinson's shift, from each lane's block end up to `first`.
    diagonal, coupling = lanes.diagonal, lanes.coupling
    chase = np.empty((5, LANES))  # the shifted start, then bulge, sine, cosine, correction
    for lane in range(LANES):
        off = coupling[first, lane]
        half = (diagonal[first + 1, lane] - diagonal[first, lane]) / (2.0 * off)
        root = np.copysign(np.sqrt(half * half + 1.0), half)
        shift = diagonal[first, lane] - off / (half + root)
        chase[0, lane] = diagonal[ends[lane], lane] - shift
    for i in range(last - 1, first - 1, -1):
        _rotate(lanes, i, ends, chase, rotations, count)
        count += 1
    for lane in range(LANES):
        if ends[lane] > first:
            diagonal[first, lane] -= chase[4, lane]
            coupling[first, lane] = chase[1, lane]


@njit(cache=True, fastmath=REORDER, error_model="numpy")
def _rotate(lanes, i, ends, chase, rotations, at):  # type: ignore[no-untyped-def]
    # A lane whose block ends before i rotates by nothing. All branches are selections.
    diagonal, coupling, vector = lanes.diagonal, lanes.coupling, lanes.vector
    for lane in range(LANES):
        inside = i < ends[lane]
        starts = i == ends[lane] - 1
        bulge = chase[0, lane] if starts else chase[1, lane]
        sine = 1.0 if starts else chase[2, lane]
        cosine = 1.0 if starts else chase[3, lane]
        correction = 0.0 if starts else chase[4, lane]
        f = sine * coupling[i, lane]
        b = cosine * coupling[i, lane]
        length = np.sqrt(f * f + bulge * bulge)
        inverse = 1.0 / length
        sine = f * inverse if length > 0.0 else 0.0
        cosine = bulge * inverse if length > 0.0 else 1.0
        below = diagonal[i + 1, lane]
        g = below - correction
        r = (diagonal[i, lane] - g) * sine + 2.0 * cosine * b
        correction = sine * r
        coupling_below = 0.0 if starts else length
        coupling[i + 1, lane] = coupling_below if inside else coupling[i + 1, lane]
        diagonal[i + 1, lane] = g + correction if inside else below
        chase[1, lane] = cosine * r - b
        chase[2, lane] = sine
        chase[3, lane] = cosine
        chase[4, lane] = correction
        sine = sine if inside else 0.0
        cosine = cosine if inside else 1.0
        rotations.sine[at, lane] = sine
        rotations.cosine[at, lane] = cosine
        lower = vector[i + 1, lane]
        upper = vector[i, lane]
        vector[i + 1, lane] = sine * upper + cosine * lower
        vector[i, lane] = cosine * upper - sine * lower


@njit(cache=True, fastmath=REORDER)
def rotate_back(lanes, sweeps, rotations):  # type: ignore[no-untyped-def]
    """Take all lanes' vectors from eigenvector coordinates back to tridiagonal ones."""
    vector = lanes.vector
    at = (rotations.last[:sweeps] - rotations.first[:sweeps]).sum()
    for sweep in range(sweeps - 1, -1, -1):
        for i in range(rotations.first[sweep], rotations.last[sweep]):
            at -= 1
            for lane in range(LANES):
                cosine, sine = rotations.cosine[at, lane], rotations.sine[at, lane]
                lower = vector[i + 1, lane]
                upper = vector[i, lane]
                vector[i, lane] = cosine * upper + sine * lower
                vector[i + 1, lane] = cosine * lower - sine * upper
