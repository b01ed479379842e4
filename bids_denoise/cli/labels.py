"""Labels and filters that say which images are wanted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bids_denoise.errors import MissingInputError, UsageError

ABSENT = "Query.NONE"
"""How an entity that must be absent is written where there is no null, as in TOML."""


def read_labels(words: Sequence[str], prefix: str, where: str) -> tuple[str, ...]:
    """Return labels without their prefix, each once, in the order given.

    Parameters
    ----------
    words
        Labels; or text files of labels, told by a leading ``@``, a dot or a slash, none of which
        a label can have.
    prefix
        ``sub-``, ``ses-``, ...: may be there or not.
    where
        The flag, for messages.

    Raises
    ------
    UsageError
        A word is not a BIDS label, or not a number where an index is asked for.
    MissingInputError
        A file is not there.
    """
    found = []
    for word in _expanded(words, where):
        label = word.removeprefix(prefix)
        if not re.fullmatch(r"[0-9]+" if prefix == "run-" else r"[0-9a-zA-Z+]+", label):
            allowed = "a number" if prefix == "run-" else "a BIDS label: letters and digits only"
            raise UsageError(f"{where}: {word!r} is not {allowed}")
        found.append(label)
    return tuple(dict.fromkeys(found))


def read_filter_file(source: str | Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the entity filters by group of images that a file (or a table of the config) holds.

    What they may name is checked by the dataset. ``"Query.NONE"`` becomes None: an entity
    that must be absent.

    Raises
    ------
    MissingInputError
        The file is not there.
    UsageError
        It is not JSON, or not entities by group.
    """
    if source is None:
        return {}
    content = _json(Path(source)) if isinstance(source, str) else source
    if not isinstance(content, dict) or not all(isinstance(v, dict) for v in content.values()):
        raise UsageError('--bids-filter-file: {"bold": {"task": "rest"}} or the like is expected')
    return {
        group.lower(): {entity: _wish(value) for entity, value in wishes.items()}
        for group, wishes in content.items()
    }


def _expanded(words: Sequence[str], where: str) -> Iterator[str]:
    for word in words:
        if word.startswith("@") or "." in word or "/" in word:
            yield from _labels_in(Path(word.removeprefix("@")).expanduser(), where)
        else:
            yield word


def _labels_in(path: Path, where: str) -> list[str]:
    """Return the first word of each line: a list, or the first column of participants.tsv."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise MissingInputError(f"{where}: {str(path)!r}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{where}: {str(path)!r} is not a text file of labels") from None
    words = [line.split()[0] for line in lines if line.split() and not line.startswith("#")]
    labels = [word for word in words if word not in {"participant_id", "session_id"}]
    if not labels:
        raise UsageError(f"{where}: no label in {str(path)!r}")
    return labels


def _wish(value: Any) -> Any:
    if isinstance(value, list):
        return [_wish(each) for each in value]
    return None if value == ABSENT else value


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise MissingInputError(f"--bids-filter-file: {str(path)!r}: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"--bids-filter-file {str(path)!r} is not JSON: {error}") from None
