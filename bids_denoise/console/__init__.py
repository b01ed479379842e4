"""What a run says: banner, one line per image, a progress bar on a terminal, a final table.

Everything goes through the logging tree ``bids_denoise``, so that a file handler hung on it gets
the same lines, and ``--log-format json`` the same facts as one object a line.
"""

from __future__ import annotations

import logging
import os
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from bids_denoise.console import lines
from bids_denoise.console.channels import Bar, LineHandler, WarningsForwarder

if TYPE_CHECKING:
    from bids_denoise.values import Device, Dropped, Found, Record, Scan, Settings

log = logging.getLogger("bids_denoise.console")

# Between INFO and WARNING: shown by default, but not with --quiet.
NOTE = 25
LEVELS = {-1: logging.WARNING, 0: NOTE, 1: logging.INFO}
KEPT_LINES = 50


class Console:
    """The voice of a run. Use it as a context manager: it listens to the logging tree meanwhile.

    Parameters
    ----------
    verbosity
        -1: only what went wrong; 0: the lines described above; 1: what is done; 2: details; 3: also
        what other packages log.
    log_format
        ``text``, or ``json``.
    out, err
        Where it writes; the standard streams by default.
    """

    def __init__(
        self,
        verbosity: int = 0,
        log_format: str = "text",
        out: TextIO | None = None,
        err: TextIO | None = None,
    ) -> None:
        self._out, self._err = out or sys.stdout, err or sys.stderr
        self._handler = LineHandler(self._write, json_lines=log_format == "json")
        self._handler.setLevel(LEVELS.get(verbosity, logging.DEBUG))
        self._all_packages = verbosity > 2
        self._lively = log_format == "text" and verbosity >= 0 and self._out.isatty()
        self._bar: Bar | None = None
        self._warnings = WarningsForwarder(logging.getLogger("bids_denoise.warnings"))
        self.last_lines: deque[str] = deque(maxlen=KEPT_LINES)

    def __enter__(self) -> Console:
        ours, root = logging.getLogger("bids_denoise"), logging.getLogger()
        self._levels_before = ours.level, root.level
        ours.setLevel(logging.DEBUG)
        if self._all_packages:
            root.setLevel(logging.INFO)
        (root if self._all_packages else ours).addHandler(self._handler)
        self._warnings.begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop_bar()
        self._warnings.end()
        for logger, level in zip(
            (logging.getLogger("bids_denoise"), logging.getLogger()),
            self._levels_before,
            strict=True,
        ):
            logger.removeHandler(self._handler)
            logger.setLevel(level)

    def banner(self, settings: Settings, found: Found, device: Device) -> None:
        """Say what the run is about to do, with what."""
        facts = lines.banner_facts(settings, found, device)
        _say("banner", "\n".join(f"{name:<12} {value}" for name, value in facts.items()), facts)

    def plan(self, rows: Sequence[Mapping[str, str]], dropped: Sequence[Dropped]) -> None:
        """Print what would be read and written, and why other images would not be."""
        facts = {
            "images": list(rows),
            "dropped": [{"path": str(each.path), "reason": each.reason} for each in dropped],
        }
        blocks = [lines.table(rows) or "no image would be denoised"]
        if dropped:
            blocks.append(
                "Not denoised:\n" + lines.table([lines.dropped_row(each) for each in dropped])
            )
        _say("plan", "\n\n".join(blocks), facts)

    def started(self, index: int, total: int, scan: Scan) -> None:
        """Note that the work on an image has begun."""
        if self._lively and self._bar is None:
            self._bar = Bar(total, self._out)
        if self._bar is not None:
            self._bar.show(lines.label(scan.path.name))
        log.info("[%*d/%d] %s begins", len(str(total)), index, total, scan.path.name)

    def finished(self, index: int, total: int, record: Record) -> None:
        """Print the line of an image that is done."""
        if self._bar is not None:
            self._bar.advance(index)
        level = logging.ERROR if record.status == "failed" else NOTE
        _say("image", lines.image_line(index, total, record), lines.image_facts(record), level)

    def message(self, text: str) -> None:
        """Print a sentence."""
        _say("message", text, {})

    def error(self, text: str) -> None:
        """Print what stopped the run, to the error stream."""
        self._stop_bar()
        _say("error", f"bids-denoise: {text}", {}, logging.ERROR)

    def summary(
        self,
        records: Sequence[Record],
        dropped: Sequence[Dropped],
        seconds: float,
        report: Path | None,
    ) -> None:
        """Print the final table: how many images are ok, skipped and failed, and why."""
        self._stop_bar()
        facts: dict[str, Any] = {
            **{status: sum(each.status == status for each in records) for status in lines.MARKS},
            "not_denoised": len(dropped),
            "seconds": round(seconds, 1),
            "report": str(report or ""),
        }
        text = lines.summary_text(records, dropped, seconds, report)
        _say("summary", text, facts, logging.WARNING if facts["failed"] else NOTE)

    def verdict(self, code: int, meaning: str) -> None:
        """Print the last line: the exit code and, if there is more to say, its meaning."""
        word = "finished" if code == 0 else f"exit code {code}"
        rest = f": {meaning[:1].lower()}{meaning[1:]}" if meaning else ""
        _say(
            "verdict", f"bids-denoise {word}{rest}", {"code": code}, logging.ERROR if code else NOTE
        )

    def _write(self, text: str, event: str) -> None:
        self.last_lines.extend(text.splitlines())
        stream = self._err if event == "error" else self._out
        try:
            if self._bar is not None:
                self._bar.print(text)
            else:
                print(text, file=stream, flush=True)
        except BrokenPipeError:
            # Whoever read along has gone. The work goes on, into silence.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())

    def _stop_bar(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _say(event: str, text: str, facts: Mapping[str, Any], level: int = NOTE) -> None:
    log.log(level, "%s", text, extra={"event": event, "facts": facts})
