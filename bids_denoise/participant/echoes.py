"""The other echoes of a scan, where they can be denoised together with it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise import imageio
from bids_denoise.noise import estimate

if TYPE_CHECKING:
    from pathlib import Path

    from bids_denoise.values import Noise, Scan

CLOSE = 0.1
"""Sigma of the echoes of one acquisition differs by less, relative to its own; if the scanner has
scaled them, it differs by more, and a threshold for one does not fit the other."""


def with_echoes(
    image: imageio.Loaded, scan: Scan, noise: Noise, folder: Path, phase: bool
) -> imageio.Loaded:
    """Add the other echoes of `scan`; or a remark why it is denoised alone.

    Raises
    ------
    ScanError
        One of them cannot be read.
    """
    if not scan.echoes:
        return image
    echoes = [imageio.load(each, folder, phase) for each in scan.echoes]
    for other, found in zip(scan.echoes, echoes, strict=True):
        if found.data.shape != image.data.shape:
            return _alone(image, f"{other.path.name} has another shape")
        level, own = (float(np.median(each.sigma)) for each in (estimate(found), noise))
        if abs(level - own) > CLOSE * own:
            return _alone(image, f"{other.path.name} has another noise level, {level:.3g}")
    told = ", ".join(each.path.name for each in scan.echoes)
    remarks = (*image.remarks, f"Denoised together with its other echoes: {told}.")
    return replace(image, echoes=tuple(echoes), remarks=remarks)


def _alone(image: imageio.Loaded, why: str) -> imageio.Loaded:
    return replace(image, remarks=(*image.remarks, f"Denoised without its other echoes: {why}."))
