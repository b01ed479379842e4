import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bids_denoise.derivatives.store import Store, json_text, read_table, table_text
from bids_denoise.errors import OutputError, StorageError, storage_errors


def test_a_file_appears_whole_and_nothing_else_stays(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.write_text(tmp_path / "sub-01" / "a.txt", "whole")
    assert (tmp_path / "sub-01" / "a.txt").read_text() == "whole"
    assert not (tmp_path / "logs" / "partial").exists()


def test_a_draft_is_not_visible_under_its_final_name(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        draft = store.draft(tmp_path / "image.nii.gz")
        draft.write_bytes(b"half")
        assert not (tmp_path / "image.nii.gz").exists()
        store.publish([(draft, tmp_path / "image.nii.gz")])
        assert (tmp_path / "image.nii.gz").read_bytes() == b"half"


def test_an_identical_file_is_left_alone(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.write_text(tmp_path / "a", "same")
        os.utime(tmp_path / "a", (1, 1))
        store.write_text(tmp_path / "a", "same")
        assert (tmp_path / "a").stat().st_mtime == 1
        store.write_text(tmp_path / "a", "new")
        assert (tmp_path / "a").read_text() == "new"


def test_what_a_killed_process_left_is_cleared_but_not_what_a_live_one_writes(
    tmp_path: Path,
) -> None:
    code = (
        "import sys, os, signal; from pathlib import Path\n"
        "from bids_denoise.derivatives.store import Store\n"
        f"Store(Path({str(tmp_path)!r})).draft(Path('x.nii')).write_text('half')\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    left = list((tmp_path / "logs/partial").rglob("x.nii"))
    assert len(left) == 1
    with Store(tmp_path) as other, Store(tmp_path) as store:
        mine = other.draft(tmp_path / "y.nii")
        mine.write_text("being written")
        store.clear_abandoned()
        assert mine.exists()
    assert not left[0].exists()


def test_an_output_that_cannot_be_made_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write to"):
        Store(tmp_path / "file")


def test_a_full_disk_is_told_in_plain_words(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="the disk is full"), storage_errors(tmp_path):
        raise OSError(28, os.strerror(28))


def test_json_holds_no_nan() -> None:
    value = {"a": np.float32("nan"), "b": [np.inf, np.int16(3)], "c": (np.bool_(True), None)}
    assert json.loads(json_text(value)) == {"a": None, "b": [None, 3], "c": [True, None]}


def test_tables_survive_a_round_trip(tmp_path: Path) -> None:
    rows: list[dict[str, str | None]] = [
        {"participant_id": "sub-01", "label": "007"},
        {"participant_id": "sub-ü", "x": None},
    ]
    (tmp_path / "t.tsv").write_text(table_text(rows))
    assert read_table(tmp_path / "t.tsv") == [
        {"participant_id": "sub-01", "label": "007", "x": "n/a"},
        {"participant_id": "sub-ü", "label": "n/a", "x": "n/a"},
    ]
    assert read_table(tmp_path / "absent.tsv") == []
