from pathlib import Path

from bids_denoise.dataset import find_brain_mask
from tests.bids_factory import add_skeleton, make_dataset, scan_at

SCAN = "sub-01/ses-a/func/sub-01_ses-a_task-rest_run-1_bold.nii.gz"
FOLDER = "sub-01/ses-a/func/sub-01_ses-a"


def test_the_closest_mask_of_the_first_dataset_is_taken(tmp_path: Path) -> None:
    scan = scan_at(make_dataset(tmp_path / "raw", SCAN), SCAN)
    first, second = tmp_path / "first", tmp_path / "second"
    assert find_brain_mask(scan, [first, second]) is None
    add_skeleton(second, f"{FOLDER}_desc-brain_mask.nii.gz")
    assert find_brain_mask(scan, [first, second]) == second / f"{FOLDER}_desc-brain_mask.nii.gz"
    add_skeleton(
        first,
        f"{FOLDER}_task-rest_desc-brain_mask.nii.gz",
        f"{FOLDER}_task-rest_run-1_desc-brain_mask.nii.gz",
        f"{FOLDER}_task-rest_run-2_desc-brain_mask.nii.gz",
        f"{FOLDER}_task-rest_run-1_space-T1w_desc-brain_mask.nii.gz",
        f"{FOLDER}_task-rest_run-1_desc-head_mask.nii.gz",
    )
    best = first / f"{FOLDER}_task-rest_run-1_desc-brain_mask.nii.gz"
    assert find_brain_mask(scan, [first, second]) == best
