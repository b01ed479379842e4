"""PCA of overlapping patches, told the noise level: what rises above it is kept."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bids_denoise.denoisers.base import param
from bids_denoise.errors import UsageError
from bids_denoise.values import Denoised

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from bids_denoise.values import Device, Image, Law, Noise

    IntArray = npt.NDArray[np.int64]

RADII = (1.75, 2.0, 2.25, 2.5, 2.85, 3.0)
"""Spheres of 27, 33, 57, 81, 93 and 123 voxels."""
LARGEST_RADIUS_OF_A_TIME_SERIES = 2.0


@dataclass(frozen=True)
class LocalPca:
    """Denoise a series by the principal components of overlapping patches that exceed the noise.

    Every `step` voxels a patch of voxels x volumes is divided by the noise level and decomposed;
    components below the edge of the Marchenko-Pastur law go, the others are kept, or shrunk so
    that the squared error is least (Gavish & Donoho 2017, DOI 10.1109/TIT.2017.2653801). A
    voxel is the weighted mean of what all patches around it say (Manjon 2013,
    DOI 10.1371/journal.pone.0073021; Cordero-Grande 2019, DOI 10.1016/j.neuroimage.2019.06.039).
    Magnitude data is variance-stabilised before and brought back without the bias of the noise
    floor (Ma 2020, DOI 10.1016/j.neuroimage.2020.116852).

    Optimal shrinkage has the least error, but takes a part of weak signal too: of an activation,
    of anisotropy. Therefore what is above the edge is kept whole by default. A wide patch carries
    an activation to voxels that have none: a time series gets small ones, without their mean
    volume. Diffusion series get a sphere with about as many voxels as there are volumes
    (docs/benchmarks/diffusion.md, functional.md).
    """

    name: ClassVar[str] = "pca"
    summary: ClassVar[str] = "PCA of overlapping patches, by the noise level, without a noise floor"
    dimensions: ClassVar[int] = 4
    datatypes: ClassVar[tuple[str, ...]] = ("func", "dwi")
    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")
    laws: ClassVar[tuple[Law, ...]] = ("gaussian",)
    fewest_volumes: ClassVar[int] = 6
    uses_echoes: ClassVar[bool] = True
    citations: ClassVar[tuple[str, ...]] = ("gavish2017", "manjon2013", "ma2020")

    kernel: str = param("sphere", "shape of a patch", choices=("sphere", "cube"))
    radius: float = param(
        0.0,
        "of a patch, half the edge of a cube; 0: by the number of volumes",
        unit="voxels",
        minimum=0.0,
        maximum=8.0,
    )
    step: int = param(2, "distance of the centres of patches", unit="voxels", minimum=1, maximum=8)
    weighting: str = param(
        "gaussian",
        "what a voxel of a patch counts by its distance from the centre",
        choices=("gaussian", "exponential", "uniform"),
    )
    shrinkage: str = param(
        "truncation",
        "of the components above the noise: none, or what makes the squared error least",
        choices=("truncation", "optimal"),
    )
    demean: str = param(
        "auto",
        "which volumes' mean is taken out of a patch before; auto: none for diffusion, else all",
        choices=("auto", "none", "all", "shells"),
    )

    def __post_init__(self) -> None:
        least = math.sqrt(3) * self.step / 2 if self.kernel == "sphere" else self.step / 2
        if 0 < self.radius < least or (self.radius == 0 and self.step > 2):
            raise UsageError(
                f"pca parameters radius and step: patches of radius {self.radius:g} every "
                f"{self.step} voxels leave gaps; allowed is a radius of at least {least:.2f}, or 0 "
                "with a step of 1 or 2"
            )

    def denoise(self, image: Image, noise: Noise, device: Device) -> Denoised:
        """Return the series without its noise components, and the map ``rank``."""
        import numpy as np

        from bids_denoise.kernels.local_pca import Rule, local_pca
        from bids_denoise.kernels.local_pca_reference import make_patches

        volumes, diffusion = image.data.shape[-1], image.bvals is not None
        radius = self.radius or automatic_radius(volumes, diffusion)
        patches = make_patches(self.kernel, radius, self.step, self.weighting)
        demean = self.demean
        if demean == "auto":
            demean = "none" if diffusion else "all"
        rule = Rule(self.shrinkage, _groups(demean, image))
        sigma = np.where(image.mask, noise.sigma, np.float32(0))
        data, rank = local_pca(image.data, sigma, patches, rule, device)
        return Denoised(data, {"rank": rank}, {"radius": radius, "demean": demean})


def automatic_radius(volumes: int, diffusion: bool) -> float:
    """Return the radius of the smallest sphere with as many voxels as `volumes`, within limits.

    Examples
    --------
    >>> automatic_radius(21, diffusion=True), automatic_radius(70, diffusion=True)
    (1.75, 2.5)
    >>> automatic_radius(300, diffusion=False)
    2.0
    """
    from bids_denoise.kernels.local_pca_reference import make_patches

    allowed = [each for each in RADII if diffusion or each <= LARGEST_RADIUS_OF_A_TIME_SERIES]
    sizes = {each: len(make_patches("sphere", each, 1, "uniform").offsets) for each in allowed}
    return next((each for each in allowed if sizes[each] >= volumes), allowed[-1])


def _groups(demean: str, image: Image) -> list[IntArray]:
    import numpy as np

    from bids_denoise.metrics.diffusion import shells

    if demean == "shells" and image.bvals is not None:
        return list(shells(image.bvals).values())
    if demean == "none":
        return []
    if image.groups is not None:
        return [np.flatnonzero(image.groups == each) for each in np.unique(image.groups)]
    return [np.arange(image.data.shape[-1])]
