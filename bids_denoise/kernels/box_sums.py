"""Sums over boxes in flat arrays of rows, at a cost that hardly depends on the box."""

from __future__ import annotations

from numba import njit

FAST = {"contract", "nsz"}


@njit(cache=True, error_model="numpy", fastmath=FAST)
def add_up_along_z(source, out, spare, radius, count):  # type: ignore[no-untyped-def]
    """Write ``out[i] = sum of source[i + k]`` over 0 <= k <= 2 radius, by doubling."""
    if radius < 2:
        second, third = source[radius:], source[2 * radius :]
        for i in range(count):
            out[i] = source[i] + second[i] + third[i] if radius else source[i]
        return
    width = 2 * radius + 1
    block, size, done, turn = source, 1, 1, 0
    while done < width:
        # `block` holds the sums of `size`; twice that many follow from it.
        wider = spare[turn]
        _add(block, block[size:], wider, count + width - 2 * size)
        block, size, turn = wider, 2 * size, 1 - turn
        if width & size:
            if done == 1:
                _add(source, block[1:], out, count)
            else:
                add_to(out, block[done:], count)
            done += size


@njit(cache=True, error_model="numpy", fastmath=FAST)
def add_up_along_y(source, out, stride, radius, count):  # type: ignore[no-untyped-def]
    """Write ``out[i] = sum of source[i + k stride]`` over 0 <= k <= 2 radius, as running sums."""
    if radius < 2:
        second, third = source[radius * stride :], source[2 * radius * stride :]
        for i in range(count):
            out[i] = source[i] + second[i] + third[i] if radius else source[i]
        return
    out[:stride] = source[:stride]
    for k in range(1, 2 * radius + 1):
        add_to(out, source[k * stride :], stride)
    for row in range(stride, count, stride):
        last, line = out[row - stride : row], out[row : row + stride]
        gone, come = source[row - stride : row], source[row + 2 * radius * stride :]
        for i in range(stride):
            line[i] = last[i] + (come[i] - gone[i])


@njit(cache=True, error_model="numpy", fastmath=FAST)
def _add(one, other, out, count):  # type: ignore[no-untyped-def]
    for i in range(count):
        out[i] = one[i] + other[i]


@njit(cache=True, error_model="numpy", fastmath=FAST)
def add_to(total, other, count):  # type: ignore[no-untyped-def]
    """Add the first `count` of `other` to those of `total`."""
    # Apart from `_add`, which does not vectorise with the result in an operand's place.
    for i in range(count):
        total[i] += other[i]
