"""The cosine transform of 8 values, and 8 values that lie a step apart in a flat array.

As small functions of tuples they end up in the compiled loops around them, which then vectorise.
"""

from __future__ import annotations

import numpy as np
from numba import njit

MEAN = np.float32(np.sqrt(1 / 8))
C1, C2, C3, C5, C6, C7 = (np.float32(np.cos(k * np.pi / 16) / 2) for k in (1, 2, 3, 5, 6, 7))
FAST = {"contract", "nsz", "nnan", "ninf"}


@njit(cache=True, error_model="numpy")
def load(source, start, step):  # type: ignore[no-untyped-def]
    """Return the values at `start`, ``start + step``, ..."""
    return (
        source[start], source[start + step], source[start + 2 * step], source[start + 3 * step],
        source[start + 4 * step], source[start + 5 * step], source[start + 6 * step],
        source[start + 7 * step],
    )  # fmt: skip


@njit(cache=True, error_model="numpy")
def store(target, start, step, values):  # type: ignore[no-untyped-def]
    """Write `values` to `start`, ``start + step``, ..."""
    for k in range(8):
        target[start + k * step] = values[k]


@njit(cache=True, error_model="numpy")
def add(target, start, step, values):  # type: ignore[no-untyped-def]
    """Add `values` to what is at `start`, ``start + step``, ..."""
    for k in range(8):
        target[start + k * step] += values[k]


@njit(cache=True, error_model="numpy", fastmath=FAST)
def forward(v):  # type: ignore[no-untyped-def]
    """Return the orthonormal DCT-II of 8 values."""
    s0, s1, s2, s3 = v[0] + v[7], v[1] + v[6], v[2] + v[5], v[3] + v[4]
    d0, d1, d2, d3 = v[0] - v[7], v[1] - v[6], v[2] - v[5], v[3] - v[4]
    a, b, c, d = s0 + s3, s1 + s2, s0 - s3, s1 - s2
    return (
        MEAN * (a + b), C1 * d0 + C3 * d1 + C5 * d2 + C7 * d3,
        C2 * c + C6 * d, C3 * d0 - C7 * d1 - C1 * d2 - C5 * d3,
        MEAN * (a - b), C5 * d0 - C1 * d1 + C7 * d2 + C3 * d3,
        C6 * c - C2 * d, C7 * d0 - C5 * d1 + C3 * d2 - C1 * d3,
    )  # fmt: skip


@njit(cache=True, error_model="numpy", fastmath=FAST)
def backward(v):  # type: ignore[no-untyped-def]
    """Return the 8 values of an orthonormal DCT-II."""
    a, b = MEAN * (v[0] + v[4]), MEAN * (v[0] - v[4])
    c, d = C2 * v[2] + C6 * v[6], C6 * v[2] - C2 * v[6]
    e0, e1, e2, e3 = a + c, b + d, b - d, a - c
    o0 = C1 * v[1] + C3 * v[3] + C5 * v[5] + C7 * v[7]
    o1 = C3 * v[1] - C7 * v[3] - C1 * v[5] - C5 * v[7]
    o2 = C5 * v[1] - C1 * v[3] + C7 * v[5] + C3 * v[7]
    o3 = C7 * v[1] - C5 * v[3] + C3 * v[5] - C1 * v[7]
    return e0 + o0, e1 + o1, e2 + o2, e3 + o3, e3 - o3, e2 - o2, e1 - o1, e0 - o0
