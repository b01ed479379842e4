"""Each volume by the others: held-out regression, averaged with what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bids_denoise.denoisers.base import param
from bids_denoise.values import Denoised

if TYPE_CHECKING:
    from bids_denoise.values import Device, Image, Law, Noise

STEP = 3
"""Distance of the centres of patches in voxels."""


@dataclass(frozen=True)
class Patch2Self:
    """Denoise a diffusion series by predicting each value from all others, but not from itself.

    As in Patch2Self (Fadnavis 2020, arXiv:2011.01355) each volume is regressed on the others,
    in which its noise has no part. Ours differs: (1) the regression is fitted in overlapping
    patches, not once for the head; (2) the neighbours of a voxel speak as well, in all volumes
    and the one that is predicted, by their strongest `components`; (3) no value is replaced by
    its prediction: the two are averaged, with the weights that the known noise and the error of the
    regression give them. Where few directions predict badly the value stays, so that nothing
    shifts and no anatomy goes. All shells and b = 0 predict each other. Magnitude data is
    variance-stabilised before and brought back without the bias of the noise floor.

    Regression and average have a closed form, one small eigendecomposition a patch
    (``kernels/held_out.py``). The error is 5 to 10 % less with optimal shrinkage, which takes a
    part of weak anisotropy and contrast: it is not the default.
    """

    name: ClassVar[str] = "patch2self"
    summary: ClassVar[str] = "held-out regression of each diffusion volume, averaged with it"
    dimensions: ClassVar[int] = 4
    datatypes: ClassVar[tuple[str, ...]] = ("dwi",)
    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")
    laws: ClassVar[tuple[Law, ...]] = ("gaussian",)
    fewest_volumes: ClassVar[int] = 4
    citations: ClassVar[tuple[str, ...]] = ("fadnavis2020", "batson2019", "gavish2017")

    radius: float = param(
        4.0,
        "of the spheres in which volumes are regressed on each other",
        unit="voxels",
        minimum=2.6,
        maximum=10.0,
    )
    components: int = param(
        16,
        "most components that speak for the neighbours of a voxel; 0: only the voxel itself",
        minimum=0,
        maximum=100,
    )
    shrinkage: str = param(
        "truncation",
        "of what is above the noise: none, or what makes the squared error least",
        choices=("truncation", "optimal"),
    )

    def denoise(self, image: Image, noise: Noise, device: Device) -> Denoised:
        """Return the series without its noise, and the map ``rank``."""
        import numpy as np

        from bids_denoise.kernels.held_out import held_out
        from bids_denoise.kernels.local_pca_reference import make_patches

        patches = make_patches("sphere", self.radius, STEP, "gaussian")
        sigma = np.where(image.mask, noise.sigma, np.float32(0))
        rule = self.shrinkage, self.components
        data, rank = held_out(image.data, sigma, patches, *rule, device)
        return Denoised(data, {"rank": rank})
