import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from bids_denoise.dataset import check_dataset, find_scans, list_participants
from bids_denoise.errors import DatasetError, MissingInputError, ScanError, SelectionError
from bids_denoise.values import Filters, Found
from tests.bids_factory import add_skeleton, make_dataset, write_json

EVERYTHING = Filters()


def scans_of(found: Found) -> list[str]:
    return [scan.path.name for scan in found.scans]


def reasons_of(found: Found) -> dict[str, str]:
    return {each.path.name: each.reason for each in found.dropped}


def test_every_kind_of_magnitude_image_is_found(tmp_path: Path) -> None:
    wanted = [
        *(f"sub-01/anat/sub-01_{suffix}.nii.gz" for suffix in ("T1w", "T2w", "PDw", "FLAIR")),
        *(f"sub-01/anat/sub-01_{suffix}.nii" for suffix in ("T2starw", "UNIT1", "inplaneT2")),
        "sub-01/anat/sub-01_echo-1_MEGRE.nii.gz",
        "sub-01/anat/sub-01_inv-1_part-mag_MP2RAGE.nii.gz",
        "sub-01/func/sub-01_task-rest_bold.nii.gz",
        "sub-01/func/sub-01_task-rest_sbref.nii.gz",
        "sub-01/func/sub-01_task-me_echo-1_part-mag_bold.nii.gz",
        "sub-01/func/sub-01_task-me_cbv.nii.gz",
        "sub-01/dwi/sub-01_dir-AP_dwi.nii.gz",
        "sub-01/dwi/sub-01_dir-AP_sbref.nii.gz",
    ]
    add_skeleton(make_dataset(tmp_path), *wanted)
    found = find_scans(tmp_path, EVERYTHING)
    assert sorted(scans_of(found)) == sorted(Path(name).name for name in wanted)
    assert found.dropped == ()


@pytest.mark.parametrize(
    ("image", "why"),
    [
        ("sub-01/anat/sub-01_T1map.nii.gz", "quantitative map"),
        ("sub-01/anat/sub-01_inv-1_part-phase_MP2RAGE.nii.gz", "only magnitude"),
        ("sub-01/func/sub-01_task-rest_part-phase_bold.nii.gz", "only magnitude"),
        ("sub-01/func/sub-01_task-rest_phase.nii.gz", "phase image"),
        ("sub-01/dwi/sub-01_FA.nii.gz", "quantitative map"),
        ("sub-01/fmap/sub-01_magnitude1.nii.gz", "fmap: only anat, func and dwi"),
        ("sub-01/fmap/sub-01_phasediff.nii.gz", "phase image"),
        ("sub-01/perf/sub-01_asl.nii.gz", "perf: only anat, func and dwi"),
        ("sub-01/anat/sub-01_mod-T1w_defacemask.nii.gz", "mask or segmentation"),
        ("sub-01/anat/sub-01_desc-brain_mask.nii.gz", "mask or segmentation"),
        ("sub-01/anat/sub-01_label-GM_probseg.nii.gz", "mask or segmentation"),
        ("sub-01/func/sub-01_task-rest_desc-coreg_boldref.nii.gz", "average computed"),
        ("sub-01/anat/sub-01_desc-denoised_T2w.nii.gz", "denoised already"),
        ("sub-01/anat/sub-01_desc-preprocDenoised_T2w.nii.gz", "denoised already"),
        ("sub-01/anat/sub-01_rec-denoised_T2w.nii.gz", "denoised already"),
        ("sub-01/anat/sub-01_desc-residual_T2w.nii.gz", "what a denoiser removed"),
        ("sub-01/func/sub-01_task-rest_stat-mean_bold.nii.gz", "computed by an analysis"),
        ("sub-01/func/sub-01_task-rest_space-fsLR_den-91k_bold.dtseries.nii", "only .nii and"),
        ("sub-01/anat/sub-01_T2w.img", "only .nii and .nii.gz"),
        ("sub-01/anat/sub-01_T2w.NII.GZ", "only .nii and .nii.gz"),
        ("sub-01/anat/sub-01_mystery.nii.gz", "not a suffix of anat"),
        ("sub-01/anat/my scan.nii.gz", "not a BIDS name"),
        ("sub-01/anat/sub-01_acq-a_acq-b_T2w.nii.gz", "not a BIDS name"),
        ("sub-01/anat/sub-02_T2w.nii.gz", "does not lie in"),
        ("sub-01/ses-1/anat/sub-01_T2w.nii.gz", "does not lie in"),
        ("sub-01/sub-01_T2w.nii.gz", "does not lie in"),
        ("sub-01/anat/extra/sub-01_T2w.nii.gz", "does not lie in"),
        ("sub-01/anat/sub-01_T1w.nii", "the same image lies in sub-01_T1w.nii.gz"),
    ],
)
def test_every_other_image_is_named_with_the_reason(tmp_path: Path, image: str, why: str) -> None:
    add_skeleton(make_dataset(tmp_path), "sub-01/anat/sub-01_T1w.nii.gz", image)
    found = find_scans(tmp_path, EVERYTHING)
    assert scans_of(found) == ["sub-01_T1w.nii.gz"]
    assert [each.path for each in found.dropped] == [tmp_path / image]
    assert why in found.dropped[0].reason


