"""How much is taken away, whatever the method."""

from __future__ import annotations

from dataclasses import dataclass

from bids_denoise.denoisers.base import param


@dataclass(frozen=True)
class Amount:
    """The parameters that all denoisers share; they are given to `apply.denoise` and to sigma."""

    strength: float = param(
        1.0,
        "share of what the method found that is taken away; 0 leaves the image as it is",
        minimum=0.0,
        maximum=1.0,
    )
    sigma_scale: float = param(
        1.0,
        "what sigma is multiplied by before it is used, where you know better than the estimate",
        minimum=0.1,
        maximum=10.0,
    )
