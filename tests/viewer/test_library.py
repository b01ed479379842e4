"""What can be opened, and how it was treated."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bids_denoise.cli import main
from bids_denoise.errors import DatasetError, MissingInputError, SelectionError
from bids_denoise.viewer.library import library_of
from bids_denoise.viewer.schema import Wish
from tests.bids_factory import add_image, make_dataset

NAMES = ("sub-01/anat/sub-01_T1w.nii.gz", "sub-01/func/sub-01_task-rest_bold.nii.gz")


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return make_dataset(tmp_path / "raw", *NAMES)


def test_a_dataset(dataset: Path) -> None:
    found = library_of(dataset)
    assert [each.name for each in found.entries] == list(NAMES)
    assert [each.title for each in found.entries] == ["sub-01 T1w", "sub-01 task-rest bold"]
    assert found.dataset == dataset


def test_an_image_of_a_dataset_keeps_its_sidecar(dataset: Path) -> None:
    found = library_of(dataset / NAMES[1])
    (entry,) = found.entries
    assert entry.name == NAMES[1]
    assert entry.scan.metadata["RepetitionTime"] == 2.0
    assert found.dataset == dataset


@pytest.mark.parametrize(
    ("source", "name", "datatype", "suffix"),
    [
        (NAMES[0], "head.nii.gz", "anat", "T1w"),
        (NAMES[1], "run.nii.gz", "func", "bold"),
        (NAMES[0], "x_FLAIR.nii.gz", "anat", "FLAIR"),
        ("sub-01/dwi/sub-01_dwi.nii.gz", "diffusion.nii.gz", "dwi", "dwi"),
    ],
)
def test_an_image_on_its_own(
    dataset: Path, tmp_path: Path, source: str, name: str, datatype: str, suffix: str
) -> None:
    path = tmp_path / "alone" / name
    path.parent.mkdir()
    if not (dataset / source).exists():
        add_image(dataset, source)
    shutil.copy(dataset / source, path)
    for ending in (".bval", ".bvec"):
        beside = dataset / source.replace(".nii.gz", ending)
        if beside.exists():
            shutil.copy(beside, path.with_name(name.replace(".nii.gz", ending)))
    (entry,) = library_of(path).entries
    assert (entry.scan.datatype, entry.scan.suffix) == (datatype, suffix)
    assert (entry.scan.bval is not None) == (datatype == "dwi")
    assert library_of(path).dataset is None


def test_an_output_opens_its_sources_as_they_were_treated(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ("--method", "nlm", "--nlm-search-radius", "2", "--strength", "0.7")
    assert main([str(dataset), str(out), "participant", *options]) == 0
    found = library_of(out)
    assert [each.name for each in found.entries] == list(NAMES)
    assert found.entries[0].scan.path == dataset / NAMES[0]
    assert found.entries[0].wish == Wish("nlm", {"search_radius": 2}, strength=0.7)
    moved = dataset.rename(tmp_path / "moved")
    with pytest.raises(MissingInputError, match="--dataset"):
        library_of(out)
    again = library_of(out, moved)
    assert again.entries[0].scan.path == moved / NAMES[0]


def test_what_was_chosen_automatically_stays_so(dataset: Path, tmp_path: Path) -> None:
    assert main([str(dataset), str(tmp_path / "out"), "participant", "-m", "bold"]) == 0
    (entry,) = library_of(tmp_path / "out").entries
    assert entry.wish == Wish()


def test_what_cannot_be_opened_says_why(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="no such file"):
        library_of(tmp_path / "nothing.nii.gz")
    with pytest.raises(DatasetError, match="not an image"):
        library_of(dataset / "README")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError):
        library_of(tmp_path / "empty")
    bare = make_dataset(tmp_path / "bare")
    (bare / "sub-01").mkdir()
    with pytest.raises(SelectionError, match="no image"):
        library_of(bare)
