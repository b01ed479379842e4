import numpy as np
import pytest

from bids_denoise.simulate import anatomy, dwi, tensors
from bids_denoise.simulate.gradients import scheme

GRID = anatomy.centred_grid((30, 36, 14), (6, 6, 7), tilt=-8)
GRADIENTS = scheme([(1000, 12), (2000, 20)], 2, np.random.default_rng(0))


@pytest.fixture(scope="module")
def truth() -> dwi.DiffusionTruth:
    person = anatomy.draw_individual(np.random.default_rng(5))
    return dwi.diffusion_series(person, GRID, GRADIENTS, np.random.default_rng(1))


def test_series_is_that_of_its_tensors(truth: dwi.DiffusionTruth) -> None:
    fitted = tensors.fit(truth.series, GRADIENTS, truth.brain, highest=2500)
    assert np.allclose(fitted[truth.brain], truth.tensors[truth.brain], atol=1e-6)


def test_no_weighted_volume_is_brighter_than_b0(truth: dwi.DiffusionTruth) -> None:
    first = truth.series[..., GRADIENTS.bvals == 0].min(axis=-1)
    assert np.all(truth.series.max(axis=-1) <= first * 1.0001)
    means = [truth.series[truth.brain][:, GRADIENTS.bvals == b].mean() for b in (0, 1000, 2000)]
    assert means[0] > 1.8 * means[1] > 3 * means[2]


def test_white_matter_is_anisotropic_and_fluid_is_not(truth: dwi.DiffusionTruth) -> None:
    anisotropy = tensors.fractional_anisotropy(truth.tensors)
    diffusivity = tensors.mean_diffusivity(truth.tensors)
    assert anisotropy.max() == pytest.approx(0.69, abs=0.02)
    assert np.median(anisotropy[diffusivity > 2.5e-3]) < 0.05
    assert np.mean(anisotropy[truth.brain] > 0.4) > 0.2


def test_fibres_cross_the_midline_and_rise_beside_it() -> None:
    points = np.zeros((3, 3, 1, 1), np.float32)
    points[0, :, 0, 0], points[2] = (0, 25, 50), 20
    axes = np.abs(dwi.fibre_axes(points, np.random.default_rng(0)))[:, 0, 0]
    assert np.allclose(np.linalg.norm(axes, axis=-1), 1, atol=1e-5)
    assert [int(axis.argmax()) for axis in axes] == [0, 2, 1]
