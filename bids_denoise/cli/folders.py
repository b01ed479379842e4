"""Checks of the folders that a run reads and writes."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bids_denoise.cli.given import Problems
from bids_denoise.connectome import atlases
from bids_denoise.errors import DatasetError, MissingInputError, OutputError, UsageError
from bids_denoise.values import Settings

TEMPLATES = ("auto", "cohort", "none")
"""What is no template's name: choose one, make one of the participants, do without."""


def absolute(text: str) -> Path:
    """Return an absolute path; links in it stay as they are."""
    return Path(os.path.abspath(Path(text).expanduser()))  # noqa: PTH100 - resolve() follows links


def check(settings: Settings, problems: Problems) -> None:
    """Note what is wrong with the folders of a run. Nothing is written."""
    problems.check(_check_input, settings)
    problems.check(_check_output, settings)
    problems.check(_check_work, settings)


def check_writable(settings: Settings) -> None:
    """Make the output folder and the folders asked for, and try to write into them.

    A dry run writes nothing, and so is not tried. The group level makes no output folder: one
    that is not there holds no results.

    Raises
    ------
    OutputError
        One of them cannot be made or written to.
    """
    output = settings.output_dir
    made = "participant" in settings.levels or _why_unreadable(output) is None
    folders = (output if made else None, settings.work_dir, settings.database_dir)
    for folder in folders if not settings.dry_run else ():
        if folder is not None:
            _try_to_write(folder)


def named_datasets(words: Sequence[str]) -> dict[str, Path]:
    """Return datasets by name, from ``NAME=PATH`` or from a bare path.

    Raises
    ------
    MissingInputError
        A folder is not there.
    UsageError
        Two have the same name.
    """
    found: dict[str, Path] = {}
    for word in words:
        name, equals, rest = word.partition("=")
        path = absolute(rest if equals else word)
        fault = _why_unreadable(path)
        if fault is not None:
            raise MissingInputError(f"--derivatives {str(path)!r}: {fault.strerror}")
        name = name if equals else _name_of(path)
        if name in found:
            raise UsageError(f"--derivatives: {name!r} is given twice")
        found[name] = path
    return found


def named_atlas(word: str) -> str:
    """Return what ``--atlas`` names: a word, an absolute path, or an atlas of TemplateFlow.

    Raises
    ------
    MissingInputError
        There is no such file; nothing is downloaded.
    """
    if word in atlases.WORDS:
        return word
    if not atlases.is_file(word):
        atlases.check_cache(word)
        return word
    path = absolute(word)
    if not path.is_file():
        raise MissingInputError(f"--atlas: there is no file {str(path)!r}")
    return str(path)


def named_template(word: str) -> str:
    """Return what ``--template`` names: a word, an absolute path, or one of TemplateFlow.

    Raises
    ------
    MissingInputError
        There is no such file; nothing is downloaded.
    """
    if word in TEMPLATES:
        return word
    if not atlases.is_file(word):
        from bids_denoise.anatomy.template import find_template

        find_template(word)
        return word
    path = absolute(word)
    if not path.is_file():
        raise MissingInputError(f"--template: there is no file {str(path)!r}")
    return str(path)


def named_external(word: str) -> str:
    """Return what ``--external`` names: ``COLUMN=VALUE``, or an absolute path.

    Raises
    ------
    MissingInputError
        There is no such folder or table.
    UsageError
        It is neither.
    """
    column, equals, value = word.partition("=")
    path = absolute(word)
    if path.exists():
        return str(path)
    if "/" in word or word.endswith(".tsv"):
        raise MissingInputError(f"--external: there is no folder or table {str(path)!r}")
    if not (column and equals and value):
        raise UsageError(f"--external: {word!r} is neither COLUMN=VALUE nor a folder or table")
    return word


def _name_of(dataset: Path) -> str:
    """Return the name that a dataset gives itself, as a word, or that of its folder."""
    try:
        description = json.loads((dataset / "dataset_description.json").read_text())
        generators = description.get("GeneratedBy") or [{}]
        name = str(generators[0].get("Name") or description["Name"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        name = dataset.name
    return re.sub(r"[^0-9a-zA-Z_.-]+", "-", name).lower()


def _check_input(settings: Settings) -> None:
    """Check the input; the group level reads results only, so it may be away then."""
    fault = _why_unreadable(settings.bids_dir) if "participant" in settings.levels else None
    if isinstance(fault, NotADirectoryError):
        raise DatasetError(f"BIDS_DIR {str(settings.bids_dir)!r} is not a folder")
    if fault is not None:
        raise MissingInputError(
            f"BIDS_DIR {str(settings.bids_dir)!r} cannot be read: {fault.strerror}"
        )


def _why_unreadable(folder: Path) -> OSError | None:
    try:
        os.scandir(folder).close()
    except OSError as error:
        return error
    return None


def _check_output(settings: Settings) -> None:
    inside, data = settings.output_dir.resolve(), settings.bids_dir.resolve()
    if isinstance(_why_unreadable(inside), NotADirectoryError):
        raise OutputError(f"OUTPUT_DIR {str(settings.output_dir)!r} is a file")
    if "participant" not in settings.levels:
        return  # the input is not read, and may as well be the output
    if inside == data:
        raise UsageError(
            f"OUTPUT_DIR is BIDS_DIR ({str(data)!r}): the output needs a folder of its own"
        )
    if data in inside.parents and inside.relative_to(data).parts[0] != "derivatives":
        raise UsageError(
            f"OUTPUT_DIR {str(inside)!r} lies inside BIDS_DIR, where it would be taken for data; "
            f"allowed there are only folders below {str(data / 'derivatives')!r}"
        )
    if inside == data / "derivatives":
        raise UsageError(f"OUTPUT_DIR: give {str(inside)!r} a subfolder, such as bids-denoise")


def _check_work(settings: Settings) -> None:
    if settings.work_dir is None:
        return
    work, data = settings.work_dir.resolve(), settings.bids_dir.resolve()
    if work == data or data in work.parents:
        raise UsageError(f"--work-dir {str(work)!r} lies inside BIDS_DIR: choose another folder")
    if work == settings.output_dir.resolve():
        raise UsageError(f"--work-dir is OUTPUT_DIR ({str(work)!r}): choose another folder")


def _try_to_write(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(f"cannot write into {str(folder)!r}: {error.strerror}") from None
