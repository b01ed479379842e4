import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bids_denoise import imageio
from bids_denoise.anatomy.template import TISSUES
from bids_denoise.demo import evidence
from bids_denoise.derivatives.store import json_text, table_text
from bids_denoise.group.study import LABELS
from bids_denoise.simulate.anatomy import NUCLEI, centred_grid
from bids_denoise.values import Record
from tests.demo.conftest import SIZE

STEM = "sub-patient002/anat/sub-patient002"
GRID = centred_grid((31, 36, 31), (6.0, 6.0, 6.0))


@pytest.fixture
def root(scanned: Path, tmp_path: Path) -> Path:
    """A demo that has been run, in which nothing was found yet."""
    for kind in ("dataset", "truth"):
        (tmp_path / kind).symlink_to(scanned / kind)
    (tmp_path / "denoised").mkdir()
    return tmp_path


def write_record(root: Path, stem: str, anatomy: dict[str, Any]) -> None:
    record = Record(
        source=f"{stem}_T1w.nii.gz",
        participant=Path(stem).name.partition("_")[0].removeprefix("sub-"),
        session=None,
        datatype="anat",
        suffix="T1w",
        status="ok",
        anatomy=anatomy,
    )
    (root / "denoised" / f"{stem}_desc-x_qc.json").write_text(json_text(asdict(record)))


def by_name(root: Path) -> dict[str, tuple[str, str, str]]:
    return {
        each.what.strip(): (each.true, each.original, each.denoised)
        for each in evidence.findings(root)
    }


def test_nothing_is_said_of_what_is_not_there(root: Path) -> None:
    assert evidence.findings(root) == []


def test_the_true_tissues_overlap_with_the_truth(root: Path) -> None:
    folder = root / "denoised" / Path(STEM).parent
    folder.mkdir(parents=True)
    labels, affine = imageio.read_placed(root / "truth" / f"{STEM}_desc-truth_dseg.nii.gz")
    shutil.copy(root / "truth" / f"{STEM}_desc-truth_dseg.nii.gz", folder / "denoised.nii.gz")
    imageio.write_new(folder / "original.nii.gz", np.roll(labels, 1, axis=0), affine)
    voxel = abs(np.linalg.det(affine[:3, :3])) / 1000
    shares = {
        key: imageio.read(root / "truth" / f"{STEM}_label-{key}_desc-truth_probseg.nii.gz")
        for key in TISSUES
    }
    true = {key: voxel * float(part.sum(dtype=np.float64)) for key, part in shares.items()}
    below = Path(STEM).parent.as_posix()
    anatomy = {
        "files": {f"tissues_{key}": f"{below}/{key}.nii.gz" for key in ("original", "denoised")},
        "volumes": {"original": {key: 1.2 * true[key] for key in TISSUES}, "denoised": true},
    }
    write_record(root, STEM, anatomy)
    found = by_name(root)
    for tissue in TISSUES:
        zero, original, denoised = found[f"{tissue} volume, mean error in % (n = 1)"]
        assert (zero, original) == ("0", "20.0")
        assert float(denoised) == pytest.approx(0, abs=0.05)
        _, original, denoised = found[f"{tissue}, Dice with the truth"]
        assert float(original) < 0.95
        assert denoised == "1.000"


def test_the_nucleus_of_everybody_is_held_against_its_true_volume(root: Path) -> None:
    for path in sorted((root / "truth").glob("sub-*/anat/*_desc-nucleus_mask.nii.gz")):
        below = path.relative_to(root / "truth").parent
        stem = (below / path.name.removesuffix("_desc-nucleus_mask.nii.gz")).as_posix()
        folder = root / "denoised" / below
        folder.mkdir(parents=True)
        true = imageio.read(path).sum()
        volumes = dict.fromkeys(TISSUES, 1.0)
        files = {}
        for label, value in (("original", 900 - true), ("denoised", true)):
            labels = root / "truth" / f"{stem}_desc-truth_dseg.nii.gz"
            files[f"tissues_{label}"] = Path("..", labels.relative_to(root)).as_posix()
            files[f"grey_{label}"] = (below / f"{label}.nii.gz").as_posix()
            grey = np.full(GRID.shape, value, np.float32)
            imageio.write_new(folder / f"{label}.nii.gz", grey, GRID.affine)
        write_record(root, stem, {"files": files, "volumes": dict.fromkeys(LABELS, volumes)})
    found = by_name(root)
    agree = found[f"Left caudate: correlation with its true volume (n = {2 * SIZE})"]
    assert agree == ("1", "-1.00", "1.00")
    true_d, original, denoised = found["difference of patients from controls, Cohen's d"]
    assert float(true_d) < -1
    assert denoised == true_d
    assert float(original) == -float(true_d)


