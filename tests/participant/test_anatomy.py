"""The anatomy of a scan, from the command line to the files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bids_denoise.cli import main
from bids_denoise.derivatives.store import read_table
from bids_denoise.imageio import read, read_placed, write_new
from bids_denoise.participant.anatomy import is_examined, template_of
from bids_denoise.participant.templates import chosen
from bids_denoise.simulate.noise import add_rician
from bids_denoise.values import Scan, Settings
from tests.anatomy.people import image, template, turn
from tests.bids_factory import make_dataset, sidecar_of, write_json
from tests.participant.test_connectivity import errors_in
from tests.report.html import Page

if TYPE_CHECKING:
    from pathlib import Path

    from bids_denoise.values import FloatArray

NAME = "sub-01/anat/sub-01_T1w.nii.gz"
LABELS = ("original", "denoised")
TISSUES = ("GM", "WM", "CSF")


def person() -> tuple[FloatArray, Any]:
    """Return GM, WM and CSF of an extracted brain, turned in the scanner, and its affine."""
    brain = template()
    assert brain.tissues is not None
    return brain.tissues, turn((4.0, -3.0, 2.0), (5.0, 0.0, -4.0)) @ brain.affine


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The output of one brain with a template of 4 mm, and its record."""
    folder = tmp_path_factory.mktemp("anatomy")
    data, out, brain = make_dataset(folder / "raw"), folder / "out", folder / "tiny.nii.gz"
    write_new(brain, template().image, template().affine)
    scan = data / NAME
    scan.parent.mkdir(parents=True)
    parts, affine = person()
    noisy = add_rician(500 * image(parts), 20.0, np.random.default_rng(2))
    write_new(scan, np.where(parts.sum(axis=0) > 0, noisy, np.float32(0)), affine)
    write_json(scan.with_name("sub-01_T1w.json"), sidecar_of(scan))
    asked = ("--method", "gaussian", "--sloppy", "--anatomy", "--template", str(brain))
    for _ in range(2):
        assert main([str(data), str(out), "participant", *asked]) == 0
    statuses = [row["status"] for row in read_table(out / "logs" / "status.tsv")]
    assert statuses == ["skipped"]
    record: dict[str, Any] = json.loads(
        (out / "sub-01/anat/sub-01_desc-denoisedT1w_qc.json").read_text()
    )
    return out, record


def test_all_files_are_there_and_named_as_bids_has_it(made: tuple[Path, dict[str, Any]]) -> None:
    out, record = made
    names = {"brain": "desc-brain_mask"}
    for label in LABELS:
        names[f"tissues_{label}"] = f"desc-{label}_dseg"
        names[f"grey_{label}"] = f"space-tiny_label-GM_desc-{label}Modulated_probseg"
        names |= {f"{each}_{label}": f"label-{each}_desc-{label}_probseg" for each in TISSUES}
    assert record["anatomy"]["files"] == {
        name: f"sub-01/anat/sub-01_{stem}.nii.gz" for name, stem in names.items()
    }
    for path in record["anatomy"]["files"].values():
        assert (out / path).is_file()
        beside = json.loads((out / path.replace(".nii.gz", ".json")).read_text())
        assert beside["Sources"] == [f"bids:input:{NAME}"]
        assert "SpatialReference" in beside
    rows = read_table(out / "sub-01/anat/sub-01_desc-original_dseg.tsv")
    assert [(row["index"], row["abbreviation"]) for row in rows] == [
        ("1", "GM"), ("2", "WM"), ("3", "CSF")
    ]  # fmt: skip


def test_the_output_is_valid(made: tuple[Path, dict[str, Any]]) -> None:
    assert errors_in(made[0]) == []


def test_the_tissues_are_those_of_the_brain(made: tuple[Path, dict[str, Any]]) -> None:
    out, record = made
    files = record["anatomy"]["files"]
    brain = read(out / files["brain"]) > 0
    parts, own = person()
    white = parts[1] > 0.5
    assert brain[white].mean() > 0.9
    for label in LABELS:
        found, affine = read_placed(out / files[f"WM_{label}"])
        np.testing.assert_allclose(affine, own, atol=1e-4)
        both = np.minimum(found > 0.5, white).sum()
        assert 2 * both / ((found > 0.5).sum() + white.sum()) > 0.75
        assert not found[~brain].any()
        volumes = record["anatomy"]["volumes"][label]
        assert volumes["WM"] == pytest.approx(0.064 * found.sum(), rel=1e-3)
        assert volumes["brain"] == pytest.approx(volumes["GM"] + volumes["WM"])


def test_modulated_grey_matter_keeps_its_volume(made: tuple[Path, dict[str, Any]]) -> None:
    out, record = made
    assert record["anatomy"]["template"] == "tiny"
    for label in LABELS:
        grey, affine = read_placed(out / record["anatomy"]["files"][f"grey_{label}"])
        np.testing.assert_allclose(affine, template().affine)
        volume = grey.sum() * abs(np.linalg.det(affine[:3, :3])) / 1000
        assert volume == pytest.approx(record["anatomy"]["volumes"][label]["GM"], rel=0.1)


def test_page_and_numbers_show_it(made: tuple[Path, dict[str, Any]]) -> None:
    out, record = made
    for when in ("before", "after"):
        assert (out / record["figures"][f"tissues_{when}"]).is_file()
    volumes = record["anatomy"]["volumes"]
    assert record["quality"]["before"]["gm_volume"] == volumes["original"]["GM"]
    assert record["quality"]["after"]["gm_volume"] == volumes["denoised"]["GM"]
    page = Page((out / "sub-01.html").read_text())
    assert not page.faults
    assert "egmented" in page.text or "tissue" in page.text


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("sub-01_T1w.nii.gz", True),
        ("sub-01_T2w.nii.gz", False),
        ("sub-02_T2w.nii.gz", True),
        ("sub-02_FLAIR.nii.gz", False),
        ("sub-02_part-phase_T1w.nii.gz", False),
    ],
)
def test_t1w_and_only_without_it_t2w(tmp_path: Path, name: str, wanted: bool) -> None:
    path = tmp_path / name[:6] / "anat" / name
    path.parent.mkdir(parents=True)
    (tmp_path / "sub-01" / "anat").mkdir(parents=True, exist_ok=True)
    (tmp_path / "sub-01" / "anat" / "sub-01_T1w.nii.gz").touch()
    *pairs, suffix = name.removesuffix(".nii.gz").split("_")
    entities = dict(pair.split("-") for pair in pairs)
    scan = Scan(path, tmp_path, "anat", suffix, entities)
    settings = Settings(tmp_path, tmp_path, ("participant",), anatomy=True)
    assert is_examined(scan, settings) is wanted
    assert not is_examined(scan, Settings(tmp_path, tmp_path, ("participant",)))


@pytest.mark.parametrize("word", ["none", "cohort"])
def test_words_that_are_no_template(word: str) -> None:
    assert chosen(word, human=True) is None
    assert template_of(word) == word


def test_a_small_brain_has_no_template_by_itself() -> None:
    assert chosen("auto", human=False) is None


def test_another_file_of_the_same_name_is_another_template(tmp_path: Path) -> None:
    path = tmp_path / "brain.nii.gz"
    path.write_bytes(b"one")
    first = template_of(str(path))
    path.write_bytes(b"two")
    assert template_of(str(path)) != first
