"""Atlases by file and by TemplateFlow's names, without a network."""

import socket
from pathlib import Path

import pytest

from bids_denoise.connectome.atlases import check_cache, find_atlas, lookup_table
from bids_denoise.errors import MissingInputError, ScanError

SPACE = "MNI152NLin2009cAsym"
STEM = f"tpl-{SPACE}_res-02_atlas-Schaefer2018_desc-"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A TemplateFlow folder: one atlas fetched, one only listed; and no way out."""
    folder = tmp_path / f"tpl-{SPACE}"
    folder.mkdir()
    (folder / f"{STEM}100Parcels7Networks_dseg.nii.gz").write_bytes(b"voxels")
    (folder / f"{STEM}200Parcels7Networks_dseg.nii.gz").write_bytes(b"")
    table = "index\tname\n1\t7Networks_LH_Vis_1\n2\t7Networks_LH_Vis_2\n"
    name = f"tpl-{SPACE}_atlas-Schaefer2018_desc-100Parcels7Networks_dseg.tsv"
    (folder / name).write_text(table)
    monkeypatch.setenv("TEMPLATEFLOW_HOME", str(tmp_path))

    def refuse(*_: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket, "socket", refuse)
    return folder


@pytest.mark.parametrize(
    "atlas",
    [
        "Schaefer2018",
        "Schaefer2018:100Parcels7Networks",
        "Schaefer2018:desc-100Parcels7Networks",
        f"{STEM}100Parcels7Networks_dseg.nii.gz",
        f"tpl-{SPACE}_atlas-Schaefer2018_desc-100Parcels7Networks",
    ],
)
def test_an_atlas_in_the_cache_is_found_for_the_space_of_a_run(cache: Path, atlas: str) -> None:
    check_cache(atlas)
    path = find_atlas(atlas, SPACE)
    assert path == cache / f"{STEM}100Parcels7Networks_dseg.nii.gz"
    assert lookup_table(path)[2] == "7Networks_LH_Vis_2"


@pytest.mark.usefixtures("cache")
def test_one_that_is_only_listed_is_not_there() -> None:
    asked = "Schaefer2018:200Parcels7Networks"
    with pytest.raises(MissingInputError, match=r"nothing is downloaded.*api\.get\("):
        check_cache(asked)
    with pytest.raises(ScanError, match=f"tpl-{SPACE} atlas-Schaefer2018_desc-200Parcels7Networks"):
        find_atlas(asked, SPACE)


@pytest.mark.usefixtures("cache")
def test_no_template_fits_a_run_in_its_own_space() -> None:
    with pytest.raises(ScanError, match="no standard space"):
        find_atlas("Schaefer2018", None)


def test_which_of_several_has_to_be_said(cache: Path) -> None:
    (cache / f"{STEM}200Parcels7Networks_dseg.nii.gz").write_bytes(b"voxels")
    with pytest.raises(ScanError, match=":100Parcels7Networks, :200Parcels7Networks"):
        find_atlas("Schaefer2018", SPACE)


@pytest.mark.parametrize("name", [f"tpl-{SPACE}_dseg.nii.gz", f"sub-1_space-{SPACE}_dseg.nii.gz"])
@pytest.mark.parametrize("space", [None, "T1w"])
def test_a_file_that_says_it_is_in_another_space_is_refused(name: str, space: str | None) -> None:
    assert find_atlas(f"/x/{name}", SPACE) == Path("/x", name)
    with pytest.raises(ScanError, match=SPACE):
        find_atlas(f"/x/{name}", space)


def test_a_table_without_its_columns_is_told(tmp_path: Path) -> None:
    (tmp_path / "mine.tsv").write_text("label\tregion\n1\tleft\n")
    assert lookup_table(tmp_path / "other.nii.gz") == {}
    with pytest.raises(ScanError, match=r"mine.tsv: columns index"):
        lookup_table(tmp_path / "mine.nii.gz")
