"""Group maps: against nilearn, statsmodels' formula by hand, and planted truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from bids_denoise.errors import UsageError
from bids_denoise.simulate.fields import smooth_field
from bids_denoise.stats.clusters import clusters
from bids_denoise.stats.design import make_design
from bids_denoise.stats.voxelwise import Inference, compare

if TYPE_CHECKING:
    from bids_denoise.stats.design import Design
    from bids_denoise.values import BoolArray, FloatArray

SHAPE = (14, 15, 13)
PEOPLE = 24
BLOB = (slice(3, 7), slice(4, 8), slice(5, 9))


def cohort(effect: float = 0.0, seed: int = 0) -> tuple[list[FloatArray], BoolArray, Design]:
    """Return images about 1000 that depend on age, the second group lower in a cube."""
    rng = np.random.default_rng(seed)
    age = rng.uniform(20, 70, PEOPLE)
    group = ["control", "patient"] * (PEOPLE // 2)
    sex = rng.permutation(["F", "M"] * (PEOPLE // 2))
    images = []
    for person in range(PEOPLE):
        image = 1000 + 50 * smooth_field(SHAPE, 1.2, rng) - 2 * np.float32(age[person])
        if group[person] == "patient":
            image[BLOB] -= effect
        images.append(image)
    mask = np.zeros(SHAPE, bool)
    mask[1:-1, 1:-1, 1:-1] = True
    table = {"group": group, "age": list(age), "sex": list(sex)}
    return images, mask, make_design(table, "group", ["age", "sex"])


@pytest.fixture(scope="module")
def planted() -> tuple[list[FloatArray], BoolArray, Design]:
    return cohort(effect=100.0)


def test_t_and_effects_are_those_of_least_squares(
    planted: tuple[list[FloatArray], BoolArray, Design],
) -> None:
    images, mask, design = planted
    maps = compare(images, mask, design, Inference(permutations=1))
    model = np.column_stack([design.values, design.covariates, np.ones(PEOPLE)])
    for voxel in [(4, 5, 6), (9, 3, 2), (1, 1, 1)]:
        values = np.array([image[voxel] for image in images], np.float64)
        slopes, squares, *_ = np.linalg.lstsq(model, values, rcond=None)
        spread = np.sqrt(squares[0] / design.freedom)
        error = spread * np.sqrt(np.linalg.inv(model.T @ model)[0, 0])
        np.testing.assert_allclose(maps.t.values[voxel], slopes[0] / error, rtol=1e-5)
        np.testing.assert_allclose(maps.effect_size[voxel], slopes[0] / spread, rtol=1e-5)
        share = 100 * slopes[0] / values[design.values == 0].mean()
        np.testing.assert_allclose(maps.percent[voxel], share, rtol=1e-5)
    assert not maps.t.values[~mask].any()
    assert (maps.t.p_corrected[~mask] == 1).all()


def test_of_a_measured_column_the_effect_is_its_partial_correlation() -> None:
    images, mask, _ = cohort()
    rng = np.random.default_rng(1)
    table = {"score": list(rng.normal(size=PEOPLE)), "age": list(rng.normal(size=PEOPLE))}
    maps = compare(images, mask, make_design(table, "score", ["age"]), Inference(permutations=1))
    values = np.array([image[4, 5, 6] for image in images], np.float64)
    other = np.column_stack([table["age"], np.ones(PEOPLE)])
    left = [
        each - other @ np.linalg.lstsq(other, each, rcond=None)[0]
        for each in (values, np.array(table["score"]))
    ]
    np.testing.assert_allclose(maps.effect_size[4, 5, 6], np.corrcoef(left)[0, 1], rtol=1e-4)


def test_nilearn_finds_the_same(planted: tuple[list[FloatArray], BoolArray, Design]) -> None:
    """Other exchanges are drawn, so p-values agree within the error of a share.

    nilearn's enhancement is a sum over 100 steps that is not multiplied by their width, so every
    exchange has a unit of its own there: its null is compared in that unit.
    """
    from nibabel import Nifti1Image
    from nilearn.maskers import NiftiMasker
    from nilearn.mass_univariate import permuted_ols

    images, mask, design = planted
    count = 300
    maps = compare(images, mask, design, Inference(permutations=count))
    theirs = permuted_ols(
        design.values[:, np.newaxis],
        np.array([image[mask] for image in images], np.float64),
        design.covariates,
        n_perm=count,
        random_state=0,
        tfce=True,
        masker=NiftiMasker(Nifti1Image(mask.astype(np.uint8), np.eye(4))).fit(),
    )
    np.testing.assert_allclose(maps.t.values[mask], theirs["t"][0], atol=1e-5)
    corrected = 10 ** -theirs["logp_max_t"][0]
    error = 4 * np.sqrt(2 * corrected * (1 - corrected) / count) + 2 / count
    assert (np.abs(maps.t.p_corrected[mask] - corrected) <= error).all()
    unit = np.abs(theirs["t"]).max() / 100
    enhanced = unit * theirs["tfce"][0]
    np.testing.assert_allclose(maps.tfce.values[mask], enhanced, atol=0.03 * np.abs(enhanced).max())
    for level in (0.5, 0.8, 0.95):
        own = np.quantile(100 * maps.tfce.largest / maps.t.largest, level)
        share = np.mean(theirs["h0_max_tfce"][0] <= own)
        assert abs(share - level) < 4 * np.sqrt(2 * level * (1 - level) / count) + 0.02


def test_a_planted_effect_is_found_where_it_is(
    planted: tuple[list[FloatArray], BoolArray, Design],
) -> None:
    images, mask, design = planted
    maps = compare(images, mask, design, Inference(permutations=300))
    inside = np.zeros(SHAPE, bool)
    inside[BLOB] = True
    assert maps.tfce.significant[inside].mean() > 0.8
    assert maps.tfce.significant[~inside].mean() < 0.05
    affine = np.array([[-2.0, 0, 0, 10], [0, 3, 0, -5], [0, 0, 2, 7], [0, 0, 0, 1]])
    first = clusters(maps, affine)[0]
    assert first.size == first.voxels * 12
    assert first.t < 0
    assert first.p <= 0.05
    x, y, z = first.peak
    assert inside[int((10 - x) / 2), int((y + 5) / 3), int((z - 7) / 2)]
    assert abs(first.percent + 10) < 4
    assert sum(each.voxels for each in clusters(maps, affine)) == maps.tfce.significant.sum()
    assert len(clusters(maps, affine, "t")) >= 1


def test_p_values_are_shares_of_the_exchanges() -> None:
    images, mask, design = cohort(20.0, seed=2)
    maps = compare(images, mask, design, Inference(permutations=99))
    for each in (maps.t, maps.tfce):
        assert each.largest.shape == (99,)
        sizes = np.abs(each.values[mask])
        wanted = (1 + (each.largest >= sizes[:, np.newaxis]).sum(axis=1)) / 100
        np.testing.assert_allclose(each.p_corrected[mask], wanted, atol=1e-6)
        assert (each.p <= each.p_corrected).all()
        assert each.p.min() >= 0.0099
    single = maps.t.p[mask]
    assert 0.3 < np.mean(single < 0.5) < 0.7


def test_threads_change_nothing_and_the_seed_does() -> None:
    images, mask, design = cohort()
    one, four, other = (
        compare(images, mask, design, Inference(permutations=21, seed=seed), threads)
        for seed, threads in ((0, 1), (0, 4), (1, 1))
    )
    np.testing.assert_array_equal(one.tfce.largest, four.tfce.largest)
    np.testing.assert_array_equal(one.t.p, four.t.p)
    np.testing.assert_array_equal(one.tfce.p_corrected, four.tfce.p_corrected)
    assert (one.t.largest != other.t.largest).any()


def test_an_exchange_is_a_fit_of_exchanged_residuals() -> None:
    """Freedman & Lane: the largest t of each exchange, made the long way."""
    from bids_denoise.stats.design import permutations

    images, mask, design = cohort(seed=4)
    maps = compare(images, mask, design, Inference(permutations=5))
    model = np.column_stack([design.values, design.nuisance])
    data = np.array([image[mask] for image in images], np.float64)
    residuals = data - design.nuisance @ (design.nuisance.T @ data)
    for order, found in zip(permutations(design, 5, 0), maps.t.largest, strict=True):
        # The design's rows go to `order`, so the residuals go the other way.
        exchanged = residuals[np.argsort(order)] + design.nuisance @ (design.nuisance.T @ data)
        slopes, squares, *_ = np.linalg.lstsq(model, exchanged, rcond=None)
        error = np.sqrt(squares / design.freedom * np.linalg.inv(model.T @ model)[0, 0])
        np.testing.assert_allclose(found, np.abs(slopes[0] / error).max(), rtol=1e-4)


def test_constant_voxels_are_left_out_and_an_empty_comparison_is_an_error() -> None:
    images, mask, design = cohort()
    for image in images:
        image[5:9] = 7.0
    maps = compare(images, mask, design, Inference(permutations=9))
    assert not maps.tested[5:9].any()
    assert maps.tested.sum() == mask.sum() * 8 // 12
    assert (maps.t.p_corrected[5:9] == 1).all()
    with pytest.raises(UsageError, match="'group': none of the 1716 voxels"):
        compare([np.ones(SHAPE, np.float32)] * PEOPLE, mask, design)


def test_a_voxel_that_the_group_explains_fully_is_the_most_significant() -> None:
    images, mask, design = cohort()
    for image, patient in zip(images, design.values, strict=True):
        image[5, 5, 5] = patient
    maps = compare(images, mask, design, Inference(permutations=99))
    assert np.abs(maps.t.values).argmax() == np.ravel_multi_index((5, 5, 5), SHAPE)
    assert maps.t.p_corrected[5, 5, 5] < 0.03
    assert np.isfinite(maps.effect_size).all()
    assert np.isfinite(maps.percent).all()


def test_inference_that_is_not_possible() -> None:
    with pytest.raises(UsageError, match="connectivity 8: allowed are 6, 18 and 26"):
        Inference(connectivity=8)
    with pytest.raises(UsageError, match="permutations 0"):
        Inference(permutations=0)


def test_images_that_do_not_fit_are_named() -> None:
    images, mask, design = cohort()
    with pytest.raises(UsageError, match="the design has 24 people, there are 23 images"):
        compare(images[1:], mask, design)
    with pytest.raises(UsageError, match="the design has 24 people, there are more images"):
        compare([*images, *images], mask, design)
    with pytest.raises(UsageError, match=r"image 2: shape \(14, 15, 12\)"):
        compare([images[0], images[1][..., :-1]], mask, design)
    images[2][5, 5, 5] = np.nan
    with pytest.raises(UsageError, match="image 3: 1 voxels of the mask are not finite"):
        compare(images, mask, design)
