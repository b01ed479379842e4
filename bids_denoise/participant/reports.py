"""Pages, tables and logs of a run, made from the records on disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bids_denoise import __version__
from bids_denoise.derivatives import description, names, records
from bids_denoise.derivatives.store import Store
from bids_denoise.participant.one_scan import Job
from bids_denoise.report.methods import bibliography, methods_text
from bids_denoise.report.page import participant_page
from bids_denoise.values import Found, Record


def write_reports(store: Store, found: Found, done: Sequence[Record], job: Job) -> Path:
    """Write page and table of each participant, the status table and what to cite.

    Returns
    -------
    Path
        The page of the first participant.
    """
    layout, logs = job.layout, store.root / "logs"
    participants = sorted({scan.entities["sub"] for scan in found.scans})
    for participant in participants:
        with store.lock(f"sub-{participant}"):
            records.write_scans_tables(store, layout, participant)
            write_pages(store, participant, job)
    with store.lock("status"):
        records.write_status(store, logs / "status.tsv", done, layout.qc)
        records.write_dropped(store, logs / "dropped.tsv", found.dropped, job.settings.bids_dir)
        description.write_participants(store, layout, job.settings.bids_dir)
        write_citations(store, records.read_records(layout.qc))
    return layout.qc / names.page_name(participants[0])


def write_pages(store: Store, participant: str, job: Job) -> None:
    """Write a participant's page; one for each session when there are many."""
    everything = records.read_records(job.layout.qc, participant)
    sessions = sorted({record.session for record in everything}, key=str)
    run = run_facts(job)
    if len(sessions) <= names.MAX_SESSIONS_ON_ONE_PAGE:
        groups: Mapping[str | None, Iterable[Record]] = {None: everything}
    else:
        groups = {each: [r for r in everything if r.session == each] for each in sessions}
    for session, some in groups.items():
        page = participant_page(tuple(some), run, job.layout.qc, job.settings.report_embed)
        store.write_text(job.layout.qc / names.page_name(participant, session), page)


def write_citations(store: Store, done: Sequence[Record]) -> None:
    """Write what to cite for everything in this output, as text and as BibTeX."""
    logs = store.root / "logs"
    store.write_text(logs / "CITATION.md", methods_text(done))
    store.write_text(logs / "CITATION.bib", bibliography(done))


def run_facts(job: Job) -> dict[str, Any]:
    """Return what the page says of the run; nothing that differs between equal runs."""
    settings = job.settings
    return {
        "version": __version__,
        "command": " ".join(settings.command),
        "input": str(settings.bids_dir),
        "output": str(settings.output_dir),
        "device": job.device.name,
        "seed": settings.seed,
        "layout": settings.output_layout,
    }
