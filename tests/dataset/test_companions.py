from pathlib import Path

from bids_denoise.dataset import find_brain_mask, find_noise_map, find_noise_scan
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


def test_the_map_of_an_earlier_run_is_found(tmp_path: Path) -> None:
    scan = scan_at(make_dataset(tmp_path / "raw", SCAN), SCAN)
    other = tmp_path / "denoised"
    add_skeleton(
        other,
        f"{FOLDER}_task-rest_run-1_stat-tsnr_desc-denoised_boldmap.nii.gz",
        f"{FOLDER}_task-rest_run-2_stat-std_desc-noise_boldmap.nii.gz",
        f"{FOLDER}_task-rest_run-1_stat-std_desc-noise_T1wmap.nii.gz",
    )
    assert find_noise_map(scan, [other]) is None
    name = f"{FOLDER}_task-rest_run-1_stat-std_desc-noise_boldmap.nii.gz"
    add_skeleton(other, name)
    assert find_noise_map(scan, [tmp_path / "none", other]) == other / name


def test_a_scan_without_excitation_is_found_beside_its_scan(tmp_path: Path) -> None:
    raw = make_dataset(tmp_path / "raw", SCAN)
    scan = scan_at(raw, SCAN)
    assert find_noise_scan(scan) is None
    add_skeleton(raw, f"{FOLDER}_task-rest_run-2_noRF.nii.gz", f"{FOLDER}_task-rest_noRF.nii.gz")
    assert find_noise_scan(scan) == raw / f"{FOLDER}_task-rest_noRF.nii.gz"
