"""The heads and brains that views for brain masks are drawn of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nibabel
import numpy as np
import pytest

from bids_denoise.simulate.phantom import CONTRASTS, Tissue, head_labels
from bids_denoise.training.anatomies import (
    FLUID,
    GREY,
    OUTSIDE,
    brain_head_of,
    brain_of,
    head_of,
    rodent_of,
)

if TYPE_CHECKING:
    from pathlib import Path

CODES = dict(zip(Tissue, (0, 507, 515, 24, 3, 2, 10, 30, 514), strict=True))
WHITE = 2


def codes_of(seed: int = 0) -> np.ndarray:
    """Return a phantom in FreeSurfer's codes, in 2 mm."""
    table = np.array([CODES[each] for each in Tissue], np.int16)
    return table[head_labels((80, 96, 72), seed)]


def extracted(path: Path) -> np.ndarray:
    """Write a phantom's brain as a T1w scan of 1 x 2 x 2 mm; return its codes in 2 mm."""
    codes = codes_of()
    values = np.array([CONTRASTS["T1w"][each] for each in Tissue], np.float32)[
        head_labels((80, 96, 72), 0)
    ]
    noise = np.random.default_rng(0).normal(0, 3, codes.shape)
    data = np.where(brain_of(codes, 2.0), np.maximum(values + noise, 1), 0).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(data.repeat(2, axis=0), np.diag([1, 2, 2, 1])), path)
    return codes


def test_sulci_and_a_rim_belong_to_the_brain_and_the_fluid_around_it_does_not() -> None:
    codes = np.full((40, 40, 40), 507, np.int16)
    codes[5:35, 5:35, 5:35] = 24
    codes[10:30, 10:30, 10:30] = 3
    codes[19:22, 19:22, 15:30] = 24
    codes[7, 7, 7] = 3
    codes[30:, 10:30, 10:30] = 515
    brain = brain_of(codes)
    assert brain[20, 20, 15:29].all()
    assert brain[9, 20, 20]
    assert not brain[8, 20, 20]
    assert not brain[30, 20, 20], "bone is no fluid"
    assert not brain[7, 7, 7]
    assert np.count_nonzero(brain) == pytest.approx(21 * 22**2, rel=0.05)


def test_a_label_map_is_turned_the_usual_way(tmp_path: Path) -> None:
    codes = codes_of()
    paths = [tmp_path / f"{name}.nii.gz" for name in ("straight", "turned")]
    nibabel.save(nibabel.Nifti1Image(codes, np.eye(4)), paths[0])
    affine = np.array([[-1, 0, 0, 79], [0, 0, 1, 0], [0, -1, 0, 71], [0, 0, 0, 1]], float)
    turned = np.ascontiguousarray(codes[::-1, :, ::-1].transpose(0, 2, 1))
    nibabel.save(nibabel.Nifti1Image(turned, affine), paths[1])
    one, other = map(head_of, paths)
    np.testing.assert_array_equal(one.labels, other.labels)
    np.testing.assert_array_equal(one.brain, other.brain)


def test_an_extracted_brain_has_its_outline_its_tissues_and_its_signal(tmp_path: Path) -> None:
    codes = extracted(tmp_path / "brain_T1w.nii.gz")
    head = brain_head_of(tmp_path / "brain_T1w.nii.gz")
    assert head.extracted
    assert set(np.unique(head.labels)) == {0, WHITE, GREY, FLUID}
    inside = brain_of(codes, 2.0)
    assert np.count_nonzero(head.brain) == pytest.approx(np.count_nonzero(inside), rel=0.01)
    assert not head.labels[~head.brain].any()
    assert not head.signal[~head.brain].any()
    assert np.percentile(head.signal[head.brain].astype(float), 95) == pytest.approx(1, abs=0.01)
    share = np.count_nonzero(head.labels == WHITE) / np.count_nonzero(codes == WHITE)
    assert share == pytest.approx(1, abs=0.1)
    means = [head.signal[head.labels == each].mean(dtype=float) for each in (FLUID, GREY, WHITE)]
    assert means == sorted(means)


def test_rodents_are_whole_heads_that_differ() -> None:
    one, other = map(rodent_of, range(2))
    for head in (one, other):
        assert not head.extracted
        assert head.signal.size == 0
        assert (head.labels[head.brain] < OUTSIDE).mean() > 0.99
        assert 0.03 < head.brain.mean() < 0.2
        eyes = head.labels == 506
        assert eyes.any()
        assert not head.brain[eyes].any()
    assert np.count_nonzero(one.brain != other.brain) > 1000
    np.testing.assert_array_equal(rodent_of(1).labels, other.labels)
