"""The lines a run prints, as text and as plain facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bids_denoise import __version__

if TYPE_CHECKING:
    from bids_denoise.values import Device, Dropped, Found, Record, Scan, Settings

MARKS = {"ok": "ok", "skipped": "skipped", "failed": "FAILED"}


def banner_facts(settings: Settings, found: Found, device: Device) -> dict[str, str]:
    """Return what a run is about to do, with what, by heading."""
    return {
        "bids-denoise": __version__,
        "command": " ".join(settings.command),
        "input": str(settings.bids_dir),
        "output": f"{settings.output_dir} ({settings.output_layout})",
        "levels": " ".join(settings.levels),
        "images": _census(found.scans),
        "method": settings.method,
        "device": device.name if device.kind == "cuda" else "cpu",
        "processors": str(settings.nprocs),
        "memory": f"{settings.memory / 2**30:.1f} GB",
        "seed": str(settings.seed),
    }


def label(file_name: str) -> str:
    """Return the entities of a file name as words.

    >>> label("sub-01_ses-1_T1w.nii.gz")
    'sub-01 ses-1 T1w'
    """
    return Path(file_name).name.partition(".")[0].replace("_", " ")


def image_line(index: int, total: int, record: Record) -> str:
    """Return the line of an image that is done; a second line with what to do if it failed."""
    width = len(str(total))
    parts = [f"[{index:>{width}}/{total}] {label(record.source)}"]
    if record.status == "ok":
        parts += [record.method, f"{record.seconds:.1f} s", *_measured(record)]
    line = "  ".join((*parts, _outcome(record)))
    return f"{line}\n{'':8}{record.hint}" if record.status == "failed" and record.hint else line


def image_facts(record: Record) -> dict[str, Any]:
    """Return what is said of an image, as plain values."""
    return {
        "source": record.source,
        "status": record.status,
        "reason": record.reason,
        "hint": record.hint,
        "method": record.method,
        "seconds": round(record.seconds, 2),
        "sigma": record.noise.get("sigma_median"),
        "snr_change": _snr_change(record),
        "psnr_gain": _psnr_gain(record),
        "light": record.quality.get("light"),
        "reasons": list(record.quality.get("reasons", ())),
        "output": record.output,
    }


def summary_text(
    records: Sequence[Record], dropped: Sequence[Dropped], seconds: float, report: Path | None
) -> str:
    """Return the final table, the failures with their reasons, and where the report is."""
    suffixes = list(dict.fromkeys(record.suffix for record in records))
    rows = [_count_row(suffix, records) for suffix in suffixes]
    blocks = [table([*rows, _count_row("all", records)] if len(rows) > 1 else rows)]
    failed = [record for record in records if record.status == "failed"]
    if failed:
        blocks.append("Failed:\n" + table([_failed_row(each) for each in failed]))
    tail = [f"Not denoised: {len(dropped)} others, see logs/dropped.tsv"] if dropped else []
    tail.append(f"Time    {duration(seconds)}")
    if report is not None:
        tail.append(f"Report  {report}")
    return "\n\n".join(filter(None, (*blocks, "\n".join(tail))))


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as aligned columns under their headings; nothing for no rows.

    >>> print(table([{"image": "T1w", "ok": 12}, {"image": "bold", "ok": 3}]))
    image  ok
    T1w    12
    bold    3
    """
    if not rows:
        return ""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    cells = [columns, *([str(row.get(column, "")) for column in columns] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    numeric = [all(isinstance(row.get(column), int) for row in rows) for column in columns]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in cells
    )


def duration(seconds: float) -> str:
    """Return a time span in the units that suit it.

    >>> duration(8.25), duration(192), duration(7500)
    ('8.2 s', '3 min 12 s', '2 h 5 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def dropped_row(dropped: Dropped) -> dict[str, str]:
    """Return an image that is not denoised as a row."""
    return {"image": label(dropped.path.name), "reason": dropped.reason}


def _census(scans: Iterable[Scan]) -> str:
    scans = tuple(scans)
    people = {scan.entities.get("sub") for scan in scans}
    visits = {(s.entities["sub"], s.entities["ses"]) for s in scans if "ses" in s.entities}
    kinds = ", ".join(f"{n} {suffix}" for suffix, n in Counter(s.suffix for s in scans).items())
    sessions = f" in {len(visits)} sessions" if visits else ""
    return f"{len(scans)} ({kinds}) of {len(people)} participants{sessions}"


def _measured(record: Record) -> list[str]:
    sigma, change, gain = record.noise.get("sigma_median"), _snr_change(record), _psnr_gain(record)
    return [
        *([f"sigma {sigma:.3g}"] if sigma is not None else []),
        *([f"SNR {100 * change:+.0f} %"] if change is not None else []),
        *([f"PSNR {gain:+.1f} dB"] if gain is not None else []),
    ]


def _snr_change(record: Record) -> float | None:
    before, after = (record.quality.get(side, {}).get("snr") for side in ("before", "after"))
    return after / before - 1 if before and after is not None else None


def _psnr_gain(record: Record) -> float | None:
    gain = record.quality.get("residual", {}).get("psnr_gain")
    return None if gain is None else float(gain)


def _outcome(record: Record) -> str:
    light = record.quality.get("light")
    reasons = "; ".join(record.quality.get("reasons", ()))
    asked = record.connectome.get("atlas") not in {None, "auto"}
    lost = record.connectome.get("reason") if asked else None
    why = {
        "failed": record.reason,
        "skipped": record.reason,
        "ok": "; ".join(
            [
                *([f"{light}: {reasons}"] if light not in {None, "green"} else []),
                *([f"no connectome: {lost}"] if lost else []),
            ]
        ),
    }[record.status]
    return f"{MARKS[record.status]} ({why})" if why else MARKS[record.status]


def _count_row(suffix: str, records: Iterable[Record]) -> dict[str, Any]:
    counts: Counter[str] = Counter(
        each.status for each in records if suffix in {"all", each.suffix}
    )
    return {"image": suffix, **{status: counts[status] for status in MARKS}}


def _failed_row(record: Record) -> dict[str, str]:
    return {"image": label(record.source), "reason": record.reason}
