"""The group level: tables, evidence and one page over all images, from the derivatives alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bids_denoise.derivatives.store import Store
from bids_denoise.errors import BidsDenoiseError, InterruptedRunError, StorageError, UsageError
from bids_denoise.group import agreement, classify, outcome, voxelwise
from bids_denoise.group.study import Study, read_study
from bids_denoise.group.tables import group_tables, run_facts, write_tables
from bids_denoise.report.page import group_page
from bids_denoise.report.section import Section
from bids_denoise.values import Settings

if TYPE_CHECKING:
    from bids_denoise.console import Console

Part = Callable[[Study, Store], Section | None]

PARTS: dict[str, Part] = {
    agreement.TITLE: agreement.repeats,
    voxelwise.TITLE: voxelwise.voxelwise,
    classify.TITLE: classify.classification,
    outcome.TITLE: outcome.outcome,
}
"""What is asked of the group, in the order of the page; each answers, or has nothing to say."""


def run_group(settings: Settings, console: Console) -> Path:
    """Gather the records of an output folder into tables, evidence and the group page.

    Returns
    -------
    Path
        The page, ``group.html``.

    Raises
    ------
    SelectionError
        No denoised image is there, or none of the participants asked for.
    UsageError
        What was asked for cannot be answered; the page says so too, and has all the rest, also
        where the error is one that nobody foresaw.
    """
    study = read_study(settings)
    page = study.layout.qc / "group.html"
    failures: list[Exception] = []
    sections: list[Section] = []
    with Store(settings.output_dir) as store:
        tables = group_tables(study)
        write_tables(store, study.layout, tables)
        for title, part in PARTS.items():
            console.message(f"group: {title.lower()}")
            section = _answered(title, part, (study, store), failures)
            sections += [section] if section else []
        text = group_page(tables, run_facts(settings), sections, study.layout.qc)
        store.write_text(page, text)
    console.message(f"group report: {page}")
    for error in failures:
        if not isinstance(error, BidsDenoiseError):
            raise error
    if failures:
        raise UsageError("; ".join(dict.fromkeys(map(str, failures))))
    return page


def _answered(
    title: str, part: Part, given: tuple[Study, Store], failures: list[Exception]
) -> Section | None:
    """Return the answer of a part, or one that says why there is none; the others go on."""
    try:
        return part(*given)
    except (StorageError, InterruptedRunError):
        raise
    except Exception as error:
        failures.append(error)
        known = isinstance(error, BidsDenoiseError)
        told = str(error) if known else f"unexpected {type(error).__name__}: {error}"
        anchor = re.sub(r"\W+", "-", title.lower())
        return Section(anchor, title, f"Not done: {told}", failed=True)
