"""A template of the participants: made once, kept, and made again when they change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bids_denoise.anatomy import cohort_template as maker
from bids_denoise.anatomy import normalise
from bids_denoise.group import cohort
from bids_denoise.imageio import read, read_placed
from tests.group import factory
from tests.report.html import Page

if TYPE_CHECKING:
    from pathlib import Path

    from bids_denoise.derivatives.names import Layout

ASKED = ("--group-column", "age", "--permutations", "40", "--covariates", "none")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many people each template was made of; each is made in one short round."""
    calls: list[int] = []
    real = maker.cohort_template

    def counted(people, *given, **named):  # type: ignore[no-untyped-def]
        calls.append(len(people))
        return real(people, *given, **named)

    monkeypatch.setattr(cohort, "cohort_template", counted)
    monkeypatch.setattr(maker, "ROUNDS", 1)
    monkeypatch.setattr(maker, "AFFINE_ROUNDS", 1)
    monkeypatch.setattr(normalise, "LEVELS", ((4, 10), (2, 5)))
    return calls


def grey_files(layout: Layout, person: str) -> list[Path]:
    return sorted(layout.qc.glob(f"sub-{person}/anat/*_space-cohort_*_probseg.nii.gz"))


def test_it_is_made_once_and_again_when_people_change(tmp_path: Path, made: list[int]) -> None:
    layout = factory.study(tmp_path / "out", 3, 3, template="cohort")
    for _ in range(2):
        assert factory.group(layout.images, *ASKED) == 0
    assert made == [6]
    original, denoised = (path for path in reversed(grey_files(layout, "01")))
    grey, affine = read_placed(original)
    assert grey.shape == read(denoised).shape
    assert grey.sum() * abs(np.linalg.det(affine[:3, :3])) > 1000 * 0.5
    told = json.loads(original.with_name(original.name.replace(".nii.gz", ".json")).read_text())
    assert told["SpatialReference"] == "mean of the participants"
    assert told["Modulated"] is True
    brain = read(layout.qc / "group" / "template" / "tpl-cohort_brain.nii.gz")
    assert brain.shape == grey.shape
    assert "6 participants in cohort (mean of the participants)" in " ".join(
        Page((layout.qc / "group.html").read_text()).text.split()
    )
    assert factory.group(layout.images, *ASKED, "--exclude-participant-label", "06") == 0
    assert made == [6, 5]
    grey_files(layout, "03")[0].unlink()
    assert factory.group(layout.images, *ASKED, "--exclude-participant-label", "06") == 0
    assert made == [6, 5, 5]


def test_one_alone_makes_none(
    tmp_path: Path, made: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    layout = factory.study(tmp_path / "out", 1, 0, template="cohort")
    assert factory.group(layout.images, *ASKED) == 64
    assert "needs two of them or more, and there is sub-01 alone" in capsys.readouterr().err
    assert not made
