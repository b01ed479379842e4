"""Non-local means, one pass, in plain numpy: the definition that every engine must equal.

For each voxel i the pass returns the weighted mean of the voxels j of its search window,

    out(i) = sum_j w(i, j) volume(j) / sum_j w(i, j),

    w(i, j) = (1 - t / 16)_+ ^ 16,      t = (D(i, j) - 2 sigma_guide^2)_+ / strength^2,

where D(i, j) is the mean squared difference of `guide` between the patches around i and j.
The weight function is exp(-t) in its limit form: without a transcendental call, and zero from
t = 16 on. Two patches that differ by noise alone have D = 2 sigma_guide^2 on average; taking
that off (Buades 2005, doi:10.1137/040616024) keeps them near weight 1 whatever the strength.

Borders: j stays inside the volume; patches that reach beyond it see the edge value repeated.
The weight of a voxel on itself is 1, as D(i, i) = 0: a voxel without any like it comes back as it
was. The weights are symmetric, w(i, j) = w(j, i), which the fast engines use.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import FloatArray

    Precise = npt.NDArray[np.float64]
    Engine = Callable[[FloatArray, FloatArray, float, int, int, float], FloatArray]

TAPER = 16


def nlm_pass(
    volume: FloatArray,
    guide: FloatArray,
    sigma_guide: float,
    search_radius: int,
    patch_radius: int,
    strength: float,
) -> FloatArray:
    """Return `volume` (x, y, z) after one pass of non-local means.

    The noise of `volume` is expected to have one standard deviation everywhere.

    Parameters
    ----------
    volume
        float32 (x, y, z), what is averaged.
    guide
        float32 (x, y, z), what the patches are compared in: `volume` itself, or an earlier
        estimate of it.
    sigma_guide
        Standard deviation of the noise left in `guide`, in units of `guide`; 0 for none.
    search_radius, patch_radius
        The search window has (2 search_radius + 1)^3 voxels, a patch (2 patch_radius + 1)^3.
    strength
        Root mean squared difference of two patches, above that of the noise, at which their weight
        falls to 1/e; in units of `guide`, greater than 0.

    Returns
    -------
    float32 (x, y, z).

    Notes
    -----
    O(voxels x search window) patch differences, each a box mean.
    """
    total = np.array(volume, dtype=np.float64)
    weights = np.ones(volume.shape)
    steps = range(-search_radius, search_radius + 1)
    for shift in product(steps, steps, steps):
        if shift == (0, 0, 0) or any(
            abs(step) >= n for step, n in zip(shift, volume.shape, strict=True)
        ):
            continue
        here, there = _overlap(shift, volume.shape)
        distance = _patch_distance(guide, shift, patch_radius)[here]
        weight = _weight(distance, sigma_guide, strength)
        total[here] += weight * volume[there]
        weights[here] += weight
    return (total / weights).astype(np.float32)


def _overlap(
    shift: tuple[int, ...], shape: tuple[int, ...]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return the slices of the voxels i and i + shift that both lie inside."""
    here = tuple(slice(max(-s, 0), n - max(s, 0)) for s, n in zip(shift, shape, strict=True))
    there = tuple(slice(max(s, 0), n + min(s, 0)) for s, n in zip(shift, shape, strict=True))
    return here, there


def _patch_distance(guide: FloatArray, shift: tuple[int, ...], radius: int) -> Precise:
    """Return, for every voxel, the mean squared difference of its patch to the shifted patch."""
    reach = radius + max(abs(step) for step in shift)
    padded = np.pad(guide.astype(np.float64), reach, mode="edge")
    inner = tuple(slice(reach - radius, reach + radius + n) for n in guide.shape)
    moved = tuple(
        slice(reach - radius + s, reach + radius + n + s)
        for s, n in zip(shift, guide.shape, strict=True)
    )
    squared = (padded[inner] - padded[moved]) ** 2
    size = 2 * radius + 1
    windows = np.lib.stride_tricks.sliding_window_view(squared, (size, size, size))
    mean: Precise = windows.mean(axis=(-3, -2, -1))
    return mean


def _weight(distance: Precise, sigma_guide: float, strength: float) -> Precise:
    excess: Precise = np.maximum(distance - 2 * sigma_guide**2, 0) / strength**2
    weight: Precise = np.maximum(1 - excess / TAPER, 0) ** TAPER
    return weight
