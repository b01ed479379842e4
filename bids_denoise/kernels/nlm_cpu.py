"""Non-local means, one pass, compiled for the CPU. Defined in `nlm_reference`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray


def nlm_pass(
    volume: FloatArray,
    guide: FloatArray,
    sigma_guide: float,
    search_radius: int,
    patch_radius: int,
    strength: float,
    tile=(16, 16),
) -> FloatArray:
    out = np.empty_like(volume)
    offset = np.float32(1 + 2 * sigma_guide**2 / (16 * strength**2))
    slope = np.float32(1 / (16 * strength**2 * (2 * patch_radius + 1) ** 3))
    _pass(volume, guide, out, search_radius, patch_radius, offset, slope, tile[0], tile[1])
    return out


@numba.njit(parallel=True, cache=True, error_model="numpy")
def _pass(volume, guide, out, search, patch, offset, slope, tx, ty):
    nx, ny, nz = volume.shape
    cx = (nx + tx - 1) // tx
    cy = (ny + ty - 1) // ty
    for c in numba.prange(cx * cy):
        x0 = (c // cy) * tx
        y0 = (c % cy) * ty
        _tile(volume, guide, out, search, patch, offset, slope,
              x0, min(x0 + tx, nx), y0, min(y0 + ty, ny))


@numba.njit(cache=True, error_model="numpy")
def _padded(source, x0, y0, mx, my, mz, reach):
    nx, ny, nz = source.shape
    pad = np.empty((mx, my, mz), np.float32)
    for x in range(mx):
        sx = min(max(x0 + x, 0), nx - 1)
        for y in range(my):
            sy = min(max(y0 + y, 0), ny - 1)
            pad[x, y, reach:reach + nz] = source[sx, sy]
            pad[x, y, :reach] = source[sx, sy, 0]
            pad[x, y, reach + nz:] = source[sx, sy, nz - 1]
    return pad


@numba.njit(cache=True, error_model="numpy")
def _tile(volume, guide, out, search, patch, offset, slope, x0, x1, y0, y1):
    nx, ny, nz = volume.shape
    reach = search + patch
    ext = search + reach  # lower side needs pairs below the tile
    g = _padded(guide, x0 - reach, y0 - reach, x1 - x0 + 2 * reach, y1 - y0 + 2 * reach, nz + 2 * reach, reach)
    tx, ty = x1 - x0, y1 - y0
    total = np.empty((tx, ty, nz), np.float32)
    for x in range(tx):
        for y in range(ty):
            total[x, y] = volume[x0 + x, y0 + y]
    weights = np.ones((tx, ty, nz), np.float32)
    # weight rows of the region of i, i + k in or out of the tile
    wbuf = np.empty((tx + search, ty + search, nz), np.float32)
    width = 2 * patch + 1
    planes = np.empty((width, ty + search, nz), np.float32)
    zrows = np.empty((ty + search + 2 * patch, nz), np.float32)
    line = np.empty(nz + 2 * patch, np.float32)
    for dx in range(0, search + 1):
        for dy in range(-search if dx > 0 else 0, search + 1):
            for dz in range(-search if (dx > 0 or dy > 0) else 1, search + 1):
                _shift(volume, g, total, weights, wbuf, planes, zrows, line, x0, x1, y0, y1, dx, dy, dz, search, patch, offset, slope)
    for x in range(tx):
        for y in range(ty):
            t = total[x, y]; w = weights[x, y]; o = out[x0 + x, y0 + y]
            for z in range(nz):
                o[z] = t[z] / w[z]


@numba.njit(cache=True, error_model="numpy")
def _shift(volume, g, total, weights, wbuf, planes, zrows, line, x0, x1, y0, y1, dx, dy, dz, search, patch, offset, slope):
    nx, ny, nz = volume.shape
    reach = search + patch
    # region of i: x from x0-dx to x1, y from y0-max(dy,0) to y1+max(-dy,0), such that i and i+k are inside the volume
    xa = max(x0 - dx, 0); xb = min(x1, nx - dx)
    ya = max(y0 - max(dy, 0), max(0, -dy)); yb = min(y1 + max(-dy, 0), min(ny, ny - dy))
    za = max(0, -dz); zb = min(nz, nz - dz)
    if xb <= xa or yb <= ya or zb <= za:
        return
    n = zb - za
    width = 2 * patch + 1
    ny_r = yb - ya
    for px in range(xa - patch, xb + patch):
        gx = px - x0 + reach
        for r in range(ny_r + 2 * patch):
            gy = ya - patch + r - y0 + reach
            a = g[gx, gy, za + reach - patch: za + reach - patch + n + 2 * patch]
            b = g[gx + dx, gy + dy, za + dz + reach - patch: za + dz + reach - patch + n + 2 * patch]
            l = line[:n + 2 * patch]
            for z in range(n + 2 * patch):
                e = a[z] - b[z]
                l[z] = e * e
            zr = zrows[r, :n]
            if patch == 1:
                l1 = line[1:]; l2 = line[2:]
                for z in range(n):
                    zr[z] = l[z] + l1[z] + l2[z]
            else:
                for z in range(n):
                    zr[z] = l[z]
                for k in range(1, width):
                    lk = line[k:]
                    for z in range(n):
                        zr[z] += lk[z]
        slot = (px - xa + patch) % width
        for r in range(ny_r):
            p = planes[slot, r, :n]
            if patch == 1:
                r0 = zrows[r, :n]; r1 = zrows[r + 1, :n]; r2 = zrows[r + 2, :n]
                for z in range(n):
                    p[z] = r0[z] + r1[z] + r2[z]
            else:
                r0 = zrows[r, :n]
                for z in range(n):
                    p[z] = r0[z]
                for k in range(1, width):
                    r1 = zrows[r + k, :n]
                    for z in range(n):
                        p[z] += r1[z]
        if px - xa + patch >= width - 1:
            wx = px - patch - xa
            for r in range(ny_r):
                wr = wbuf[wx, r, :n]
                if patch == 1:
                    p0 = planes[0, r, :n]; p1 = planes[1, r, :n]; p2 = planes[2, r, :n]
                    for z in range(n):
                        u = min(max(offset - slope * (p0[z] + p1[z] + p2[z]), np.float32(0)), np.float32(1))
                        u = u * u
                        u = u * u
                        u = u * u
                        wr[z] = u * u
                else:
                    p0 = planes[0, r, :n]
                    for z in range(n):
                        wr[z] = p0[z]
                    for k in range(1, width):
                        p1 = planes[k, r, :n]
                        for z in range(n):
                            wr[z] += p1[z]
                    for z in range(n):
                        u = min(max(offset - slope * wr[z], np.float32(0)), np.float32(1))
                        u = u * u
                        u = u * u
                        u = u * u
                        wr[z] = u * u
    for x in range(max(xa, x0), xb):
        for y in range(max(ya, y0), min(yb, y1)):
            t = total[x - x0, y - y0, za:zb]
            s = weights[x - x0, y - y0, za:zb]
            w = wbuf[x - xa, y - ya, :n]
            v = volume[x + dx, y + dy, za + dz:zb + dz]
            for z in range(n):
                t[z] += w[z] * v[z]
                s[z] += w[z]
    for x in range(max(xa + dx, x0), min(xb + dx, x1)):
        for y in range(max(ya + dy, y0), min(yb + dy, y1)):
            t = total[x - x0, y - y0, za + dz:zb + dz]
            s = weights[x - x0, y - y0, za + dz:zb + dz]
            w = wbuf[x - dx - xa, y - dy - ya, :n]
            v = volume[x - dx, y - dy, za:zb]
            for z in range(n):
                t[z] += w[z] * v[z]
                s[z] += w[z]
