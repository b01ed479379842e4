import os
from pathlib import Path

import pytest

from bids_denoise.dataset import find_scans
from bids_denoise.errors import DatasetError, MissingInputError, OutputError, StorageError
from bids_denoise.values import Filters, Found
from tests.bids_factory import add_skeleton, make_dataset, write_json

ONE = Filters(participants=("01",))


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    root = make_dataset(tmp_path / "ds")
    add_skeleton(root, *(f"sub-{label}/anat/sub-{label}_T1w.nii.gz" for label in ("01", "02")))
    add_skeleton(root, "sub-01/dwi/sub-01_dwi.nii.gz", "dwi.bval", "dwi.bvec", "code/x.nii.gz")
    return root


def index_of(database: Path) -> Path:
    (folder,) = database.glob("bids-denoise-*")
    return folder


def test_without_a_database_nobody_else_is_indexed(
    dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bids.utils import make_bidsfile

    looked_at: list[str] = []
    monkeypatch.setattr(
        "bids.layout.index.make_bidsfile",
        lambda path: looked_at.append(path.name) or make_bidsfile(path),  # type: ignore[func-returns-value]
    )
    find_scans(dataset, ONE)
    assert "sub-01_T1w.nii.gz" in looked_at
    assert not {"sub-02_T1w.nii.gz", "x.nii.gz"} & set(looked_at)


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root reads everything")
def test_a_folder_that_cannot_be_read_is_no_empty_folder(dataset: Path) -> None:
    (dataset / "sub-01/dwi").chmod(0)
    try:
        with pytest.raises(MissingInputError, match=r"sub-01/dwi: cannot be read: Permission"):
            find_scans(dataset, ONE)
        assert len(find_scans(dataset, Filters(participants=("02",))).scans) == 1
    finally:
        (dataset / "sub-01/dwi").chmod(0o700)


@pytest.mark.parametrize("generated_by", ["tiny", {"Name": "tiny"}, [3], None])
def test_a_description_that_pybids_stumbles_over(dataset: Path, generated_by: object) -> None:
    description = {"Name": "x", "DatasetType": "derivative", "GeneratedBy": generated_by}
    write_json(dataset / "dataset_description.json", description)
    with pytest.raises(DatasetError, match="GeneratedBy"):
        find_scans(dataset, ONE)


def test_an_old_description_of_derivatives_is_taken(dataset: Path) -> None:
    description = {"DatasetType": "derivative", "PipelineDescription": {"Name": "old"}}
    write_json(dataset / "dataset_description.json", description)
    assert len(find_scans(dataset, ONE).scans) == 2


def test_a_database_changes_nothing_but_the_time(dataset: Path, tmp_path: Path) -> None:
    plain = find_scans(dataset, ONE)
    built = find_scans(dataset, ONE, tmp_path / "db")
    index = index_of(tmp_path / "db")
    stamp = (index / "layout_index.sqlite").stat().st_mtime_ns
    again = find_scans(dataset, ONE, tmp_path / "db")
    assert plain == built == again
    assert (index / "layout_index.sqlite").stat().st_mtime_ns == stamp
    assert len(find_scans(dataset, Filters(), tmp_path / "db").scans) == 3


def test_a_stale_database_is_built_anew(dataset: Path, tmp_path: Path) -> None:
    def found() -> Found:
        return find_scans(dataset, ONE, tmp_path / "db")

    found()
    first = index_of(tmp_path / "db")
    add_skeleton(dataset, "sub-01/anat/sub-01_T2w.nii.gz")
    assert [scan.suffix for scan in found().scans] == ["T1w", "T2w", "dwi"]
    assert index_of(tmp_path / "db") != first
    (dataset / "sub-01/anat/sub-01_T2w.nii.gz").unlink()
    assert len(found().scans) == 2


def test_another_version_does_not_trust_the_database(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_scans(dataset, ONE, tmp_path / "db")
    first = index_of(tmp_path / "db")
    monkeypatch.setattr("bids_denoise.dataset.index.__version__", "other")
    find_scans(dataset, ONE, tmp_path / "db")
    assert index_of(tmp_path / "db") != first


def test_two_datasets_share_a_database_folder(dataset: Path, tmp_path: Path) -> None:
    other = make_dataset(tmp_path / "other")
    add_skeleton(other, "sub-01/anat/sub-01_T1w.nii.gz")
    for root, count in ((dataset, 2), (other, 1), (dataset, 2)):
        assert len(find_scans(root, ONE, tmp_path / "db").scans) == count
    assert len(list((tmp_path / "db").iterdir())) == 2


def test_a_damaged_database_says_so_and_wiping_mends_it(dataset: Path, tmp_path: Path) -> None:
    find_scans(dataset, ONE, tmp_path / "db")
    (index_of(tmp_path / "db") / "layout_index.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(StorageError, match="--bids-database-wipe"):
        find_scans(dataset, ONE, tmp_path / "db")
    assert len(find_scans(dataset, ONE, tmp_path / "db", database_wipe=True).scans) == 2


def test_a_place_that_cannot_hold_a_database(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="no database can be kept there"):
        find_scans(dataset, ONE, tmp_path / "file")


def test_a_job_that_loses_the_race_uses_the_winners_database(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between building and renaming, another job puts its index there first."""
    original = Path.rename

    def beaten(self: Path, target: Path) -> Path:
        if self.name.startswith(".bids-denoise-"):
            import shutil

            shutil.copytree(self, target)
            raise OSError(39, "Directory not empty")
        return original(self, target)

    monkeypatch.setattr(Path, "rename", beaten)
    assert len(find_scans(dataset, ONE, tmp_path / "db").scans) == 2
    assert [path.name for path in (tmp_path / "db").iterdir()] == [index_of(tmp_path / "db").name]
