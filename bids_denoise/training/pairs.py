"""Pairs of scans of one head, to fine-tune a network on: noisier and cleaner, or repeated runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bids_denoise import imageio
from bids_denoise.denoisers.trained import to_gaussian
from bids_denoise.errors import UsageError
from bids_denoise.imageio.padding import padding
from bids_denoise.noise import estimate
from bids_denoise.stabilisation import floored, stabilised_mean
from bids_denoise.values import Device, Image

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from bids_denoise.training.recipe import Pairing
    from bids_denoise.values import FloatArray

    HalfArray = npt.NDArray[np.float16]


class Pair(NamedTuple):
    """float16 (x, y, z) each, 99th percentile of the noisy scan 1; noise is Gaussian."""

    noisy: HalfArray
    sigma: HalfArray
    target: HalfArray


def pairs_of(pairing: Pairing, data: Path) -> list[Pair]:
    """Return the pairs below `data`, repeated runs both ways.

    The mean of many noisy targets is their signal: a network that is shown one run and told to
    return another learns to return what they share (Lehtinen 2018, arXiv:1803.04189).

    Raises
    ------
    UsageError
        The patterns fit no files, not as many of one as of the other, or those of a pair are
        on different grids.
    """
    noisy, target = (sorted(data.glob(each)) for each in (pairing.noisy, pairing.target))
    if not noisy or len(noisy) != len(target):
        raise UsageError(
            f"{pairing.noisy!r} fits {len(noisy)} file(s) below {str(data)!r} and "
            f"{pairing.target!r} fits {len(target)}: as many, at least one, are needed"
        )
    made = []
    for one, other in zip(noisy, target, strict=True):
        scans = [imageio.read(path) for path in (one, other)]
        if scans[0].shape != scans[1].shape:
            raise UsageError(
                f"{str(one)!r} is {scans[0].shape} and {str(other)!r} is {scans[1].shape}: "
                "the scans of a pair have to be on one grid"
            )
        made.append(_pair(scans[0], scans[1], pairing.repeats))
        if pairing.repeats:
            made.append(_pair(scans[1], scans[0], repeats=True))
    return made


def _pair(noisy: FloatArray, target: FloatArray, repeats: bool) -> Pair:
    measured = ~(padding(noisy) | padding(target))
    image = Image(noisy, np.eye(4), measured)
    noise = estimate(image)
    sigma = floored(noise.sigma)
    shown = to_gaussian(noisy, sigma, noise, Device())
    if repeats:
        wanted = to_gaussian(target, sigma, noise, Device())
    else:
        wanted = stabilised_mean(target, sigma) if noise.law == "rician" else target
    peak = np.percentile(noisy[measured], 99)
    noisy, target = (np.where(measured, each, 0) for each in (shown, wanted))
    return Pair(*((each / peak).astype(np.float16) for each in (noisy, sigma, target)))
