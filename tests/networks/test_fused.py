"""Fused convolutions are the layers one by one, within the rounding of bfloat16."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from bids_denoise.denoisers.inference import precision
from bids_denoise.networks.base import conv, laid_out
from bids_denoise.networks.fused import added, added_finer, can_fuse, rectified

if precision("cpu") != "bfloat16":
    pytest.skip("this processor has no bfloat16: layers run one by one", allow_module_level=True)


@pytest.fixture
def features() -> torch.Tensor:
    drawn = torch.randn((1, 16, 10, 12, 9), generator=torch.Generator().manual_seed(0))
    return drawn.to(torch.bfloat16).contiguous(memory_format=torch.channels_last_3d)


@torch.inference_mode()
def test_they_are_the_layers_one_by_one(features: torch.Tensor) -> None:
    assert can_fuse(features)
    torch.manual_seed(1)
    layer = laid_out(conv(16, 16, 3))
    exact = functional.conv3d(features.float(), layer.weight.to(torch.bfloat16).float(), padding=1)
    for made, whole in (
        (rectified(layer, features), exact.relu()),
        (added(layer, features, features.clone()), exact + features.float()),
    ):
        assert made.dtype == torch.bfloat16
        assert made.is_contiguous(memory_format=torch.channels_last_3d)
        torch.testing.assert_close(made.float(), whole, rtol=0.01, atol=0.01)


@torch.inference_mode()
def test_each_coarse_voxel_is_added_to_its_eight(features: torch.Tensor) -> None:
    coarse, fine = features[..., :8], torch.cat([features] * 8).reshape(1, 16, 20, 24, 18)[..., :16]
    fine = fine.contiguous(memory_format=torch.channels_last_3d)
    expected = fine + coarse.repeat_interleave(2, 2).repeat_interleave(2, 3).repeat_interleave(2, 4)
    plain = added_finer(coarse.float(), fine.float())
    made = added_finer(coarse, fine)
    assert made.is_contiguous(memory_format=torch.channels_last_3d)
    assert torch.equal(made, expected)
    torch.testing.assert_close(plain, expected.float(), rtol=0.01, atol=0.01)


def test_what_is_trained_or_float32_is_not_fused(features: torch.Tensor) -> None:
    assert not can_fuse(features)
    with torch.inference_mode():
        assert not can_fuse(features.float())


@torch.inference_mode()
def test_without_the_operators_the_layers_run_one_by_one(
    features: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = laid_out(conv(16, 16, 3)).to(torch.bfloat16)
    fused = rectified(layer, features), added(layer, features, features.clone())
    monkeypatch.setattr("bids_denoise.networks.fused.can_fuse", lambda _features: False)
    plain = rectified(layer, features), added(layer, features, features.clone())
    for one, other in zip(fused, plain, strict=True):
        torch.testing.assert_close(one, other, rtol=0.02, atol=0.02)
