"""Segmentation of simulated brains: against truth, and what must not change it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bids_denoise.anatomy.tissues import Tissues, segment, volumes
from bids_denoise.errors import ScanError
from bids_denoise.simulate.anatomy import (
    Maps,
    centred_grid,
    draw_individual,
    fractions,
    points_of,
    sample,
    signal,
    template,
)
from bids_denoise.simulate.fields import smooth_field
from bids_denoise.simulate.noise import add_rician
from bids_denoise.simulate.phantom import CONTRASTS, Tissue

if TYPE_CHECKING:
    from bids_denoise.anatomy.tissues import Contrast
    from bids_denoise.values import BoolArray, FloatArray


@dataclass(frozen=True)
class Head:
    parts: FloatArray
    truth: FloatArray
    brain: BoolArray
    prior: FloatArray
    field: FloatArray
    affine: np.ndarray

    def scan(self, noise: float = 5, field: float = 0.4, contrast: str = "T1w") -> FloatArray:
        """Return a scan with noise in % of white matter."""
        means = CONTRASTS[contrast]
        clean = signal(self.parts, means) * (1 + np.float32(field) * self.field)
        rng = np.random.default_rng(7)
        return add_rician(clean, noise / 100 * means[Tissue.WHITE], rng)


def head_of(voxel: tuple[float, float, float]) -> Head:
    shape = (round(160 / voxel[0]), round(190 / voxel[1]), round(150 / voxel[2]))
    grid = centred_grid(shape, voxel)
    rng = np.random.default_rng(3)
    parts = fractions(draw_individual(rng), grid)
    grey = parts[Tissue.GREY] + parts[Tissue.DEEP_GREY]
    truth = np.stack([grey, parts[Tissue.WHITE], parts[Tissue.CSF]])
    centre = points_of(grid)[2] > -70  # eyes hold fluid as well
    brain = (truth.sum(axis=0) > 0.5) & (parts[Tissue.CSF] < 2) & centre
    maps = template()
    own = sample(Maps(maps.volumes[:3], maps.affine), points_of(grid))
    brain &= own[2] < 12
    prior = np.stack([own[0], own[1], np.clip(1 - own[0] - own[1], 0, 1)])
    field = smooth_field(shape, tuple(length / 3 for length in shape), rng)
    low, high = field[brain].min(), field[brain].max()
    field = (field - low) / (high - low) - np.float32(0.5)
    return Head(parts, truth * brain, brain, prior * brain, field, grid.affine)


@pytest.fixture(scope="module")
def head() -> Head:
    return head_of((2.0, 2.0, 2.0))


@pytest.fixture(scope="module")
def found(head: Head) -> Tissues:
    return segment(head.scan(), head.brain, head.affine, head.prior)


def dice(tissues: Tissues, head: Head) -> list[float]:
    true = np.where(head.brain, 1 + head.truth.argmax(axis=0), 0)
    pairs = [(tissues.labels == k, true == k) for k in (1, 2, 3)]
    return [float(2 * (one & two).sum() / (one.sum() + two.sum())) for one, two in pairs]


def test_labels_are_those_of_the_truth(head: Head, found: Tissues) -> None:
    assert min(dice(found, head)) > 0.91


def test_volumes_are_those_of_the_truth(head: Head, found: Tissues) -> None:
    sizes = volumes(found, head.affine)
    truth = 8 * head.truth.sum(axis=(1, 2, 3), dtype=float) / 1000
    np.testing.assert_allclose([sizes.grey, sizes.white, sizes.csf], truth, rtol=0.06)
    assert sizes.brain == sizes.grey + sizes.white


def test_the_field_is_found(head: Head, found: Tissues) -> None:
    inside = found.field[head.brain]
    assert inside.mean() == pytest.approx(1, abs=1e-3)
    assert np.std(inside / (1 + 0.4 * head.field[head.brain])) < 0.025


def test_form_of_the_result(head: Head, found: Tissues) -> None:
    assert found.probabilities.dtype == found.field.dtype == np.float32
    assert found.labels.dtype == np.uint8
    np.testing.assert_allclose(found.probabilities.sum(axis=0), head.brain, atol=1e-4)
    np.testing.assert_array_equal(found.labels > 0, head.brain)
    assert found.means[1] > found.means[0] > found.means[2] > 0
    assert np.isfinite(found.field).all()
    assert found.remarks == ()


@pytest.mark.parametrize("contrast", ["T1w", "T2w"])
@pytest.mark.parametrize("given", ["auto", "right"])
def test_no_template_is_needed(head: Head, contrast: Contrast, given: str) -> None:
    asked: Contrast = contrast if given == "right" else "auto"
    tissues = segment(head.scan(contrast=contrast), head.brain, head.affine, None, asked)
    assert min(dice(tissues, head)) > 0.85
    assert "no template" in tissues.remarks[0]


def test_a_template_helps_and_a_shifted_one_does_no_harm(head: Head) -> None:
    noisy = head.scan(noise=9, field=0.2)
    alone, helped, shifted = (
        np.array(dice(segment(noisy, head.brain, head.affine, prior), head))
        for prior in (None, head.prior, np.roll(head.prior, (2, -2), axis=(1, 2)))
    )
    assert (helped[:2] > alone[:2]).all()
    assert (shifted[:2] > alone[:2] - 0.005).all()


def test_scale_and_repetition_change_nothing(head: Head, found: Tissues) -> None:
    scan = head.scan()
    before = scan.copy()
    again = segment(np.float32(1024) * scan, head.brain, head.affine, head.prior)
    np.testing.assert_array_equal(scan, before)
    np.testing.assert_array_equal(again.labels, found.labels)
    np.testing.assert_allclose(again.means, 1024 * found.means, rtol=1e-6)


def test_thick_slices() -> None:
    head = head_of((1.5, 1.5, 5.0))
    tissues = segment(head.scan(noise=3), head.brain, head.affine, head.prior)
    assert min(dice(tissues, head)[:2]) > 0.85


def test_voxels_that_were_not_measured_have_no_tissue(head: Head, found: Tissues) -> None:
    scan = head.scan()
    hole = tuple(index[::1000] for index in np.nonzero(head.brain))
    scan[hole] = np.nan
    tissues = segment(scan, head.brain, head.affine, head.prior)
    assert (tissues.labels[hole] == 0).all()
    assert np.isfinite(tissues.probabilities).all()
    assert np.mean(tissues.labels == found.labels) > 0.99


def test_what_cannot_be_segmented_is_told() -> None:
    shape = (20, 20, 20)
    flat, whole = np.full(shape, 7, np.float32), np.ones(shape, dtype=bool)
    with pytest.raises(ScanError, match="no tissues to tell"):
        segment(flat, whole, np.eye(4))
    with pytest.raises(ScanError, match="holds 0 voxels"):
        segment(flat, ~whole, np.eye(4))
    with pytest.raises(ScanError, match="brain mask"):
        segment(flat, whole[1:], np.eye(4))
    with pytest.raises(ScanError, match="prior"):
        segment(flat, whole, np.eye(4), np.ones((2, *shape), np.float32))


def test_noise_alone_and_a_single_slice_end_well() -> None:
    noise = np.random.default_rng(0).normal(100, 5, (40, 40, 1)).astype(np.float32)
    tissues = segment(noise, np.ones(noise.shape, dtype=bool), np.eye(4))
    assert np.isfinite(tissues.probabilities).all()
    np.testing.assert_allclose(tissues.probabilities.sum(axis=0), 1, atol=1e-4)
