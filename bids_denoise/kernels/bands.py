"""Write a band of a result over what it was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray


def replace_band(band: FloatArray, made: FloatArray, remain: float) -> None:
    """Replace `band` by ``(1 - remain) made + remain band``, in place; `made` is used up."""
    if remain == 0:
        band[...] = made
        return
    made *= np.float32(1 - remain)
    band *= np.float32(remain)
    band += made
