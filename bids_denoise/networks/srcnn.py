"""The super-resolution network turned denoiser: three convolutions (Dong 2016).

doi:10.1109/TPAMI.2015.2439281; in three dimensions Pham 2017, doi:10.1109/ISBI.2017.7950500.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional

from bids_denoise.networks.base import Network, beside, conv, quiet

if TYPE_CHECKING:
    from torch import Tensor


class Srcnn(Network):
    """Patch extraction, non-linear mapping, reconstruction; learns the noise (residual).

    Parameters
    ----------
    planar
        Slice by slice, the original form: kernels are one voxel thick along z.
    widths
        Features of the two hidden layers.
    kernels
        Edges of the three kernels in voxels, odd.
    """

    most_voxels = 5_500_000  # oneDNN takes three times as long for 5 x 5 x 5 kernels beyond that

    def __init__(
        self,
        planar: bool,
        widths: tuple[int, int] = (64, 32),
        kernels: tuple[int, int, int] = (5, 3, 5),
    ) -> None:
        super().__init__()
        first, second, third = ((k, k, 1) if planar else (k, k, k) for k in kernels)
        self.extract = conv(2, widths[0], first)
        self.map = conv(widths[0], widths[1], second)
        self.reconstruct = quiet(conv(widths[1], 1, third))
        self.reach = sum(kernel // 2 for kernel in kernels)

    def forward(self, noisy: Tensor, sigma: Tensor) -> Tensor:
        """Return the denoised volume (batch, 1, x, y, z)."""
        features = functional.relu(self.extract(beside(noisy, sigma)), inplace=True)
        features = functional.relu(self.map(features), inplace=True)
        residual: Tensor = self.reconstruct(features)
        return noisy + residual