def test_an_fmriprep_output_is_a_dataset_like_any_other(tmp_path: Path) -> None:
    make_dataset(tmp_path, derivative=True)
    real = [
        "sub-01/anat/sub-01_desc-preproc_T1w.nii.gz",
        "sub-01/anat/sub-01_space-MNI152NLin2009cAsym_res-2_desc-preproc_T1w.nii.gz",
        "sub-01/func/sub-01_task-rest_space-MNI152NLin2009cAsym_res-2_desc-preproc_bold.nii.gz",
    ]
    computed = [
        "sub-01/anat/sub-01_dseg.nii.gz",
        "sub-01/func/sub-01_task-rest_space-T1w_desc-brain_mask.nii.gz",
    ]
    others = ["sub-01/figures/sub-01_T1w.svg", "sub-01/func/sub-01_task-rest_bold.surf.gii"]
    add_skeleton(tmp_path, *real, *computed, *others)
    found = find_scans(tmp_path, EVERYTHING)
    assert sorted(scans_of(found)) == sorted(Path(name).name for name in real)
    assert set(reasons_of(found)) == {Path(name).name for name in computed}


def test_only_the_chosen_participants_are_looked_at(tmp_path: Path) -> None:
    make_dataset(tmp_path)
    add_skeleton(tmp_path, *(f"sub-{n:02}/anat/sub-{n:02}_T1w.nii.gz" for n in range(1, 13)))
    hidden = ("derivatives/x/sub-01/anat/", "sourcedata/sub-01/anat/", "code/", "my.data/", ".git/")
    add_skeleton(tmp_path, *(f"{folder}sub-01_T1w.nii.gz" for folder in hidden))
    found = find_scans(tmp_path, Filters(participants=("01", "sub-10")))
    assert scans_of(found) == ["sub-01_T1w.nii.gz", "sub-10_T1w.nii.gz"]
    assert found.dropped == ()
    assert len(find_scans(tmp_path, Filters(exclude_participants=("02",))).scans) == 11


def test_labels_stay_strings_and_sorted(tmp_path: Path) -> None:
    make_dataset(tmp_path)
    add_skeleton(tmp_path, "sub-10/a", "sub-1/a", "sub-01/a", "sub-A1/a", "sub-file", "other/a")
    assert list_participants(tmp_path) == ("01", "1", "10", "A1")


def test_a_participant_without_images_is_named(tmp_path: Path) -> None:
    make_dataset(tmp_path)
    add_skeleton(tmp_path, "sub-01/anat/sub-01_T1w.nii.gz", "sub-02/eeg/sub-02_task-x_eeg.edf")
    assert reasons_of(find_scans(tmp_path, EVERYTHING)) == {"sub-02": "it holds no image file"}


