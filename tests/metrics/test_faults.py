"""The traffic light: green for good results, not green for planted faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bids_denoise.metrics import judge
from tests.metrics.cases import Case, case, denoised, redo, scaled
from tests.metrics.faults import PLANTED

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray, Law

Of = tuple[str, float, "Law", bool]

CASES: list[Of] = [
    ("T1w", 2.0, "gaussian", False),
    ("T1w", 9.0, "rician", False),
    ("T2w", 5.0, "rician", False),
    ("FLAIR", 4.0, "gaussian", True),
]


def light_of(given: Case, after: FloatArray) -> str:
    return judge(given.image, denoised(after), given.noise, None, 0).light


@pytest.mark.parametrize("of", CASES, ids=str)
def test_good_results_are_green(of: Of) -> None:
    given = case(*of)
    quality = judge(given.image, denoised(given.after), given.noise, redo, 0)
    assert quality.light == "green", quality.reasons
    assert quality.reasons == ()
    assert (quality.residual["psnr_gain"] or 0) > 0


@pytest.mark.parametrize("of", CASES, ids=str)
def test_the_truth_is_green(of: Of) -> None:
    given = case(*of)
    assert light_of(given, given.truth) == "green"


def test_planted_faults_are_noticed() -> None:
    missed = [
        f"{name} in {of}"
        for of in CASES
        for name, plant in PLANTED.items()
        if light_of(case(*of), plant(case(*of))) == "green"
    ]
    planted = len(CASES) * len(PLANTED)
    assert planted >= 60
    assert len(missed) <= 0.05 * planted, missed


@pytest.mark.parametrize("factor", [0.5, 2.0])
@pytest.mark.parametrize("of", CASES, ids=str)
def test_a_wrong_sigma_is_noticed(of: Of, factor: float) -> None:
    given = case(*of)
    wrong = scaled(given.noise, factor)
    quality = judge(given.image, denoised(redo(given.image, wrong)), wrong, None, 0)
    assert quality.light != "green"


def test_heavy_blur_is_red() -> None:
    given = case(*CASES[0])
    assert light_of(given, PLANTED["Gaussian of 1 voxel"](given)) == "red"
