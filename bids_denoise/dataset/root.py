"""What lies at the root of a dataset: description, participants, ``.bidsignore``."""

from __future__ import annotations

import fnmatch
import os
from pathlib import Path, PurePosixPath

from bids_denoise.dataset.inheritance import read_json
from bids_denoise.errors import DatasetError, MissingInputError

DESCRIPTION = "dataset_description.json"


def list_participants(bids_dir: Path) -> tuple[str, ...]:
    """Return the labels of all participants that have a folder, without ``sub-``, sorted.

    Raises
    ------
    MissingInputError
        `bids_dir` is no folder, or cannot be read.
    """
    if not bids_dir.is_dir():
        raise MissingInputError(f"{bids_dir}: there is no such folder")
    try:
        with os.scandir(bids_dir) as entries:
            found = [each.name for each in entries if each.name[:4] == "sub-" and each.is_dir()]
    except OSError as error:
        raise MissingInputError(f"{bids_dir}: cannot be read: {error.strerror}") from error
    return tuple(sorted(name.removeprefix("sub-") for name in found))


def check_dataset(bids_dir: Path) -> tuple[str, ...]:
    """Check that a folder is a BIDS dataset, as far as denoising depends on it.

    Returns
    -------
    tuple of str
        Plain sentences on what the description lacks. They do not hinder the work.

    Raises
    ------
    MissingInputError
        `bids_dir` is no folder.
    DatasetError
        It has no readable ``dataset_description.json``, or no participant.
    """
    participants = list_participants(bids_dir)
    description = bids_dir / DESCRIPTION
    if not description.is_file() and not description.is_symlink():
        raise DatasetError(f"{bids_dir}: not a BIDS dataset: it has no {_missing(bids_dir)}")
    content = read_json(description)
    if isinstance(content, str):
        raise DatasetError(content)
    generators = content.get("GeneratedBy", [])
    if not isinstance(generators, list) or not all(isinstance(each, dict) for each in generators):
        raise DatasetError(
            f"{description}: GeneratedBy is {generators!r}; a list of objects is due"
        )
    if not participants:
        raise DatasetError(f"{bids_dir}: it holds no participant, that is, no folder sub-<label>")
    return tuple(
        f"{DESCRIPTION} has no {field}, which BIDS requires."
        for field in ("Name", "BIDSVersion")
        if not content.get(field)
    )


def _missing(bids_dir: Path) -> str:
    for parent in list(bids_dir.absolute().parents)[:3]:
        if (parent / DESCRIPTION).is_file():
            return f"{DESCRIPTION}, but {parent} has one; give that folder"
    return f'{DESCRIPTION}; it needs at least {{"Name": "My study", "BIDSVersion": "1.10.0"}}'


def read_bidsignore(root: Path) -> tuple[str, ...]:
    """Return the patterns of ``.bidsignore``, in order; none when there is no such file."""
    try:
        lines = (root / ".bidsignore").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{root / '.bidsignore'}: cannot be read ({error})") from error
    return tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def is_ignored(relative: Path, patterns: tuple[str, ...]) -> bool:
    """Tell whether ``.bidsignore`` lists a file. As in ``.gitignore``, the last match wins.

    Examples
    --------
    >>> is_ignored(Path("sub-01/extra/sub-01_T1w.nii.gz"), ("extra/", "!*_T1w.nii.gz"))
    False
    """
    ignored = False
    for pattern in patterns:
        if _matches(relative, pattern.removeprefix("!").rstrip("/")):
            ignored = not pattern.startswith("!")
    return ignored


def _matches(relative: Path, pattern: str) -> bool:
    path = PurePosixPath(relative.as_posix())
    if "/" not in pattern:
        return any(fnmatch.fnmatchcase(part, pattern) for part in path.parts)
    anchored = pattern.removeprefix("**/").removeprefix("/")
    places = [path, *path.parents]
    if pattern.startswith("**/"):
        return any(fnmatch.fnmatchcase(f"/{place}", f"*/{anchored}") for place in places)
    return any(fnmatch.fnmatchcase(str(place), anchored) for place in places)
