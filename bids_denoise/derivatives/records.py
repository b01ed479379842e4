"""Records: one JSON an image with everything known of it, and the tables made from them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from bids_denoise.derivatives.names import Layout, Outputs, beside, scans_table
from bids_denoise.derivatives.store import Store, read_table
from bids_denoise.values import Dropped, Record

SCANS_COLUMNS = {
    "filename": "Denoised image, relative to this table",
    "source": "The image that was denoised, in the input dataset",
    "method": "Denoiser",
    "sigma": "Median standard deviation of the noise, in image units",
    "noise_law": "gaussian, rician or nc-chi",
    "noise_trusted": "false when the image breaks the assumptions of the noise estimators",
    "snr_before": "Signal-to-noise ratio before",
    "snr_after": "Signal-to-noise ratio after; it grows with any smoothing",
    "psnr_gain": "Gain of peak signal-to-noise ratio, Monte-Carlo SURE estimate, in dB",
    "residual_ratio": "Standard deviation of what was removed over that of the noise; about 1",
    "edge_width_ratio": "Width of strong edges after over before; about 1",
    "verdict": "green, amber or red",
    "verdict_reason": "Why not green",
}


def read_record(path: Path) -> Record | None:
    """Return the record in a file, or None when it is absent or cannot be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        content["remarks"] = tuple(content["remarks"])
        known = (each.name for each in fields(Record))
        return Record(**{name: content[name] for name in known if name in content})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_records(root: Path, participant: str = "*") -> tuple[Record, ...]:
    """Return the records of a participant (of all), in the order of their file names."""
    found = (read_record(path) for path in sorted(root.glob(f"sub-{participant}/**/*_qc.json")))
    return tuple(record for record in found if record is not None)


def current_record(outputs: Outputs, checksum: str, fingerprint: str) -> Record | None:
    """Return the record of an earlier run if what it made is whole and still current."""
    record = read_record(outputs.record)
    whole = (
        outputs.image.is_file()
        and outputs.image.stat().st_size
        and beside(outputs.image, ".json").is_file()
    )
    if record is None or not whole:
        return None
    made_from = record.provenance.get("checksum"), record.provenance.get("fingerprint")
    return record if made_from == (checksum, fingerprint) else None


def write_scans_tables(store: Store, layout: Layout, participant: str) -> None:
    """Write ``scans.tsv`` and its data dictionary for each session of a participant."""
    records = [each for each in read_records(layout.qc, participant) if each.status == "ok"]
    for session in sorted({record.session for record in records}, key=str):
        path = scans_table(participant, session, layout.images)
        rows = [_scans_row(each, layout, path) for each in records if each.session == session]
        store.write_table(path, rows)
        dictionary = {name: {"Description": text} for name, text in SCANS_COLUMNS.items()}
        store.write_json(path.with_suffix(".json"), dictionary)


def write_status(store: Store, path: Path, records: Iterable[Record], root: Path) -> None:
    """Bring ``logs/status.tsv`` up to date: rows of this run replace those of the same image."""
    new = {record.source: _status_row(record, root) for record in records}
    old = {row.get("source", ""): row for row in read_table(path)}
    rows = {**old, **new}
    store.write_table(path, [rows[key] for key in sorted(rows)])


def write_dropped(store: Store, path: Path, dropped: Sequence[Dropped], root: Path) -> None:
    """Write ``logs/dropped.tsv``: the images that were not denoised, and why."""
    rows = [{"source": _below(each.path, root), "reason": each.reason} for each in dropped]
    store.write_table(path, rows or [{"source": None, "reason": None}])


def _below(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _scans_row(record: Record, layout: Layout, table: Path) -> dict[str, Any]:
    before, after, residual = (
        record.quality.get(part, {}) for part in ("before", "after", "residual")
    )
    image = (layout.qc / record.output).resolve()
    values = (
        image.relative_to(table.parent.resolve()).as_posix(),
        record.source,
        record.method,
        record.noise.get("sigma_median"),
        record.noise.get("law"),
        str(record.noise.get("trusted")).lower(),
        before.get("snr"),
        after.get("snr"),
        residual.get("psnr_gain"),
        residual.get("std_ratio"),
        residual.get("edge_width_ratio"),
        record.quality.get("light"),
        "; ".join(record.quality.get("reasons", ())),
    )
    return dict(zip(SCANS_COLUMNS, values, strict=True))


def _status_row(record: Record, root: Path) -> dict[str, Any]:
    return {
        "participant_id": f"sub-{record.participant}",
        "session_id": f"ses-{record.session}" if record.session else None,
        "source": record.source,
        "status": record.status,
        "reason": record.reason,
        "method": record.method,
        "verdict": record.quality.get("light"),
        "seconds": round(record.seconds, 1),
        "output": _below((root / record.output).resolve(), root.resolve())
        if record.output
        else None,
    }
