"""The control of equal smoothness: the width is found, and smoothing parcels is smoothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from bids_denoise.connectome.control import FWHM, matched_width, smoothed_means
from bids_denoise.connectome.edges import parcel_means
from bids_denoise.connectome.parcels import geometric

if TYPE_CHECKING:
    from bids_denoise.connectome.parcels import Parcels
    from bids_denoise.values import FloatArray

SHAPE, SPACING = (18, 20, 16), (2.0, 2.0, 2.0)


@pytest.fixture(scope="module")
def parcels() -> Parcels:
    mask = np.zeros(SHAPE, np.bool_)
    mask[3:-3, 3:-3, 3:-3] = True
    return geometric(mask, np.diag([*SPACING, 1.0]), 12)


@pytest.fixture(scope="module")
def run() -> FloatArray:
    return np.random.default_rng(0).normal(100, 5, (*SHAPE, 40)).astype(np.float32)


def smooth(run: FloatArray, fwhm: float) -> FloatArray:
    widths = [fwhm / FWHM / step for step in SPACING]
    return np.asarray(gaussian_filter(run, [*widths, 0], mode="constant"), np.float32)


@pytest.mark.parametrize("fwhm", [3.0, 5.0])
def test_the_width_of_what_was_smoothed_is_found(
    run: FloatArray, parcels: Parcels, fwhm: float
) -> None:
    found = matched_width(run, smooth(run, fwhm), parcels, SPACING)
    assert found == pytest.approx(fwhm, rel=0.03)


def test_what_is_no_smoother_has_no_control(run: FloatArray, parcels: Parcels) -> None:
    assert matched_width(run, run * 2, parcels, SPACING) == 0
    assert matched_width(smooth(run, 4), run, parcels, SPACING) == 0


def test_means_of_smoothed_parcels_are_those_of_the_smoothed_run(
    run: FloatArray, parcels: Parcels
) -> None:
    found = smoothed_means(run, parcels, 4.0, SPACING)
    np.testing.assert_allclose(found, parcel_means(smooth(run, 4.0), parcels), rtol=1e-4)
