"""Every error the app raises on purpose, with the exit code it ends in.

::

    BidsDenoiseError          1   something failed
    ├── LevelError           17   the analysis level does not exist
    ├── DatasetError         16   the input is not a BIDS dataset
    ├── SelectionError       18   the filters selected nothing
    ├── UsageError           64   an option or its value is wrong
    │   └── LeakError        64   a classifier was asked to learn from what gives the answer away
    ├── ScanError            65   one image cannot be denoised; the others go on
    ├── DenoiserError         1   a method gave a result for one image that cannot be believed
    ├── MissingInputError    66   a file is named that is not there
    ├── OutputError          73   the output cannot be created
    ├── StorageError         74   reading or writing failed (disk full, I/O)
    └── InterruptedRunError  75   stopped from outside; the same command goes on

The codes are those of the BIDS execution specification. A message says what was
wrong (its repr), where (the file), and what is allowed.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class BidsDenoiseError(Exception):
    """Base of all errors of this package."""

    exit_code: ClassVar[int] = 1


class LevelError(BidsDenoiseError):
    """The analysis level does not exist."""

    exit_code = 17


class DatasetError(BidsDenoiseError):
    """The input folder is not a BIDS dataset."""

    exit_code = 16


class SelectionError(BidsDenoiseError):
    """No image is left after the filters, or a filter names something that is not there."""

    exit_code = 18


class UsageError(BidsDenoiseError):
    """An option, or the value of one, is wrong."""

    exit_code = 64


class LeakError(UsageError):
    """A classifier was asked to learn from what gives the answer away."""


class ScanError(BidsDenoiseError):
    """One image cannot be denoised: its data are wrong. The others go on."""

    exit_code = 65


class DenoiserError(BidsDenoiseError):
    """A method gave a result for one image that cannot be believed. The others go on."""


class MissingInputError(BidsDenoiseError):
    """A file or folder that was named does not exist, or its content is not present."""

    exit_code = 66


class OutputError(BidsDenoiseError):
    """The output folder cannot be created or belongs to something else."""

    exit_code = 73


class StorageError(BidsDenoiseError):
    """Reading or writing failed half way: a full disk, an I/O fault."""

    exit_code = 74


class InterruptedRunError(BidsDenoiseError):
    """The run was stopped from outside. Nothing is half-written; run it again to go on."""

    exit_code = 75


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's faults on `path` into a StorageError with a plain sentence."""
    try:
        yield
    except OSError as error:
        full = error.errno in FULL
        what = "the disk is full (or a quota is reached)" if full else str(error.strerror or error)
        raise StorageError(f"cannot write {path}: {what}") from error
