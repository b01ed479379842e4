"""Connectomes of the runs of a group that have parcels in common."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.connectome.parcels import OWN
from bids_denoise.derivatives.store import read_table
from bids_denoise.group.study import Study

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import Record

    Matrices = npt.NDArray[np.float64]


def common_source(runs: Sequence[Record]) -> str:
    """Return where the parcels of most runs come from; nothing where no two have the same.

    The geometric parcels of each brain bear the same names in all and are the same in no two.
    """
    sources = [record.connectome["source"] for record in runs if has_files(record)]
    sources = [source for source in sources if not source.endswith(OWN)]
    return max(sorted(set(sources)), key=sources.count, default="")


def has_files(record: Record) -> bool:
    """Say whether a run has a connectome."""
    return "files" in record.connectome


def correlations(
    study: Study, runs: Sequence[Record], labels: Sequence[str]
) -> tuple[tuple[str, ...], dict[str, Matrices]]:
    """Return the parcels that all runs have, and their correlations (run, parcels, parcels).

    By label; one that not every run has is left out.
    """
    tables = {}
    for label in labels:
        files = [run.connectome["files"].get(f"pearsoncorrelation_{label}") for run in runs]
        if all(files):
            tables[label] = [_read(study.layout.qc / file) for file in files]
    every = [nodes for some in tables.values() for nodes, _ in some]
    shared = set(every[0]).intersection(*every) if every else set()
    names = tuple(node for node in every[0] if node in shared) if every else ()
    return names, {
        label: np.stack([_at(names, nodes, matrix) for nodes, matrix in some])
        for label, some in tables.items()
    }


def _read(path: Path) -> tuple[list[str], Matrices]:
    rows = read_table(path)
    nodes = [row["Node"] for row in rows]
    return nodes, np.array([[float(row[node]) for node in nodes] for row in rows])


def _at(names: Sequence[str], nodes: list[str], matrix: Matrices) -> Matrices:
    rows = [nodes.index(name) for name in names]
    return matrix[np.ix_(rows, rows)]
