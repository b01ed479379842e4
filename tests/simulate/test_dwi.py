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


@pytest.fixture(scope="module")
def crossing() -> dwi.DiffusionTruth:
    person = anatomy.draw_individual(np.random.default_rng(5))
    return dwi.crossing_series(person, GRID, GRADIENTS, np.random.default_rng(1))


def test_no_weighted_volume_of_crossing_fibres_is_brighter_than_b0(
    truth: dwi.DiffusionTruth, crossing: dwi.DiffusionTruth
) -> None:
    first = crossing.series[..., GRADIENTS.bvals == 0]
    assert np.all(crossing.series.max(axis=-1) <= first.min(axis=-1) * 1.0001)
    np.testing.assert_allclose(first, truth.series[..., GRADIENTS.bvals == 0], rtol=1e-4)
    np.testing.assert_array_equal(crossing.brain, truth.brain)


def test_no_single_tensor_describes_fibres_that_cross(
    truth: dwi.DiffusionTruth, crossing: dwi.DiffusionTruth
) -> None:
    outer = GRADIENTS.bvals == 2000
    misfits = []
    for each in (truth, crossing):
        told = tensors.attenuation(each.tensors, GRADIENTS) * each.series[..., :1]
        apart = (each.series - told)[each.brain][:, outer]
        misfits.append(np.sqrt(np.mean(apart**2)) / each.series[each.brain][:, outer].mean())
    assert misfits[0] < 0.01
    assert misfits[1] > 0.1


def test_crossing_fibres_have_more_components_than_tensors(
    truth: dwi.DiffusionTruth, crossing: dwi.DiffusionTruth
) -> None:
    counts = []
    for each in (truth, crossing):
        values = np.linalg.eigvalsh(np.cov(each.series[each.brain].T))
        counts.append(np.count_nonzero(values > 2e-3 * values[-1]))
    assert counts[1] > 1.5 * counts[0]


def test_where_fibres_cross_they_look_less_anisotropic(
    truth: dwi.DiffusionTruth, crossing: dwi.DiffusionTruth
) -> None:
    found = [tensors.fractional_anisotropy(each.tensors)[each.brain] for each in (truth, crossing)]
    white = found[0] > 0.6
    assert np.median(found[1][white]) < 0.6 < np.median(found[0][white])
    assert np.percentile(found[1], 99) > 0.6
    assert found[1].max() < 0.95
