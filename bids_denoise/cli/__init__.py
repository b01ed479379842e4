"""The command line of the app."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bids_denoise.cli import failures
from bids_denoise.cli.parser import parse
from bids_denoise.errors import BidsDenoiseError
from bids_denoise.values import Record, Settings

if TYPE_CHECKING:
    from bids_denoise.console import Console


def main(argv: Sequence[str] | None = None) -> int:
    """Run the app and return its exit code; docs/errors.md says what each means."""
    arguments = tuple(sys.argv[1:] if argv is None else argv)
    flags = parse(arguments)
    for name, text in _information().items():
        if flags.values.get(name):
            print(text())
            return failures.OK
    from bids_denoise.cli.settings import settings_from

    try:
        settings = settings_from(flags, arguments)
    except ExceptionGroup as problems:
        return _refuse([each for each in problems.exceptions if isinstance(each, BidsDenoiseError)])
    except BidsDenoiseError as problem:
        return _refuse([problem])
    return _run(settings)


def _information() -> dict[str, Callable[[], str]]:
    from bids_denoise.cli import descriptor, text

    return {
        "help": text.help_text,
        "version": text.version_text,
        "bids_exec_spec": descriptor.descriptor_text,
    }


def _refuse(problems: Sequence[BidsDenoiseError]) -> int:
    for problem in problems:
        print(f"bids-denoise: {problem}", file=sys.stderr)
    print("bids-denoise: nothing was done; --help lists the options", file=sys.stderr)
    return failures.code_of_problems(problems)


def _run(settings: Settings) -> int:
    """Run the levels asked for; the one place where a run's errors become its exit code."""
    from bids_denoise.cli.environment import workplace
    from bids_denoise.cli.stopping import stop_on_signals
    from bids_denoise.console import Console

    records: tuple[Record, ...] = ()
    with Console(settings.verbosity, settings.log_format) as console:
        try:
            with stop_on_signals(), workplace(settings) as ready:
                records = _levels(ready, console)
                code = failures.exit_code(records, complete=not settings.stop_on_first_crash)
        except BidsDenoiseError as error:
            console.error(str(error))
            code = error.exit_code
        except KeyboardInterrupt:
            console.error("stopped from outside; nothing is half-written, the same command goes on")
            code = failures.INTERRUPTED
        except Exception as error:
            if settings.debug:
                traceback.print_exc()
            path = failures.write_crash_file(error, settings, console.last_lines)
            console.error(f"{type(error).__name__}: {error} - {failures.hint(error)} ({path})")
            code = failures.code_of_unexpected(error)
        console.verdict(code, failures.meaning(code, records))
    return code


def _levels(settings: Settings, console: Console) -> tuple[Record, ...]:
    records: tuple[Record, ...] = ()
    if "participant" in settings.levels:
        from bids_denoise.participant import run_participants

        records = run_participants(settings, console)
    all_failed = bool(records) and all(record.status == "failed" for record in records)
    if "group" in settings.levels and not settings.dry_run and not all_failed:
        from bids_denoise.group import run_group

        run_group(settings, console)
    return records
