"""What becomes of patients, from tables alone."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bids_denoise.group.estimates import interval
from bids_denoise.simulate.clinical import OTHERS, Hospitals, draw_patients
from bids_denoise.stats.bootstrap import Estimate
from bids_denoise.stats.classify.learners import LOGISTIC
from bids_denoise.stats.classify.prediction import OutcomePlan
from tests.group import factory
from tests.report.html import Page

if TYPE_CHECKING:
    from pathlib import Path

ASKED = ("--outcome-column", "mrs_90", "--good-outcome", "0", "1", "2")
SCORED = (*ASKED, "--score-column", "thrive")
PREDICTED = (*SCORED, "--predictors", "age", "nihss", "sex")


@pytest.fixture(autouse=True)
def small_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = partial(OutcomePlan, repeats=1, shuffles=1, models=(LOGISTIC,), folds=3, inner_folds=2)
    monkeypatch.setattr("bids_denoise.group.outcome.OutcomePlan", plan)


def patients(count: int, first: int, hospitals: Hospitals, **more: Any) -> list[dict[str, Any]]:
    """Return rows with the outcome, a simple score, and what was known at the door."""
    rng = np.random.default_rng(first)
    drawn = draw_patients(count, hospitals, rng)
    return [
        {
            "participant_id": f"sub-{first + number:03d}",
            **{name: column[number] for name, column in drawn.table.items()},
            "thrive": drawn.thrive[number],
            "mrs_90": int(rng.integers(3)) if drawn.good[number] else int(rng.integers(3, 7)),
            **more,
        }
        for number in range(count)
    ]


def dataset(folder: Path, rows: list[dict[str, Any]]) -> Path:
    """Write a dataset without images, with the clinical columns in ``phenotype/``."""
    people = [{"participant_id": row["participant_id"], "age": row["age"]} for row in rows]
    rest = [{name: value for name, value in row.items() if name != "age"} for row in rows]
    (folder / "phenotype").mkdir(parents=True)
    factory.write_rows(folder / "participants.tsv", people)
    factory.write_rows(folder / "phenotype" / "stroke.tsv", rest)
    return folder


def models(out: Path, participants: str) -> dict[str, dict[str, str]]:
    rows = factory.rows_at(out / "group" / "outcome" / "models.tsv")
    return {row["model"]: row for row in rows if row["participants"] == participants}


def test_tables_without_images(tmp_path: Path) -> None:
    """Predictions are a phenotype of those in the dataset, and are not learnt from."""
    rows = patients(60, 1, Hospitals())
    rows[3]["mrs_90"] = None
    bids, out = dataset(tmp_path / "bids", rows), tmp_path / "out"
    for row in rows:
        (out / row["participant_id"]).mkdir(parents=True)
    assert factory.group(out, *SCORED, bids=bids) == 0
    held_out = models(out, "held-out participants")
    assert set(held_out) == {LOGISTIC, "score"}
    assert held_out[LOGISTIC]["n"] == "59"
    page = Page((out / "group.html").read_text())
    assert not page.faults
    for row in held_out.values():
        ends = (float(row[name]) for name in ("auc", "auc_low", "auc_high"))
        assert interval(Estimate(*ends)) in page.text
    assert "1 of 60 participants have no mrs_90 and are left out" in page.text
    assert "A good outcome is mrs_90 0, 1, 2" in page.text
    important = factory.rows_at(out / "group" / "outcome" / "importance.tsv")
    assert not {row["column"] for row in important} & {"mrs_90", "thrive", "participant_id"}
    path = out / "phenotype" / "predicted_outcome_derivation.tsv"
    predicted = factory.rows_at(path)
    assert len(predicted) == 59
    assert next(iter(predicted[0])) == "participant_id"
    truth = {row["participant_id"]: row["mrs_90"] for row in rows}
    for row in predicted:
        assert row["good_outcome"] == str(int(truth[row["participant_id"]] < 3))
        assert 0 <= float(row[f"p_{LOGISTIC.replace(' ', '_')}"]) <= 1
    about = json.loads(path.with_suffix(".json").read_text())
    assert "mrs_90 is one of 0, 1, 2" in about["MeasurementToolMetadata"]["Description"]
    assert factory.group(out, *ASKED, "--predictors", "p_score", bids=bids) == 64


@pytest.mark.parametrize("kind", ["column", "table"])
def test_external_participants_are_never_trained_on(tmp_path: Path, kind: str) -> None:
    """A hospital is called by a number, as often in tables."""
    here, there = patients(50, 1, Hospitals(), hospital=1), patients(30, 200, OTHERS, hospital=2)
    bids = dataset(tmp_path / "bids", here + (there if kind == "column" else []))
    second = dataset(tmp_path / "second", there)
    if kind == "table":
        factory.write_rows(second / "all.tsv", there)
    named = {"column": "hospital=2", "table": str(second / "all.tsv")}
    out = tmp_path / "out"
    assert factory.group(out, *PREDICTED, "--external", named[kind], bids=bids) == 0
    assert models(out, "held-out participants")[LOGISTIC]["n"] == "50"
    assert models(out, "external validation")[LOGISTIC]["n"] == "30"
    rows = factory.rows_at(out / "group" / "predicted_outcome_external.tsv")
    assert rows[0]["participant_id"] == "sub-200"
    assert "External validation: best is" in Page((out / "group.html").read_text()).text


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--predictors", "iq"), "--predictors 'iq' is no column"),
        (("--predictors", "mrs_90"), "'mrs_90' is the outcome itself"),
        (("--score-column", "span"), "--score-column 'span' is no column"),
        (("--external", "centre=2"), "--external 'centre' is no column"),
        (("--predictors", "age", "died"), "'died' of 'table' is the label or a code for it"),
    ],
)
def test_what_cannot_be_is_told_by_column(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], told: str
) -> None:
    rows = patients(40, 1, Hospitals())
    rows = [{**row, "died": "yes" if row["mrs_90"] > 2 else "no"} for row in rows]
    bids = dataset(tmp_path / "bids", rows)
    assert factory.group(tmp_path / "out", *ASKED, *options, bids=bids) == 64
    assert told in capsys.readouterr().err


def test_a_second_dataset_without_the_outcome_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bids = dataset(tmp_path / "bids", patients(40, 1, Hospitals()))
    other = [{"participant_id": "sub-900", "age": 70}]
    second = dataset(tmp_path / "second", other)
    asked = (*ASKED, "--predictors", "age", "--external", str(second))
    assert factory.group(tmp_path / "out", *asked, bids=bids) == 64
    told = capsys.readouterr().err
    assert f"--outcome-column of {second} 'mrs_90' is no column" in told
