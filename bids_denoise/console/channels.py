"""The ways out of the logging tree: lines of text or JSON, and a progress bar."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from typing import TextIO


class LineHandler(logging.Handler):
    """Turn log records into lines and hand them to `write` with the event they tell of."""

    def __init__(self, write: Callable[[str, str], None], json_lines: bool) -> None:
        super().__init__()
        self._hand_over = write
        self._line = json_line if json_lines else text_line

    def emit(self, record: logging.LogRecord) -> None:
        """Hand the record's line over."""
        self._hand_over(self._line(record), getattr(record, "event", ""))


def text_line(record: logging.LogRecord) -> str:
    """Return a record as text: what the console says is plain, everything else has its level."""
    message = record.getMessage()
    if not hasattr(record, "event"):
        message = f"{record.levelname.lower():<8}{message}"
    if record.exc_info:
        message += "\n" + logging.Formatter().formatException(record.exc_info)
    return message


def json_line(record: logging.LogRecord) -> str:
    """Return a record as one JSON object: time (UTC), level, logger, message, event and facts."""
    moment = time.gmtime(record.created)
    content = {
        "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', moment)}.{int(record.msecs):03d}Z",
        "level": record.levelname.lower() if record.levelno != 25 else "note",
        "logger": record.name,
        "event": getattr(record, "event", "log"),
        "message": record.getMessage(),
        **getattr(record, "facts", {}),
    }
    if record.exc_info:
        content["traceback"] = logging.Formatter().formatException(record.exc_info)
    return json.dumps(content, ensure_ascii=False, default=str)


class WarningsForwarder(logging.Handler):
    """Send Python's warnings to a logger instead of the terminal, as information."""

    def __init__(self, logger: logging.Logger) -> None:
        super().__init__()
        self._logger = logger
        self._source = logging.getLogger("py.warnings")

    def begin(self) -> None:
        """Take the warnings over."""
        logging.captureWarnings(True)
        self._source.addHandler(self)
        self._propagate_before, self._source.propagate = self._source.propagate, False

    def end(self) -> None:
        """Give the warnings back."""
        self._source.propagate = self._propagate_before
        self._source.removeHandler(self)
        logging.captureWarnings(False)

    def emit(self, record: logging.LogRecord) -> None:
        """Pass the warning on, without the line of code that it came from."""
        self._logger.info("%s", record.getMessage().partition("\n")[0])


class Bar:
    """A progress bar below the lines, on a terminal."""

    def __init__(self, total: int, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

        columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(
            *columns, console=Console(file=stream), transient=True, refresh_per_second=2
        )
        self._task = self._progress.add_task("", total=total)
        self._progress.start()

    def show(self, text: str) -> None:
        """Say what is being worked on."""
        self._progress.update(self._task, description=text)

    def advance(self, done: int) -> None:
        """Set the number of images that are done."""
        self._progress.update(self._task, completed=done)

    def print(self, text: str) -> None:
        """Print a line above the bar."""
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def stop(self) -> None:
        """Take the bar away."""
        self._progress.stop()
