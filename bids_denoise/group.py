"""The group level: tables and one page over all images, from the derivatives alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bids_denoise import __version__
from bids_denoise.derivatives import names, records
from bids_denoise.derivatives.store import Store, read_table
from bids_denoise.errors import SelectionError
from bids_denoise.report.page import group_page
from bids_denoise.stats.tables import group_rows, mark_outliers
from bids_denoise.values import Record, Settings

if TYPE_CHECKING:
    from bids_denoise.console import Console


def run_group(settings: Settings, console: Console) -> Path:
    """Gather the records of an output folder into tables and the group page.

    Returns
    -------
    Path
        The page, ``group.html``.

    Raises
    ------
    SelectionError
        No denoised image is there, or none of the participants asked for.
    """
    layout = names.layout_of(settings)
    done = _selected(records.read_records(layout.qc), settings)
    people = {row["participant_id"]: row for row in read_table(layout.qc / "participants.tsv")}
    tables = group_rows(done, people)
    with Store(settings.output_dir) as store:
        for suffix, rows in tables.items():
            mark_outliers(rows)
            store.write_table(layout.qc / f"group_{suffix}.tsv", rows)
            store.write_json(layout.qc / f"group_{suffix}.json", _dictionary(rows))
        page = group_page(tables, _run_facts(settings))
        store.write_text(layout.qc / "group.html", page)
    console.message(f"group report: {layout.qc / 'group.html'}")
    return layout.qc / "group.html"


def _selected(everything: Sequence[Record], settings: Settings) -> list[Record]:
    wanted, excluded = settings.filters.participants, settings.filters.exclude_participants
    done = [
        record
        for record in everything
        if record.status == "ok"
        and (not wanted or record.participant in wanted)
        and record.participant not in excluded
    ]
    if not done:
        raise SelectionError(
            f"no denoised image in {settings.output_dir}"
            f"{' of the participants asked for' if wanted or excluded else ''}: "
            "run the participant level first"
        )
    return done


def _dictionary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the data dictionary of a group table: what each column is."""
    columns = dict.fromkeys(key for row in rows for key in row)
    return {column: {"Description": _meaning(column)} for column in columns}


def _meaning(column: str) -> str:
    for ending, words in {"_before": "before", "_after": "after"}.items():
        if column.endswith(ending):
            return f"{column.removesuffix(ending)} {words} denoising"
    if column.startswith("residual_"):
        return f"{column.removeprefix('residual_')} of what was removed"
    return FIXED_COLUMNS.get(column, "from participants.tsv")


FIXED_COLUMNS = {
    "session_id": "Session",
    "source": "The image that was denoised, in the input dataset",
    "method": "Denoiser",
    "light": "Verdict of the quality control: green, amber or red",
    "sigma": "Median standard deviation of the noise, in image units",
    "outlier": "Metrics in which the image stands out (modified z-score beyond 3.5)",
}


def _run_facts(settings: Settings) -> dict[str, Any]:
    return {
        "version": __version__,
        "command": " ".join(settings.command),
        "input": str(settings.bids_dir),
        "output": str(settings.output_dir),
        "seed": settings.seed,
    }
