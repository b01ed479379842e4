import errno
import json
import os
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path

import pytest

from bids_denoise.cli import failures
from bids_denoise.cli.text import exit_codes
from bids_denoise.errors import (
    BidsDenoiseError,
    LevelError,
    MissingInputError,
    OutputError,
    UsageError,
)
from bids_denoise.values import Record, Settings, Status


def records(*states: Status) -> list[Record]:
    """Return records of those states; what failed did so for bad data."""
    codes = {"ok": 0, "skipped": 0, "failed": 65}
    return [
        Record("sub-01_T1w.nii.gz", "01", None, "anat", "T1w", state, code=codes[state])
        for state in states
    ]


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ((), 0),
        (("ok", "ok"), 0),
        (("ok", "skipped"), 0),
        (("skipped",), 0),
        (("ok", "failed"), 1),
        (("skipped", "failed"), 1),
        (("failed",), 65),
        (("failed", "failed"), 65),
    ],
)
def test_the_exit_code_of_a_run(states: tuple[Status, ...], code: int) -> None:
    assert failures.exit_code(records(*states)) == code


def test_failures_of_different_causes_are_code_1() -> None:
    bad, lost = records("failed", "failed")
    assert failures.exit_code([bad, replace(lost, code=1)]) == 1
    assert failures.exit_code([replace(lost, code=0)]) == 1


def test_not_all_failed_when_the_run_stopped_at_the_first() -> None:
    assert failures.exit_code(records("failed"), complete=False) == 1
    assert failures.exit_code(records("ok"), complete=False) == 0


@pytest.mark.parametrize(
    ("problems", "code"),
    [
        ([UsageError("a"), UsageError("b")], 64),
        ([LevelError("a")], 17),
        ([MissingInputError("a"), MissingInputError("b")], 66),
        ([OutputError("a")], 73),
        ([LevelError("a"), MissingInputError("b")], 64),
    ],
)
def test_the_exit_code_of_a_refused_command(problems: list[BidsDenoiseError], code: int) -> None:
    assert failures.code_of_problems(problems) == code


@pytest.mark.parametrize(
    ("error", "code", "hint"),
    [
        (MemoryError(), 1, "memory"),
        (BrokenProcessPool("a child died"), 1, "memory"),
        (OSError(errno.ENOMEM, "no memory"), 1, "memory"),
        (OSError(errno.ENOSPC, "full"), 74, "disk"),
        (OSError(errno.EIO, "fault"), 74, "disk"),
        (OSError(errno.EROFS, "read-only"), 74, "disk"),
        (PermissionError(errno.EACCES, "no"), 1, "permission"),
        (FileNotFoundError(errno.ENOENT, "gone"), 1, "missing"),
        (ZeroDivisionError("division by zero"), 1, "other"),
    ],
)
def test_hints_for_known_causes(error: Exception, code: int, hint: str) -> None:
    assert failures.hint(error) == failures.HINTS[hint]
    assert failures.code_of_unexpected(error) == code


def test_the_cause_behind_an_error_counts() -> None:
    error = RuntimeError("numba failed")
    error.__cause__ = MemoryError()
    assert failures.hint(error) == failures.HINTS["memory"]


def test_the_crash_file_holds_what_is_needed(tmp_path: Path) -> None:
    settings = Settings(tmp_path, tmp_path / "out", ("participant",), command=("bids-denoise",))
    try:
        raise ZeroDivisionError("by zero")
    except ZeroDivisionError as error:
        path = failures.write_crash_file(error, settings, ["last line"])
    assert path.parent == tmp_path / "out" / "logs"
    content = json.loads(path.read_text())
    assert content["error"] == "ZeroDivisionError: by zero"
    assert content["command"] == ["bids-denoise"]
    assert content["last_log_lines"] == ["last line"]
    assert any("test_failures.py" in line for line in content["traceback"])


def test_the_crash_file_of_an_output_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    settings = Settings(tmp_path, tmp_path / "file", ("participant",))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    path = failures.write_crash_file(ValueError("x"), settings, [])
    assert path.parent == tmp_path / "temporary"
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    assert failures.write_crash_file(ValueError("x"), settings, []) == Path(os.devnull)


def test_every_error_has_a_code_with_a_meaning() -> None:
    codes = exit_codes()
    assert set(codes) == {0, 1, 16, 17, 18, 64, 65, 66, 73, 74, 75}
    assert all(meaning.endswith(".") for meaning in codes.values())
    assert all(kind.exit_code in codes for kind in BidsDenoiseError.__subclasses__())
