"""Layers with what follows them in one pass over memory, where torch can: bfloat16 on a CPU.

A rectifier or a sum of its own costs a quarter as much as the convolution before it, in time as in
memory. oneDNN makes both while it writes the result; torch reaches it by the operators of its
compiler, which are not documented: wherever they are missing, the layers run one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from bids_denoise import watch

if TYPE_CHECKING:
    from torch import Tensor, nn

ONES = [1, 1, 1]


def rectified(layer: nn.Conv3d, features: Tensor) -> Tensor:
    """Return the rectified result of a 3 x 3 x 3 `layer`, of the size of its input."""
    watch.step()
    if not can_fuse(features):
        return functional.relu(layer(features), inplace=True)
    made: Tensor = torch.ops.mkldnn._convolution_pointwise(
        features, _weight(layer, features), None, ONES, ONES, ONES, 1, "relu", [], ""
    )
    return made


def added(layer: nn.Conv3d, features: Tensor, onto: Tensor) -> Tensor:
    """Return `onto` plus the result of a 3 x 3 x 3 `layer`; `onto` may be overwritten."""
    watch.step()
    if not can_fuse(features):
        made: Tensor = layer(features)
        return made.add_(onto)
    summed: Tensor = torch.ops.mkldnn._convolution_pointwise_.binary(
        onto, features, _weight(layer, features), None, ONES, ONES, ONES, 1,
        "add", 1.0, None, [], None,
    )  # fmt: skip
    return summed


def added_finer(features: Tensor, onto: Tensor) -> Tensor:
    """Return `onto` plus `features`, each for 2 x 2 x 2 voxels; `onto` may be overwritten."""
    if not can_fuse(onto):
        finer: Tensor = functional.interpolate(features, scale_factor=2.0, mode="nearest")
        return finer.add_(onto)
    last = onto.movedim(1, -1)
    x, y, z = features.shape[2:]
    last.view(len(onto), x, 2, y, 2, z, 2, -1).add_(
        features.movedim(1, -1)[:, :, None, :, None, :, None]
    )
    return onto


def can_fuse(features: Tensor) -> bool:
    """Whether the operators exist for such features, and nothing has to be kept for training."""
    plain = features.device.type == "cpu" and features.dtype == torch.bfloat16
    return plain and not torch.is_grad_enabled() and _operators_exist()


def _operators_exist() -> bool:
    names = ("_convolution_pointwise", "_convolution_pointwise_")
    return all(hasattr(torch.ops.mkldnn, name) for name in names)


def _weight(layer: nn.Conv3d, features: Tensor) -> Tensor:
    return layer.weight.to(features.dtype)
