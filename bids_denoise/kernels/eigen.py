"""Projections onto the leading eigenvectors of many small symmetric matrices at once.

MP-PCA needs, of each matrix, all eigenvalues but not a single eigenvector: only one vector
projected onto the leading ones. So no eigenvector is ever formed. Each matrix is brought to
tridiagonal form by Householder reflections, which are kept (`householder`). The rotations of the
implicit QL iterations that follow are applied to the one vector, in whose coordinates the
unwanted components are then struck out, and played back in reverse. That is
4/3 n^3 + O(n^2) operations where a full decomposition takes about 9 n^3.

A QL rotation waits for the square root and the division of the one before. So `LANES` matrices
advance in step: in vector registers, and their waits overlap.

Golub & Van Loan, Matrix Computations, 4th ed., 8.3.3; the arithmetic of a QL step is that of
EISPACK's ``tql2``.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from bids_denoise.kernels.householder import (
    BULGE,
    CORRECTION,
    COSINE,
    COUPLING,
    DIAGONAL,
    FIELDS,
    LANES,
    REORDER,
    SINE,
    VECTOR,
)

ROW = FIELDS * LANES
NEGLIGIBLE = 1e-10  # beside the diagonal; such a coupling moves eigenvalues by its square only
SWEEPS = 30  # per eigenvalue, as in LAPACK; about 2 are needed


@njit(cache=True)
def diagonalise(lanes, rotations):  # type: ignore[no-untyped-def]
    """Bring all lanes from tridiagonal to diagonal form, and their vectors along.

    Parameters
    ----------
    rotations
        (room, 2 lanes): the cosines and sines are recorded here. At least n of them.

    Returns
    -------
    sweeps
        (sweeps, 2): each went over the planes ``sweeps[s, 1] - 1`` down to ``sweeps[s, 0]``.
    rotations
        The same array, or a larger copy when there was not enough room.
    """
    size = len(lanes.state) - 1
    flat = lanes.state.reshape(-1)
    sweeps = np.empty((SWEEPS * size, 2), np.int64)
    block = np.zeros((4, LANES))  # its first and last row, shifted start, and next last row
    block[1] = -1
    done, count = 0, 0
    while done < len(sweeps) and _next_blocks(lanes.state, block):
        first, last = size - 1, 0
        for lane in range(LANES):
            if block[0, lane] < block[1, lane]:
                first = min(first, int(block[0, lane]))
                last = max(last, int(block[1, lane]))
        if count + size > len(rotations):
            rotations = np.concatenate((rotations, np.empty_like(rotations)))
        for i in range(last - 1, first - 1, -1):
            _rotate(float(i), flat[i * ROW : (i + 3) * ROW], block.reshape(-1), rotations[count])
            count += 1
        _close_sweep(lanes.state, block)
        sweeps[done, 0], sweeps[done, 1] = first, last
        done += 1
    return sweeps[:done], rotations


@njit(cache=True)
def _negligible(state, i, lane):  # type: ignore[no-untyped-def]
    beside = abs(state[i, DIAGONAL, lane]) + abs(state[i + 1, DIAGONAL, lane])
    return abs(state[i, COUPLING, lane]) <= NEGLIGIBLE * beside


@njit(cache=True, error_model="numpy")
def _next_blocks(state, block):  # type: ignore[no-untyped-def]
    # Moves each lane on to the first rows that negligible couplings do not divide, and sets
    # Wilkinson's shift for them. Returns whether any lane has such rows left.
    bottom = len(state) - 2
    left = False
    for lane in range(LANES):
        first, last = int(block[0, lane]), int(block[1, lane])
        while first < bottom and (first >= last or _negligible(state, first, lane)):
            if first < last:
                first += 1
                continue
            first = last + 1
            last = first
            while last < bottom and not _negligible(state, last, lane):
                last += 1
        block[0, lane], block[1, lane], block[3, lane] = first, last, last
        if first < last:
            left = True
            block[2, lane] = state[last, DIAGONAL, lane] - _shift(state, first, lane)
    return left


@njit(cache=True, error_model="numpy")
def _shift(state, first, lane):  # type: ignore[no-untyped-def]
    # The eigenvalue of the leading 2 x 2 block that is nearer to its first element.
    coupling = state[first, COUPLING, lane]
    own = state[first, DIAGONAL, lane]
    half = (state[first + 1, DIAGONAL, lane] - own) / (2.0 * coupling)
    return own - coupling / (half + np.copysign(np.sqrt(half * half + 1.0), half))


@njit(cache=True)
def _close_sweep(state, block):  # type: ignore[no-untyped-def]
    for lane in range(LANES):
        first = int(block[0, lane])
        if first < block[1, lane]:
            state[first, DIAGONAL, lane] -= state[first, CORRECTION, lane]
            state[first, COUPLING, lane] = state[first, BULGE, lane]
        block[1, lane] = block[3, lane]


@njit(cache=True, fastmath=REORDER, error_model="numpy", forceinline=True)
def _rotate(i, rows, block, rotation):  # type: ignore[no-untyped-def]
    # Rotates the plane of rows i and i + 1 in every lane whose block they are in, by nothing in
    # the others. `rows` holds i, i + 1 and i + 2. One flat array, and selections in place of
    # branches, let the compiler see that the lanes are independent.
    for lane in range(LANES):
        starts = i == block[LANES + lane] - 1.0
        inside = (i >= block[lane]) & (i < block[LANES + lane])
        bulge = block[2 * LANES + lane] if starts else rows[ROW + BULGE * LANES + lane]
        sine = 1.0 if starts else rows[ROW + SINE * LANES + lane]
        cosine = 1.0 if starts else rows[ROW + COSINE * LANES + lane]
        correction = 0.0 if starts else rows[ROW + CORRECTION * LANES + lane]
        coupling = rows[COUPLING * LANES + lane]
        f, b = sine * coupling, cosine * coupling
        length = np.sqrt(f * f + bulge * bulge)
        inverse = 1.0 / length
        sine = f * inverse if length > 0.0 else 0.0
        cosine = bulge * inverse if length > 0.0 else 1.0
        below = rows[ROW + DIAGONAL * LANES + lane]
        g = below - correction
        r = (rows[DIAGONAL * LANES + lane] - g) * sine + 2.0 * cosine * b
        correction = sine * r
        coupling_below = rows[ROW + COUPLING * LANES + lane]
        changed = 0.0 if starts else length
        rows[ROW + COUPLING * LANES + lane] = changed if inside else coupling_below
        rows[ROW + DIAGONAL * LANES + lane] = g + correction if inside else below
        beside = np.abs(g + correction) + np.abs(rows[2 * ROW + DIAGONAL * LANES + lane])
        split = inside & (changed <= NEGLIGIBLE * beside)
        block[3 * LANES + lane] = i + 1.0 if split else block[3 * LANES + lane]
        rows[BULGE * LANES + lane] = cosine * r - b
        rows[SINE * LANES + lane] = sine
        rows[COSINE * LANES + lane] = cosine
        rows[CORRECTION * LANES + lane] = correction
        sine = sine if inside else 0.0
        cosine = cosine if inside else 1.0
        rotation[lane] = cosine
        rotation[LANES + lane] = sine
        lower = rows[ROW + VECTOR * LANES + lane]
        upper = rows[VECTOR * LANES + lane]
        rows[ROW + VECTOR * LANES + lane] = sine * upper + cosine * lower
        rows[VECTOR * LANES + lane] = cosine * upper - sine * lower


@njit(cache=True)
def rotate_back(lanes, sweeps, rotations):  # type: ignore[no-untyped-def]
    """Take all lanes' vectors from eigenvector coordinates back to tridiagonal ones."""
    flat = lanes.state.reshape(-1)
    at = (sweeps[:, 1] - sweeps[:, 0]).sum()
    for sweep in range(len(sweeps) - 1, -1, -1):
        for i in range(sweeps[sweep, 0], sweeps[sweep, 1]):
            at -= 1
            _rotate_back(flat[i * ROW : (i + 2) * ROW], rotations[at])


@njit(cache=True, fastmath=REORDER, forceinline=True)
def _rotate_back(rows, rotation):  # type: ignore[no-untyped-def]
    for lane in range(LANES):
        cosine, sine = rotation[lane], rotation[LANES + lane]
        upper = rows[VECTOR * LANES + lane]
        lower = rows[ROW + VECTOR * LANES + lane]
        rows[VECTOR * LANES + lane] = cosine * upper + sine * lower
        rows[ROW + VECTOR * LANES + lane] = cosine * lower - sine * upper
