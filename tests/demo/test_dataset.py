import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bids_denoise import imageio
from bids_denoise.anatomy.template import TISSUES
from bids_denoise.demo import cohort, scans
from bids_denoise.demo.dataset import write_demo
from bids_denoise.derivatives.store import read_table
from bids_denoise.errors import OutputError
from bids_denoise.simulate.anatomy import NUCLEI
from tests.demo.conftest import COARSE, SIZE, errors_of

SCANS = (
    "anat/sub-{}_run-1_T1w",
    "anat/sub-{}_run-2_T1w",
    "anat/sub-{}_T2w",
    "func/sub-{}_task-sensorimotor_bold",
    "dwi/sub-{}_dwi",
)


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


@pytest.mark.parametrize("kind", ["dataset", "truth"])
def test_bids_validator_finds_no_error(scanned: Path, kind: str) -> None:
    assert errors_of(scanned / kind) == []


@pytest.mark.parametrize("participant", ["01", "02"])
def test_every_scan_lies_on_the_grid_of_its_truth(scanned: Path, participant: str) -> None:
    for name in SCANS:
        stem = name.format(participant)
        scan = scanned / "dataset" / f"sub-{participant}" / f"{stem}.nii.gz"
        before, suffix = stem.rsplit("_", 1)
        truth = scanned / "truth" / f"sub-{participant}" / f"{before}_desc-truth_{suffix}.nii.gz"
        headers = imageio.describe(scan), imageio.describe(truth)
        assert headers[0].shape == headers[1].shape
        assert headers[0].voxel_size == headers[1].voxel_size
        assert headers[0].dtype == "int16"
        assert headers[0].remarks == ()
        sigma = Path(
            str(truth)
            .replace("desc-truth", "stat-std_desc-noise")
            .replace(f"{suffix}.nii.gz", f"{suffix}map.nii.gz")
        )
        assert imageio.read(sigma).min() > 0


def test_noise_is_of_the_strength_written_beside_it(scanned: Path) -> None:
    folder = scanned / "truth" / "sub-01" / "anat"
    for run in ("run-1", "run-2"):
        scan = imageio.read(scanned / f"dataset/sub-01/anat/sub-01_{run}_T1w.nii.gz")
        truth = imageio.read(folder / f"sub-01_{run}_desc-truth_T1w.nii.gz")
        sigma = imageio.read(folder / f"sub-01_{run}_stat-std_desc-noise_T1wmap.nii.gz")
        bright = truth > 10 * sigma
        assert np.std((scan - truth)[bright] / sigma[bright]) == pytest.approx(1, rel=0.03)
        air = scan[truth == 0] / sigma[truth == 0]
        assert air.mean() == pytest.approx(np.sqrt(np.pi / 2), rel=0.02)


def test_both_t1w_runs_show_the_same_head(scanned: Path) -> None:
    folder = scanned / "truth" / "sub-01" / "anat"
    first, second = (
        imageio.read(folder / f"sub-01_run-{run}_desc-truth_T1w.nii.gz") for run in (1, 2)
    )
    other = imageio.read(scanned / "truth/sub-02/anat/sub-02_run-1_desc-truth_T1w.nii.gz")
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_gradients_count_their_volumes_and_keep_two_shells(scanned: Path) -> None:
    folder = scanned / "dataset" / "sub-01" / "dwi"
    bvals = np.loadtxt(folder / "sub-01_dwi.bval")
    bvecs = np.loadtxt(folder / "sub-01_dwi.bvec")
    assert imageio.describe(folder / "sub-01_dwi.nii.gz").shape[3] == len(bvals) == 35
    assert set(bvals) == {0, 1000, 2000}
    assert np.allclose(np.linalg.norm(bvecs, axis=0), bvals > 0, atol=1e-5)


