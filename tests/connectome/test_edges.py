from pathlib import Path

import numpy as np
import pytest

from bids_denoise.connectome import edges
from bids_denoise.connectome.parcels import geometric
from bids_denoise.imageio import write_new


def test_means_are_those_of_nilearn(tmp_path: Path) -> None:
    from nilearn.image import new_img_like
    from nilearn.maskers import NiftiLabelsMasker

    data = np.random.default_rng(0).normal(1000, 20, (12, 11, 10, 30)).astype(np.float32)
    parcels = geometric(np.ones(data.shape[:3], np.bool_), np.eye(4), 12)
    path = tmp_path / "run.nii.gz"
    write_new(path, data, np.eye(4), 2.0)
    labels = new_img_like(str(path), parcels.labels, np.eye(4))
    masker = NiftiLabelsMasker(labels, standardize=None)
    np.testing.assert_allclose(
        edges.parcel_means(data, parcels), masker.fit_transform(str(path)), rtol=1e-6
    )


def test_drift_goes_and_what_is_fast_stays() -> None:
    times = 2.0 * np.arange(200)
    fast = np.sin(2 * np.pi * 0.05 * times)
    slow = np.sin(2 * np.pi * 0.003 * times) + 0.01 * times + 100
    left = edges.cleaned(np.column_stack([fast + 5 * slow, slow]), 2.0)
    assert np.corrcoef(left[:, 0], fast)[0, 1] > 0.98
    assert left[:, 1].std() < 0.05 * slow.std()


@pytest.mark.parametrize(("volumes", "tr"), [(60, 2.0), (200, None)])
def test_a_short_run_or_one_of_unknown_timing_loses_its_trend_only(
    volumes: int, tr: float | None
) -> None:
    times = np.arange(volumes)
    wave = np.sin(2 * np.pi * times / volumes)
    left = edges.cleaned(np.column_stack([wave + 0.3 * times, wave]), tr)
    assert left[:, 0].std() > 0.5 * wave.std()
    np.testing.assert_allclose(left[:, 0], left[:, 1], atol=1e-9)


def test_partial_correlation_tells_a_chain_from_its_ends() -> None:
    from nilearn.connectome import ConnectivityMeasure

    rng = np.random.default_rng(0)
    first = rng.standard_normal(4000)
    middle = first + 0.5 * rng.standard_normal(4000)
    last = middle + 0.5 * rng.standard_normal(4000)
    courses = np.column_stack([first, middle, last])
    assert edges.correlation(courses)[0, 2] > 0.7
    partial = edges.partial_correlation(courses)
    assert abs(partial[0, 2]) < 0.05
    assert partial[0, 1] > 0.5
    reference = ConnectivityMeasure(kind="partial correlation", standardize="zscore_sample")
    np.testing.assert_allclose(partial, reference.fit_transform([courses])[0], atol=1e-3)


def test_more_parcels_than_volumes_have_partial_correlations() -> None:
    courses = np.random.default_rng(0).standard_normal((40, 100))
    assert np.isfinite(edges.partial_correlation(courses)).all()


def test_a_matrix_agrees_with_itself_and_not_with_another() -> None:
    rng = np.random.default_rng(0)
    one, other = (edges.correlation(rng.standard_normal((60, 40))) for _ in range(2))
    assert edges.agreement(one, one) == pytest.approx((1, 1))
    same, own = edges.agreement(one, other)
    assert abs(same) < 0.15
    assert own < 0.2


def test_mixed_up_parcels_are_not_known_again() -> None:
    matrix = edges.correlation(np.random.default_rng(0).standard_normal((60, 30)))
    turned = np.roll(np.roll(matrix, 1, axis=0), 1, axis=1)
    assert edges.identifiability(matrix, turned) < 0.2
