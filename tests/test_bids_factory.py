import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bids_factory import make_dataset

IMAGES = (
    "sub-01/ses-a/anat/sub-01_ses-a_run-1_T1w.nii.gz",
    "sub-01/ses-a/anat/sub-01_ses-a_T2w.nii.gz",
    "sub-01/ses-a/func/sub-01_ses-a_task-rest_bold.nii.gz",
    "sub-01/ses-a/func/sub-01_ses-a_task-me_echo-1_part-mag_bold.nii.gz",
    "sub-01/ses-a/func/sub-01_ses-a_task-rest_sbref.nii.gz",
    "sub-01/ses-a/dwi/sub-01_ses-a_dwi.nii.gz",
)


def errors_of(root: Path) -> list[str]:
    validator = Path(sys.executable).with_name("bids-validator-deno")
    run = subprocess.run(
        [validator, root, "--format", "json"], capture_output=True, text=True, check=False
    )
    issues = json.loads(run.stdout)["issues"]["issues"]
    return [f"{each['code']} {each['location']}" for each in issues if each["severity"] == "error"]


@pytest.mark.parametrize("derivative", [False, True])
def test_tiny_datasets_are_valid(tmp_path: Path, derivative: bool) -> None:
    images = (
        [name.replace("_T1w", "_desc-preproc_T1w") for name in IMAGES] if derivative else IMAGES
    )
    make_dataset(tmp_path, *(images[:1] if derivative else images), derivative=derivative)
    assert errors_of(tmp_path) == []
