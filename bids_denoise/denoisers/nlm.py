"""Non-local means: each voxel becomes the mean of those whose surroundings look alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bids_denoise.denoisers.base import param
from bids_denoise.values import Denoised

if TYPE_CHECKING:
    from bids_denoise.values import Device, Image, Law, Noise


@dataclass(frozen=True)
class NonLocalMeans:
    """3D non-local means in one or two guided passes."""

    name: ClassVar[str] = "nlm"
    summary: ClassVar[str] = "3D non-local means with guided passes"
    dimensions: ClassVar[int] = 3
    datatypes: ClassVar[tuple[str, ...]] = ("anat", "func", "dwi")
    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")
    laws: ClassVar[tuple[Law, ...]] = ("gaussian",)
    citations: ClassVar[tuple[str, ...]] = ("buades2005", "coupe2008")

    search_radius: int = param(
        3, "half width of the search window", unit="voxels", minimum=1, maximum=10
    )
    patch_radius: int = param(1, "half width of a patch", unit="voxels", minimum=0, maximum=4)
    strength: float = param(
        0.5,
        "patch difference at which a weight falls to 1/e",
        unit="sigma",
        minimum=0.05,
        maximum=5.0,
    )
    passes: int = param(0, "passes; 0 lets the noise level decide", minimum=0, maximum=3)

    def denoise(self, image: Image, noise: Noise, device: Device) -> Denoised:
        """Return the volume without noise."""
        import numpy as np

        from bids_denoise.kernels.nlm_cpu import nlm_pass

        sigma = np.maximum(noise.sigma, np.finfo(np.float32).tiny)
        volume = np.asarray(image.data / sigma, dtype=np.float32)
        passes = self.passes or 2
        guide = nlm_pass(volume, volume, 1.0, self.search_radius, self.patch_radius, self.strength)
        for _ in range(passes - 1):
            guide = nlm_pass(
                volume, guide, 0.0, self.search_radius, self.patch_radius, self.strength
            )
        return Denoised(
            data=np.asarray(guide * sigma, dtype=np.float32), choices={"passes": passes}
        )
