"""How a run ends: the exit code, and what is said of an error nobody foresaw."""

from __future__ import annotations

import errno
import json
import os
import platform
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bids_denoise import __version__
from bids_denoise.cli.text import exit_codes
from bids_denoise.errors import (
    BidsDenoiseError,
    InterruptedRunError,
    StorageError,
    UsageError,
)
from bids_denoise.values import Record, Settings

OK = 0
SOME_FAILED = BidsDenoiseError.exit_code
INTERRUPTED = InterruptedRunError.exit_code
DISK_FAULTS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}

HINTS = {
    "memory": "the memory did not suffice: give more, or use fewer --nprocs, or --low-mem",
    "disk": "the disk is full, faulty or read-only: look after OUTPUT_DIR and --work-dir",
    "permission": "a file or folder may not be read or written by this user",
    "missing": "a file went away during the run",
    "other": "this is a fault of the app: please report it with the crash file",
}


def exit_code(records: Iterable[Record], complete: bool = True) -> int:
    """Return the exit code of a run over images.

    0 when every image was written or is current. When all of them failed for one and the same
    cause, the code of that cause (65 for bad data). 1 when only some failed, the causes differ, or
    the run was not `complete` because it stops at the first failure.

    >>> exit_code([])
    0
    """
    codes = {record.code or SOME_FAILED if record.status == "failed" else OK for record in records}
    if codes <= {OK}:
        return OK
    return codes.pop() if complete and len(codes) == 1 else SOME_FAILED


def meaning(code: int, records: Sequence[Record]) -> str:
    """Return what an exit code says of a run over images, or nothing when there is no more to say.

    >>> meaning(0, ()), meaning(75, ())[:8]
    ('', 'The run ')
    """
    if code == SOME_FAILED:
        return "Some images failed." if records else "Something unexpected happened."
    return exit_codes()[code] if code or records else ""


def code_of_problems(problems: Sequence[BidsDenoiseError]) -> int:
    """Return the exit code for a command that cannot be run: what they share, or 64."""
    codes = {problem.exit_code for problem in problems}
    return codes.pop() if len(codes) == 1 else UsageError.exit_code


def code_of_unexpected(error: Exception) -> int:
    """Return 74 for a fault of the disk and 1 for everything else."""
    return StorageError.exit_code if _cause(error) == "disk" else SOME_FAILED


def hint(error: Exception) -> str:
    """Return a sentence on the likely cause of an unexpected error."""
    return HINTS[_cause(error)]


def write_crash_file(error: Exception, settings: Settings, last_lines: Sequence[str]) -> Path:
    """Write what is needed to understand an unexpected error, and return where.

    It goes to the logs of the output, or to the temporary folder if that cannot be.
    """
    content = {
        "error": f"{type(error).__name__}: {error}",
        "hint": hint(error),
        "command": settings.command,
        "version": __version__,
        "python": sys.version,
        "platform": platform.platform(),
        "traceback": traceback.format_exception(error),
        "last_log_lines": list(last_lines),
    }
    name = f"crash-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}.json"
    for folder in (settings.output_dir / "logs", Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / name
            path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        except OSError:
            continue
        return path
    return Path(os.devnull)


def _cause(error: Exception) -> str:
    for each in _chain(error):
        if isinstance(each, MemoryError) or type(each).__name__ == "BrokenProcessPool":
            return "memory"
        if isinstance(each, PermissionError):
            return "permission"
        if isinstance(each, FileNotFoundError):
            return "missing"
        if isinstance(each, OSError) and each.errno in DISK_FAULTS:
            return "disk"
        if isinstance(each, OSError) and each.errno == errno.ENOMEM:
            return "memory"
    return "other"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
