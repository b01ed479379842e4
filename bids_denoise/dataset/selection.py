"""Which images are wanted: the filters, and a reason for each image that they drop."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from bids_denoise.dataset.names import IMAGES, Name
from bids_denoise.errors import SelectionError, UsageError
from bids_denoise.values import Filters

SUFFIXES = {suffix.lower(): suffix for suffixes in IMAGES.values() for suffix in suffixes}

ENTITIES = {
    "subject": "sub",
    "session": "ses",
    "acquisition": "acq",
    "ceagent": "ce",
    "reconstruction": "rec",
    "direction": "dir",
    "inversion": "inv",
    "mtransfer": "mt",
    "modality": "mod",
    "resolution": "res",
    "description": "desc",
} | {key: key for key in ("task", "run", "echo", "flip", "inv", "mt", "part", "chunk", "space")}
"""Entities of a filter file: the long names of PyBIDS to those of file names, which do as well."""

INDICES = frozenset({"run", "echo", "flip", "inv", "chunk"})
"""Entities that count: ``01`` is ``1``."""

NEVER_DENOISED = frozenset({"fmap", "roi", "asl", "m0scan", "pet", "perf"})
"""Groups of other apps' filter files: legal, and of no effect, for none of these is denoised."""

ABSENT = (None, "Query.NONE")
PRESENT = ("*", "Query.ANY")


def choose_participants(there: Sequence[str], filters: Filters) -> tuple[str, ...]:
    """Return the labels that are wanted, in the order of the dataset.

    Raises
    ------
    SelectionError
        A label is not there, or none is left.
    """
    wanted = {label.removeprefix("sub-") for label in filters.participants}
    unwanted = {label.removeprefix("sub-") for label in filters.exclude_participants}
    for label in sorted(wanted | unwanted):
        if label not in there:
            option = "--participant-label" if label in wanted else "--exclude-participant-label"
            raise SelectionError(f"{option}: {_not_there(label, there)}")
    chosen = tuple(
        label for label in there if (not wanted or label in wanted) and label not in unwanted
    )
    if not chosen:
        raise SelectionError("--exclude-participant-label leaves no participant")
    return chosen


def _not_there(label: str, there: Sequence[str]) -> str:
    same_number = [other for other in there if other.lstrip("0") == label.lstrip("0")]
    near = same_number + difflib.get_close_matches(label, there, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(dict.fromkeys(near))}?" if near else listed(there)
    return f"there is no participant {label!r} in the dataset; {hint}"


def listed(values: Collection[str], most: int = 10) -> str:
    """Return values for a sentence, ``there are 1, 2 and 3 more`` cut short."""
    shown = ", ".join(list(values)[:most])
    rest = len(values) - most
    return f"there are {shown}" + (f" and {rest} more" if rest > 0 else "")


def check_filters(filters: Filters) -> None:
    """Check what can be checked without a dataset.

    Raises
    ------
    UsageError
        A modality, a run, or a group, entity or value of the filter file is not legal.
    """
    for modality in filters.modalities:
        if modality.lower() not in {*SUFFIXES, *IMAGES}:
            allowed = ", ".join(sorted({*SUFFIXES.values(), *IMAGES}, key=str.lower))
            raise UsageError(f"--modalities {modality!r}: allowed are {allowed}")
    for run in filters.runs:
        if not run.removeprefix("run-").isdecimal():
            raise UsageError(f"--run-id {run!r}: a run is a whole number")
    for group, wishes in filters.by_suffix.items():
        _check_group(group, wishes)


def _check_group(group: str, wishes: Any) -> None:
    where = f"--bids-filter-file: {group!r}"
    legal = {*SUFFIXES, *IMAGES, *NEVER_DENOISED}
    if group not in legal:
        raise UsageError(f"{where} is no group of images; legal are {', '.join(sorted(legal))}")
    if not isinstance(wishes, Mapping):
        raise UsageError(f'{where} must hold entities, as in {{"session": "01"}}')
    entities = {*ENTITIES, *ENTITIES.values(), "datatype", "suffix", "extension"}
    for entity, wish in wishes.items():
        if entity not in entities:
            allowed = ", ".join(sorted(entities))
            raise UsageError(f"{where} names {entity!r}; legal entities are {allowed}")
        values = wish if isinstance(wish, list) else [wish]
        if not all(value is None or type(value) in {str, int} for value in values):
            raise UsageError(
                f"{where}, {entity!r}: {wish!r} is not a text, a number, null or a list of those"
            )


def why_dropped(datatype: str, name: Name, filters: Filters) -> str | None:
    """Return the reason by which a filter drops an image, or None when it is wanted."""
    modalities = {modality.lower() for modality in filters.modalities}
    if modalities and not modalities & _groups(datatype, name.suffix):
        return f"modality {name.suffix} is not among --modalities {' '.join(filters.modalities)}"
    for noun, key, option, labels in (
        ("session", "ses", "--session-label", filters.sessions),
        ("task", "task", "--task-id", filters.tasks),
        ("run", "run", "--run-id", filters.runs),
    ):
        wanted = [label.removeprefix(f"{key}-") for label in labels]
        value = name.entities.get(key)
        if wanted and not any(_same(key, value, label) for label in wanted):
            given = f"{option} {' '.join(wanted)}"
            return (
                f"it has no {noun}, see {given}"
                if value is None
                else (f"{noun} {value} is not among {given}")
            )
    for group, wishes in filters.by_suffix.items():
        if group in _groups(datatype, name.suffix):
            reason = _why_filtered(datatype, name, wishes)
            if reason is not None:
                return f"--bids-filter-file, {group}: {reason}"
    return None


def _groups(datatype: str, suffix: str) -> set[str]:
    # "dwi" names the suffix; a single-band reference of the datatype dwi is "sbref".
    return {suffix.lower()} | ({datatype} - {"dwi"})


def _why_filtered(datatype: str, name: Name, wishes: Mapping[str, Any]) -> str | None:
    facts = {
        **name.entities,
        "datatype": datatype,
        "suffix": name.suffix,
        "extension": name.extension,
    }
    for entity, wish in wishes.items():
        key = ENTITIES.get(entity, entity)
        value = facts.get(key)
        choices = wish if isinstance(wish, list) else [wish]
        if not any(_meets(key, value, choice) for choice in choices):
            wanted = " or ".join("none" if choice in ABSENT else str(choice) for choice in choices)
            return f"{entity} {'none' if value is None else value} is not {wanted}"
    return None


def _meets(key: str, value: str | None, wish: str | int | None) -> bool:
    if wish in ABSENT:
        return value is None
    if wish in PRESENT:
        return value is not None
    return wish == "Query.OPTIONAL" or _same(key, value, str(wish))


def _same(key: str, value: str | None, label: str) -> bool:
    if value is None:
        return False
    if key in INDICES and value.isdecimal() and label.isdecimal():
        return int(value) == int(label)
    return value == label
