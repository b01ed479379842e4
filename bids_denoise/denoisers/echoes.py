"""The echoes of one acquisition as one series: they share where signal is, but not their noise."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise import scratch
from bids_denoise.values import Denoised, Image

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray


def joined(image: Image) -> Image:
    """Return an image with the volumes of its other echoes behind its own."""
    every = (image, *image.echoes)
    phases = [each.phase for each in every if each.phase is not None]
    return replace(
        image,
        data=_one_after_the_other([each.data for each in every]),
        phase=_one_after_the_other(phases) if len(phases) == len(every) else None,
        echoes=(),
        groups=np.repeat(np.arange(len(every)), image.data.shape[3]),
    )


def own_echo(result: Denoised, image: Image) -> Denoised:
    """Return what was found of `image` in the result for `joined`."""
    data = scratch.empty_like(image.data)
    for into, plane in zip(data, result.data, strict=True):
        into[...] = plane[..., : data.shape[3]]
    choices = {**result.choices, "echoes": 1 + len(image.echoes)}
    return replace(result, data=data, choices=choices)


def _one_after_the_other(series: list[FloatArray]) -> FloatArray:
    first = series[0]
    volumes = sum(each.shape[3] for each in series)
    together = scratch.empty_like(first, (*first.shape[:3], volumes))
    for into, *planes in zip(together, *series, strict=True):
        np.concatenate(planes, axis=-1, out=into)
    return together
