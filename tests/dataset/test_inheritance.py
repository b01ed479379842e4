import pickle
from pathlib import Path

import pytest

from bids_denoise.dataset import find_scans
from bids_denoise.errors import ScanError
from bids_denoise.values import Filters, Scan
from tests.bids_factory import add_skeleton, make_dataset, write_json


def scans_in(root: Path) -> dict[str, Scan]:
    return {scan.path.name: scan for scan in find_scans(root, Filters()).scans}


def test_the_nearer_sidecar_wins_field_by_field(tmp_path: Path) -> None:
    bold = "sub-01_ses-1_task-rest_run-1_bold"
    add_skeleton(make_dataset(tmp_path), f"sub-01/ses-1/func/{bold}.nii.gz")
    write_json(tmp_path / "bold.json", {"A": "root", "B": "root", "C": "root", "D": "root"})
    write_json(tmp_path / "task-rest_bold.json", {"B": "task"})
    write_json(tmp_path / "sub-01/sub-01_task-rest_bold.json", {"C": "participant"})
    write_json(tmp_path / f"sub-01/ses-1/func/{bold}.json", {"D": "image"})
    (scan,) = scans_in(tmp_path).values()
    assert scan.metadata == {"A": "root", "B": "task", "C": "participant", "D": "image"}


def test_of_two_in_a_folder_the_more_specific_wins(tmp_path: Path) -> None:
    add_skeleton(make_dataset(tmp_path), "sub-01/func/sub-01_task-rest_acq-x_bold.nii.gz")
    write_json(tmp_path / "task-rest_bold.json", {"A": "task", "B": "task"})
    write_json(tmp_path / "acq-x_task-rest_bold.json", {"A": "task and acquisition"})
    (scan,) = scans_in(tmp_path).values()
    assert scan.metadata == {"A": "task and acquisition", "B": "task"}


def test_a_sidecar_with_an_entity_more_does_not_apply(tmp_path: Path) -> None:
    make_dataset(tmp_path)
    add_skeleton(tmp_path, "sub-01/anat/sub-01_T1w.nii.gz", "sub-02/anat/sub-02_T1w.nii.gz")
    write_json(tmp_path / "acq-x_T1w.json", {"EchoTime": 1})
    write_json(tmp_path / "T2w.json", {"EchoTime": 2})
    write_json(tmp_path / "sub-02/anat/sub-02_T1w.json", {"EchoTime": 3})
    scans = scans_in(tmp_path)
    assert scans["sub-01_T1w.nii.gz"].metadata == {}
    assert scans["sub-02_T1w.nii.gz"].metadata == {"EchoTime": 3}


def test_gradients_are_inherited_and_the_nearest_taken(tmp_path: Path) -> None:
    make_dataset(tmp_path)
    images = [f"sub-01/dwi/sub-01_dir-{way}_dwi.nii.gz" for way in ("AP", "PA")]
    add_skeleton(tmp_path, *images, "sub-01/dwi/sub-01_dir-AP_sbref.nii.gz")
    add_skeleton(tmp_path, "dwi.bval", "dwi.bvec", "sub-01/dwi/sub-01_dir-PA_dwi.bval")
    scans = scans_in(tmp_path)
    ahead, back = (scans[Path(image).name] for image in images)
    assert (ahead.bval, ahead.bvec) == (tmp_path / "dwi.bval", tmp_path / "dwi.bvec")
    assert back.bval == tmp_path / "sub-01/dwi/sub-01_dir-PA_dwi.bval"
    assert back.bvec == tmp_path / "dwi.bvec"
    assert scans["sub-01_dir-AP_sbref.nii.gz"].bval is None


def test_a_damaged_sidecar_fails_its_own_images_and_no_others(tmp_path: Path) -> None:
    make_dataset(tmp_path)
    add_skeleton(tmp_path, "sub-01/anat/sub-01_T1w.nii.gz", "sub-01/anat/sub-01_T2w.nii.gz")
    (tmp_path / "sub-01/anat/sub-01_T1w.json").write_text('{"EchoTime": 0.003')
    write_json(tmp_path / "sub-01/anat/sub-01_T2w.json", {"EchoTime": 0.1})
    scans = scans_in(tmp_path)
    assert scans["sub-01_T2w.nii.gz"].metadata == {"EchoTime": 0.1}
    broken = pickle.loads(pickle.dumps(scans["sub-01_T1w.nii.gz"])).metadata
    assert "not valid JSON" in repr(broken)
    for look in (dict, len, lambda fields: fields["EchoTime"]):
        with pytest.raises(ScanError, match=r"sub-01_T1w.json: not valid JSON"):
            look(broken)


def test_sidecars_are_read_leniently_where_no_harm_is_done(tmp_path: Path) -> None:
    add_skeleton(make_dataset(tmp_path), "sub-01/anat/sub-01_T1w.nii.gz")
    sidecar = tmp_path / "sub-01/anat/sub-01_T1w.json"
    sidecar.write_bytes(b'\xef\xbb\xbf{"EchoTime": NaN, "Name": "S\xc3\xa4ge"}')
    (scan,) = scans_in(tmp_path).values()
    assert scan.metadata == {"EchoTime": None, "Name": "Säge"}
