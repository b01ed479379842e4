"""Grey matter voxel by voxel: the effect is where it was put, before and after."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bids_denoise.group import PARTS
from bids_denoise.imageio import read, read_placed
from tests.group import factory
from tests.report.html import Page

if TYPE_CHECKING:
    from pathlib import Path

    from bids_denoise.derivatives.names import Layout

STEM = f"space-{factory.TEMPLATE}_desc-"
COMPARED = ("--group-column", "diagnosis", "--permutations", "100")


def compared(layout: Layout, *options: str, code: int = 0) -> dict[str, Any]:
    assert factory.group(layout.images, *COMPARED, *options) == code
    found: dict[str, Any] = json.loads((layout.qc / "group/voxelwise/summary.json").read_text())
    return found


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    layout = factory.study(tmp_path_factory.mktemp("found") / "out", 8, 8)
    compared(layout, "--covariates", "age", "sex")
    return layout


def test_less_grey_matter_is_found_where_it_is_less(found: Layout) -> None:
    maps = found.qc / "group" / "voxelwise"
    for label in factory.NOISE:
        t, affine = read_placed(maps / f"{STEM}{label}_stat-t_statmap.nii.gz")
        np.testing.assert_allclose(affine, factory.AFFINE)
        assert t[factory.LOST].mean() > 3 > t[8:10, 4:9, 3:9].mean()
        significant = read(maps / f"{STEM}{label}_stat-tSignificant_statmap.nii.gz")
        at = np.argwhere(significant != 0).mean(axis=0)
        np.testing.assert_allclose(at, (3.5, 6, 5.5), atol=2)
        p = read(maps / f"{STEM}{label}_stat-pTfceCorrected_statmap.nii.gz")
        assert ((significant != 0) == ((p <= 0.05) & (t != 0))).all()
    percent = read(maps / f"{STEM}denoised_stat-percent_statmap.nii.gz")
    assert 15 < percent[factory.LOST][percent[factory.LOST] != 0].mean() < 100


def test_denoised_maps_say_it_more_clearly_on_the_same_terms(found: Layout) -> None:
    summary = json.loads((found.qc / "group/voxelwise/summary.json").read_text())
    before, after = summary["original"], summary["denoised"]
    for same in ("tested_voxels", "participants", "permutations", "covariates"):
        assert before[same] == after[same]
    assert before["participants"] == 16
    assert before["covariates"] == ["age", "sex M"]
    assert abs(after["strongest_t"]) > abs(before["strongest_t"])
    assert after["significant_voxels_tfce"] >= before["significant_voxels_tfce"] > 0


def test_the_page_has_the_numbers_of_the_tables(found: Layout) -> None:
    text = Page((found.qc / "group.html").read_text()).text
    summary = json.loads((found.qc / "group/voxelwise/summary.json").read_text())
    for key, words in (("tfce", "TFCE"), ("max_t", "the largest t")):
        before, after = (summary[each][f"significant_voxels_{key}"] for each in summary)
        assert f"{before} and {after} by {words}" in text
    assert "HC against AD: 16 participants" in text
    first = factory.rows_at(found.qc / "group/voxelwise/clusters.tsv")[0]
    assert first["image"] == "original"
    assert ", ".join(f"{float(first[axis]):.0f}" for axis in "xyz") in text
    assert f"{float(first['t']):.2f}" in text


def test_workers_change_nothing(found: Layout) -> None:
    folder = found.qc / "group" / "voxelwise"
    files = [folder / "summary.json", folder / "clusters.tsv"]
    one = [path.read_bytes() for path in files]
    compared(found, "--nprocs", "2", "--covariates", "age", "sex")
    assert [path.read_bytes() for path in files] == one


def test_who_is_not_known_is_left_out_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PARTS, "Patients against controls", lambda *_: None)
    layout = factory.study(tmp_path / "out", 7, 6)
    table = layout.qc / "participants.tsv"
    rows = factory.rows_at(table)
    rows[0]["age"], rows[1]["diagnosis"], rows[2]["diagnosis"] = "n/a", "NaN", "MCI"
    factory.write_rows(table, rows)
    summary = compared(layout, "--patient", "AD", "--control", "HC", "--features", "qc")
    text = Page((layout.qc / "group.html").read_text()).text
    assert summary["denoised"]["participants"] == 10
    assert "sub-01 is left out: no age in participants.tsv" in text
    assert "sub-02 is left out: no diagnosis in participants.tsv" in text
    assert "sub-03 is left out" not in text


def test_smoothing_is_in_mm_and_the_methods_say_so(tmp_path: Path) -> None:
    layout = factory.study(tmp_path / "out", 6, 6)
    alike = []
    for width in ("0", "12"):
        compared(layout, "--smoothing", width)
        assert f"a Gaussian of {width} mm" in Page((layout.qc / "group.html").read_text()).text
        t = read(layout.qc / "group/voxelwise" / f"{STEM}original_stat-t_statmap.nii.gz")
        alike.append(np.corrcoef(t[3:8, 4:9, 3:9].ravel(), t[4:9, 4:9, 3:9].ravel())[0, 1])
    assert alike[1] > alike[0] + 0.1


def test_age_can_be_compared_and_is_then_no_covariate(tmp_path: Path) -> None:
    layout = factory.study(tmp_path / "out", 4, 4)
    assert factory.group(layout.images, "--group-column", "age", "--permutations", "40") == 0
    summary = json.loads((layout.qc / "group/voxelwise/summary.json").read_text())
    assert summary["denoised"]["covariates"] == ["sex M", "total_volume"]
    assert "age: 8 participants" in Page((layout.qc / "group.html").read_text()).text


def test_sites_are_categories_though_they_are_numbers(tmp_path: Path) -> None:
    layout = factory.study(tmp_path / "out", 6, 6)
    summary = compared(layout, "--covariates", "none", "--site-column", "site")
    assert summary["denoised"]["covariates"] == ["site 2"]


def test_all_of_one_sex_need_no_covariate(tmp_path: Path) -> None:
    layout = factory.study(tmp_path / "out", 6, 6)
    women = [
        row["participant_id"].removeprefix("sub-")
        for row in factory.rows_at(layout.qc / "participants.tsv")
        if row["sex"] == "F"
    ]
    summary = compared(layout, "--participant-label", *women)
    assert summary["denoised"]["covariates"] == ["age", "total_volume"]


def test_a_second_session_does_not_count_twice(tmp_path: Path) -> None:
    layout = factory.study(tmp_path / "out", 5, 5)
    for session in ("a", "b"):
        source = f"sub-21/ses-{session}/anat/sub-21_ses-{session}_T1w.nii.gz"
        factory.add_anatomy(layout, source, 50)
    rows = factory.rows_at(layout.qc / "participants.tsv")
    factory.write_rows(
        layout.qc / "participants.tsv", [*rows, {**rows[1], "participant_id": "sub-21"}]
    )
    assert compared(layout)["original"]["participants"] == 11


def test_another_template_and_a_failed_anatomy_are_left_out(tmp_path: Path) -> None:
    layout = factory.study(tmp_path / "out", 5, 5)
    factory.add_anatomy(layout, "sub-02/anat/sub-02_T1w.nii.gz", 1, template="MNI305")
    failed = {"template": "auto", "reason": "no brain is found"}
    factory.add_image(layout, "sub-04/anat/sub-04_T1w.nii.gz", 3, anatomy=failed)
    assert compared(layout)["original"]["participants"] == 8
    text = Page((layout.qc / "group.html").read_text()).text
    assert "sub-02 is left out: in another template" in text
    assert "sub-04 is left out: no brain is found" in text


def test_a_group_of_one_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layout = factory.study(tmp_path / "out", 1, 3)
    assert factory.group(layout.images, *COMPARED, "--covariates", "none") == 64
    assert "column 'diagnosis': the group 'AD' has one person, 2 are the least" in (
        capsys.readouterr().err
    )


def test_no_template_is_a_clear_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layout = factory.study(tmp_path / "out", 3, 3, template="none")
    assert factory.group(layout.images, *COMPARED) == 64
    assert "no participant has grey matter in a template" in capsys.readouterr().err
