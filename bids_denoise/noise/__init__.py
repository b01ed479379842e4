"""How strong the noise of an image is, by which law it falls, and whether that can be trusted.

`estimate` looks at the image alone:

- One volume (`volume`): energies of small tiles in the high-frequency corner of their cosine
  transform, their floor over the image, corrected for magnitude data; the air beside it.
- A series (`series`): Marchenko-Pastur law of the singular values of patches.
- `spectrum` tells white noise from noise that was zero-filled, interpolated or smoothed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.noise.remarks import on_disagreement, remarks_on, told
from bids_denoise.noise.series import estimate_series
from bids_denoise.noise.volume import estimate_volume, law_of
from bids_denoise.values import Noise

if TYPE_CHECKING:
    from bids_denoise.values import Image

__all__ = ["estimate"]


def estimate(image: Image) -> Noise:
    """Estimate the noise of `image` from its voxels alone.

    Parameters
    ----------
    image
        One volume or a series.

    Returns
    -------
    Noise
        sigma is positive everywhere, also outside of ``image.mask``; or 0 everywhere, when the
        image is constant or holds no noise at all.
    """
    law = law_of(image.data, image.mask)
    if _constant(image):
        still = np.zeros(image.mask.shape, np.float32)
        return Noise(still, law, "none", remarks=("The image is constant: there is no noise.",))
    if image.data.ndim > image.mask.ndim:
        return estimate_series(image, law)
    found = estimate_volume(image.data, image.mask, law)
    remarks = remarks_on(found, image.data, image.mask) + on_disagreement(found.estimates)
    return Noise(
        sigma=found.sigma,
        law=law,
        method=found.method,
        estimates=found.estimates,
        trusted=not any(remark.serious for remark in remarks),
        remarks=told(remarks),
    )


def _constant(image: Image) -> bool:
    where = image.mask if image.data.ndim == image.mask.ndim else image.mask[..., np.newaxis]
    low = np.min(image.data, where=where, initial=np.inf)
    high = np.max(image.data, where=where, initial=-np.inf)
    return bool(high <= low)
