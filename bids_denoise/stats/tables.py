"""Tables of the group: one row an image, and which rows stand out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from bids_denoise.values import Record

# 0.6745 is the normal quantile that makes the median absolute deviation a standard deviation;
# 3.5 of them is the customary bound (Iglewicz & Hoaglin 1993, How to detect and handle outliers).
MAD_TO_SIGMA = 0.6745
OUTLIER_SCORE = 3.5
FEWEST_FOR_OUTLIERS = 5


def group_rows(
    records: Iterable[Record], participants: Mapping[str, Mapping[str, str]]
) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of each suffix's table.

    Parameters
    ----------
    records
        Of images that were denoised.
    participants
        Rows of ``participants.tsv`` by ``participant_id``; their columns are appended.
    """
    tables: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        row = _row(record)
        row |= participants.get(row["participant_id"], {})
        tables.setdefault(record.suffix, []).append(row)
    return tables


def mark_outliers(rows: Sequence[dict[str, Any]]) -> None:
    """Add a column ``outlier`` that names the metrics in which a row stands out.

    A value stands out when its modified z-score is beyond `OUTLIER_SCORE`. With fewer than
    `FEWEST_FOR_OUTLIERS` rows nothing can be said and the column is empty.
    """
    found: list[list[str]] = [[] for _ in rows]
    metrics = [key for key, value in rows[0].items() if isinstance(value, int | float)]
    for metric in metrics:
        values = np.array([_number(row.get(metric)) for row in rows])
        for index in np.flatnonzero(np.abs(modified_z(values)) > OUTLIER_SCORE):
            found[index].append(metric)
    for row, names in zip(rows, found, strict=True):
        row["outlier"] = ", ".join(names) or None


def modified_z(values: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, Any]:
    """Return modified z-scores, 0 where they cannot be told.

    >>> modified_z(np.array([1.0, 2.0, 3.0, 2.0, 50.0])).round(1)
    array([-0.7,  0. ,  0.7,  0. , 32.4])
    """
    known = np.isfinite(values)
    if known.sum() < FEWEST_FOR_OUTLIERS:
        return np.zeros_like(values)
    centre = np.median(values[known])
    spread = np.median(np.abs(values[known] - centre))
    if spread == 0:
        return np.zeros_like(values)
    return np.where(known, MAD_TO_SIGMA * (values - centre) / spread, 0.0)


def _row(record: Record) -> dict[str, Any]:
    quality = record.quality
    row: dict[str, Any] = {
        "participant_id": f"sub-{record.participant}",
        "session_id": f"ses-{record.session}" if record.session else None,
        "source": record.source,
        "method": record.method,
        "light": quality.get("light"),
        "sigma": record.noise.get("sigma_median"),
    }
    before, after = quality.get("before", {}), quality.get("after", {})
    for name in before:
        row[f"{name}_before"] = before[name]
        row[f"{name}_after"] = after.get(name)
    return row | {f"residual_{k}": v for k, v in quality.get("residual", {}).items()}


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else np.nan
