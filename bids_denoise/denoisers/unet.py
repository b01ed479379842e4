"""A trained 3D U-Net that is told the noise level of every voxel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bids_denoise.denoisers.by_network import ByNetwork


@dataclass(frozen=True)
class UNet(ByNetwork):
    """3D U-Net that improves on non-local means, trained on real scans and random contrasts.

    It is given the noisy volume, the noise level of every voxel and the result of ``nlm``, and
    adds what that lacks; so it does once more with the mirrored volume and wider patches, and the
    mean of both counts. One network serves all levels of noise and noise that varies over the
    image (Zhang 2022, doi:10.1109/TPAMI.2021.3088914); without biases it also serves levels that
    it was not trained on (Mohan 2020, arXiv:1906.05478). What it was trained on and how well it
    does stands in its model card, ``bids_denoise/weights/unet.json``.
    """

    name: ClassVar[str] = "unet"
    summary: ClassVar[str] = "trained 3D U-Net that improves on non-local means, told the noise map"
    citations: ClassVar[tuple[str, ...]] = (
        "cicek2016",
        "zhang2022",
        "mohan2020",
        "buades2005",
        "manjon2012",
        "foi2011",
    )
