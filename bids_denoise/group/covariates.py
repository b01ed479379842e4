"""Who is compared, and what explains away what is not of interest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bids_denoise.errors import UsageError
from bids_denoise.group.study import Row, Study

USUAL = (("age",), ("sex", "gender"))
"""Columns that are taken when none is named; the first of each that the table has."""

TOTAL = "total_volume"
NONE = "none"


@dataclass(frozen=True)
class Sample:
    """Participants of whom everything is known that a comparison needs.

    Attributes
    ----------
    people
        Their ``participant_id``.
    group
        What they are compared by.
    covariates
        Columns by name; the site is none of them.
    sites
        Empty where no column of sites was named.
    total
        Whether the total volume is a covariate.
    left_out
        A sentence on each of whom not everything is known.
    """

    people: tuple[str, ...]
    group: tuple[str, ...]
    covariates: Mapping[str, tuple[str, ...]]
    sites: tuple[str, ...]
    total: bool
    left_out: tuple[str, ...]


def sample_of(participants: Iterable[str], study: Study, total: bool) -> Sample:
    """Return those of some participants who can be compared, with the covariates asked for.

    Where none is named, the usual ones are taken that the table has and that vary.

    Parameters
    ----------
    total
        Whether the total volume is usual here.

    Raises
    ------
    UsageError
        A column is not there, or is compared and accounted for at once.
    """
    asked = study.settings.comparison
    group = study.values(asked.group_column, "--group-column")
    sites = study.values(asked.site_column, "--site-column") if asked.site_column else {}
    named = _named(study)
    columns = {name: study.values(name, "--covariates") for name in named}
    needed = {asked.group_column: group, **columns}
    needed |= {asked.site_column: sites} if asked.site_column else {}
    wanted = {asked.patient, asked.control} if asked.patient else set(group.values())
    others = {person for person, value in group.items() if value not in wanted}
    people, left_out = _complete([each for each in participants if each not in others], needed)
    found = {name: tuple(column[each] for each in people) for name, column in columns.items()}
    if not asked.covariates:
        found = {name: cells for name, cells in found.items() if len(set(cells)) > 1}
    return Sample(
        people,
        tuple(group[each] for each in people),
        found,
        tuple(sites[each] for each in people) if asked.site_column else (),
        TOTAL in asked.covariates if asked.covariates else total,
        left_out,
    )


def _named(study: Study) -> list[str]:
    """Return the columns that are asked for as covariates, else the usual ones."""
    asked = study.settings.comparison
    if asked.group_column in asked.covariates:
        raise UsageError(f"--covariates: {asked.group_column!r} is what is compared")
    if asked.covariates:
        return [name for name in asked.covariates if name not in {TOTAL, NONE}]
    taken = {asked.group_column, asked.site_column}
    there = {name.lower(): name for name in study.columns() if name not in taken}
    chosen = (next((there[name] for name in names if name in there), "") for names in USUAL)
    return [name for name in chosen if name]


def _complete(
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
