import json
from pathlib import Path

import pytest

from bids_denoise.derivatives.description import (
    check_output,
    write_dataset_files,
    write_participants,
)
from bids_denoise.derivatives.names import Layout
from bids_denoise.derivatives.store import Store
from bids_denoise.errors import OutputError, UsageError

SOURCE = {
    "Name": "Raw",
    "BIDSVersion": "1.8.0",
    "License": "CC0",
    "DatasetDOI": "doi:10.18112/openneuro.ds002748.v1.0.5",
    "GeneratedBy": [{"Name": "converter", "Version": "2"}],
}


def dataset(folder: Path, **more: object) -> Path:
    folder.mkdir()
    (folder / "dataset_description.json").write_text(json.dumps({**SOURCE, **more}))
    (folder / "participants.tsv").write_bytes(b"participant_id\tage\r\nsub-01\t30\r\n")
    return folder


def written(root: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads((root / "dataset_description.json").read_text())
    return content


def test_the_description_says_where_the_data_come_from(tmp_path: Path) -> None:
    raw, out = dataset(tmp_path / "raw"), tmp_path / "out"
    with Store(out) as store:
        write_dataset_files(store, Layout(out, out, rawlike=False), raw)
    got = written(out)
    assert got["Name"] == "Raw - denoised"
    assert got["DatasetType"] == "derivative"
    assert [maker["Name"] for maker in got["GeneratedBy"]] == ["bids-denoise", "converter"]  # type: ignore[attr-defined]
    assert got["SourceDatasets"] == [
        {
            "URL": "https://doi.org/10.18112/openneuro.ds002748.v1.0.5",
            "DOI": "doi:10.18112/openneuro.ds002748.v1.0.5",
        }
    ]
    assert got["DatasetLinks"] == {"input": raw.as_uri()}
    assert got["License"] == "CC0"


def test_the_link_is_relative_when_nested(tmp_path: Path) -> None:
    raw = dataset(tmp_path / "raw")
    out = raw / "derivatives" / "denoised"
    with Store(out) as store:
        write_dataset_files(store, Layout(out, out, rawlike=False), raw)
    assert written(out)["DatasetLinks"] == {"input": "../.."}


def test_rawlike_is_two_datasets(tmp_path: Path) -> None:
    raw, out = dataset(tmp_path / "raw"), tmp_path / "out"
    qc = out / "derivatives" / "bids-denoise-qc"
    with Store(out) as store:
        write_dataset_files(store, Layout(out, qc, rawlike=True), raw)
    assert written(out)["DatasetType"] == "raw"
    assert written(qc)["DatasetType"] == "derivative"
    assert not (out / ".bidsignore").exists()


def test_the_output_of_another_app_is_refused(tmp_path: Path) -> None:
    out = dataset(tmp_path / "out", DatasetType="derivative")
    with pytest.raises(OutputError, match="did not make"):
        check_output(Layout(out, out, rawlike=False), {})


def test_rawlike_of_a_derivative_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs a raw dataset"):
        check_output(Layout(tmp_path, tmp_path, rawlike=True), {"DatasetType": "derivative"})


def test_the_layouts_are_not_mixed(tmp_path: Path) -> None:
    raw, out = dataset(tmp_path / "raw"), tmp_path / "out"
    with Store(out) as store:
        write_dataset_files(store, Layout(out, out, rawlike=False), raw)
    check_output(Layout(out, out, rawlike=False), SOURCE)
    with pytest.raises(UsageError, match="other --output-layout"):
        check_output(Layout(out, out, rawlike=True), SOURCE)


def test_participants_are_copied_byte_for_byte_as_they_come(tmp_path: Path) -> None:
    """The validator refuses a table that lists participants who have no folder."""
    raw, out = dataset(tmp_path / "raw"), tmp_path / "out"
    lines = [b"age\tparticipant_id\r\n", b"30\tsub-01\r\n", b"31\tsub-02\r\n", b"7\r\n"]
    (raw / "participants.tsv").write_bytes(b"".join(lines))
    layout = Layout(out, out, rawlike=False)
    with Store(out) as store:
        (out / "sub-02").mkdir()
        write_participants(store, layout, raw)
        assert (out / "participants.tsv").read_bytes() == lines[0] + lines[2]
        (out / "sub-01").mkdir()
        write_participants(store, layout, raw)
        assert (out / "participants.tsv").read_bytes() == b"".join(lines[:3])


def test_clinical_tables_come_along_with_their_dictionaries(tmp_path: Path) -> None:
    """In both datasets of the raw-like layout, of those who have a folder."""
    raw, out = dataset(tmp_path / "raw"), tmp_path / "out"
    (raw / "phenotype").mkdir()
    table = b"participant_id\tmrs\nsub-01\t2\nsub-02\t5\n"
    (raw / "phenotype" / "stroke.tsv").write_bytes(table)
    (raw / "phenotype" / "stroke.json").write_bytes(b'{"mrs": {"Description": "Rankin"}}')
    layout = Layout(out, out / "derivatives" / "bids-denoise-qc", rawlike=True)
    for root in (layout.images, layout.qc):
        (root / "sub-01").mkdir(parents=True)
    with Store(out) as store:
        write_participants(store, layout, raw)
    for root in (layout.images, layout.qc):
        copied = root / "phenotype" / "stroke.tsv"
        assert copied.read_bytes() == b"participant_id\tmrs\nsub-01\t2\n"
        assert b"Rankin" in copied.with_suffix(".json").read_bytes()
