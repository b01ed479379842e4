"""Marchenko-Pastur PCA: what varies like noise over the volumes is taken out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bids_denoise.denoisers.base import param
from bids_denoise.errors import ScanError
from bids_denoise.values import Denoised

if TYPE_CHECKING:
    from bids_denoise.values import Device, Image, Law, Noise

FEWEST_VOLUMES = 10


@dataclass(frozen=True)
class MarchenkoPasturPca:
    """Denoise a series by the random-matrix theory of its local principal components.

    Around each voxel, the components of a cube of voxels over all volumes are split into
    signal and noise by the Marchenko-Pastur law (Veraart 2016,
    DOI 10.1016/j.neuroimage.2016.08.016; Cordero-Grande 2019,
    DOI 10.1016/j.neuroimage.2019.06.039), which also gives the noise level there. The noise
    level that was estimated before is not used.

    Magnitude data is taken as it is: the variance that the noise adds is removed, the bias that
    the Rician law adds to the mean (up to 1.25 sigma where there is no signal) stays, as in
    every MP-PCA on magnitudes.
    """

    name: ClassVar[str] = "mppca"
    summary: ClassVar[str] = "Marchenko-Pastur PCA of a series of volumes, with its noise map"
    dimensions: ClassVar[int] = 4
    datatypes: ClassVar[tuple[str, ...]] = ("func", "dwi")
    devices: ClassVar[tuple[str, ...]] = ("cpu",)
    laws: ClassVar[tuple[Law, ...]] = ("gaussian", "rician", "nc-chi")
    citations: ClassVar[tuple[str, ...]] = ("veraart2016", "corderogrande2019")

    window: int = param(
        0, "edge of the cube around each voxel, 0: chosen by the number of volumes",
        unit="voxels", minimum=0, maximum=15,
    )  # fmt: skip
    estimator: str = param(
        "corderogrande2019",
        "which paper's noise estimate splits signal from noise",
        choices=("corderogrande2019", "veraart2016"),
    )

    def denoise(self, image: Image, noise: Noise, device: Device) -> Denoised:  # noqa: ARG002
        """Return the series without its noise components, and the maps ``sigma`` and ``rank``.

        Raises
        ------
        ScanError
            There are too few volumes to tell signal from noise.
        """
        from bids_denoise.kernels.mppca_cpu import mppca

        volumes = image.data.shape[-1]
        if volumes < FEWEST_VOLUMES:
            raise ScanError(
                f"mppca needs at least {FEWEST_VOLUMES} volumes, this series has {volumes}: with "
                "fewer the spectrum of the noise cannot be told from that of the signal"
            )
        window = self.window or automatic_window(volumes)
        data, sigma, rank = mppca(image.data, image.mask, window, self.estimator, device.threads)
        return Denoised(data, {"sigma": sigma, "rank": rank}, {"window": window})


def automatic_window(volumes: int) -> int:
    """Return the smallest odd edge whose cube holds at least as many voxels as `volumes`."""
    edge = 3
    while edge**3 < volumes:
        edge += 2
    return edge
