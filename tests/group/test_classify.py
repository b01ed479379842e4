"""Patients against controls: every kind of features, on the same folds before and after."""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from bids_denoise.derivatives.description import write_dataset_files
from bids_denoise.derivatives.store import Store
from bids_denoise.group.classify import _sure
from bids_denoise.group.estimates import interval
from bids_denoise.stats.bootstrap import Estimate
from tests.bids_factory import make_dataset
from tests.group import factory
from tests.group.conftest import few
from tests.participant.test_connectivity import errors_in
from tests.report.html import Page

if TYPE_CHECKING:
    from pathlib import Path

    from bids_denoise.derivatives.names import Layout
    from bids_denoise.stats.classify.run import Classified

ASKED = ("--group-column", "diagnosis", "--patient", "AD", "--control", "HC")
FAST = (*ASKED, "--permutations", "20")
KINDS = ("vbm", "volumes", "connectome", "qc")
LINEAR = "linear SVM"


def text_of(layout: Layout) -> str:
    return Page((layout.qc / "group.html").read_text()).text


def numbers(layout: Layout, kind: str) -> dict[str, dict[str, str]]:
    """Return the rows of the linear model by image."""
    rows = factory.rows_at(layout.qc / "group" / "classification" / f"{kind}.tsv")
    return {row["image"]: row for row in rows if row["model"] == LINEAR}


def add_runs(layout: Layout, count: int, **changes: str) -> None:
    for number in range(1, count + 1):
        source = f"sub-{number:02d}/func/sub-{number:02d}_task-rest_bold.nii.gz"
        factory.add_run(layout, source, number, person=number % 2, **changes)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    layout = factory.study(tmp_path_factory.mktemp("found") / "out")
    add_runs(layout, 14)
    with pytest.MonkeyPatch.context() as patch:
        few(patch)
        assert factory.group(layout.images, *FAST, "--site-column", "site") == 0
    return layout


def test_every_file_that_the_page_names_is_there(found: Layout) -> None:
    assert len(factory.named_on_the_page(found)) > 16


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_its_numbers_on_the_page(found: Layout, kind: str) -> None:
    rows = numbers(found, kind)
    assert {"original", "denoised", "confounds only", "denoised minus original"} <= set(rows)
    text = text_of(found)
    for label in ("original", "denoised"):
        row = rows[label]
        ends = (float(row[name]) for name in ("auc", "auc_low", "auc_high"))
        assert interval(Estimate(*ends)) in text
        assert 0 < float(row["p_permutation"]) <= 1
    difference = float(rows["denoised"]["auc"]) - float(rows["original"]["auc"])
    assert float(rows["denoised minus original"]["auc"]) == pytest.approx(difference, abs=1e-5)


def test_what_differs_is_told_apart_and_what_does_not_is_not(found: Layout) -> None:
    for kind in ("vbm", "volumes", "connectome"):
        assert float(numbers(found, kind)["denoised"]["auc"]) > 0.9
    assert float(numbers(found, "vbm")["confounds only"]["auc"]) < 0.9


def test_predictions_are_a_valid_phenotype_of_the_same_people_and_folds(found: Layout) -> None:
    tables = [
        factory.rows_at(found.qc / "phenotype" / f"predicted_diagnosis_{kind}.tsv")
        for kind in KINDS
    ]
    for rows in tables:
        assert next(iter(rows[0])) == "participant_id"
        assert [row["participant_id"] for row in rows] == [f"sub-{n:02d}" for n in range(1, 15)]
        assert [row["patient"] for row in rows] == ["1", "0"] * 7
        assert [row["fold"] for row in rows] == [row["fold"] for row in tables[0]]
        for row in rows:
            assert 0 <= float(row["p_denoised_linear_svm"]) <= 1
    about = json.loads((found.qc / "phenotype/predicted_diagnosis_vbm.json").read_text())
    assert "diagnosis is AD (1) or HC (0)" in about["MeasurementToolMetadata"]["Description"]


