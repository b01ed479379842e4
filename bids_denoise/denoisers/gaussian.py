"""Gaussian smoothing: the baseline every other method has to beat."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bids_denoise.denoisers.base import param
from bids_denoise.values import Denoised

if TYPE_CHECKING:
    from bids_denoise.values import Device, Image, Law, Noise

FWHM_OF_SIGMA = math.sqrt(8 * math.log(2))


@dataclass(frozen=True)
class Gaussian:
    """Smooth each volume with an isotropic Gaussian, and as much as the noise asks for.

    The kernel's width is `fwhm`. The smoothed volume is mixed with the original by the
    Wiener weight ``sigma^2 / local variance``, so that a noise-free image comes back as it was.
    """

    name: ClassVar[str] = "gaussian"
    summary: ClassVar[str] = "Gaussian smoothing with a local Wiener weight, the baseline"
    dimensions: ClassVar[int] = 3
    datatypes: ClassVar[tuple[str, ...]] = ("anat", "func", "dwi")
    devices: ClassVar[tuple[str, ...]] = ("cpu",)
    laws: ClassVar[tuple[Law, ...]] = ("gaussian",)
    citations: ClassVar[tuple[str, ...]] = ("lee1980",)

    fwhm: float = param(
        2.0, "full width at half maximum of the kernel", unit="voxels", minimum=0.5, maximum=10.0
    )

    @property
    def reach(self) -> int:
        """How many voxels away a voxel is still seen: two filters cut off at 4 deviations."""
        return 2 * int(4 * self.fwhm / FWHM_OF_SIGMA + 0.5)

    def denoise(self, image: Image, noise: Noise, device: Device) -> Denoised:  # noqa: ARG002
        """Return the smoothed volume."""
        import numpy as np
        from scipy.ndimage import gaussian_filter

        width = self.fwhm / FWHM_OF_SIGMA
        detail = image.data - gaussian_filter(image.data, width)
        power = gaussian_filter(detail**2, width)
        noise_power = noise.sigma**2
        np.maximum(power, np.maximum(noise_power, np.finfo(np.float32).tiny), out=power)
        detail *= np.divide(noise_power, power, out=power)
        return Denoised(data=image.data - detail)
