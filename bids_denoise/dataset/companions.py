"""What lies beside a scan, or in other datasets, and tells more of it: masks and its noise."""

from __future__ import annotations

import re
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
    return _first(scan, datasets, "mask", {"desc": "brain"})


def find_noise_map(scan: Scan, datasets: Iterable[Path]) -> Path | None:
    """Return the map of sigma that fits a scan best, from the first dataset that has one.

    ``..._stat-std_desc-noise_<suffix>map.nii[.gz]``, the name of the maps of ``--write-noise-map``;
    it fits as a mask does.
    """
    return _first(scan, datasets, f"{scan.suffix}map", {"desc": "noise", "stat": "std"})


def find_noise_scan(scan: Scan) -> Path | None:
    """Return the scan without excitation, ``..._noRF.nii[.gz]``, that fits a scan best."""
    return _first(scan, [scan.dataset], "noRF", {})


def find_phase(path: Path) -> Path | None:
    """Return the phase image (``part-phase``) of a magnitude image (``part-mag``) beside it.

    Examples
    --------
    >>> find_phase(Path("sub-01_task-rest_bold.nii.gz")) is None
    True
    """
    stem = path.name.split(".")[0]
    if "_part-mag_" not in stem:
        return None
    name = stem.replace("_part-mag_", "_part-phase_")
    found = (path.with_name(name + ending) for ending in (".nii.gz", ".nii"))
    return next((each for each in found if each.exists()), None)


def find_echoes(path: Path) -> tuple[Path, ...]:
    """Return the other echoes of an image that lie beside it, by their numbers.

    Examples
    --------
    >>> find_echoes(Path("sub-01_task-rest_bold.nii.gz"))
    ()
    """
    stem, dot, ending = path.name.partition(".")
    number = re.search(r"_echo-(\d+)(?=_)", stem)
    if number is None:
        return ()
    before, after = stem[: number.start(1)], stem[number.end(1) :]
    pattern = re.compile(re.escape(before) + r"(\d+)" + re.escape(after + dot + ending))
    found = {
        int(match[1]): each
        for each in path.parent.glob(f"{before}*")
        if each != path and (match := pattern.fullmatch(each.name))
    }
    return tuple(found[key] for key in sorted(found))


def _first(scan: Scan, datasets: Iterable[Path], suffix: str, asked: dict[str, str]) -> Path | None:
    """Return the closest file of the first dataset that has any."""
    own = {key: value for key, value in scan.entities.items() if key not in asked}
    folders = [f"{key}-{own[key]}" for key in ("sub", "ses") if key in own]
    for dataset in datasets:
        best: tuple[int, Path] | None = None
        for path in sorted(Path(dataset, *folders, scan.datatype).glob(f"*_{suffix}.nii*")):
            name = parse_name(path.name)
            entities = dict(name.entities) if name else {}
            if {key: entities.pop(key, None) for key in asked} != asked:
                continue
            if entities.items() - own.items():
                continue
            if best is None or len(entities) > best[0]:
                best = len(entities), path
        if best is not None:
            return best[1]
    return None