def test_the_validator_has_nothing_to_say_of_them(found: Layout, tmp_path: Path) -> None:
    raw = make_dataset(tmp_path / "raw")
    with Store(found.images) as store:
        write_dataset_files(store, found, raw)
    errors = errors_in(found.images)
    assert not [each for each in errors if "predicted" in json.dumps(each)]


def test_predictions_are_never_learnt_from(found: Layout) -> None:
    """Neither as covariates nor in the tables: the next run does not know them."""
    assert factory.group(found.images) == 0
    assert not [name for name in factory.rows_at(found.qc / "group_T1w.tsv")[0] if "svm" in name]
    assert factory.group(found.images, *FAST, "--covariates", "p_denoised_linear_svm") == 64


def test_few_connectomes_and_no_template_leave_the_rest(tmp_path: Path) -> None:
    layout = factory.study(tmp_path / "out", template="none")
    add_runs(layout, 3)
    kinds = ("--features", "vbm", "volumes", "connectome")
    assert factory.group(layout.images, *FAST, *kinds) == 64  # grey matter is not compared
    text = text_of(layout)
    assert "By volumes: AUC" in text
    assert "Not by connectomes: too few for the folds" in text
    assert "Without a template: no participant has grey matter in a template" in text
    assert "No grey matter maps are in the output" in text


@pytest.mark.parametrize("own", [True, False])
def test_connectomes_need_common_parcels(tmp_path: Path, own: bool) -> None:
    """Those of each brain have the same names and are the same in no two."""
    layout = factory.study(tmp_path / "out", template="none")
    if own:
        add_runs(layout, 14, parcels="100 geometric parcels of the brain")
    else:
        add_runs(layout, 14)
        factory.add_run(
            layout, "sub-01/func/sub-01_task-rest_bold.nii.gz", 1, parcels="the atlas other.nii"
        )
    code = factory.group(layout.images, *FAST, "--features", "connectome")
    text = text_of(layout)
    if own:
        assert code == 64
        assert "No connectomes are in the output for all to be compared by" in text
    else:
        rows = factory.rows_at(layout.qc / "phenotype" / "predicted_diagnosis_connectome.tsv")
        assert len(rows) == 13
        assert "sub-01 is left out: other parcels" in text


def test_a_leak_is_refused_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layout = factory.study(tmp_path / "out")
    table = layout.qc / "participants.tsv"
    rows = [{**row, "drug": row["diagnosis"] == "AD"} for row in factory.rows_at(table)]
    factory.write_rows(table, rows)
    assert factory.group(layout.images, *FAST, "--covariates", "drug", "--features", "qc") == 64
    told = capsys.readouterr().err
    assert "label in the confounds" in told
    assert "'drug True' of 'confounds' is the label" in told
    assert "Not done: " in text_of(layout)


def test_too_few_people_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layout = factory.study(tmp_path / "out", 2, 2)
    assert factory.group(layout.images, *FAST, "--features", "qc") == 64
    assert "the smaller group has 2 participants" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("ps", "told"),
    [
        ({"vbm": (0.03, 0.04), "qc": (0.6, 0.5)}, "No confident separation, neither before nor"),
        ({"vbm": (0.03, 0.01), "qc": (0.6, 0.5)}, "by nothing before, and by grey matter maps"),
        ({"vbm": (0.03, 0.2)}, "by grey matter maps before, and by nothing after"),
    ],
)
def test_confidence_is_shared_by_the_kinds_that_were_tried(
    ps: dict[str, tuple[float, float]], told: str
) -> None:
    assert told in _sure({name: cast("Classified", Judged(pair)) for name, pair in ps.items()})


@dataclass(frozen=True)
class Judged:
    """Answers of which only p is known, before and after."""

    ps: tuple[float, float]

    def answer(self, label: str, model: str) -> SimpleNamespace:
        assert model == LINEAR
        p = Estimate(self.ps[("original", "denoised").index(label)], 0, 1)
        return SimpleNamespace(permutation=SimpleNamespace(p=p))
