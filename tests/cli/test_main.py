import json
import os
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bids_denoise import __version__
from bids_denoise.cli import main
from bids_denoise.cli.failures import HINTS
from bids_denoise.errors import (
    DatasetError,
    InterruptedRunError,
    MissingInputError,
    OutputError,
    SelectionError,
    StorageError,
    UsageError,
)
from bids_denoise.values import Record, Settings, Status

Level = Callable[[Settings, Any], Any]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a valid command; the environment that a run changes is put back."""
    monkeypatch.setattr(os, "environ", {**os.environ, "HOME": str(tmp_path)})
    (tmp_path / "data").mkdir()
    return [str(tmp_path / "data"), str(tmp_path / "out"), "participant"]


def play(monkeypatch: pytest.MonkeyPatch, **levels: Level) -> None:
    """Put other levels in the place of the real ones."""
    for name, level in levels.items():
        room = types.ModuleType(f"bids_denoise.{name}")
        setattr(room, "run_group" if name == "group" else "run_participants", level)
        monkeypatch.setitem(sys.modules, room.__name__, room)


def ending(*states: Status) -> Level:
    codes = {"failed": 65}
    done = [
        Record("sub-01_T1w.nii.gz", "01", None, "anat", "T1w", state, code=codes.get(state, 0))
        for state in states
    ]
    return lambda *_: tuple(done)


def raising(error: BaseException) -> Level:
    def level(*_: object) -> None:
        raise error

    return level


@pytest.mark.parametrize(
    ("states", "code", "last"),
    [
        (("ok",), 0, "bids-denoise finished: every selected image was written"),
        (("ok", "failed"), 1, "exit code 1: some images failed"),
        (("failed",), 65, "exit code 65: every image failed"),
    ],
)
def test_a_run_ends_in_its_code(
    command: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    states: tuple[Status, ...],
    code: int,
    last: str,
) -> None:
    play(monkeypatch, participant=ending(*states))
    assert main(command) == code
    assert last in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DatasetError("d"), 16),
        (SelectionError("s"), 18),
        (UsageError("no such device"), 64),
        (MissingInputError("m"), 66),
        (OutputError("o"), 73),
        (StorageError("full"), 74),
        (InterruptedRunError("i"), 75),
        (KeyboardInterrupt(), 75),
        (ZeroDivisionError("by zero"), 1),
        (MemoryError(), 1),
        (OSError(28, "No space left on device"), 74),
    ],
)
def test_every_error_ends_in_its_code_without_a_traceback(
    command: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
) -> None:
    play(monkeypatch, participant=raising(error))
    assert main(command) == code
    captured = capsys.readouterr()
    assert "Traceback" not in captured.out + captured.err
    assert str(error) in captured.err
    assert f"exit code {code}" in captured.out


def test_an_unexpected_error_leaves_a_crash_file_and_a_hint(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    play(monkeypatch, participant=raising(ZeroDivisionError("by zero")))
    main(command)
    (path,) = Path(command[1]).glob("logs/crash-*.json")
    text = capsys.readouterr().err
    assert str(path) in text
    assert HINTS["other"] in text
    assert json.loads(path.read_text())["command"][1:] == command


def test_debug_shows_the_traceback(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    play(monkeypatch, participant=raising(ZeroDivisionError("by zero")))
    assert main([*command, "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_the_levels_run_in_order_with_the_same_settings(
    command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, Settings]] = []

    def participant(settings: Settings, _: object) -> tuple[Record, ...]:
        seen.append(("participant", settings))
        return ()

    def group(settings: Settings, _: object) -> None:
        seen.append(("group", settings))

    play(monkeypatch, participant=participant, group=group)
    assert main([*command, "group"]) == 0
    assert [name for name, _ in seen] == ["participant", "group"]
    assert seen[0][1] == seen[1][1]
    assert seen[0][1].work_dir is not None
    assert "analysis_level" in seen[0][1].effective_config


@pytest.mark.parametrize("words", [["--dry-run"], []])
def test_there_is_no_group_level_without_results(
    command: list[str], monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    states: tuple[Status, ...] = () if words else ("failed",)
    play(monkeypatch, participant=ending(*states), group=raising(AssertionError("must not be run")))
    assert main([*command, "group", *words]) == (0 if words else 65)


def test_a_run_without_images_claims_nothing_of_them(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    play(monkeypatch, participant=ending())
    assert main(command) == 0
    assert capsys.readouterr().out == "bids-denoise finished\n"


def test_all_problems_are_printed_at_once(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--nprocs", "0", "--fast", "-w"]) == 64
    text = capsys.readouterr().err
    assert all(word in text for word in ("--nprocs", "--fast", "--work-dir", "--help"))


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], 64),
        (["/none", "/tmp/out", "participant"], 66),
        (["/none", "/tmp/out", "everyone"], 17),
        (["/none", "/tmp/out", "everyone", "--nprocs", "0"], 64),
    ],
)
def test_refused_commands(words: list[str], code: int) -> None:
    assert main(words) == code


@pytest.mark.parametrize("word", ["--help", "-h", "--version", "--bids-exec-spec"])
def test_information_comes_before_any_complaint(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--nonsense", word]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--version"])
    assert capsys.readouterr().out == f"bids-denoise {__version__}\n"


@pytest.mark.parametrize("word", ["--help", "--version", "--bids-exec-spec", "--nonsense"])
def test_no_heavy_package_is_loaded_before_a_run(word: str) -> None:
    code = (
        "import sys\nfrom bids_denoise.cli import main\n"
        f"main([{word!r}])\nprint(*sys.modules, file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in run.stderr.split()}
    heavy = {
        "numpy", "scipy", "numba", "nibabel", "bids", "torch", "matplotlib", "jinja2", "pandas",
        "sklearn", "nilearn", "rich", "psutil", "tomli_w",
    }  # fmt: skip
    assert not loaded & heavy


def test_sigterm_ends_a_run_in_75(tmp_path: Path) -> None:
    """The levels of a real process: it clears up what it had begun."""
    (tmp_path / "data").mkdir()
    code = (
        "import os, signal, sys, types\n"
        "def run(settings, console):\n"
        "    begun = settings.output_dir / 'begun'\n"
        "    begun.touch()\n"
        "    try:\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "    finally:\n"
        "        begun.unlink()\n"
        "room = types.ModuleType('bids_denoise.participant')\n"
        "room.run_participants = run\n"
        "sys.modules[room.__name__] = room\n"
        "from bids_denoise.cli import main\n"
        f"sys.exit(main([{str(tmp_path / 'data')!r}, {str(tmp_path / 'out')!r}, 'participant']))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=False, env={**os.environ, "HOME": str(tmp_path)},
    )  # fmt: skip
    assert run.returncode == 75
    assert "nothing is half-written" in run.stderr
    assert list((tmp_path / "out").iterdir()) == []


def test_the_module_can_be_run(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "bids_denoise", str(tmp_path), str(tmp_path), "participant"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 64
    assert "OUTPUT_DIR is BIDS_DIR" in run.stderr
