"""What to tell about an estimate of the noise, and whether it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.intensity import sample
from bids_denoise.noise.spectrum import MANY_TILES

if TYPE_CHECKING:
    from bids_denoise.noise.volume import VolumeNoise
    from bids_denoise.values import BoolArray, FloatArray

DISAGREE = 1.2
"""Ratio of the highest to the lowest estimate from which they are said to disagree."""

BRIGHT = 1.25
"""Mean of the air relative to its spread, from which it is no Rayleigh noise; 1.4 for two coils."""

COARSE = 0.75
"""Least sigma, in quantisation steps, that can be told from rounding."""

REMOVED = 5.0
"""Percentage of padding from which a missing air is remarked on."""

MOST_VALUES = 50_000
"""Voxels that the quantisation step is looked for in, evenly spaced."""


@dataclass(frozen=True)
class Remark:
    """A plain sentence on an estimate, and whether it takes trust away."""

    text: str
    serious: bool = False


def remarks_on(noise: VolumeNoise, data: FloatArray, mask: BoolArray) -> list[Remark]:
    """Return what there is to say about the `noise` of a volume, `data` (x, y, z)."""
    found = [
        _on_spectrum(noise),
        _on_quantisation(noise, data, mask),
        _on_air(noise, mask),
        _on_variation(noise, mask),
    ]
    return [remark for remark in found if remark is not None]


def told(remarks: list[Remark]) -> tuple[str, ...]:
    """Return the sentences, each once, with those that take trust away in front."""
    ordered = sorted(remarks, key=lambda remark: not remark.serious)
    return tuple(dict.fromkeys(remark.text for remark in ordered))


def on_disagreement(estimates: dict[str, float]) -> list[Remark]:
    """Return a remark if estimators differ by more than `DISAGREE`."""
    told = {name: value for name, value in estimates.items() if value > 0}
    if not told or max(told.values()) < DISAGREE * min(told.values()):
        return []
    values = ", ".join(f"{name} {value:.4g}" for name, value in estimates.items())
    return [Remark(f"The estimators of sigma disagree: {values}.")]


def quantisation_step(data: FloatArray, mask: BoolArray) -> float:
    """Return the step between the values of `data`; 0 when they lie on no even grid.

    Examples
    --------
    >>> values = np.arange(60, dtype=np.float32).reshape(3, 4, 5) % 7 * 2.5
    >>> quantisation_step(values, np.ones((3, 4, 5), bool))
    2.5
    """
    levels = np.unique(sample(data, mask, MOST_VALUES)).astype(np.float64)
    if levels.size < 3:
        return 0.0
    gaps = np.diff(levels)
    step = float(gaps.min())
    # A value is known to one part in 2^24, so a gap to twice the rounding of the largest value.
    slack = 2 * np.abs(levels).max() / 2**23 / step
    multiples = gaps / step
    return step if np.abs(multiples - np.round(multiples)).max() < min(slack + 1e-3, 0.2) else 0.0


def _on_spectrum(noise: VolumeNoise) -> Remark | None:
    spectrum = noise.spectrum
    if spectrum is None:
        return Remark(
            "There is too little tissue to tell noise from anatomy: sigma is a rough guess.",
            serious=True,
        )
    if spectrum.white:
        return None
    seen = "; ".join(noise.causes) or "power falls towards the corners of k-space (filtered)"
    if spectrum.tiles < MANY_TILES:
        text = "Sigma is a rough guess, because it may be anatomy that hides the noise."
    else:
        text = "Sigma is taken from the spectrum. (An image without noise looks like that, too.)"
    return Remark(f"The noise is not white: {seen}. {text}", serious=True)


def _on_quantisation(noise: VolumeNoise, data: FloatArray, mask: BoolArray) -> Remark | None:
    step = quantisation_step(data, mask)
    sigma = noise.estimates.get("tissue corner", 0.0)
    if step == 0 or sigma > COARSE * step:
        return None
    return Remark(
        f"The image is stored in steps of {step:.4g}, too coarse for a noise of {sigma:.2g}.",
        serious=True,
    )


def _on_air(noise: VolumeNoise, mask: BoolArray) -> Remark | None:
    alone = " Sigma is taken from tissue alone." if noise.source == "tissue" else ""
    corner, mean = (noise.estimates.get(name, 0.0) for name in ("air corner", "air mean"))
    if "air corner" not in noise.estimates:
        removed = 100 * (1 - float(mask.mean()))
        if removed < REMOVED:
            return None
        text = f"The background was removed: {removed:.0f} % of the image holds one constant value."
    elif noise.spectrum is not None and noise.spectrum.white and mean > BRIGHT * corner:
        text = (
            f"The air is {mean / corner:.1f} times as bright as single-channel noise of its "
            "spread: there are ghosts, or several coils were summed as squares, and dark tissue "
            "is brighter than it should be."
        )
    elif noise.source == "tissue and air":
        return None
    elif noise.source == "air":
        text = "Sigma is taken from air, because all tissue holds fine anatomy."
    else:
        text = (
            "The air does not show the noise of the tissue, as when it is masked, filtered or "
            "full of ghosts."
        )
    return Remark(text + alone)


def _on_variation(noise: VolumeNoise, mask: BoolArray) -> Remark | None:
    low, high = np.quantile(sample(noise.sigma, mask, MOST_VALUES), (0.05, 0.95))
    if high <= low * DISAGREE:
        return None
    return Remark(f"Sigma varies over the image, from {low:.4g} to {high:.4g}.")
