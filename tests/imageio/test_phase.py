"""The phase beside a magnitude image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bids_denoise import imageio
from bids_denoise.errors import ScanError
from tests.bids_factory import add_image, make_dataset, scan_at

if TYPE_CHECKING:
    from pathlib import Path

    from bids_denoise.values import Scan

NAME = "sub-01/func/sub-01_task-rest_part-{}_bold.nii.gz"
SHAPE = (8, 9, 6, 12)
PHASE = np.random.default_rng(0).uniform(-np.pi, np.pi, SHAPE).astype(np.float32)


def scan_with(folder: Path, phase: Any) -> Scan:
    data = make_dataset(folder)
    magnitude = np.random.default_rng(1).normal(100, 10, SHAPE).astype(np.float32)
    add_image(data, NAME.format("mag"), magnitude)
    if phase is not None:
        add_image(data, NAME.format("phase"), phase)
    return scan_at(data, NAME.format("mag"))


@pytest.mark.parametrize(
    "stored",
    [
        PHASE,
        np.round((PHASE + np.pi) / (2 * np.pi) * 4096 - 0.5).clip(0, 4095).astype(np.int16),
        np.round(PHASE / np.pi * 4096 - 0.5).clip(-4096, 4095).astype(np.int16),
    ],
    ids=["radians", "0 to 4095", "-4096 to 4095"],
)
def test_the_phase_is_read_in_radians(stored: Any, tmp_path: Path) -> None:
    phase = imageio.load(scan_with(tmp_path, stored)).phase
    assert phase is not None
    assert phase.dtype == np.float32
    turned = np.angle(np.exp(1j * (phase - PHASE)))
    assert np.abs(turned - np.median(turned)).max() < 0.01
    assert np.abs(np.median(turned)) < 0.01


def test_a_scan_without_phase_has_none(tmp_path: Path) -> None:
    scan = scan_with(tmp_path, None)
    assert scan.phase is None
    assert imageio.load(scan).phase is None


@pytest.mark.parametrize(
    ("phase", "told"),
    [
        (PHASE[..., :5], "8 x 9 x 6 x 5 voxels; its magnitude has 8 x 9 x 6 x 12"),
        (np.zeros(SHAPE, np.float32), "0 everywhere"),
    ],
)
def test_a_phase_that_does_not_fit_is_refused(phase: Any, told: str, tmp_path: Path) -> None:
    with pytest.raises(ScanError, match=told):
        imageio.load(scan_with(tmp_path, phase))
