"""What explains away what is not of interest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bids_denoise.group.study import Row, Study

USUAL = (("age",), ("sex", "gender"))
"""Columns that are taken when none is named; the first of each that the table has."""

TOTAL = "total_volume"
NONE = "none"


@dataclass(frozen=True)
class Covariates:
    """Columns by name, each by participant; `total` says whether the total volume is one."""

    columns: Mapping[str, Row]
    total: bool


def covariates(study: Study, total: bool) -> Covariates:
    """Return the covariates asked for, else the usual ones.

    Parameters
    ----------
    total
        Whether the total volume is usual here.

    Raises
    ------
    UsageError
        A column is not there.
    """
    asked = study.settings.comparison.covariates
    if asked:
        named = [name for name in asked if name not in {TOTAL, NONE}]
        columns = {name: study.values(name, "--covariates") for name in named}
        return Covariates(columns, TOTAL in asked)
    there = {name.lower(): name for row in study.people.values() for name in row}
    chosen = [next((there[name] for name in names if name in there), "") for names in USUAL]
    columns = {name: study.values(name, "--covariates") for name in chosen if name}
    varying = {name: column for name, column in columns.items() if len(set(column.values())) > 1}
    return Covariates(varying, total)


def complete(
    people: Sequence[str], columns: Mapping[str, Row]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return who has a value in every column, and a sentence on each who has not."""
    lacking = {
        person: [name for name, column in columns.items() if person not in column]
        for person in people
    }
    kept = tuple(person for person in people if not lacking[person])
    left_out = tuple(
        f"{person} is left out: no {', '.join(names)} in participants.tsv"
        for person, names in lacking.items()
        if names
    )
    return kept, left_out