def test_series_header_holds_the_repetition_time(scanned: Path) -> None:
    folder = scanned / "dataset" / "sub-01" / "func"
    header = imageio.describe(folder / "sub-01_task-sensorimotor_bold.nii.gz")
    sidecar = json.loads((folder / "sub-01_task-sensorimotor_bold.json").read_text())
    assert header.repetition_time == sidecar["RepetitionTime"] == 2.0
    assert sidecar["TaskName"] == "sensorimotor"


def test_table_says_who_is_in_which_group(scanned: Path) -> None:
    rows = read_table(scanned / "dataset" / "participants.tsv")
    groups = [row["group"] for row in rows]
    assert groups == ["n/a"] * 2 + ["control"] * SIZE + ["patient"] * SIZE
    for row in rows[2:]:
        assert row["sex"] in {"F", "M"}
        assert 18 <= float(row["age"]) <= 90
        scans_of = (scanned / "dataset" / row["participant_id"] / "anat").glob("*_T1w.nii.gz")
        repeated = row["participant_id"] == cohort.REPEATED
        assert len(list(scans_of)) == (cohort.REPEATS if repeated else 1)


def test_the_nucleus_of_patients_is_smaller_by_the_effect(
    scanned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = tuple(replace(group, effect=0.0) for group in cohort.DESIGN.groups)
    monkeypatch.setattr(scans, "PARTICIPANTS", ())
    monkeypatch.setattr(cohort, "DESIGN", replace(cohort.DESIGN, groups=groups))
    write_demo(tmp_path, seed=3, coarseness=COARSE)
    name = "truth/sub-{0}002/anat/sub-{0}002_label-GM_desc-truth_probseg.nii.gz"
    grey = {
        (kind, root): imageio.read(root / name.format(kind)).astype(np.float64)
        for kind in ("control", "patient")
        for root in (scanned, tmp_path)
    }
    assert np.array_equal(grey["control", scanned], grey["control", tmp_path])
    lost = grey["patient", tmp_path] - grey["patient", scanned]
    volume = 4 / 3 * np.pi * np.prod(NUCLEI[0].axes) / cohort.voxel_of(COARSE) ** 3
    assert 0.5 < lost.sum() / (cohort.EFFECT * volume) < 1.1


def test_tissues_of_the_truth_are_those_of_its_segmentation(scanned: Path) -> None:
    for stem in ("sub-01/anat/sub-01_run-1", "sub-patient002/anat/sub-patient002"):
        read = (scanned / "truth" / f"{stem}_{{}}.nii.gz").as_posix().format
        labels = imageio.read(Path(read("desc-truth_dseg")))
        shares = [imageio.read(Path(read(f"label-{key}_desc-truth_probseg"))) for key in TISSUES]
        assert np.all(np.sum(shares, axis=0)[labels > 0] > 0.5)
        assert np.array_equal(1 + np.argmax(shares, axis=0)[labels > 0], labels[labels > 0])
        assert {1, 2, 3} == set(np.unique(labels[labels > 0]))
    nucleus = imageio.read(Path(read("desc-nucleus_mask"))) > 0
    assert nucleus.any()
    assert np.mean(labels[nucleus] == 1) > 0.9


def test_licence_of_the_anatomy_travels_with_it(scanned: Path) -> None:
    for kind in ("dataset", "truth"):
        notice = (scanned / kind / "LICENSE").read_text()
        assert "Copyright (C) 1993-2004 Louis Collins, McConnell Brain Imaging Centre" in notice


def test_same_seed_gives_the_same_bytes_whoever_else_is_scanned(
    scanned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scans, "PARTICIPANTS", ("02",))
    write_demo(tmp_path, seed=3, coarseness=COARSE)
    for kind in ("dataset", "truth"):
        assert digests(tmp_path / kind / "sub-02") == digests(scanned / kind / "sub-02")


def test_something_else_in_its_place_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "dataset" / "dataset_description.json"
    precious.parent.mkdir()
    precious.write_text('{"Name": "Mine"}')
    with pytest.raises(OutputError, match="not a demo"):
        write_demo(tmp_path)
    assert list(tmp_path.rglob("*")) == [precious.parent, precious]
