"""What was run before: one JSON line a run, the voxels of the results in a folder beside it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray

    Key = dict[str, Any]
    Row = dict[str, Any]


class Store:
    """Runs by their key; the last line of a key counts. Without a path nothing outlives this run.

    A run is known by image, slices, level, law, method, its version, threads, and a checksum of
    the noisy voxels.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._rows: dict[str, Row] = {}
        if path and path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                self._rows[_name(row["key"])] = row

    def find(self, key: Key) -> Row | None:
        """Return what is known of a run."""
        return self._rows.get(_name(key))

    def voxels(self, key: Key) -> FloatArray | None:
        """Return the result of a run, if it was kept."""
        where = self._place(key)
        if where is None or not where.exists():
            return None
        data: FloatArray = np.load(where)
        return data

    def keep(self, key: Key, row: Row, result: FloatArray | None) -> Row:
        """Remember a run, and its voxels unless they are there already."""
        row = {"key": key, **row}
        self._rows[_name(key)] = row
        where = self._place(key)
        if self.path and where:
            where.parent.mkdir(parents=True, exist_ok=True)
            if result is not None:
                np.save(where, result)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        return row

    def _place(self, key: Key) -> Path | None:
        return self.path and self.path.with_suffix(".results") / f"{_name(key)}.npy"


def _name(key: Key) -> str:
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
