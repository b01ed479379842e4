"""Templates from arrays, from nilearn, and where TemplateFlow's lie."""

from pathlib import Path

import numpy as np
import pytest

from bids_denoise.anatomy.template import MNI152, at_voxel, find_template, mni152, of_images
from bids_denoise.errors import MissingInputError
from tests.anatomy.people import template


def test_mni152_is_a_whole_brain_of_three_tissues_that_is_the_same_left_and_right() -> None:
    # The symmetric release, whatever nilearn's own text says: hence its name.
    brain = mni152(3.0)
    assert brain.name == MNI152 == "MNI152NLin2009aSym"
    assert brain.tissues is not None
    volumes = brain.tissues.sum(axis=(1, 2, 3)) * 27 / 1000
    assert volumes == pytest.approx([996, 670, 216], abs=3)
    assert brain.tissues.min() >= 0
    assert brain.tissues.sum(axis=0).max() <= 1 + 1e-5
    middle = brain.affine[0, 3] + 3 * np.arange(brain.image.shape[0])
    assert np.average(middle, weights=brain.image.sum(axis=(1, 2))) == pytest.approx(0, abs=0.05)


def test_coarser_voxels_keep_every_tissues_volume() -> None:
    fine, coarse = template(), at_voxel(template(), 7.0)
    assert fine.tissues is not None
    assert coarse.tissues is not None
    assert np.linalg.norm(coarse.affine[:3, :3], axis=0) == pytest.approx([7, 7, 7])
    ratio = coarse.tissues.sum(axis=(1, 2, 3)) * 7**3 / fine.tissues.sum(axis=(1, 2, 3)) / 4**3
    assert ratio == pytest.approx([1, 1, 1], abs=0.01)


def test_a_template_in_percent_is_brought_to_fractions() -> None:
    known = template()
    assert known.tissues is not None
    found = of_images(known.image, 100 * known.tissues, known.affine, "x", "a test")
    assert found.tissues is not None
    assert np.abs(found.tissues - known.tissues).max() < 0.01


def test_what_is_no_template_is_named() -> None:
    known = template()
    assert known.tissues is not None
    no_csf = known.tissues * np.array([1, 1, 0], dtype=np.float32).reshape(3, 1, 1, 1)
    with pytest.raises(MissingInputError, match="CSF is empty"):
        of_images(known.image, no_csf, known.affine, "x", "a test")
    with pytest.raises(MissingInputError, match="do not fit"):
        of_images(known.image, no_csf[:2], known.affine, "x", "a test")
    with pytest.raises(MissingInputError, match="is empty"):
        of_images(0 * known.image, None, known.affine, "x", "a test")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TEMPLATEFLOW_HOME", str(tmp_path))
    return tmp_path


def _put(folder: Path, name: str, *endings: str) -> None:
    own = folder / name.partition("_")[0]
    own.mkdir(exist_ok=True)
    for ending in endings:
        (own / f"{name}_{ending}.nii.gz").write_bytes(b"voxels")


PROBSEGS = ("label-GM_probseg", "label-WM_probseg", "label-CSF_probseg")


def test_the_finest_resolution_with_a_brain_is_found(folder: Path) -> None:
    _put(folder, "tpl-A_res-02", "desc-brain_T1w", *PROBSEGS)
    _put(folder, "tpl-A_res-01", *PROBSEGS)
    assert find_template("A").image.name == "tpl-A_res-02_desc-brain_T1w.nii.gz"
    _put(folder, "tpl-A_res-01", "T1w", "desc-brain_mask")
    found = find_template("A")
    assert found.image.name == "tpl-A_res-01_T1w.nii.gz"
    assert found.brain is not None
    assert found.brain.name == "tpl-A_res-01_desc-brain_mask.nii.gz"
    assert found.tissues is not None
    assert [path.name.split("-")[3][:3] for path in found.tissues] == ["GM_", "WM_", "CSF"]


def test_a_template_without_tissues_or_resolution_is_found_too(folder: Path) -> None:
    _put(folder, "tpl-Rat", "T2w", "desc-brain_mask", "label-GM_probseg")
    assert find_template("Rat").tissues is None


def test_an_empty_list_of_files_is_no_template(folder: Path) -> None:
    (folder / "tpl-A").mkdir()
    (folder / "tpl-A" / "tpl-A_res-01_desc-brain_T1w.nii.gz").touch()
    with pytest.raises(MissingInputError, match=r"api.get\('A'"):
        find_template("A")
