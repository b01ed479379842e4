from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bids_denoise.simulate import anatomy
from bids_denoise.simulate.phantom import CONTRASTS, Tissue

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray

GRID = anatomy.centred_grid((32, 38, 32), (6, 6, 6))
SAME = anatomy.draw_individual(np.random.default_rng(0), strength=0)


def individual(seed: int = 1) -> anatomy.Individual:
    return anatomy.draw_individual(np.random.default_rng(seed))


@cache
def parts_of(seed: int) -> FloatArray:
    return anatomy.fractions(individual(seed), GRID)


def test_fractions_fill_every_voxel_exactly() -> None:
    parts = parts_of(1)
    assert parts.shape == (len(Tissue), *GRID.shape)
    assert parts.min() >= 0
    assert np.allclose(parts.sum(axis=0), 1, atol=1e-5)


def test_head_has_the_volumes_of_an_adult() -> None:
    litres = parts_of(1).sum(axis=(1, 2, 3)) * 6**3 / 1e6
    grey = litres[Tissue.GREY] + litres[Tissue.DEEP_GREY]
    assert 0.5 < grey < 1.1
    assert 0.4 < litres[Tissue.WHITE] < 0.9
    assert 0.15 < litres[Tissue.CSF] < 0.7
    assert 0.1 < litres[Tissue.SKULL] < 0.9


def test_template_itself_comes_back_without_individuality() -> None:
    parts = anatomy.fractions(SAME, GRID)
    maps = anatomy.sample(anatomy.template(), anatomy.points_of(GRID))
    sure = maps[1] > 0.95
    assert sure.sum() > 1000
    assert parts[Tissue.WHITE][sure].mean() > 0.85


def test_same_seed_same_person() -> None:
    again = anatomy.fractions(individual(1), GRID)[Tissue.GREY]
    first, other = parts_of(1)[Tissue.GREY], parts_of(2)[Tissue.GREY]
    assert np.array_equal(first, again)
    assert 0.4 < np.corrcoef(first.ravel(), other.ravel())[0, 1] < 0.97


def test_tissues_lie_where_they_belong() -> None:
    parts = anatomy.fractions(SAME, anatomy.centred_grid((1, 1, 1), (1, 1, 1), (-26, -20, 30)))
    assert parts[Tissue.WHITE, 0, 0, 0] > 0.9
    far = anatomy.fractions(SAME, anatomy.centred_grid((1, 1, 1), (1, 1, 1), (0, 120, 60)))
    assert far[Tissue.AIR, 0, 0, 0] == 1
    eye = anatomy.fractions(SAME, anatomy.centred_grid((1, 1, 1), (1, 1, 1), (-33, 62, -34)))
    assert eye[Tissue.CSF, 0, 0, 0] == pytest.approx(1)


@pytest.mark.parametrize("contrast", ["T1w", "T2w"])
def test_signal_orders_tissues_as_the_contrast_does(contrast: str) -> None:
    person = individual()
    parts = parts_of(1)
    image = anatomy.signal(parts, CONTRASTS[contrast]) * anatomy.texture(person, GRID)
    assert image.dtype == np.float32
    grey, white = (image[parts[tissue] > 0.9].mean() for tissue in (Tissue.GREY, Tissue.WHITE))
    assert (white > grey) == (contrast == "T1w")
    assert np.all(image[parts[Tissue.AIR] == 1] == 0)


def test_tilted_grid_keeps_its_centre_and_voxel_size() -> None:
    grid = anatomy.centred_grid((5, 5, 5), (2, 3, 4), centre=(1, 2, 3), tilt=20)
    assert np.allclose(grid.affine @ [2, 2, 2, 1], [1, 2, 3, 1])
    assert np.allclose(np.linalg.norm(grid.affine[:3, :3], axis=0), [2, 3, 4])
    assert np.allclose(anatomy.points_of(grid)[:, 2, 2, 2], [1, 2, 3])
