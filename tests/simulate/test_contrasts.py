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
    settings = replace(PLAIN, resolution=(1.0, 1.0), anisotropy=1.0)
    drawn = random_contrast(HEAD, SHAPE, rng(4), settings)
    levels, counts = np.unique(drawn.round(5), return_counts=True)
    pure = np.sort(counts)[::-1][: len(Tissue)].sum()
    assert 0.3 < pure / counts.sum() < 0.95
    assert len(levels) > 50


def test_brain_extraction_leaves_exact_zeros_outside() -> None:
    labels = np.full((48, 48, 48), 500, dtype=np.int16)
    labels[12:36, 12:36, 12:36] = 2
    settings = replace(
        PLAIN, resolution=(1.0, 1.0), anisotropy=1.0, stretch=0.0, rotation=0.0, outside=(500,)
    )
    whole = random_contrast(labels, (20, 20, 20), rng(2), settings)
    brain = random_contrast(labels, (64, 64, 64), rng(2), replace(settings, extracted_share=1.0))
    assert np.count_nonzero(whole) > 0.6 * whole.size
    assert 0.8 * 24**3 < np.count_nonzero(brain) <= 24**3


def test_codes_of_both_sides_look_the_same() -> None:
    labels = np.full((40, 40, 40), 2, dtype=np.int16)
    labels[20:] = 41
    settings = replace(PLAIN, resolution=(0.5, 0.5), same=RandomContrast().same)
    drawn = random_contrast(labels, (16, 16, 16), rng(1), settings)
    assert np.ptp(drawn[drawn > 0.9]) < 1e-5
    apart = random_contrast(labels, (60, 60, 60), rng(1), replace(settings, same=()))
    assert len(np.unique(apart.round(3))) > 3


def test_next_to_empty_labels_are_refused() -> None:
    labels = np.zeros((60, 60, 60), dtype=np.uint8)
    labels[30, 30, 30] = 3
    with pytest.raises(ValueError, match="1 voxels"):
        random_contrast(labels, SHAPE, rng(), replace(PHANTOM, resolution=(2.0, 3.0)))


@pytest.mark.parametrize("name", ["resolution", "texture_width"])
def test_bad_ranges_are_named(name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name} \(2.0, 1.0\)"):
        RandomContrast(**{name: (2.0, 1.0)})  # type: ignore[arg-type]


def test_resolution_spans_its_range() -> None:
    sides = np.linalg.norm([random_matrix(rng(seed)) for seed in range(400)], axis=1)
    assert sides.min() == pytest.approx(0.1, abs=0.1)
    assert sides.max() == pytest.approx(4, abs=1e-6)
    assert 0.6 < np.median(sides) < 1.4
