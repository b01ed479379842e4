import io
import json
import logging
import os
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bids_denoise.console import Console
from bids_denoise.values import Device, Dropped, Found, Record, Scan, Settings

SETTINGS = Settings(
    Path("/data"), Path("/out"), ("participant",), command=("bids-denoise", "/data"), nprocs=4
)
DONE = Record(
    source="sub-01/ses-1/anat/sub-01_ses-1_T1w.nii.gz",
    participant="01",
    session="1",
    datatype="anat",
    suffix="T1w",
    status="ok",
    method="nlm",
    seconds=8.21,
    noise={"sigma_median": 21.41},
    quality={
        "before": {"snr": 10.0},
        "after": {"snr": 11.8},
        "residual": {"psnr_gain": 4.06},
        "light": "green",
        "reasons": (),
    },
)
FAILED = replace(
    DONE,
    source="sub-02/func/sub-02_task-rest_bold.nii.gz",
    suffix="bold",
    status="failed",
    reason="the file ends early",
    hint="copy it again",
)
SKIPPED = replace(DONE, status="skipped", reason="already done and current")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def console(out: io.StringIO) -> Iterator[Console]:
    with Console(out=out, err=out) as made:
        yield made


def scan(subject: str, suffix: str) -> Scan:
    path = Path(f"/data/sub-{subject}/x/sub-{subject}_{suffix}.nii.gz")
    return Scan(path, Path("/data"), "anat", suffix, {"sub": subject})


def test_the_banner_says_what_will_be_done_with_what(console: Console, out: io.StringIO) -> None:
    found = Found((scan("01", "T1w"), scan("01", "bold"), scan("02", "T1w")), ())
    console.banner(SETTINGS, found, Device(kind="cuda", name="Some GPU"))
    text = out.getvalue()
    for part in ("bids-denoise /data", "3 (2 T1w, 1 bold) of 2 participants", "Some GPU", "8.0 GB"):
        assert part in text


@pytest.mark.parametrize(
    ("record", "line"),
    [
        (DONE, "[12/96] sub-01 ses-1 T1w  nlm  8.2 s  sigma 21.4  SNR +18 %  PSNR +4.1 dB  ok"),
        (SKIPPED, "[12/96] sub-01 ses-1 T1w  skipped (already done and current)"),
        (FAILED, "[12/96] sub-02 task-rest bold  FAILED (the file ends early)"),
        (
            replace(DONE, quality={"light": "amber", "reasons": ("it is smooth", "odd")}),
            "[12/96] sub-01 ses-1 T1w  nlm  8.2 s  sigma 21.4  ok (amber: it is smooth; odd)",
        ),
        (
            replace(DONE, noise={}, quality={"before": {"snr": None}, "after": {"snr": 3.0}}),
            "[12/96] sub-01 ses-1 T1w  nlm  8.2 s  ok",
        ),
    ],
)
def test_the_line_of_an_image(
    console: Console, out: io.StringIO, record: Record, line: str
) -> None:
    console.started(12, 96, scan("01", "T1w"))
    console.finished(12, 96, record)
    assert out.getvalue().splitlines()[0] == line


def test_numbers_line_up(console: Console, out: io.StringIO) -> None:
    console.finished(1, 100, DONE)
    assert out.getvalue().startswith("[  1/100] ")


def test_a_failure_is_followed_by_its_hint(console: Console, out: io.StringIO) -> None:
    console.finished(1, 1, FAILED)
    assert out.getvalue().splitlines()[1].strip() == "copy it again"


def test_the_final_table(console: Console, out: io.StringIO) -> None:
    dropped = [Dropped(Path("/data/a.nii.gz"), "a phase image")]
    console.summary([DONE, SKIPPED, FAILED], dropped, 192, Path("/out/sub-01.html"))
    lines = [line.split() for line in out.getvalue().splitlines()]
    assert lines[0] == ["image", "ok", "skipped", "failed"]
    assert ["T1w", "1", "1", "0"] in lines
    assert ["bold", "0", "0", "1"] in lines
    assert ["all", "1", "1", "1"] in lines
    text = out.getvalue()
    for part in ("the file ends early", "Not denoised: 1 others", "3 min 12 s", "/out/sub-01.html"):
        assert part in text


def test_a_summary_of_nothing(console: Console, out: io.StringIO) -> None:
    console.summary([], [], 1, None)
    assert out.getvalue() == "Time    1.0 s\n"


def test_the_plan_is_a_table_with_what_fell_out(console: Console, out: io.StringIO) -> None:
    rows = [{"source": "a.nii.gz", "output": "b.nii.gz", "method": "nlm"}]
    console.plan(rows, [Dropped(Path("/data/sub-01_part-phase_bold.nii.gz"), "a phase image")])
    lines = [line.split() for line in out.getvalue().splitlines()]
    assert lines[0] == ["source", "output", "method"]
    assert lines[1] == ["a.nii.gz", "b.nii.gz", "nlm"]
    assert lines[-1] == ["sub-01", "part-phase", "bold", "a", "phase", "image"]


