from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bids_denoise.imageio import load
from bids_denoise.imageio.padding import padding
from tests.imageio.nifti import scan_of, write_nifti

SHAPE = (30, 32, 34)


@pytest.fixture
def head() -> Any:
    """Return a float32 ball of tissue in the middle of noisy air, nowhere exactly 0."""
    noise = np.random.default_rng(0).rayleigh(5.0, SHAPE).astype(np.float32) + 0.01
    return np.where(ball(11), 500 + noise, noise)


def ball(radius: float) -> Any:
    grid = np.indices(SHAPE) - (np.array(SHAPE)[:, None, None, None] - 1) / 2
    return np.sqrt((grid**2).sum(0)) < radius


def test_a_whole_head_has_no_padding(head: Any) -> None:
    assert not padding(head).any()


@pytest.mark.parametrize("fill", [0.0, -1024.0, 7.0])
def test_all_air_of_a_brain_extracted_scan_is_padding(head: Any, fill: float) -> None:
    tissue = ball(11)
    np.testing.assert_array_equal(padding(np.where(tissue, head, np.float32(fill))), ~tissue)


def test_zeros_inside_tissue_are_measurements(head: Any) -> None:
    tissue = ball(11)
    brain = np.where(tissue, head, np.float32(0))
    brain[12:19, 12:19, 12:19] = 0
    np.testing.assert_array_equal(padding(brain), ~tissue)


def test_a_thin_sulcus_belongs_to_the_solid_air_around(head: Any) -> None:
    tissue = ball(11)
    tissue[15, 16, :17] = False
    np.testing.assert_array_equal(padding(np.where(tissue, head, np.float32(0))), ~tissue)


@pytest.mark.parametrize("share", [0.1, 0.35, 0.6, 0.85])
def test_air_quantised_to_zero_is_not_punched(head: Any, share: float) -> None:
    """Above about 0.31 the zeros of a cubic grid percolate: they are all connected."""
    hit = np.random.default_rng(1).random(SHAPE) < share
    assert padding(np.where(hit & ~ball(11), np.float32(0), head)).mean() < 1e-3


def test_a_defaced_region_is_padding_though_the_air_is_quantised(head: Any) -> None:
    hit = np.random.default_rng(1).random(SHAPE) < 0.5
    scan = np.where(hit & ~ball(11), np.float32(0), head)
    face = (slice(0, 12), slice(0, 12), slice(None))
    scan[face] = 0
    found = padding(scan)
    assert found[face].all()
    rest = found.copy()
    rest[face] = False
    assert rest.mean() < 5e-3


def test_outer_planes_of_one_value_are_padding(head: Any) -> None:
    head[0] = 0
    head[:, :, -2:] = 0
    found = padding(head)
    assert found[0].all()
    assert found[:, :, -2:].all()
    assert not found[1:, :, :-2].any()


def test_a_series_is_padded_where_every_volume_is(head: Any) -> None:
    brain = np.where(ball(11), head, np.float32(0))
    series = np.stack([brain, brain + 1, brain * 2], axis=-1)
    assert not padding(series).any()
    series = np.stack([brain, brain * 3, brain * 2], axis=-1)
    np.testing.assert_array_equal(padding(series), ~ball(11))


def test_loading_masks_the_padding_and_nothing_else(tmp_path: Path, head: Any) -> None:
    stored = np.where(ball(11), np.rint(head), 0).astype(np.int16)
    image = load(scan_of(write_nifti(tmp_path / "sub-01_T1w.nii", stored)))
    np.testing.assert_array_equal(image.mask, ball(11))
    assert image.mask.dtype == np.bool_
