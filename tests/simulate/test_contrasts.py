from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bids_denoise.simulate.contrasts import RandomContrast, random_contrast, random_matrix
from bids_denoise.simulate.phantom import Tissue, head_labels

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray

SHAPE = (32, 36, 28)
HEAD = head_labels((64, 72, 60))
OUTSIDE = (Tissue.SCALP, Tissue.SKULL, Tissue.MUSCLE)
PHANTOM = RandomContrast(resolution=(0.3, 3.0), outside=OUTSIDE, same=(), tissues=())
PLAIN = replace(
    PHANTOM,
    texture=(0.0, 0.0),
    shading=0.0,
    gamma=0.0,
    vessel_share=0.0,
    sheet_share=0.0,
    lesion_share=0.0,
    blur_share=0.0,
    smooth_share=0.0,
    thick_share=0.0,
    extracted_share=0.0,
)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@cache
def volume(seed: int) -> FloatArray:
    return random_contrast(HEAD, SHAPE, rng(seed), PHANTOM)


@pytest.mark.parametrize("seed", range(12))
def test_volumes_are_finite_positive_and_of_one_scale(seed: int) -> None:
    drawn = volume(seed)
    assert drawn.shape == SHAPE
    assert drawn.dtype == np.float32
    assert np.isfinite(drawn).all()
    assert drawn.min() >= 0
    assert np.percentile(drawn[drawn > 0], 99) == pytest.approx(1, abs=1e-4)


def test_same_seed_same_volume() -> None:
    assert np.array_equal(volume(1), random_contrast(HEAD, SHAPE, rng(1), PHANTOM))
    assert not np.array_equal(volume(1), volume(2))


def test_air_is_exactly_zero_in_many_volumes() -> None:
    shares = [np.mean(volume(seed) == 0) for seed in range(12)]
    assert sum(share > 0.05 for share in shares) >= 4
    assert min(shares) < 0.5


@pytest.mark.parametrize(
    ("labels", "shape", "named"),
    [
        (HEAD.astype(float), SHAPE, "float64"),
        (HEAD[0], SHAPE, r"\(72, 60\)"),
        (-HEAD.astype(int), SHAPE, "negative"),
        (HEAD, (4, 32, 32), r"\(4, 32, 32\)"),
        (np.zeros((9, 9, 9), int), SHAPE, "only air"),
    ],
)
def test_bad_input_is_named(labels: object, shape: tuple[int, int, int], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        random_contrast(labels, shape, rng(), PHANTOM)  # type: ignore[arg-type]


def test_plain_tissue_is_flat_and_its_edges_are_mixed() -> None:
    settings = replace(PLAIN, resolution=(1.0, 1.0), anisotropy=1.0, stretch=0.0)
    levels, counts = np.unique(
        random_contrast(HEAD, SHAPE, rng(4), settings).round(5), return_counts=True
    )
    pure = np.sort(counts)[::-1][: len(Tissue)].sum()
    assert 0.4 < pure / counts.sum() < 0.95
    assert len(levels) > 50


def test_resolution_spans_its_range() -> None:
    sides = np.linalg.norm([random_matrix(rng(seed)) for seed in range(400)], axis=1)
    assert sides.min() == pytest.approx(0.1, abs=0.1)
    assert sides.max() == pytest.approx(4, abs=1e-6)
    assert 0.6 < np.median(sides) < 1.4
