"""The super-resolution network turned denoiser, slice by slice and in three dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bids_denoise.denoisers.by_network import ByNetwork


@dataclass(frozen=True)
class Srcnn(ByNetwork):
    """Three 3D convolutions, trained to find the noise (Pham 2017, doi:10.1109/ISBI.2017.7950500).

    Quick, and a step of the research that led to the U-Net, which does better. Model card:
    ``bids_denoise/weights/srcnn.json``.
    """

    name: ClassVar[str] = "srcnn"
    summary: ClassVar[str] = "trained network of three 3D convolutions"
    citations: ClassVar[tuple[str, ...]] = ("dong2016", "pham2017", "mohan2020", "foi2011")


@dataclass(frozen=True)
class PlanarSrcnn(ByNetwork):
    """Three 2D convolutions on every slice (Dong 2016, doi:10.1109/TPAMI.2015.2439281).

    The original form, before it went to three dimensions.

    Slices are planes of the first two axes. Model card: ``bids_denoise/weights/srcnn2d.json``.
    """

    name: ClassVar[str] = "srcnn2d"
    summary: ClassVar[str] = "trained network of three 2D convolutions, slice by slice"
    citations: ClassVar[tuple[str, ...]] = ("dong2016", "mohan2020", "foi2011")
