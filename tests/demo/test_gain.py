import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from bids_denoise import imageio
from bids_denoise.demo import gain
from bids_denoise.derivatives.store import json_text
from bids_denoise.values import Record

SCANS = {
    "anat/sub-01_run-1": "T1w",
    "func/sub-01_task-sensorimotor": "bold",
    "dwi/sub-01": "dwi",
}


def pretend(scanned: Path, root: Path, perfect: bool) -> list[gain.Gain]:
    """Lay out a run whose result is the truth itself, or the scan itself."""
    for kind in ("dataset", "truth"):
        (root / kind).symlink_to(scanned / kind)
    for stem, suffix in SCANS.items():
        scan, truth = (
            scanned / f"dataset/sub-01/{stem}_{suffix}.nii.gz",
            scanned / f"truth/sub-01/{stem}_desc-truth_{suffix}.nii.gz",
        )
        noise = truth.with_name(
            truth.name.replace(f"desc-truth_{suffix}", f"stat-std_desc-noise_{suffix}map")
        )
        folder = root / "denoised" / "sub-01" / Path(stem).parent
        folder.mkdir(parents=True)
        shutil.copy(truth if perfect else scan, folder / f"out_{suffix}.nii.gz")
        shutil.copy(noise, folder / f"sigma_{suffix}.nii.gz")
        record = Record(
            source=scan.relative_to(scanned / "dataset").as_posix(),
            participant="01",
            session=None,
            datatype=folder.name,
            suffix=suffix,
            status="ok",
            method="nlm",
            output=f"sub-01/{folder.name}/out_{suffix}.nii.gz",
            maps={"sigma": f"sub-01/{folder.name}/sigma_{suffix}.nii.gz"},
            quality={"light": "green"},
        )
        (folder / f"{Path(stem).name}_desc-x_qc.json").write_text(json_text(asdict(record)))
    return gain.gains(root)


def test_the_truth_itself_gains_without_bound(scanned: Path, tmp_path: Path) -> None:
    found = {each.image.rsplit("_", 1)[1]: each for each in pretend(scanned, tmp_path, True)}
    assert set(found) == {"T1w", "bold", "dwi"}
    for each in found.values():
        assert 20 < each.psnr_before < 45
        assert each.psnr_after == np.inf
        assert each.sigma == each.sigma_true > 0
    fa = found["dwi"].more.split()
    assert float(fa[2]) > 0.02
    assert float(fa[4]) < 0.003
    numbers = found["bold"].more.replace("%", "").replace(")", "").replace(",", "").split()
    after, true = float(numbers[7]), float(numbers[9])
    assert after == true > 0.5


def test_the_scan_itself_gains_nothing(scanned: Path, tmp_path: Path) -> None:
    for each in pretend(scanned, tmp_path, False):
        assert each.psnr_after == each.psnr_before


def test_table_has_a_line_an_image_and_one_for_what_counts() -> None:
    rows = [
        gain.Gain("sub-01_T1w", "nlm", "green", 24.0, 23.8, 27.0, 34.0),
        gain.Gain("sub-01_task-x_bold", "mppca", "amber", 20.0, 20.4, 31.0, 36.5, "tSNR 30 -> 60"),
    ]
    lines = gain.table(rows).splitlines()
    assert len(lines) == 5
    assert "+7.0" in lines[2]
    assert lines[4].strip() == "tSNR 30 -> 60"


def test_the_cohort_is_one_line_of_medians() -> None:
    rows = [
        gain.Gain(f"sub-{person}_T1w", "nlm", light, 24.0, 23.8, 27.0, after)
        for person, light, after in (
            ("01", "green", 34.0),
            ("control001", "green", 33.0),
            ("control002", "amber", 29.0),
            ("patient001", "green", 31.0),
        )
    ]
    lines = gain.table(rows).splitlines()
    assert len(lines) == 4
    assert lines[3].startswith("cohort: median of 3 T1w")
    assert "+4.0" in lines[3]
    assert lines[3].endswith("1 amber, 2 green")


def test_psnr_by_hand() -> None:
    truth = np.full((4, 4, 4), 100, np.float32)
    region = np.ones((4, 4, 4), bool)
    assert gain.psnr(truth + 10, truth, region) == pytest.approx(20)
    region[:2] = False
    worse = truth.copy()
    worse[:2] = 0
    assert gain.psnr(worse, truth, region) == np.inf


def test_regions_hold_brain_or_head(scanned: Path) -> None:
    mask = imageio.read(scanned / "truth/sub-01/dwi/sub-01_desc-regiondwi_mask.nii.gz")
    head = imageio.read(scanned / "truth/sub-01/anat/sub-01_run-1_desc-regionT1w_mask.nii.gz")
    assert 0.1 < mask.mean() < 0.6
    assert 0.3 < head.mean() < 0.9