def test_entities_are_as_written(tmp_path: Path) -> None:
    name = "sub-01_ses-02_task-rest_acq-x_run-003_echo-1_bold.nii.gz"
    add_skeleton(make_dataset(tmp_path), f"sub-01/ses-02/func/{name}")
    (scan,) = find_scans(tmp_path, EVERYTHING).scans
    assert list(scan.entities.items()) == [
        ("sub", "01"),
        ("ses", "02"),
        ("task", "rest"),
        ("acq", "x"),
        ("run", "003"),
        ("echo", "1"),
    ]
    assert (scan.datatype, scan.suffix, scan.dataset) == ("func", "bold", tmp_path)


def test_bidsignore_is_respected_and_named(tmp_path: Path) -> None:
    make_dataset(tmp_path)
    (tmp_path / ".bidsignore").write_text(
        "# bad ones\n*_acq-old_T1w*\n**/extra/\n!*_keep_T1w.nii\n"
    )
    add_skeleton(
        tmp_path,
        "sub-01/anat/sub-01_T1w.nii.gz",
        "sub-01/anat/sub-01_acq-old_T1w.nii.gz",
        "sub-01/extra/sub-01_T2w.nii.gz",
    )
    found = find_scans(tmp_path, EVERYTHING)
    assert scans_of(found) == ["sub-01_T1w.nii.gz"]
    assert set(reasons_of(found).values()) == {".bidsignore lists it"}


def test_a_relative_path_and_a_link_to_the_dataset_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_skeleton(make_dataset(tmp_path / "données 脳"), "sub-01/anat/sub-01_T1w.nii.gz")
    (tmp_path / "link").symlink_to("données 脳")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for given in ("../données 脳", "../link"):
        (scan,) = find_scans(Path(given), EVERYTHING).scans
        assert scan.path.is_absolute()
        assert scan.path == Path(given).absolute() / "sub-01/anat/sub-01_T1w.nii.gz"


