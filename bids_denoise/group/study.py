"""Who is in the group: participants, what is known of them, and their images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bids_denoise.derivatives import names, records
from bids_denoise.derivatives.names import Layout
from bids_denoise.derivatives.store import read_table
from bids_denoise.errors import SelectionError, UsageError
from bids_denoise.stats.classify.columns import MISSING
from bids_denoise.values import Record, Scan, Settings

LABELS = ("original", "denoised")
"""What everything is computed from, side by side."""

ALPHA = 0.05
"""What may be called significant, by chance, of maps and classifiers."""

Row = Mapping[str, str]


@dataclass(frozen=True)
class Study:
    """What the group level starts from.

    Attributes
    ----------
    settings, layout
        Of the run.
    records
        Of the images that were denoised, of the participants asked for.
    people
        By ``participant_id``: the columns of ``participants.tsv`` and of the tables in
        ``phenotype/``, cells as written.
    """

    settings: Settings
    layout: Layout
    records: tuple[Record, ...]
    people: Mapping[str, Row]

    def columns(self) -> list[str]:
        """Return the names of all columns but ``participant_id``."""
        return columns_of(self.people)

    def suffixes(self) -> list[str]:
        """Return the suffixes of the images."""
        return sorted({record.suffix for record in self.records})

    def values(self, column: str, flag: str) -> dict[str, str]:
        """Return a column by participant, without those of whom nothing is known.

        Raises
        ------
        UsageError
            There is no such column; `flag` named it.
        """
        check_column(column, self.columns(), flag)
        return {person: row[column] for person, row in self.people.items() if is_known(row, column)}

    def labels(self) -> dict[str, bool]:
        """Return who is a patient (True) and who a control (False), by participant.

        Raises
        ------
        UsageError
            The column is not there, or nobody has one of the values.
        """
        asked = self.settings.comparison
        values = self.values(asked.group_column, "--group-column")
        wanted = {asked.patient: True, asked.control: False}
        for flag, value in (("--patient", asked.patient), ("--control", asked.control)):
            if value not in values.values():
                there = ", ".join(sorted(set(values.values())))
                raise UsageError(
                    f"{flag} {value!r}: nobody has it in the column {asked.group_column!r} of "
                    f"participants.tsv, which holds {there}"
                )
        return {person: wanted[value] for person, value in values.items() if value in wanted}


def read_study(settings: Settings) -> Study:
    """Read what lies in the output folder, and the tables of who is who.

    Raises
    ------
    SelectionError
        No denoised image is there, or none of the participants asked for; and no outcome is to be
        predicted from tables alone.
    """
    layout = names.layout_of(settings)
    done = _selected(records.read_records(layout.qc), settings)
    people = _people((layout.qc, settings.bids_dir), settings)
    if not done and not (settings.comparison.outcome_column and people):
        filters = settings.filters
        named = " of the participants asked for"
        raise SelectionError(
            f"no denoised image in {settings.output_dir}"
            f"{named if filters.participants or filters.exclude_participants else ''}: "
            "run the participant level first"
        )
    return Study(settings, layout, done, people)


def columns_of(people: Mapping[str, Row]) -> list[str]:
    """Return the names of all columns but ``participant_id``."""
    names = dict.fromkeys(name for row in people.values() for name in row)
    return [name for name in names if name != "participant_id"]


def check_column(column: str, columns: Sequence[str], flag: str) -> None:
    """See that a column is one of those that are there; `flag` named it.

    Raises
    ------
    UsageError
        It is not.
    """
    if column not in columns:
        there = ", ".join(columns)
        raise UsageError(
            f"{flag} {column!r} is no column of participants.tsv or phenotype/"
            + (f"; there are {there}" if there else ", which are not there or have no columns")
        )


def is_known(row: Row, column: str) -> bool:
    """Say whether a row has a value in a column."""
    return row.get(column, "").strip().lower() not in MISSING


def first_images(study: Study, suffixes: Iterable[str]) -> dict[str, Record]:
    """Return one image of each participant: the first by suffix, session and run.

    Several images of one participant are no several participants; what they add is the matter of
    the repeats.
    """
    found: dict[str, Record] = {}
    for suffix in suffixes:
        for record in study.records:
            if record.suffix == suffix:
                found.setdefault(f"sub-{record.participant}", record)
    return found


def scan_of(record: Record) -> Scan:
    """Return the scan that a record is of, as far as its name tells."""
    path = Path(record.source)
    *pairs, suffix = path.name.partition(".")[0].split("_")
    entities = dict(pair.partition("-")[::2] for pair in pairs)
    return Scan(path, Path(), record.datatype, suffix, entities)


def _selected(everything: Iterable[Record], settings: Settings) -> tuple[Record, ...]:
    return tuple(
        record
        for record in everything
        if record.status == "ok" and _is_wanted(record.participant, settings)
    )


def _is_wanted(participant: str, settings: Settings) -> bool:
    wanted, excluded = settings.filters.participants, settings.filters.exclude_participants
    return (not wanted or participant in wanted) and participant not in excluded


def _people(roots: Iterable[Path], settings: Settings) -> dict[str, dict[str, str]]:
    """Return what the tables of some folders say of each participant asked for.

    The output has copies of those of the input, as they were when its images were made: the input
    comes last, and counts where it is there.
    """
    found: dict[str, dict[str, str]] = {}
    for root in roots:
        for person, row in people_of(root).items():
            if _is_wanted(person.removeprefix("sub-"), settings):
                found[person] = {**found.get(person, {}), **row}
    return found


def people_of(root: Path) -> dict[str, dict[str, str]]:
    """Return what ``participants.tsv`` and the tables in ``phenotype/`` say of each participant.

    A column that several tables have is that of the first. What this app predicted is left out.
    """
    tables = [root / "participants.tsv", *sorted(root.glob("phenotype/*.tsv"))]
    found: dict[str, dict[str, str]] = {}
    for table in tables:
        if table.name.startswith(names.PREDICTIONS):
            continue
        for row in read_table(table):
            person = row.get("participant_id", "")
            if person:
                found[person] = {**row, **found.get(person, {})}
    return found
