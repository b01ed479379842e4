"""One volume before and after, cut to the head: what all the measurements look at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise import scratch
from bids_denoise.intensity import foreground
from bids_denoise.metrics.law import bias_and_spread
from bids_denoise.values import Noise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bids_denoise.values import BoolArray, Denoised, FloatArray, Image

MARGIN = 4
"""Voxels kept around the head, so that filters near its rim see what is really there."""

MOST_VOLUMES = 6
"""Volumes of a series that the spatial measurements look at, evenly spaced."""

AVERAGED_VOLUMES = 20
"""Volumes of a series whose mean shows where the head is."""


MOST_VOXELS = 3_000_000
"""Voxels that are looked at. Of a larger head it is the middle slab across the third axis."""


@dataclass(frozen=True)
class Comparison:
    """One volume before and after denoising, or the middle slab of a large one.

    Attributes
    ----------
    before, after
        float32 (x, y, z), in image units.
    unbiased
        `before` without the mean that the noise law adds to low signals, if that is what the
        denoiser took off as well; else `before` itself.
    spread
        Standard deviation that the noise law makes expect, (x, y, z).
    head
        bool (x, y, z): the voxels that are judged. The spread is greater than 0 there.
    measured
        bool (x, y, z): the voxels that hold a measurement, air included.
    air
        bool (x, y, z): the measured voxels around the head.
    spacing
        Voxel size along x, y, z in mm.
    """

    before: FloatArray
    after: FloatArray
    unbiased: FloatArray
    spread: FloatArray
    head: BoolArray
    measured: BoolArray
    air: BoolArray
    spacing: tuple[float, float, float]


def head_of(image: Image) -> BoolArray:
    """Return where an image is judged, bool (x, y, z): in ``image.head``, if it is given.

    Else in the foreground; of a series, that of its mean.
    """
    if image.head is not None:
        return image.head & image.mask
    return foreground_of(image)


def foreground_of(image: Image) -> BoolArray:
    """Return the foreground of an image, bool (x, y, z); of a series, that of its mean."""
    if image.data.ndim == 3:
        return foreground(image.data, image.mask)
    chosen = _evenly(image.data.shape[-1], AVERAGED_VOLUMES)
    mean = np.mean(image.data[..., chosen], axis=-1, dtype=np.float64)
    return foreground(np.asarray(mean, dtype=np.float32), image.mask)


def compare(
    image: Image,
    denoised: Denoised,
    noise: Noise,
    head: BoolArray,
    volumes: list[int] | None = None,
) -> tuple[Comparison, ...]:
    """Return the volumes to look at; the first is the one that stands for the whole image.

    `volumes` by default are those of `chosen_volumes`.
    """
    box = _middle_slab(box_around(head, MARGIN), head.shape)
    indices = chosen_volumes(image) if volumes is None else volumes
    air = image.mask & ~(head if image.head is None else foreground_of(image))
    return tuple(
        comparison_of(
            before,
            after,
            Noise(noise.sigma[box], noise.law, noise.method),
            (head[box], image.mask[box], air[box]),
            voxel_size(image),
        )
        for before, after in zip(
            _volumes(image.data[box], indices), _volumes(denoised.data[box], indices), strict=True
        )
    )


def comparison_of(
    before: FloatArray,
    after: FloatArray,
    noise: Noise,
    regions: tuple[BoolArray, BoolArray, BoolArray],
    spacing: tuple[float, float, float],
) -> Comparison:
    """Return a volume, or any part of it, before and after, with what its noise makes expect.

    `regions` are head, measured voxels and air; all arrays have one shape.
    """
    head, measured, air = regions
    head = head & (noise.sigma > 0)
    bias, spread = bias_and_spread(after, noise.sigma, noise.law)
    unbiased = before - bias
    if not head.any() or bias_was_kept(unbiased[head], after[head], bias[head]):
        unbiased = before
    return Comparison(before, after, unbiased, spread, head, measured, air, spacing)


def bias_was_kept(unbiased: FloatArray, after: FloatArray, bias: FloatArray) -> bool:
    """Say whether a result is nearer to the measured mean than to the signal under it."""
    removed = unbiased - after
    return bool(abs(np.median(removed)) > abs(np.median(removed + bias)))


def _middle_slab(
    box: tuple[slice, slice, slice], shape: tuple[int, ...]
) -> tuple[slice, slice, slice]:
    x, y, z = (range(*each.indices(n)) for each, n in zip(box, shape, strict=True))
    most = max(MOST_VOXELS // (len(x) * len(y)), 1)
    if len(z) <= most:
        return box
    start = z.start + (len(z) - most) // 2
    return box[0], box[1], slice(start, start + most)


def chosen_volumes(image: Image) -> list[int]:
    """Return the indices of the volumes to look at, the most typical first.

    One for a single volume. Of a series the middle volume (of diffusion data that of the shell
    with most volumes) and some others, evenly spaced.
    """
    if image.data.ndim == 3:
        return [0]
    count = image.data.shape[-1]
    alike = np.arange(count)
    if image.bvals is not None:
        hundreds, sizes = np.unique(np.round(image.bvals, -2), return_counts=True)
        alike = np.flatnonzero(np.round(image.bvals, -2) == hundreds[np.argmax(sizes)])
    first = int(alike[len(alike) // 2])
    return [first, *(each for each in _evenly(count, MOST_VOLUMES - 1) if each != first)]


def box_around(region: BoolArray, margin: int) -> tuple[slice, slice, slice]:
    """Return the box around a region (x, y, z) with a margin; the whole grid if it is empty."""
    if not region.any():
        return (slice(None), slice(None), slice(None))
    ends = []
    for axis in range(3):
        others = tuple(each for each in range(3) if each != axis)
        inside = np.flatnonzero(region.any(axis=others))
        ends.append(slice(max(int(inside[0]) - margin, 0), int(inside[-1]) + margin + 1))
    return (ends[0], ends[1], ends[2])


def cut(image: Image, box: tuple[slice, ...]) -> Image:
    """Return a box of an image, with all that belongs to it but the head; copied."""
    data, mask = np.ascontiguousarray(image.data[box]), np.ascontiguousarray(image.mask[box])
    phase = None if image.phase is None else np.ascontiguousarray(image.phase[box])
    echoes = tuple(cut(each, box) for each in image.echoes)
    return replace(image, data=data, mask=mask, head=None, phase=phase, echoes=echoes)


def cut_noise(noise: Noise, box: tuple[slice, ...]) -> Noise:
    """Return the noise of a box."""
    return replace(noise, sigma=np.ascontiguousarray(noise.sigma[box]))


def gradient(data: FloatArray, spacing: tuple[float, float, float]) -> FloatArray:
    """Return the gradient of (x, y, z) per mm as (x, y, z, 3), 0 along axes of one voxel."""
    parts = [
        np.gradient(data, size, axis=axis) if data.shape[axis] > 1 else np.zeros_like(data)
        for axis, size in enumerate(spacing)
    ]
    return np.stack(parts, axis=-1)


def steepness(data: FloatArray, spacing: tuple[float, float, float]) -> FloatArray:
    """Return the length of the gradient of (x, y, z) per mm."""
    return np.asarray(np.sqrt((gradient(data, spacing) ** 2).sum(axis=-1)))


def voxel_size(image: Image) -> tuple[float, float, float]:
    """Return the length of a voxel's edges in mm, from the affine."""
    lengths = np.sqrt((image.affine[:3, :3] ** 2).sum(axis=0))
    x, y, z = (float(length) if length > 0 else 1.0 for length in lengths)
    return (x, y, z)


def _volumes(data: FloatArray, indices: list[int]) -> Iterator[FloatArray]:
    return iter([np.ascontiguousarray(data)]) if data.ndim == 3 else scratch.volumes(data, indices)


def _evenly(count: int, most: int) -> list[int]:
    return sorted({int(each) for each in np.linspace(0, count - 1, min(count, most))})
