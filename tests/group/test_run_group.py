"""The whole group level through the command line: the page, and what goes wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bids_denoise.group import PARTS
from tests.group import factory
from tests.report.html import Page

if TYPE_CHECKING:
    from pathlib import Path

    from bids_denoise.derivatives.names import Layout

COMPARED = ("--group-column", "diagnosis", "--permutations", "40")
CLASSIFIED = (*COMPARED, "--patient", "AD", "--control", "HC")


def page_of(layout: Layout) -> Page:
    page = Page((layout.qc / "group.html").read_text())
    assert not page.faults
    return page


def test_without_a_question_there_are_tables_and_a_page(tmp_path: Path) -> None:
    layout = factory.study(tmp_path / "out", 2, 2)
    assert factory.group(layout.images) == 0
    rows = factory.rows_at(layout.qc / "group_T1w.tsv")
    assert [row["participant_id"] for row in rows] == ["sub-01", "sub-02", "sub-03", "sub-04"]
    assert rows[0]["diagnosis"] == "AD"
    assert "Did it help?" not in page_of(layout).text
    assert not (layout.qc / "group").exists()


def test_raw_like_output(tmp_path: Path) -> None:
    layout = factory.study(tmp_path / "out", rawlike=True)
    asked = (*COMPARED, "--output-layout", "rawlike")
    assert factory.group(layout.images, *asked) == 0
    assert len(factory.named_on_the_page(layout)) > 4
    assert "voxelwise" in page_of(layout).values("id")
    assert not list(layout.images.glob("logs/partial/*"))
    assert not (layout.images / "group.html").exists()


def test_a_group_of_one(tmp_path: Path) -> None:
    layout = factory.study(tmp_path / "out", 1, 0)
    assert factory.group(layout.images) == 0
    assert "1 image of 1 participant" in page_of(layout).text


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--group-column", "diagnose"), "--group-column 'diagnose' is no column"),
        ((*CLASSIFIED[:4], "--patient", "MS", "--control", "HC"), "--patient 'MS': nobody has it"),
        ((*CLASSIFIED[:4], "--patient", "AD", "--control", "x"), "holds AD, HC"),
        ((*COMPARED, "--covariates", "iq"), "--covariates 'iq' is no column"),
        ((*COMPARED, "--covariates", "diagnosis"), "'diagnosis' is what is compared"),
        ((*COMPARED, "--site-column", "scanner"), "there are diagnosis, age, sex, site"),
        (
            ("--outcome-column", "mrs", "--good-outcome", "0"),
            "--outcome-column 'mrs' is no column of participants.tsv",
        ),
    ],
)
def test_what_cannot_be_answered_is_told_once_and_on_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], told: str
) -> None:
    layout = factory.study(tmp_path / "out", 3, 3)
    assert factory.group(layout.images, *options) == 64
    assert capsys.readouterr().err.count(told) == 1
    assert "Not done: " in page_of(layout).text
    assert told in page_of(layout).text
    assert (layout.qc / "group_T1w.tsv").is_file()


def test_an_unforeseen_error_of_one_part_leaves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = factory.study(tmp_path / "out", 4, 4)

    def broken(*_: object) -> None:
        raise ZeroDivisionError("nobody thought of it")

    monkeypatch.setitem(PARTS, "Repeats", broken)
    assert factory.group(layout.images, *COMPARED) == 1
    assert "Not done: unexpected ZeroDivisionError: nobody thought" in page_of(layout).text
    assert "voxelwise" in page_of(layout).values("id")
    (crash,) = layout.images.glob("logs/crash-*.json")
    assert "nobody thought of it" in json.loads(crash.read_text())["error"]


def test_only_the_participants_asked_for_count(tmp_path: Path) -> None:
    layout = factory.study(tmp_path / "out", 2, 2)
    assert factory.group(layout.images, "--participant-label", "01", "02") == 0
    assert len(factory.rows_at(layout.qc / "group_T1w.tsv")) == 2
    assert factory.group(layout.images, "--participant-label", "77") == 18


def test_the_input_knows_more_than_the_copy_in_the_output(tmp_path: Path) -> None:
    """A column that was added to ``participants.tsv`` after the images were made."""
    layout, bids = factory.study(tmp_path / "out", 2, 2), tmp_path / "bids"
    bids.mkdir()
    rows = [{"participant_id": "sub-01", "age": 33, "smoker": "no"}]
    factory.write_rows(bids / "participants.tsv", rows)
    assert factory.group(layout.images, bids=bids) == 0
    first, second, *_ = factory.rows_at(layout.qc / "group_T1w.tsv")
    assert (first["smoker"], first["age"], first["diagnosis"]) == ("no", "33", "AD")
    assert (second["smoker"], second["age"]) == ("n/a", "67")


def test_an_output_without_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").mkdir()
    assert factory.group(tmp_path / "out") == 18
    assert "run the participant level first" in capsys.readouterr().err
