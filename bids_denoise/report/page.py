"""The pages: one a participant, one for the group. They need no network and no server."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from bids_denoise.report.cards import LIGHTS, Card, Light, card, entities, light
from bids_denoise.report.links import anchor, link, page_of, picture
from bids_denoise.report.methods import Reference, library, methods_paragraphs, references
from bids_denoise.report.numbers import compact
from bids_denoise.report.plots import Plot, column_label, plots
from bids_denoise.report.reading import thresholds
from bids_denoise.report.section import Section, cited_keys
from bids_denoise.values import Record

Facts = tuple[tuple[str, str], ...]

RUN_FACTS = {
    "version": "bids-denoise",
    "command": "Command",
    "input": "Input",
    "output": "Output",
    "device": "Device",
    "seed": "Random seed",
    "layout": "Layout",
}
DATATYPES = {"anat": "Anatomy", "func": "Function", "dwi": "Diffusion"}


@dataclass(frozen=True)
class Group:
    """Cards of one session and datatype."""

    title: str
    cards: tuple[Card, ...]


@dataclass(frozen=True)
class Failure:
    """An image that could not be denoised."""

    anchor: str
    suffix: str
    entities: str
    record: Record


@dataclass(frozen=True)
class Outlier:
    """An image that stands out in the group."""

    name: str
    href: str
    light: Light
    metrics: str


@dataclass(frozen=True)
class SuffixPart:
    """What the group page shows of the images of one suffix."""

    suffix: str
    images: int
    participants: int
    methods: str
    lights: tuple[tuple[Light, int], ...]
    plots: tuple[Plot, ...]
    outliers: tuple[Outlier, ...]
    worst: tuple[Outlier, ...]
    table: str


def participant_page(
    records: tuple[Record, ...], run: Mapping[str, Any], folder: Path, embed: bool
) -> str:
    """Return the page of a participant (or of one of the sessions) as HTML.

    Parameters
    ----------
    records
        Of one participant, in the order they are shown in.
    run
        What is to be said of the run: name and value.
    folder
        Where the page will lie; figures are found from there.
    embed
        Whether pictures are put into the page, so that it can be passed on alone.

    Notes
    -----
    The page is a function of its arguments and the figures: it holds no date.
    """
    failed = tuple(_failure(each) for each in records if each.status == "failed")
    cards = tuple(card(each, folder, embed) for each in records if each.status != "failed")
    done = [each.record for each in cards]
    return _template("participant.html").render(
        title=_title(records),
        failures=failed,
        cards=cards,
        groups=_groups(cards),
        lights=_counts(each.light.colour for each in cards),
        thresholds=thresholds(),
        paragraphs=methods_paragraphs(done),
        references=references(done),
        run=_run_facts(run),
        viewer=f"bids-denoise-view {shlex.quote(str(run.get('output', 'OUTPUT_DIR')))} --image",
        provenance=_provenance(done),
    )


def group_page(
    tables: Mapping[str, Sequence[Mapping[str, Any]]],
    run: Mapping[str, Any],
    sections: Sequence[Section] = (),
    folder: Path = Path(),
) -> str:
    """Return the page of a group as HTML.

    Parameters
    ----------
    tables
        The rows of each suffix's table, one an image, as `stats.tables` makes them.
    run
        What is to be said of the run: name and value.
    sections
        The questions asked of the group, with their answers.
    folder
        Where the page will lie; figures are found from there.
    """
    everything = [row for rows in tables.values() for row in rows]
    sessions: dict[str, set[str | None]] = {}
    for row in everything:
        sessions.setdefault(row["participant_id"], set()).add(row.get("session_id"))
    records = [_record_of(row, suffix) for suffix, rows in tables.items() for row in rows]
    return _template("group.html").render(
        title="Group",
        parts=[_suffix_part(suffix, rows, sessions) for suffix, rows in tables.items()],
        images=len(everything),
        participants=len({row["participant_id"] for row in everything}),
        lights=_counts(light(row.get("light")).colour for row in everything),
        thresholds=thresholds(),
        sections=sections,
        pictures={
            each.path: picture(each.path, folder, embed=False)
            for section in sections
            for each in section.drawings
        },
        references=_all_cited(references(records), cited_keys(sections)),
        run=_run_facts(run),
    )


def _all_cited(found: Sequence[Reference], keys: Iterable[str]) -> list[Reference]:
    return sorted({*found, *(library()[key] for key in keys)}, key=lambda each: each.text)


def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bids_denoise", "report/templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["link"] = link
    environment.filters["quoted"] = shlex.quote
    return environment.get_template(name)


def _title(records: Sequence[Record]) -> str:
    participants = sorted({record.participant for record in records})
    sessions = {record.session for record in records}
    session = next(iter(sessions)) if len(sessions) == 1 else None
    named = ", ".join(f"sub-{each}" for each in participants) or "No images"
    return f"{named}, ses-{session}" if session else named


def _failure(record: Record) -> Failure:
    return Failure(anchor(record.source), record.suffix, entities(record), record)


def _groups(cards: Iterable[Card]) -> list[Group]:
    found: dict[str, list[Card]] = {}
    for each in cards:
        record = each.record
        datatype = DATATYPES.get(record.datatype, record.datatype)
        title = f"ses-{record.session} · {datatype}" if record.session else datatype
        found.setdefault(title, []).append(each)
    return [Group(title, tuple(some)) for title, some in found.items()]


def _counts(colours: Iterable[str]) -> tuple[tuple[Light, int], ...]:
    counted = Counter(colours)
    return tuple(
        (light(colour), counted[colour]) for colour in (*LIGHTS, "grey") if counted[colour]
    )


def _run_facts(run: Mapping[str, Any]) -> Facts:
    return tuple((RUN_FACTS.get(name, name), compact(value)) for name, value in run.items())


def _provenance(records: Sequence[Record]) -> Facts:
    """Return what the images were made with, as it was recorded with each of them."""
    found: dict[str, dict[str, None]] = {}
    for record in records:
        for name, value in (record.provenance.get("versions") or {}).items():
            found.setdefault(name, {})[str(value)] = None
        for name, label in (("device", "Device"), ("seed", "Random seed")):
            if name in record.provenance:
                found.setdefault(label, {})[str(record.provenance[name])] = None
        for name, value in (record.provenance.get("container") or {}).items():
            found.setdefault(f"Container {name.lower()}", {})[str(value)] = None
    return tuple((name, ", ".join(values)) for name, values in found.items())


def _suffix_part(
    suffix: str, rows: Sequence[Mapping[str, Any]], sessions: Mapping[str, set[str | None]]
) -> SuffixPart:
    links = [_card_link(row, sessions[row["participant_id"]]) for row in rows]
    methods = Counter(str(row.get("method")) for row in rows)
    outliers = [_outlier(row, href) for row, href in zip(rows, links, strict=True)]
    return SuffixPart(
        suffix=suffix,
        images=len(rows),
        participants=len({row["participant_id"] for row in rows}),
        methods=", ".join(f"{name} ({count})" for name, count in sorted(methods.items())),
        lights=_counts(light(row.get("light")).colour for row in rows),
        plots=plots(rows, links),
        outliers=tuple(each for each in outliers if each.metrics),
        worst=tuple(each for each in outliers if each.light.colour == "red"),
        table=link(f"group_{suffix}.tsv"),
    )


def _card_link(row: Mapping[str, Any], sessions: set[str | None]) -> str:
    page = page_of(row["participant_id"], row.get("session_id"), sessions)
    return f"{link(page)}#{link(anchor(row['source']))}"


def _outlier(row: Mapping[str, Any], href: str) -> Outlier:
    columns = [name for name in str(row.get("outlier") or "").split(", ") if name]
    name = str(row["source"]).rsplit("/", 1)[-1].split(".")[0]
    return Outlier(name, href, light(row.get("light")), ", ".join(map(column_label, columns)))


def _record_of(row: Mapping[str, Any], suffix: str) -> Record:
    """Return as much of a record as a row tells: enough to know what to cite."""
    return Record(
        source=row["source"],
        participant=row["participant_id"].removeprefix("sub-"),
        session=row.get("session_id"),
        datatype=row["source"].split("/")[-2] if "/" in row["source"] else "",
        suffix=suffix,
        status="ok",
        method=row.get("method") or "",
        quality={"light": row.get("light")},
    )
