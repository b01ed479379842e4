"""The connectome of a run, from the command line to the files."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bids_denoise import imageio
from bids_denoise.cli import main
from bids_denoise.simulate.noise import add_rician
from bids_denoise.simulate.phantom import head_phantom
from tests.bids_factory import AFFINE, add_image, make_dataset, sidecar_of, write_json

SHAPE, VOLUMES = (20, 22, 12), 60
NAME = "sub-01/func/sub-01_task-rest_bold.nii.gz"
STEM = "sub-01/func/sub-01_task-rest_seg-"
MEASURES = ("meas-pearsoncorrelation", "meas-partialcorrelation")


def run_of(volumes: int) -> Any:
    rng = np.random.default_rng(0)
    head = head_phantom(SHAPE)[..., np.newaxis]
    swing = 1 + 0.02 * rng.standard_normal((4, 1, 1, volumes)).repeat(5, axis=0)
    return add_rician(np.asarray(head * swing, dtype=np.float32), 10.0, rng)


def bold(root: Path, volumes: int = VOLUMES) -> Path:
    data = make_dataset(root)
    add_image(data, NAME, run_of(volumes))
    return data


def denoised(data: Path, out: Path, *options: str) -> dict[str, Any]:
    """Denoise, see that the image is there, and return the record."""
    assert main([str(data), str(out), "participant", "--method", "pca", *options]) == 0
    (path,) = out.glob("sub-01/func/*_qc.json")
    record: dict[str, Any] = json.loads(path.read_text())
    assert record["status"] == "ok"
    assert (out / record["output"]).is_file()
    return record


def table(path: Path) -> list[list[str]]:
    with path.open() as file:
        return list(csv.reader(file, delimiter="\t"))


def errors_in(dataset: Path) -> list[Any]:
    validator = Path(sys.executable).with_name("bids-validator-deno")
    command = [str(validator), str(dataset), "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    issues = json.loads(done.stdout)["issues"]["issues"]
    return [each for each in issues if each["severity"] == "error"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, Any]]:
    root = tmp_path_factory.mktemp("connectome")
    data = bold(root / "raw")
    return data, root / "out", denoised(data, root / "out")


def test_before_and_after_have_the_same_parcels(made: tuple[Path, Path, dict[str, Any]]) -> None:
    _, out, record = made
    told = record["connectome"]
    stem = f"{STEM}geometric{told['parcels']}_"
    assert 10 <= told["parcels"] < 100  # a mask as small as a mouse's
    (header, *rows), (other, *_) = (
        table(out / f"{stem}desc-{label}_timeseries.tsv") for label in ("original", "denoised")
    )
    assert header == other
    assert (len(header), len(rows)) == (told["parcels"], VOLUMES)
    labels = imageio.read(out / f"{stem}dseg.nii.gz")
    assert [row[1] for row in table(out / f"{stem}dseg.tsv")[1:]] == header
    assert np.unique(labels).tolist() == list(range(told["parcels"] + 1))
    assert imageio.describe(out / f"{stem}dseg.nii.gz").dtype == "int16"
    for measure in MEASURES:
        before, after = (
            table(out / f"{stem}{measure}_desc-{label}_relmat.tsv")
            for label in ("original", "denoised")
        )
        assert before[0] == after[0] == ["Node", *header]
        assert [row[0] for row in before[1:]] == header
        matrix = np.array([row[1:] for row in before[1:]], dtype=float)
        np.testing.assert_allclose(matrix, matrix.T)
        np.testing.assert_allclose(np.diag(matrix), 1)
        assert before[1:] != after[1:]
    assert all((out / path).is_file() for path in told["files"].values())


def test_the_matrix_is_that_of_the_time_series(made: tuple[Path, Path, dict[str, Any]]) -> None:
    _, out, record = made
    files = record["connectome"]["files"]
    courses = np.array(table(out / files["timeseries_denoised"])[1:], dtype=float)
    matrix = [row[1:] for row in table(out / files["pearsoncorrelation_denoised"])[1:]]
    expected = np.corrcoef(courses, rowvar=False)
    np.testing.assert_allclose(np.array(matrix, dtype=float), expected, atol=1e-4)


def test_what_was_done_is_told(made: tuple[Path, Path, dict[str, Any]]) -> None:
    data, out, record = made
    told = record["connectome"]
    sidecar = json.loads((out / told["files"]["pearsoncorrelation_denoised"]).with_suffix(
        ".json").read_text())  # fmt: skip
    assert sidecar["Cleaning"] == told["cleaning"] == "without linear trend; no confounds"
    assert sidecar["Sources"] == [f"bids:input:{NAME}"]
    numbers = ("edge_strength", "edge_reliability", "parcel_identifiability", "partial_reliability")
    for part in ("before", "after"):
        assert all(np.isfinite(record["quality"][part][name]) for name in numbers)
    page = (out / "sub-01.html").read_text()
    assert "connectome-before.png" in page
    assert "connectome-edges.svg" in page
    assert "Ledoit" in (out / "logs" / "CITATION.bib").read_text()
    again = main([str(data), str(out), "participant", "--method", "pca"])
    status = table(out / "logs" / "status.tsv")
    assert (again, status[1][status[0].index("status")]) == (0, "skipped")


def test_the_output_validates(made: tuple[Path, Path, dict[str, Any]]) -> None:
    assert errors_in(made[1]) == []


def test_it_is_the_same_each_time(made: tuple[Path, Path, dict[str, Any]], tmp_path: Path) -> None:
    data, out, record = made
    denoised(data, tmp_path, "--nprocs", "1")
    for path in (*record["connectome"]["files"].values(), *record["figures"].values()):
        assert (tmp_path / path).read_bytes() == (out / path).read_bytes(), path


def test_a_label_image_is_taken_on_its_own_grid(tmp_path: Path) -> None:
    data = bold(tmp_path / "raw")
    finer = AFFINE @ np.diag([0.5, 0.5, 0.5, 1])
    labels = np.kron(np.arange(1, 65).reshape(4, 4, 4), np.ones((10, 11, 6)))
    atlas = tmp_path / "atlas-mine_dseg.nii.gz"
    imageio.write_new(atlas, labels.astype(np.int16), finer)
    (tmp_path / "atlas-mine_dseg.tsv").write_text("index\tname\n22\tmiddle\n")
    told = denoised(data, tmp_path / "out", "--atlas", str(atlas))["connectome"]
    (header, *_) = table(tmp_path / "out" / told["files"]["timeseries_original"])
    assert "seg-mine_desc-original" in told["files"]["timeseries_original"]
    assert "middle" in header
    assert "parcel-001" in told["dropped"]  # in the air
    assert errors_in(tmp_path / "out") == []


def test_an_atlas_of_another_place_is_told_and_the_image_is_denoised(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, atlas = bold(tmp_path / "raw"), tmp_path / "far.nii.gz"
    away = np.eye(4)
    away[:3, 3] = 900
    imageio.write_new(atlas, np.ones((5, 5, 5), np.int16), away)
    record = denoised(data, tmp_path / "out", "--atlas", str(atlas))
    reason = record["connectome"]["reason"]
    assert str(atlas) in reason
    assert str(data / NAME) in reason
    assert f"no connectome: {reason}" in capsys.readouterr().out
    assert "Not made" in (tmp_path / "out" / "sub-01.html").read_text()
    assert not list((tmp_path / "out").rglob("*seg-*"))


def test_an_atlas_that_is_not_there_stops_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPLATEFLOW_HOME", str(tmp_path))
    for atlas, said in (("./no.nii.gz", "no.nii.gz"), ("Schaefer2018", "nothing is downloaded")):
        data = make_dataset(tmp_path / "raw")
        assert main([str(data), str(tmp_path / "out"), "participant", "--atlas", atlas]) == 66
        assert said in capsys.readouterr().err


def test_few_volumes_have_no_connectome_and_say_so(tmp_path: Path) -> None:
    data = bold(tmp_path / "raw", volumes=20)
    told = denoised(data, tmp_path / "out")["connectome"]
    reason = "a connectome needs 40 volumes; the run has 20"
    assert told == {"atlas": "auto", "reason": reason}
    other = denoised(data, tmp_path / "none", "--atlas", "none")
    assert other["connectome"] == {}
    assert not list((tmp_path / "out").rglob("*seg-*"))


def test_a_run_in_mni_space_gets_the_parcels_of_its_brain(tmp_path: Path) -> None:
    data = make_dataset(tmp_path / "raw", derivative=True)
    name = "sub-01/func/sub-01_task-rest_space-MNI152NLin6Asym_res-6_desc-preproc_bold.nii.gz"
    affine = np.diag([6.0, 6, 6, 1])
    affine[:3, 3] = -84, -120, -72
    rng = np.random.default_rng(0)
    head = head_phantom((28, 32, 26))[..., np.newaxis]
    swing = 1 + 0.02 * rng.standard_normal((1, 1, 1, 50))
    path = data / name
    path.parent.mkdir(parents=True)
    imageio.write_new(path, add_rician((head * swing).astype(np.float32), 10.0, rng), affine, 2.0)
    fields = {"SkullStripped": False, "Resolution": "6 mm", "SpatialReference": "orig"}
    write_json(path.with_name(path.name.replace(".nii.gz", ".json")), sidecar_of(path) | fields)
    told = denoised(data, tmp_path / "out")["connectome"]
    seg = "seg-MNI152geometric100_meas-pearsoncorrelation_res-6_desc-preprocDenoised_relmat.tsv"
    assert told["files"]["pearsoncorrelation_denoised"].endswith(seg)
    assert told["source"] == "100 geometric parcels of the MNI152 brain"
    assert errors_in(tmp_path / "out") == []
