"""The traffic light: what the numbers say, in sentences.

The bounds were set on simulated heads and on Colin27, at 1 to 15 % noise: a good denoiser stays
inside by a margin at every level, planted faults do not (tests/metrics/test_faults.py plants them).
Red stands for results that should not be used, amber for those that should be looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bids_denoise.values import Light, Noise

Numbers = Mapping[str, float | None]
Finding = tuple["Light", str]

STD_RATIO_AMBER, STD_RATIO_RED = 1.12, 1.35
"""More was removed than the noise holds. Good filters leave some noise: 0.3 to 1.02."""

EDGE_AMBER, EDGE_RED = 1.12, 1.30
"""Edge width after over before. Good filters: up to 1.05, 1.11 at 15 % noise; a Gaussian of 1.2
voxels FWHM: 1.06 to 1.24, of 1.6 voxels: 1.13 to 1.57."""

EDGE_SHARPER = 0.94
"""Edges sharper than in the scan were made up. Good filters: from 0.99."""

IMAGE_CORRELATION_HIGH, IMAGE_CORRELATION_LOW = 0.15, -0.1
"""Of the residual and the image around. Above, structure was taken out; below, it was put in.
Good filters: 0 to 0.12; smoothing where structure is stronger than noise: 0.2 to 0.5."""

GRADIENT_CORRELATION = 0.14
"""More is removed at edges than elsewhere. Good filters: -0.25 to 0.10; blur: 0.1 to 0.4."""

AUTOCORRELATION = 0.3
"""Of neighbouring residuals. Good filters on white noise: -0.22, where slow changes are kept, to
0.04."""

LOCAL_MEAN_SPREAD = 1.5
"""Spread of box means of the residual, 1 for white noise: slow shifts of brightness."""

CLUMP_AMBER, CLUMP_RED = 12, 1000
"""Voxels of the largest connected region whose residual is no noise. Good filters: up to 2."""

PLANE_STEP, PLANE_STEP_Z = 0.2, 8.0
"""Step of a plane's mean, in sigma, and its significance. Good filters: up to 0.14 sigma."""

PLANE_VARIANCE = 0.5
"""Relative change of variance from plane to plane, where most of the noise was removed."""

MOST_NOISE_REMOVED = 0.6

MEAN_SHIFT, BRIGHTNESS = 0.15, 0.02
"""Shift of the mean: in sigma, and of the brighter half of the head relative to its brightness."""

SIGMA_LOW, SIGMA_HIGH = 0.72, 1.45
"""Fine texture over what sigma makes expect; up to 1.1 on a small sharp head at 1 % noise."""

LITTLE_REMOVED, MUCH_LEFT = 0.25, 0.8

GAIN_MARGIN = 0.1
"""The estimated PSNR may fall by this many dB, and its standard error, without meaning harm."""

UNEVEN_VOLUMES = 2.0
"""Factor between the noise removed from a volume and from the others of its contrast."""


def verdict(residual: Numbers, noise: Noise) -> tuple[Light, tuple[str, ...]]:
    """Return the colour of the worst finding, and all findings as sentences, worst first.

    Examples
    --------
    >>> from bids_denoise.values import Noise
    >>> import numpy as np
    >>> verdict({"std_ratio": 1.6}, Noise(np.ones((1, 1, 1), np.float32), "rician", "air"))
    ('red', ('Over-smoothed: what was removed is 1.60 times as strong as the noise.',))
    """
    known = {key: value for key, value in residual.items() if value is not None}
    checks = (_amount, _sharpness, _structure, _evenness, _brightness, _gain)
    found = [finding for check in checks for finding in check(known)]
    found += _sigma(known, noise) if noise.sigma.any() else _nothing_to_do()
    found.sort(key=lambda finding: finding[0] != "red")
    light: Light = found[0][0] if found else "green"
    return light, tuple(reason for _, reason in found)


def _amount(r: Mapping[str, float]) -> Iterator[Finding]:
    ratio = r.get("std_ratio", 1.0)
    if ratio > STD_RATIO_AMBER:
        light: Light = "red" if ratio > STD_RATIO_RED else "amber"
        strength = f"{ratio:.2f} times as strong as the noise"
        yield light, f"Over-smoothed: what was removed is {strength}."
    if ratio < LITTLE_REMOVED and r.get("noise_left", 1.0) > MUCH_LEFT:
        yield "amber", f"Hardly any noise was removed: {ratio:.0%} of its standard deviation."


