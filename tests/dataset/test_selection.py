from pathlib import Path
from typing import Any

import pytest

from bids_denoise.dataset import find_scans
from bids_denoise.errors import SelectionError, UsageError
from bids_denoise.values import Filters
from tests.bids_factory import add_skeleton, make_dataset

IMAGES = (
    "sub-01/ses-1/anat/sub-01_ses-1_acq-mprage_T1w.nii.gz",
    "sub-01/ses-1/anat/sub-01_ses-1_T2w.nii.gz",
    "sub-01/ses-1/func/sub-01_ses-1_task-rest_run-01_bold.nii.gz",
    "sub-01/ses-1/func/sub-01_ses-1_task-rest_run-02_bold.nii.gz",
    "sub-01/ses-2/func/sub-01_ses-2_task-nback_bold.nii.gz",
    "sub-01/ses-2/dwi/sub-01_ses-2_dwi.nii.gz",
    "sub-01/ses-2/dwi/sub-01_ses-2_sbref.nii.gz",
)
T1W, T2W, REST1, REST2, NBACK, DWI, SBREF = range(7)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_dataset(tmp_path_factory.mktemp("selection"))
    add_skeleton(root, *IMAGES)
    return root


@pytest.mark.parametrize(
    ("wish", "kept"),
    [
        ({}, {T1W, T2W, REST1, REST2, NBACK, DWI, SBREF}),
        ({"sessions": ("1",)}, {T1W, T2W, REST1, REST2}),
        ({"sessions": ("ses-2", "9")}, {NBACK, DWI, SBREF}),
        ({"tasks": ("rest",)}, {REST1, REST2}),
        ({"tasks": ("task-nback", "rest")}, {REST1, REST2, NBACK}),
        ({"runs": ("1",)}, {REST1}),
        ({"runs": ("run-002",)}, {REST2}),
        ({"modalities": ("T1w", "t2w")}, {T1W, T2W}),
        ({"modalities": ("dwi",)}, {DWI}),
        ({"modalities": ("anat", "sbref")}, {T1W, T2W, SBREF}),
        ({"modalities": ("bold",), "sessions": ("1",), "runs": ("2",)}, {REST2}),
        ({"by_suffix": {"t1w": {"acquisition": "other"}}}, {T2W, REST1, REST2, NBACK, DWI, SBREF}),
        ({"by_suffix": {"t1w": {"acq": "mprage"}, "bold": {"run": 1}}}, {T1W, T2W, REST1, 5, 6}),
        ({"by_suffix": {"anat": {"acquisition": None}}}, {T2W, REST1, REST2, NBACK, DWI, SBREF}),
        ({"by_suffix": {"anat": {"acquisition": "*"}}}, {T1W, REST1, REST2, NBACK, DWI, SBREF}),
        ({"by_suffix": {"anat": {"acquisition": "Query.NONE"}}}, {T2W, REST1, REST2, NBACK, 5, 6}),
        ({"by_suffix": {"func": {"task": ["rest", "x"]}}}, {T1W, T2W, REST1, REST2, DWI, SBREF}),
        ({"by_suffix": {"bold": {"run": [None, "02"]}}}, {T1W, T2W, REST2, NBACK, DWI, SBREF}),
        ({"by_suffix": {"dwi": {"session": "1"}}}, {T1W, T2W, REST1, REST2, NBACK, SBREF}),
        ({"by_suffix": {"bold": {"datatype": "func", "suffix": "bold"}}}, set(range(7))),
        ({"by_suffix": {"fmap": {"session": "7"}}}, set(range(7))),
    ],
)
def test_filters_choose(dataset: Path, wish: dict[str, Any], kept: set[int]) -> None:
    found = find_scans(dataset, Filters(**wish))
    assert {scan.path for scan in found.scans} == {dataset / IMAGES[index] for index in kept}
    assert len(found.scans) + len(found.dropped) == len(IMAGES)


@pytest.mark.parametrize(
    ("wish", "image", "reason"),
    [
        ({"modalities": ("T1w",)}, T2W, "modality T2w is not among --modalities T1w"),
        ({"runs": ("1",)}, REST2, "run 02 is not among --run-id 1"),
        ({"runs": ("1",)}, T1W, "it has no run, see --run-id 1"),
        ({"sessions": ("1",)}, DWI, "session 2 is not among --session-label 1"),
        ({"tasks": ("rest",)}, NBACK, "task nback is not among --task-id rest"),
        (
            {"by_suffix": {"t1w": {"acquisition": ["a", None]}}},
            T1W,
            "--bids-filter-file, t1w: acquisition mprage is not a or none",
        ),
        (
            {"by_suffix": {"t2w": {"acquisition": "*"}}},
            T2W,
            "--bids-filter-file, t2w: acquisition none is not *",
        ),
    ],
)
def test_each_dropped_image_names_its_filter(
    dataset: Path, wish: dict[str, Any], image: int, reason: str
) -> None:
    found = find_scans(dataset, Filters(**wish))
    assert {each.path: each.reason for each in found.dropped}[dataset / IMAGES[image]] == reason


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"modalities": ("T9w",)}, "'T9w'.*T1w"),
        ({"runs": ("first",)}, "'first'.*whole number"),
        ({"by_suffix": {"t9w": {}}}, "'t9w'.*legal are.*flair"),
        ({"by_suffix": {"t1w": {"sesion": "1"}}}, "'sesion'; legal entities are.*session"),
        ({"by_suffix": {"t1w": {"session": {"a": 1}}}}, "'session': .*is not a text"),
        ({"by_suffix": {"t1w": {"session": True}}}, "True is not a text"),
        ({"by_suffix": {"t1w": "mprage"}}, "must hold entities"),
    ],
)
def test_illegal_filters_name_what_is_legal(
    dataset: Path, wish: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        find_scans(dataset, Filters(**wish))


def test_filters_that_contradict_each_other_leave_nothing(dataset: Path) -> None:
    with pytest.raises(SelectionError, match="--bids-filter-file, dwi: session 2 is not 1"):
        find_scans(dataset, Filters(modalities=("dwi",), by_suffix={"dwi": {"session": "1"}}))
