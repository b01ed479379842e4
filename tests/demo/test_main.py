from pathlib import Path

import pytest

from bids_denoise import demo
from bids_denoise.demo import cohort, scans
from bids_denoise.derivatives.store import read_table
from bids_denoise.group.study import LABELS
from tests.demo.conftest import SIZE, errors_of
from tests.group.conftest import few
from tests.report.html import Page


def test_every_image_of_the_two_people_gains(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scans, "PARTICIPANTS", ("01",))
    assert demo.main([str(tmp_path), "--coarseness", "3", "--no-cohort"]) == 0
    rows = read_table(tmp_path / "gain.tsv")
    assert len(rows) == 5
    for row in rows:
        assert float(row["psnr_after"]) > float(row["psnr_before"]), row["image"]
        assert float(row["sigma"]) == pytest.approx(float(row["sigma_true"]), rel=0.3), row["image"]
    printed = capsys.readouterr().out
    for page in ("sub-01.html", "group.html"):
        assert (tmp_path / "denoised" / page).is_file()
        assert str(tmp_path / "denoised" / page) in printed
    for kind in ("dataset", "denoised"):
        assert errors_of(tmp_path / kind) == []


def test_the_cohort_is_compared_before_and_after(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    few(monkeypatch)
    monkeypatch.setattr(scans, "PARTICIPANTS", ())
    monkeypatch.setattr(demo, "PERMUTATIONS", 50)
    assert demo.main([str(tmp_path), "--coarseness", "3"]) == 0
    found = {row["what"].strip(): row for row in read_table(tmp_path / "evidence.tsv")}
    for what in (
        f"GM volume, mean error in % (n = {2 * SIZE})",
        "GM, Dice with the truth",
        "Left caudate: correlation with its true volume (n = 10)",
        "Less grey matter in patients: strongest t",
        "least p there, corrected (TFCE)",
        "AUC of patients, by grey matter maps",
        "AUC of patients, by volumes",
        f"{cohort.REPEATED}_T1w: worth so many originals ({cohort.REPEATS} repeats)",
    ):
        assert all(found[what][label] not in {"", "n/a"} for label in LABELS), what
    assert float(found["WM, Dice with the truth"]["denoised"]) > 0.7
    assert "AUC of patients" in capsys.readouterr().out
    page = Page((tmp_path / "denoised" / "group.html").read_text()).text
    assert "Patients against controls" in page
    assert "Not done" not in page
    for kind in ("dataset", "denoised"):
        assert errors_of(tmp_path / kind) == []


def test_only_the_dataset_when_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scans, "PARTICIPANTS", ("01",))
    assert demo.main([str(tmp_path), "--only-dataset", "--coarseness", "3", "--no-cohort"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dataset", "truth"]


def test_a_foreign_folder_ends_in_the_code_of_its_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "truth").mkdir()
    assert demo.main([str(tmp_path)]) == 73
    assert "not a demo" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["x", "--coarseness", "9"], ["x", "--seed", "a"]])
def test_wrong_usage_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        demo.main(arguments)
    assert stopped.value.code == 2
