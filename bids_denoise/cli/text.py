"""The option table as text."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator
from itertools import groupby

from bids_denoise import __version__
from bids_denoise.cli.option import Option
from bids_denoise.cli.options import options
from bids_denoise.errors import BidsDenoiseError

USAGE = "bids-denoise BIDS_DIR OUTPUT_DIR {participant,group} [..] [options]"
ABOUT = (
    "Remove the noise of every MRI in a BIDS dataset, and show for each image what was removed "
    "and what it did to the quality."
)
EPILOGUE = (
    "Flags with dashes may be written with underscores. Lists end at the next option. Exit code "
    "0 means that every selected image is there; docs/errors.md has the other codes."
)
INDENT = 26


def help_text(width: int | None = None) -> str:
    """Return what ``--help`` prints."""
    width = min(width or shutil.get_terminal_size((100, 24)).columns, 100)
    lines = [f"Usage: {USAGE}", "", *textwrap.wrap(ABOUT, width)]
    for heading, group in groups():
        lines += ["", *textwrap.wrap(f"{heading}:", width)]
        lines += [line for option in group for line in _entry(option, width)]
    return "\n".join([*lines, "", *textwrap.wrap(EPILOGUE, width)])


def version_text() -> str:
    """Return what ``--version`` prints."""
    return f"bids-denoise {__version__}"


def exit_codes() -> dict[int, str]:
    """Return every exit code and what it means; the errors of the package say it themselves."""
    found = {
        0: "Every selected image was written, or is there and current.",
        1: "Some images failed, or something unexpected happened.",
    }
    for kind in BidsDenoiseError.__subclasses__():
        found[kind.exit_code] = (kind.__doc__ or "").strip().partition("\n")[0]
    found[65] = "Every image failed: the data is wrong."
    return dict(sorted(found.items()))


def groups() -> Iterator[tuple[str, list[Option]]]:
    """Yield the headings of the options with what stands under them, in their order."""
    shown = [each for each in options() if not each.hidden]
    for heading, group in groupby(shown, key=lambda each: each.group):
        yield heading, list(group)


def _entry(option: Option, width: int) -> Iterator[str]:
    left = f"  {invocation(option)}"
    lines = textwrap.wrap(described(option), max(width - INDENT, 30), break_on_hyphens=False)
    if len(left) < INDENT - 1:
        yield left.ljust(INDENT) + lines.pop(0)
    else:
        yield from _broken(left, width)
    yield from (" " * INDENT + line for line in lines)


def _broken(invoked: str, width: int) -> Iterator[str]:
    """Yield how an option is written in lines of `width`, broken after commas."""
    line = ""
    for piece in invoked.replace(",", ",\0").split("\0"):
        if len(line) + len(piece) > width:
            yield line
            line = " " * 6
        line += piece
    yield line


def invocation(option: Option) -> str:
    """Return how an option is written on the command line."""
    value = ("{" + ",".join(option.choices) + "}") if option.choices else option.metavar
    flags = "" if option.positional else ", ".join(filter(None, (option.short, option.flag)))
    return " ".join(filter(None, (flags, value, ".." if option.many else "")))


def described(option: Option) -> str:
    """Return what an option does, its other spellings, range and default."""
    default = f" [{option.default}]" if option.default else ""
    return f"{option.help}{_also(option)}{_range(option)}{default}"


def _also(option: Option) -> str:
    return f" Also {', '.join(option.aliases)}." if option.aliases else ""


def _range(option: Option) -> str:
    low, high = option.minimum, option.maximum
    if not option.denoiser or option.choices or low == -float("inf") == -high:
        return ""
    if high == float("inf"):
        return f" At least {low:g}."
    return f" From {low:g} to {high:g}."
