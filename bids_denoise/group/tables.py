"""The tables of the group level: one row an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bids_denoise import __version__
from bids_denoise.derivatives.names import Layout
from bids_denoise.derivatives.store import Store
from bids_denoise.group.study import Study
from bids_denoise.stats.tables import group_rows, mark_outliers
from bids_denoise.values import Settings

Tables = Mapping[str, list[dict[str, Any]]]


def group_tables(study: Study) -> Tables:
    """Return the rows of each suffix, with those marked that stand out."""
    tables = group_rows(study.records, study.people)
    for rows in tables.values():
        mark_outliers(rows)
    return tables


def write_tables(store: Store, layout: Layout, tables: Tables) -> None:
    """Write the table of each suffix and its data dictionary."""
    for suffix, rows in tables.items():
        store.write_table(layout.qc / f"group_{suffix}.tsv", rows)
        store.write_json(layout.qc / f"group_{suffix}.json", _dictionary(rows))


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


def run_facts(settings: Settings) -> dict[str, Any]:
    """Return what the page says of the run."""
    return {
        "version": __version__,
        "command": " ".join(settings.command),
        "input": str(settings.bids_dir),
        "output": str(settings.output_dir),
        "seed": settings.seed,
    }
