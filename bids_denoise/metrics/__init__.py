"""What a denoised image is judged by: numbers before and after, the residual, a traffic light."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.metrics.comparison import chosen_volumes, compare, head_of, voxel_size
from bids_denoise.metrics.contrast import contrast_metrics
from bids_denoise.metrics.diffusion import above_unweighted, same_contrast, shell_snr, shells
from bids_denoise.metrics.fluctuation import autocorrelation, smoothness
from bids_denoise.metrics.residual import residual_metrics
from bids_denoise.metrics.series import (
    dvars,
    temporal_snr,
    tissues_of,
    unevenness,
    volume_ratios,
)
from bids_denoise.metrics.sharpness import edge_profile, edge_widths
from bids_denoise.metrics.sure import estimated_gain
from bids_denoise.metrics.texture import brightness, texture_metrics
from bids_denoise.metrics.verdict import verdict
from bids_denoise.values import Quality

if TYPE_CHECKING:
    from bids_denoise.metrics.comparison import Comparison
    from bids_denoise.metrics.sure import Redo
    from bids_denoise.values import BoolArray, Denoised, Image, Noise

__all__ = ["judge", "temporal_snr"]

Numbers = dict[str, float | None]

WORST_COUNTS = frozenset({"largest_clump", "clumped", "outliers"})
"""Of several volumes the worst value stands for these numbers, the median for all others."""


def judge(image: Image, denoised: Denoised, noise: Noise, redo: Redo | None, seed: int) -> Quality:
    """Measure an image before and after denoising, and say whether the result can be used.

    Parameters
    ----------
    image, denoised, noise
        What went in, what came out, and the noise it was thought to have.
    redo
        Denoises an image with given noise by the same settings, for the estimate of the PSNR,
        which is left out when None, and where the noise is not to be trusted: it rests on it.
    seed
        Of that estimate's random probe.

    Returns
    -------
    Quality
        Numbers by the keys of `bids_denoise.metrics.glossary`, finite or None; a traffic light and
        the reasons why it is not green.

    Notes
    -----
    Spatial measurements look at up to six volumes of a series.
    """
    head = head_of(image)
    pairs = compare(image, denoised, noise, head)
    before, after, residual = _of_volumes(pairs, _twins(image, denoised, noise, head))
    if image.data.ndim == 4:
        _add_series(image, denoised, noise, head, (before, after, residual))
    gain = None
    if redo is not None and noise.trusted:
        gain = estimated_gain(image, denoised, noise, head, redo, seed)
    if gain is not None:
        before["psnr"], after["psnr"] = gain.before, gain.after
        residual |= {"psnr_gain": gain.gain, "psnr_gain_error": gain.error}
    before, after, residual = (_finite(each) for each in (before, after, residual))
    light, reasons = verdict(residual, noise)
    return Quality(before, after, residual, light, reasons)


def _twins(
    image: Image, denoised: Denoised, noise: Noise, head: BoolArray
) -> tuple[Comparison, ...]:
    """Return two volumes of the same contrast; one alone where there is no other like it."""
    if image.data.ndim == 3:
        return compare(image, denoised, noise, head)
    first = chosen_volumes(image)[0]
    other = same_contrast(image.bvals, first, image.data.shape[-1])
    twins = [first] if other is None else [first, other]
    return compare(image, denoised, noise, head, twins)


def _of_volumes(
    pairs: tuple[Comparison, ...], twins: tuple[Comparison, ...]
) -> tuple[Numbers, Numbers, Numbers]:
    """Return contrast and edges of the first volume, and the residual over all of them."""
    before, after = contrast_metrics(pairs[0])
    widths = edge_widths(edge_profile(pairs[0]))
    old, new, check = texture_metrics(*twins)
    before |= {"noise": old, "edge_width": widths[0]}
    after |= {"noise": new, "edge_width": widths[1]}
    residual: Numbers = {
        **_over_volumes([residual_metrics(pair) for pair in pairs]),
        "brightness": brightness(pairs[0]),
        "sigma_check": check,
        "noise_left": _ratio(new, old),
        "edge_width_ratio": _ratio(widths[1], widths[0]),
    }
    return before, after, residual


def _over_volumes(measured: list[dict[str, float]]) -> Numbers:
    """Return the median over volumes of each number, the largest of those in `WORST_COUNTS`."""
    names = dict.fromkeys(name for each in measured for name in each)
    return {
        name: float((np.max if name in WORST_COUNTS else np.median)(values))
        for name in names
        if (values := [each[name] for each in measured if name in each])
    }


def _add_series(
    image: Image,
    denoised: Denoised,
    noise: Noise,
    head: BoolArray,
    numbers: tuple[Numbers, Numbers, Numbers],
) -> None:
    """Add what only a series has."""
    before, after, residual = numbers
    ratios = volume_ratios(image, denoised, noise, head)
    groups = [np.arange(len(ratios))] if image.bvals is None else shells(image.bvals).values()
    residual |= {
        "volume_lowest": float(ratios.min()),
        "volume_highest": float(ratios.max()),
        "volume_unevenness": unevenness(ratios, groups),
    }
    tissues = {} if image.bvals is not None else tissues_of(image.data, head)
    for data, target in ((image.data, before), (denoised.data, after)):
        if image.bvals is None and head.any() and data.shape[-1] > 1:
            tsnr = temporal_snr(data)
            target["tsnr"] = float(np.median(tsnr[head]))
            target |= {name: float(np.median(tsnr[each])) for name, each in tissues.items()}
            target["dvars"] = float(np.median(dvars(data, head)))
            target["smoothness"] = smoothness(data, head, voxel_size(image))
            target["temporal_autocorrelation"] = autocorrelation(data, head)
        if image.bvals is not None:
            target["above_b0"] = above_unweighted(data, image.bvals, head)
    if image.bvals is not None:
        for shell, (old, new) in shell_snr(image, denoised, noise, head).items():
            before[f"snr_{shell}"], after[f"snr_{shell}"] = old, new


def _ratio(one: float | None, other: float | None) -> float | None:
    return one / other if one is not None and other else None


def _finite(numbers: Mapping[str, float | None]) -> Numbers:
    """Return plain floats, None for what is not a number: fit for JSON."""
    return {
        name: float(value) if value is not None and math.isfinite(value) else None
        for name, value in numbers.items()
    }