@pytest.mark.parametrize("place", ["nucleus", "elsewhere"])
def test_maps_tell_the_nucleus_from_elsewhere(root: Path, place: str) -> None:
    centre = NUCLEI[0].centre if place == "nucleus" else (40.0, -60.0, 10.0)
    voxel = np.rint(np.linalg.inv(GRID.affine) @ [*centre, 1])[:3].astype(int)
    folder = root / "denoised" / "group" / "voxelwise"
    folder.mkdir(parents=True)
    quiet = np.full(GRID.shape, -0.5, np.float32)
    strong = quiet.copy()
    strong[tuple(voxel)] = -9
    p = np.where(strong < -8, 0.01, 0.9).astype(np.float32)
    for label, t, corrected in (("original", quiet, p * 0 + 0.9), ("denoised", strong, p)):
        maps = {"t": t, "pMaxT": corrected / 2, "pTfceCorrected": corrected}
        for name, data in maps.items():
            path = folder / f"space-X_desc-{label}_stat-{name}_statmap.nii.gz"
            imageio.write_new(path, np.asarray(data, np.float32), GRID.affine)
    found = by_name(root)
    assert found["Less grey matter in patients: strongest t"][1:] == ("-0.50", "-9.00")
    away = found["mm from there to the left caudate"][2]
    assert place == "nucleus" or float(away) > 50
    for words, part in (("largest t", 0.5), ("TFCE", 1.0)):
        voxels = found[f"voxels of p <= 0.05 ({words}); of these within 4.5 mm"]
        least = found[f"least p there, corrected ({words})"]
        there = place == "nucleus"
        assert voxels[1:] == ("0; 0", "1; 1" if there else "1; 0")
        assert least[1:] == (f"{0.9 * part:.3f}", f"{(0.01 if there else 0.9) * part:.3f}")


def test_numbers_of_classifiers_and_repeats_are_those_of_their_tables(root: Path) -> None:
    classified = root / "denoised" / "group" / "classification"
    repeats = root / "denoised" / "group" / "repeats"
    classified.mkdir(parents=True)
    repeats.mkdir(parents=True)
    rows = [
        {"image": image, "model": model, "auc": auc, "auc_low": auc - 0.1, "auc_high": auc + 0.1}
        for image, auc in (("original", 0.7), ("denoised", 0.8))
        for model in ("linear SVM", "RBF SVM")
    ]
    (classified / "vbm.tsv").write_text(table_text(rows))
    row = {"image": "sub-x_T1w", "repeats": 4, "averages": 3, "averages_low": 2, "averages_high": 4}
    lost = {"image": "sub-y_T1w", "repeats": 2, "reason": "no noise map"}
    (repeats / "images.tsv").write_text(table_text([row, lost]))
    found = by_name(root)
    assert found["AUC of patients, by grey matter maps"] == (
        "1",
        "0.70 [0.60, 0.80]",
        "0.80 [0.70, 0.90]",
    )
    assert found["sub-x_T1w: worth so many originals (4 repeats)"][2] == "3.0 [2.0, 4.0]"
    assert not any("sub-y" in name for name in found)
    lines = evidence.table(evidence.findings(root)).splitlines()
    assert len(lines) == 2 + len(found)
    assert all(len(line) == len(lines[0]) for line in lines)