def _sharpness(r: Mapping[str, float]) -> Iterator[Finding]:
    ratio = r.get("edge_width_ratio", 1.0)
    if ratio > EDGE_AMBER:
        light: Light = "red" if ratio > EDGE_RED else "amber"
        yield light, f"Over-smoothed: strong edges became {ratio - 1:.0%} wider."
    if ratio < EDGE_SHARPER:
        yield "amber", f"Edges are {1 - ratio:.0%} sharper than in the scan: some may be invented."


def _structure(r: Mapping[str, float]) -> Iterator[Finding]:
    correlation = r.get("image_correlation", 0.0)
    if correlation > IMAGE_CORRELATION_HIGH:
        yield (
            "amber",
            f"Structure was removed: the residual follows the image (r = {correlation:.2f}).",
        )
    if correlation < IMAGE_CORRELATION_LOW:
        yield (
            "amber",
            f"Structure was added: the residual opposes the image (r = {correlation:.2f}).",
        )
    if r.get("gradient_correlation", 0.0) > GRADIENT_CORRELATION:
        yield "amber", "Structure in the residual: more was removed at edges than beside them."
    clump = r.get("largest_clump", 0.0)
    if clump >= CLUMP_AMBER:
        light: Light = "red" if clump >= CLUMP_RED else "amber"
        yield light, f"Structure in the residual: a region of {clump:.0f} voxels is no noise."
    if abs(r.get("autocorrelation", 0.0)) > AUTOCORRELATION:
        yield "amber", f"The residual is not white (lag-1 correlation {r['autocorrelation']:.2f})."
    elif r.get("local_mean_spread", 0.0) > LOCAL_MEAN_SPREAD:
        yield "amber", "The residual is not white: its local means vary too much."


def _evenness(r: Mapping[str, float]) -> Iterator[Finding]:
    if r.get("plane_step", 0.0) > PLANE_STEP and r["plane_step_z"] > PLANE_STEP_Z:
        yield "amber", f"A seam: the residual steps by {r['plane_step']:.2f} sigma between planes."
    removed = r.get("std_ratio", 0.0) > MOST_NOISE_REMOVED
    if removed and r.get("plane_variance", 0.0) > PLANE_VARIANCE:
        yield "amber", "Uneven: some planes were denoised more than those beside them."
    factor = r.get("volume_unevenness", 1.0)
    if factor > UNEVEN_VOLUMES:
        yield (
            "amber",
            f"Uneven: the noise removed from a volume differs {factor:.1f}-fold from others.",
        )


def _brightness(r: Mapping[str, float]) -> Iterator[Finding]:
    change = r.get("brightness", 1.0) - 1
    if abs(r.get("mean", 0.0)) > MEAN_SHIFT or abs(change) > BRIGHTNESS:
        shift = (
            f"{r.get('mean', 0.0):+.2f} sigma removed on average, {change:+.1%} in bright tissue"
        )
        yield "amber", f"The brightness changed: {shift}."


def _gain(r: Mapping[str, float]) -> Iterator[Finding]:
    if r.get("psnr_gain", 0.0) < -GAIN_MARGIN - r.get("psnr_gain_error", 0.0):
        yield "red", f"Worse than before: the estimated PSNR fell by {-r['psnr_gain']:.1f} dB."


def _sigma(r: Mapping[str, float], noise: Noise) -> Iterator[Finding]:
    check = r.get("sigma_check", 1.0)
    if not noise.trusted:
        reason = noise.remarks[0].partition(". ")[0] if noise.remarks else "see the noise"
        yield "amber", f"The noise level cannot be trusted: {reason.rstrip('.')}."
    elif not SIGMA_LOW <= check <= SIGMA_HIGH:
        yield (
            "amber",
            (
                f"The noise level is in doubt: the finest texture is {check:.2f} times what sigma "
                "makes expect."
            ),
        )


def _nothing_to_do() -> Iterator[Finding]:
    yield "amber", "No noise was found, and nothing was removed."
