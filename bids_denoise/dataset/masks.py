"""Brain masks that other datasets hold for a scan."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bids_denoise.dataset.names import parse_name
from bids_denoise.values import Scan


def find_brain_mask(scan: Scan, datasets: Iterable[Path]) -> Path | None:
    """Return the brain mask that fits a scan best, from the first dataset that has one.

    A mask ``..._desc-brain[_...]_mask.nii[.gz]`` of the same participant, session and datatype fits
    when it contradicts none of the scan's entities and has no ``space`` or ``res`` of its own; the
    one that shares most of them is taken. Whether it lies on the same grid is not looked into.
    """
    own = {key: value for key, value in scan.entities.items() if key != "desc"}
    folders = [f"{key}-{own[key]}" for key in ("sub", "ses") if key in own]
    for dataset in datasets:
        best: tuple[int, Path] | None = None
        for path in sorted(Path(dataset, *folders, scan.datatype).glob("*_mask.nii*")):
            name = parse_name(path.name)
            entities = dict(name.entities) if name else {}
            if entities.pop("desc", None) != "brain" or entities.items() - own.items():
                continue
            if best is None or len(entities) > best[0]:
                best = len(entities), path
        if best is not None:
            return best[1]
    return None