def test_errors_go_to_the_error_stream() -> None:
    out, err = io.StringIO(), io.StringIO()
    with Console(out=out, err=err) as console:
        console.error("the disk is full")
        console.verdict(74, "Reading or writing failed.")
    assert err.getvalue() == "bids-denoise: the disk is full\n"
    assert out.getvalue() == "bids-denoise exit code 74: reading or writing failed.\n"


@pytest.mark.parametrize(
    ("verbosity", "heard"),
    [
        (-1, "warning"),
        (0, "message warning"),
        (1, "message warning info"),
        (2, "message warning info debug"),
        (3, "message warning info debug other"),
    ],
)
def test_verbosity(out: io.StringIO, verbosity: int, heard: str) -> None:
    log = logging.getLogger("bids_denoise.noise")
    with Console(verbosity, out=out) as console:
        console.message("a message")
        log.warning("a warning")
        log.info("an info")
        log.debug("a debug line")
        logging.getLogger("another.package").info("an other line")
    said = [
        w for w in ("message", "warning", "info", "debug", "other") if f" {w}" in out.getvalue()
    ]
    assert said == heard.split()


def test_quiet_still_tells_of_failures(out: io.StringIO) -> None:
    with Console(-1, out=out) as console:
        console.finished(1, 2, DONE)
        console.finished(2, 2, FAILED)
        console.summary([DONE, FAILED], [], 1, None)
    assert "T1w  nlm" not in out.getvalue()
    assert "FAILED (the file ends early)" in out.getvalue()
    assert "skipped  failed" in out.getvalue()


def test_json_lines_hold_the_same_facts(out: io.StringIO) -> None:
    with Console(1, "json", out=out, err=out) as console:
        console.banner(SETTINGS, Found((scan("01", "T1w"),), ()), Device())
        console.finished(1, 1, DONE)
        console.summary([DONE], [], 2, None)
        console.error("stop")
        try:
            raise ValueError("why")
        except ValueError:
            logging.getLogger("bids_denoise").exception("it broke")
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["banner", "image", "summary", "error", "log"]
    assert lines[1]["snr_change"] == pytest.approx(0.18)
    assert lines[1]["level"] == "note"
    assert lines[2]["ok"] == 1
    assert "ValueError: why" in lines[4]["traceback"]
    assert lines[0]["time"].endswith("Z")


def test_a_terminal_gets_a_bar_and_the_lines_above_it() -> None:
    out = Terminal()
    with Console(out=out, err=out) as console:
        console.started(1, 2, scan("01", "T1w"))
        console.finished(1, 2, DONE)
        console.started(2, 2, scan("02", "T1w"))
        console.finished(2, 2, replace(DONE, source="sub-02_T1w.nii.gz"))
        console.summary([DONE], [], 1, None)
        console.message("[bold] is no markup")
    text = out.getvalue()
    assert "━" in text
    assert "[1/2] sub-01 ses-1 T1w  nlm" in text
    assert "[bold] is no markup" in text


@pytest.mark.parametrize(("verbosity", "log_format"), [(-1, "text"), (0, "json")])
def test_no_bar_when_quiet_or_json(verbosity: int, log_format: str) -> None:
    out = Terminal()
    with Console(verbosity, log_format, out=out) as console:
        console.started(1, 1, scan("01", "T1w"))
        console.finished(1, 1, DONE)
    assert "━" not in out.getvalue()


def test_a_file_handler_gets_the_same_lines(console: Console, tmp_path: Path) -> None:
    handler = logging.FileHandler(tmp_path / "run.log")
    tree = logging.getLogger("bids_denoise")
    tree.addHandler(handler)
    try:
        console.finished(1, 1, DONE)
        logging.getLogger("bids_denoise.noise").debug("details")
    finally:
        tree.removeHandler(handler)
        handler.close()
    assert "sub-01 ses-1 T1w" in (tmp_path / "run.log").read_text()
    assert "details" in (tmp_path / "run.log").read_text()


def test_warnings_of_packages_do_not_clutter_the_terminal() -> None:
    quiet, chatty = io.StringIO(), io.StringIO()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        with Console(out=quiet, err=quiet):
            warnings.warn("old format", stacklevel=1)
        with Console(1, out=chatty):
            warnings.warn("old format", stacklevel=1)
    assert quiet.getvalue() == ""
    assert "old format" in chatty.getvalue()


def test_the_logging_tree_is_left_as_it_was() -> None:
    ours, root = logging.getLogger("bids_denoise"), logging.getLogger()
    before = (ours.level, root.level, ours.handlers[:], root.handlers[:])
    with Console(3, out=io.StringIO()):
        pass
    assert (ours.level, root.level, ours.handlers[:], root.handlers[:]) == before


def test_a_reader_that_leaves_does_not_stop_the_work() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream, Console(out=stream) as console:
        console.message("a" * 100_000)
        console.message("still alive")
    assert console.last_lines[-1] == "still alive"
