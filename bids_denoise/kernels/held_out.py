"""Held-out regression of the volumes of a series: on the cores of the CPU, or by CUDA.

With the precision matrix P and features z the prediction that leaves a value out is
``z_j - (P z)_j / P_jj`` and its error ``1 / P_jj``. The average of value and prediction is then
``z - P z`` for all volumes at once, and that is a PCA of the patch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bids_denoise import scratch
from bids_denoise.kernels.held_out_reference import DAMPING, RINGS, shared_components
from bids_denoise.kernels.local_pca import Rule, Run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bids_denoise.kernels.local_pca_reference import Patches
    from bids_denoise.values import Device, FloatArray

    Tensor = Any


def held_out(
    data: FloatArray,
    sigma: FloatArray,
    patches: Patches,
    shrinkage: str,
    components: int,
    device: Device,
) -> tuple[FloatArray, FloatArray]:
    """Denoise a series; parameters and results as in `held_out_reference.held_out`.

    Time and memory as in `local_pca.local_pca`, with ``t + 2 components`` for the volumes. What the
    neighbours say is made for a few planes at a time.
    """
    rule = Rule(shrinkage, centred=True)
    run = _HeldOut((data, scratch.empty_like(data)), sigma, patches, rule, device)
    run.basis = shared_components(data, sigma, components)
    return run.over_planes()


class _HeldOut(Run):
    """A run whose patches hold, beside the volumes, what the neighbours of each voxel say."""

    basis: FloatArray

    def window(self, x: int) -> tuple[Tensor, Tensor]:
        """Return the volumes and what `RINGS` say, and where voxels were measured."""
        import torch

        planes, measured = self.planes_around(x, self.patches.reach + 1)
        basis = torch.from_numpy(self.basis).to(planes.device)
        heard = _of_neighbours(planes @ basis, measured[..., None])
        both = torch.cat([planes[1:-1], *heard], dim=-1)
        return both.mul_(measured[1:-1, ..., None]), measured[1:-1]


def _of_neighbours(components: Tensor, measured: Tensor) -> Iterator[Tensor]:
    """Yield for each of `RINGS` the scaled sum over it, without the first and the last plane.

    The margin around each plane was not measured, so that what rolls over its border is 0.
    """
    inner = len(components) - 2
    for ring in RINGS:
        total, count = (
            sum(each[1 + x : 1 + x + inner].roll((y, z), (1, 2)) for x, y, z in ring)
            for each in (components, measured)
        )
        yield total * (DAMPING * len(ring) ** 0.5 / count.clamp(min=1))
