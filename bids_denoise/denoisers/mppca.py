"""Marchenko-Pastur PCA: what varies like noise over the volumes is taken out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bids_denoise.denoisers.base import param
from bids_denoise.errors import ScanError, UsageError
from bids_denoise.values import Denoised

if TYPE_CHECKING:
    from bids_denoise.values import Device, Image, Law, Noise

SMALLEST_WINDOW = 3
LARGEST_TIME_SERIES_WINDOW = 5


@dataclass(frozen=True)
class MarchenkoPasturPca:
    """Denoise a series by the random-matrix theory of its local principal components.

    Around each voxel, the components of a cube of voxels over all volumes are split into
    signal and noise by the Marchenko-Pastur law (Veraart 2016,
    DOI 10.1016/j.neuroimage.2016.08.016; Cordero-Grande 2019,
    DOI 10.1016/j.neuroimage.2019.06.039), which also gives the noise level there. The noise
    level that was estimated before is not used. With the same window and estimator the result
    is that of MRtrix3's ``dwidenoise``, except that voxels that were not measured take no part.

    Magnitude data is taken as it is: the variance that the noise adds is removed, the bias that
    the Rician law adds to the mean (1.25 sigma where there is no signal, sigma^2 / 2 signal where
    it is strong) stays, as in every MP-PCA of magnitudes.

    The automatic window of diffusion data is that of ``dwidenoise``, the smallest odd cube with
    as many voxels as there are volumes. A time series has more volumes, and a larger window
    mixes activation over a wider range (Fernandes 2022, arXiv:2211.15401): it gets 5 voxels
    at most, which keep more of an activation's amplitude, and more of it in its place, in half
    the time. Activation too weak to stand out of the noise's spectrum is damped at any
    window: docs/benchmarks/mppca.md has the figures.
    """

    name: ClassVar[str] = "mppca"
    summary: ClassVar[str] = "Marchenko-Pastur PCA of a series of volumes, with its noise map"
    dimensions: ClassVar[int] = 4
    datatypes: ClassVar[tuple[str, ...]] = ("func", "dwi")
    devices: ClassVar[tuple[str, ...]] = ("cpu",)
    laws: ClassVar[tuple[Law, ...]] = ("gaussian", "rician", "nc-chi")
    fewest_volumes: ClassVar[int] = 10
    citations: ClassVar[tuple[str, ...]] = ("veraart2016", "corderogrande2019")

    window: int = param(
        0,
        "edge of the cube around each voxel; 0: by the number of volumes",
        unit="voxels",
        minimum=0,
        maximum=15,
    )
    estimator: str = param(
        "corderogrande2019",
        "the paper whose noise estimate splits signal from noise",
        choices=("corderogrande2019", "veraart2016"),
    )

    def __post_init__(self) -> None:
        if 0 < self.window < SMALLEST_WINDOW or self.window % 2 == 0 < self.window:
            raise UsageError(
                f"mppca parameter window: {self.window} is neither 0 nor an odd number from "
                f"{SMALLEST_WINDOW} on"
            )

    def denoise(self, image: Image, noise: Noise, device: Device) -> Denoised:  # noqa: ARG002
        """Return the series without its noise components, and the maps ``sigma`` and ``rank``.

        Raises
        ------
        ScanError
            There are too few voxels to tell signal from noise.
        """
        from bids_denoise.kernels.mppca_cpu import mppca
        from bids_denoise.kernels.mppca_reference import FEWEST

        volumes = image.data.shape[-1]
        window = self.window or automatic_window(volumes, image.bvals is not None)
        voxels = math.prod(min(window, size) for size in image.mask.shape)
        if voxels < FEWEST:
            raise ScanError(
                f"mppca needs windows of at least {FEWEST} voxels, but an image of "
                f"{' x '.join(map(str, image.mask.shape))} has room for {voxels}"
            )
        data, sigma, rank = mppca(image.data, image.mask, window, self.estimator, device.threads)
        return Denoised(data, {"sigma": sigma, "rank": rank}, {"window": window})


def automatic_window(volumes: int, diffusion: bool) -> int:
    """Return the smallest odd edge whose cube holds at least as many voxels as `volumes`.

    For other series than diffusion, not more than `LARGEST_TIME_SERIES_WINDOW`.

    Examples
    --------
    >>> automatic_window(21, diffusion=True), automatic_window(156, diffusion=True)
    (3, 7)
    >>> automatic_window(156, diffusion=False)
    5
    """
    edge = SMALLEST_WINDOW
    while edge**3 < volumes:
        edge += 2
    return edge if diffusion else min(edge, LARGEST_TIME_SERIES_WINDOW)
