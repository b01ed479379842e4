"""The participant level: find the images, denoise and judge each, write and report."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bids_denoise import dataset
from bids_denoise.derivatives import description, names
from bids_denoise.derivatives.store import Store
from bids_denoise.device import choose_device
from bids_denoise.participant.one_scan import (
    Job,
    denoise_scan,
    lost_record,
    planned,
    planned_record,
    working_bytes,
)
from bids_denoise.participant.reports import write_reports
from bids_denoise.report.methods import methods_text
from bids_denoise.values import Found, Record, Settings
from bids_denoise.workers import map_in_order

if TYPE_CHECKING:
    from bids_denoise.console import Console


def run_participants(settings: Settings, console: Console) -> tuple[Record, ...]:
    """Denoise, judge and report every selected image of a dataset.

    Returns
    -------
    tuple of Record
        One for each selected image, in the order of the dataset; failed ones included.

    Raises
    ------
    DatasetError, SelectionError, MissingInputError, UsageError, OutputError, StorageError
        The run cannot start, or cannot go on.
    """
    started = time.perf_counter()
    found = dataset.find_scans(
        settings.bids_dir, settings.filters, settings.database_dir, settings.database_wipe
    )
    for remark in () if settings.skip_bids_validation else dataset.check_dataset(settings.bids_dir):
        console.message(remark)
    workers = _workers(found, settings)
    device = choose_device(settings.device, settings.nprocs // workers)
    device = replace(device, memory=settings.memory // workers)
    job = Job(settings, names.layout_of(settings), device, _repeated(found))
    console.banner(settings, found, device)
    if settings.dry_run:
        console.plan([planned(scan, job) for scan in found.scans], found.dropped)
        return ()
    if settings.boilerplate_only:
        console.message(methods_text([planned_record(scan, job) for scan in found.scans]))
        return ()
    description.check_output(job.layout, description.read_description(settings.bids_dir))
    with Store(settings.output_dir) as store:
        store.clear_abandoned()
        store.write_text(_config_path(settings), settings.effective_config)
        description.write_dataset_files(store, job.layout, settings.bids_dir)
        done = () if settings.reports_only else tuple(_denoise_all(found, job, workers, console))
        page = write_reports(store, found, done, job)
    console.summary(done, found.dropped, time.perf_counter() - started, page)
    return done


def _denoise_all(found: Found, job: Job, workers: int, console: Console) -> Iterable[Record]:
    total = len(found.scans)
    work = partial(denoise_scan, job=job)
    results = map_in_order(work, found.scans, workers, lost_record)
    for index, scan in enumerate(found.scans, start=1):
        console.started(index, total, scan)
        record = next(results)
        console.finished(index, total, record)
        yield record
        if record.status == "failed" and job.settings.stop_on_first_crash:
            console.message("stopped at the first failure, as --stop-on-first-crash asks")
            return


def _repeated(found: Found) -> frozenset[str]:
    """Return the anatomical images that there are several of, by what they have in common."""
    counted = Counter(
        names.repeated(scan.path.name) for scan in found.scans if scan.datatype == "anat"
    )
    return frozenset(name for name, count in counted.items() if count > 1)


def _workers(found: Found, settings: Settings) -> int:
    """Return how many images are treated at once; each gets its share of the processors."""
    if settings.low_mem:
        return 1
    needs = max(working_bytes(scan) for scan in found.scans)
    by_memory = max(1, settings.memory // max(needs, 1))
    return max(1, min(settings.nprocs // settings.omp_nthreads, by_memory, len(found.scans)))


def _config_path(settings: Settings) -> Path:
    """Return a name of its own for the effective configuration of this run."""
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    return settings.output_dir / "logs" / f"{now}_{uuid.uuid4().hex[:8]}.toml"