def test_entities_in_the_path_above_the_dataset_do_no_harm(tmp_path: Path) -> None:
    root = tmp_path / "sub-99" / "ses-8_task-no" / "anat"
    add_skeleton(make_dataset(root), "sub-01/func/sub-01_task-rest_bold.nii.gz")
    write_json(root / "task-rest_bold.json", {"RepetitionTime": 1.5})
    (scan,) = find_scans(root, EVERYTHING).scans
    assert scan.metadata == {"RepetitionTime": 1.5}


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    add_skeleton(make_dataset(tmp_path / "ds"), "sub-01/anat/sub-01_T1w.nii.gz")
    folders = [tmp_path / "ds", *(path for path in (tmp_path / "ds").rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    yield tmp_path / "ds"
    for folder in folders:
        folder.chmod(stat.S_IRWXU)


def test_the_dataset_is_only_read(read_only: Path) -> None:
    before = sorted(read_only.rglob("*"))
    find_scans(read_only, EVERYTHING)
    assert sorted(read_only.rglob("*")) == before


def test_links_without_content_are_scans(tmp_path: Path) -> None:
    add_skeleton(make_dataset(tmp_path), "sub-01/anat/sub-01_T2w.nii.gz")
    link = tmp_path / "sub-01/anat/sub-01_T1w.nii.gz"
    link.symlink_to("../../.git/annex/objects/gone")
    link.with_name("sub-01_T1w.json").symlink_to("../../.git/annex/objects/gone.json")
    found = find_scans(tmp_path, EVERYTHING)
    assert [scan.suffix for scan in found.scans] == ["T1w", "T2w"]
    with pytest.raises(ScanError, match=r"sub-01_T1w.json.*datalad get"):
        found.scans[0].metadata["EchoTime"]


def test_a_participant_that_is_not_there_is_an_error_with_the_near_ones(tmp_path: Path) -> None:
    make_dataset(tmp_path)
    add_skeleton(tmp_path, *(f"sub-{label}/anat/x" for label in ("01", "02", "patient3")))
    for label, hint in (("1", "did you mean 01"), ("patient4", "patient3"), ("zzz", "01, 02")):
        with pytest.raises(SelectionError, match=rf"'{label}'.*{hint}"):
            find_scans(tmp_path, Filters(participants=(label,)))
    with pytest.raises(SelectionError, match=r"--exclude-participant-label.*'2'.*02"):
        find_scans(tmp_path, Filters(exclude_participants=("2",)))
    with pytest.raises(SelectionError, match="leaves no participant"):
        find_scans(tmp_path, Filters(exclude_participants=("01", "02", "patient3")))


def test_an_empty_selection_says_what_emptied_it(tmp_path: Path) -> None:
    make_dataset(tmp_path)
    add_skeleton(
        tmp_path,
        "sub-01/ses-1/anat/sub-01_ses-1_T1w.nii.gz",
        "sub-01/ses-2/anat/sub-01_ses-2_T1w.nii.gz",
        "sub-01/ses-2/fmap/sub-01_ses-2_phasediff.nii.gz",
    )
    with pytest.raises(SelectionError) as raised:
        find_scans(tmp_path, Filters(sessions=("9",)))
    message = str(raised.value)
    assert raised.value.exit_code == 18
    assert "none of 3 images" in message
    assert "1 x session 1 is not among --session-label 9" in message
    assert "phasediff" in message


def test_a_dataset_without_any_image_is_an_empty_selection(tmp_path: Path) -> None:
    add_skeleton(make_dataset(tmp_path), "sub-01/eeg/sub-01_task-x_eeg.edf")
    with pytest.raises(SelectionError, match="it holds no image file"):
        find_scans(tmp_path, EVERYTHING)


def test_what_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="no such folder"):
        find_scans(tmp_path / "nowhere", EVERYTHING)
    with pytest.raises(MissingInputError, match="no such folder"):
        list_participants(tmp_path / "nowhere")
    (tmp_path / "ds/sub-01").mkdir(parents=True)
    with pytest.raises(DatasetError, match=r"no dataset_description.json; it needs.*BIDSVersion"):
        find_scans(tmp_path / "ds", EVERYTHING)
    (tmp_path / "ds/dataset_description.json").write_text('{"Name": ')
    with pytest.raises(DatasetError, match="not valid JSON"):
        find_scans(tmp_path / "ds", EVERYTHING)
    (tmp_path / "ds/dataset_description.json").write_text("[]")
    with pytest.raises(DatasetError, match="holds a list"):
        find_scans(tmp_path / "ds", EVERYTHING)
    make_dataset(tmp_path / "empty")
    with pytest.raises(DatasetError, match="no participant"):
        find_scans(tmp_path / "empty", EVERYTHING)


def test_the_folder_of_a_participant_is_told_from_its_dataset(tmp_path: Path) -> None:
    add_skeleton(make_dataset(tmp_path), "sub-01/ses-1/sub-x/anat/x")
    with pytest.raises(DatasetError, match=f"but {tmp_path} has one; give that folder"):
        find_scans(tmp_path / "sub-01/ses-1", EVERYTHING)


def test_a_minimal_description_is_enough_but_remarked_on(tmp_path: Path) -> None:
    add_skeleton(tmp_path, "sub-01/anat/sub-01_T1w.nii.gz")
    (tmp_path / "dataset_description.json").write_text(json.dumps({"Name": "x"}))
    assert len(find_scans(tmp_path, EVERYTHING).scans) == 1
    assert check_dataset(tmp_path) == (
        "dataset_description.json has no BIDSVersion, which BIDS requires.",
    )


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root reads everything")
def test_an_unreadable_description_is_said_so(tmp_path: Path) -> None:
    add_skeleton(make_dataset(tmp_path), "sub-01/anat/sub-01_T1w.nii.gz")
    (tmp_path / "dataset_description.json").chmod(0)
    with pytest.raises(DatasetError, match="Permission denied"):
        find_scans(tmp_path, EVERYTHING)
