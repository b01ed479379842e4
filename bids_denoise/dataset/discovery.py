"""From a dataset and filters to scans, and a reason for every other image file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from bids_denoise.dataset.companions import find_echoes, find_phase
from bids_denoise.dataset.index import list_files
from bids_denoise.dataset.inheritance import Sidecars
from bids_denoise.dataset.names import Name, parse_name, why_no_scan
from bids_denoise.dataset.root import (
    check_dataset,
    is_ignored,
    list_participants,
    read_bidsignore,
)
from bids_denoise.dataset.selection import check_filters, choose_participants, why_dropped
from bids_denoise.errors import SelectionError
from bids_denoise.values import Dropped, Filters, Found, Scan

READABLE = (".nii", ".nii.gz")
IMAGE_ENDINGS = (*READABLE, ".img", ".mgz", ".mgh", ".mnc", ".nrrd", ".ome.zarr")
"""How files end, in lower case, that a reader takes for images."""


def find_scans(
    bids_dir: Path,
    filters: Filters,
    database_dir: Path | None = None,
    database_wipe: bool = False,
) -> Found:
    """Find the images of a dataset that are to be denoised, and say why the others are not.

    Raw and derivative datasets are searched alike. Every image file of the chosen participants
    is in the result, hidden files aside; a participant without any image stands among the
    dropped with its folder. An image that will fail, for want of content, of gradients
    or of a readable sidecar, is a scan all the same: it fails when it is loaded.

    Parameters
    ----------
    bids_dir
        The dataset. It is only read.
    filters
        What is wanted; all filters must agree. An image without a session, task or run is not
        among the ones that a filter names.
    database_dir, database_wipe
        Where to keep an index of the file names between runs, and whether to build it anew. Without
        it only the folders of the chosen participants are looked at.

    Raises
    ------
    MissingInputError
        `bids_dir` is no folder.
    DatasetError
        It is no BIDS dataset.
    SelectionError
        A participant is not there, or no image is left.
    UsageError
        A filter is not legal.
    """
    root = bids_dir.absolute()
    check_filters(filters)
    check_dataset(root)
    participants = choose_participants(list_participants(root), filters)
    files = list_files(root, participants, database_dir, database_wipe)
    images = [path for path in files if path.parent != root and _is_image(path)]
    reasons = _reasons(root, images, filters)
    sidecars = Sidecars(root, files)
    scans = [_with_echoes(root, path, sidecars) for path in images if path not in reasons]
    dropped = [Dropped(path, reason) for path, reason in reasons.items()]
    dropped += _without_images(root, participants, images)
    if not scans:
        raise SelectionError(_nothing_left(root, images, dropped))
    return Found(scans=tuple(scans), dropped=tuple(dropped))


def _is_image(path: Path) -> bool:
    return path.name.lower().endswith(IMAGE_ENDINGS)


def _reasons(root: Path, images: Sequence[Path], filters: Filters) -> dict[Path, str]:
    """Return the reason for each image that is not denoised."""
    names = {path.name for path in images}
    ignored = read_bidsignore(root)
    reasons = {}
    for path in images:
        if is_ignored(path.relative_to(root), ignored):
            reason: str | None = ".bidsignore lists it"
        elif path.suffix == ".nii" and f"{path.name}.gz" in names:
            reason = f"the same image lies in {path.name}.gz"
        else:
            reason = _why_not(path.relative_to(root), filters)
        if reason is not None:
            reasons[path] = reason
    return reasons


def _why_not(relative: Path, filters: Filters) -> str | None:
    name = parse_name(relative.name)
    if not relative.name.endswith(READABLE) or (name and name.extension not in READABLE):
        return "only .nii and .nii.gz volumes are read"
    if name is None:
        return "its name is not a BIDS name, sub-<label>[_<key>-<value>]_<suffix>.nii.gz"
    datatype = relative.parent.name
    if relative.parent.parent.parts != _expected_folders(name):
        return "it does not lie in sub-<label>[/ses-<label>]/<datatype> as its name says"
    return why_no_scan(datatype, name) or why_dropped(datatype, name, filters)


def _expected_folders(name: Name) -> tuple[str, ...]:
    return tuple(f"{key}-{name.entities[key]}" for key in ("sub", "ses") if key in name.entities)


def _scan(root: Path, path: Path, sidecars: Sidecars) -> Scan:
    name = parse_name(path.name)
    assert name is not None
    diffusion = (path.parent.name, name.suffix) == ("dwi", "dwi")
    return Scan(
        path=path,
        dataset=root,
        datatype=path.parent.name,
        suffix=name.suffix,
        entities=name.entities,
        metadata=sidecars.metadata(path, name),
        bval=sidecars.nearest(path, name, ".bval") if diffusion else None,
        bvec=sidecars.nearest(path, name, ".bvec") if diffusion else None,
        phase=find_phase(path),
    )


def _with_echoes(root: Path, path: Path, sidecars: Sidecars) -> Scan:
    scan = _scan(root, path, sidecars)
    paths = find_echoes(path) if scan.suffix == "bold" else ()
    return replace(scan, echoes=tuple(_scan(root, each, sidecars) for each in paths))


def _without_images(
    root: Path, participants: Sequence[str], images: Collection[Path]
) -> list[Dropped]:
    holders = {path.relative_to(root).parts[0] for path in images}
    folders = [f"sub-{label}" for label in participants]
    return [
        Dropped(root / folder, "it holds no image file")
        for folder in folders
        if folder not in holders
    ]


def _nothing_left(root: Path, images: Collection[Path], dropped: Sequence[Dropped]) -> str:
    counts = Counter(each.reason for each in dropped)
    reasons = [f"{count} x {reason}" for reason, count in counts.most_common(5)]
    if len(counts) > len(reasons):
        reasons.append(f"{len(counts) - len(reasons)} other reasons")
    return f"{root}: none of {len(images)} images is left to denoise. " + "; ".join(reasons)
