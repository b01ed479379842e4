"""The other echoes of a scan, where they can be denoised together with it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise import imageio
from bids_denoise.participant.noise_of import noise_of

if TYPE_CHECKING:
    from pathlib import Path

    from bids_denoise.values import Noise, Scan, Settings

CLOSE = 0.1
"""Sigma of the echoes of one acquisition differs by less, relative to its own; if the scanner has
scaled them, it differs by more, and a threshold for one does not fit the other."""


def with_echoes(
    image: imageio.Loaded, scan: Scan, settings: Settings, noise: Noise, folder: Path
) -> imageio.Loaded:
    """Add the other echoes of `scan`; or a remark why it is denoised alone.

    Raises
    ------
    ScanError
        One of them cannot be read.
    """
    if not scan.echoes:
        return image
    phase = image.phase is not None
    echoes = [imageio.load(each, folder, phase) for each in scan.echoes]
    for other, found in zip(scan.echoes, echoes, strict=True):
        if found.data.shape != image.data.shape:
            return _alone(image, f"{other.path.name} has another shape")
        known = noise_of(found, other, settings)
        level, own = (float(np.median(each.sigma)) for each in (known, noise))
        if abs(level - own) > CLOSE * own:
            return _alone(image, f"{other.path.name} has another noise level, {level:.3g}")
    told = ", ".join(each.path.name for each in scan.echoes)
    remarks = (*image.remarks, f"Denoised together with its other echoes: {told}.")
    return replace(image, echoes=tuple(echoes), remarks=remarks)


def _alone(image: imageio.Loaded, why: str) -> imageio.Loaded:
    return replace(image, remarks=(*image.remarks, f"Denoised without its other echoes: {why}."))
