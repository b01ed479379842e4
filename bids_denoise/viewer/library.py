"""What can be opened: one image, the images of a BIDS dataset, or those that an output is made of.

The page names images by their number in this list and by nothing else, so that it can ask for no
other file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from bids_denoise import imageio
from bids_denoise.dataset import find_scans
from bids_denoise.dataset.names import IMAGES
from bids_denoise.derivatives.description import NAME, read_description
from bids_denoise.derivatives.records import read_record
from bids_denoise.derivatives.sidecar import LINK, relative_source
from bids_denoise.errors import DatasetError, MissingInputError, SelectionError
from bids_denoise.values import Filters, Scan
from bids_denoise.viewer.schema import Wish, wish_of

ENDINGS = (".nii", ".nii.gz")
DEFAULT_SUFFIX = {"anat": "T1w", "func": "bold", "dwi": "dwi"}


@dataclass(frozen=True)
class Entry:
    """One image, and how it is treated at first; `name` is its path in the dataset."""

    scan: Scan
    name: str
    title: str
    wish: Wish = field(default_factory=Wish)


@dataclass(frozen=True)
class Library:
    """All that can be opened, and which is at `first`; `dataset` is None for an image alone."""

    title: str
    entries: tuple[Entry, ...]
    dataset: Path | None = None
    first: int = 0

    def suffixes(self, datatypes: Sequence[str]) -> list[str]:
        """Return the suffixes of the images of some datatypes."""
        return sorted({e.scan.suffix for e in self.entries if e.scan.datatype in datatypes})


def library_of(path: Path, dataset: Path | None = None) -> Library:
    """Return what `path` holds.

    Parameters
    ----------
    path
        A NIfTI file, a BIDS dataset, or an output folder of the app.
    dataset
        Where the dataset is that an output was made of, if no longer where it was.

    Raises
    ------
    MissingInputError
        There is nothing at `path`, or the dataset of an output is not there.
    DatasetError
        It is neither an image nor such a folder.
    SelectionError
        The folder holds no image that can be denoised.
    """
    path = path.absolute()
    if path.is_file():
        if not path.name.endswith(ENDINGS):
            raise DatasetError(f"{path}: not an image (.nii or .nii.gz), and no folder")
        return _of_file(path)
    if not path.is_dir():
        raise MissingInputError(f"{path}: there is no such file or folder")
    description = read_description(path)
    makers = description.get("GeneratedBy")
    if isinstance(makers, list) and makers and makers[0].get("Name") == NAME:
        return _of_output(path, dataset or _source_of(path, description))
    return _of_dataset(path)


def opened_at(library: Library, name: str) -> Library:
    """Return the library with the image of this name in front, as its dataset names it.

    Raises
    ------
    SelectionError
        It is not there.
    """
    for number, entry in enumerate(library.entries):
        if name in {entry.name, entry.scan.path.name}:
            return replace(library, first=number)
    raise SelectionError(f"--image {name!r}: not among the images of {library.title}")


def _of_dataset(root: Path) -> Library:
    scans = find_scans(root, Filters()).scans
    return Library(root.name, tuple(_entry(scan) for scan in scans), root)


def _of_output(root: Path, dataset: Path) -> Library:
    """Return the images that were denoised, each as it was treated."""
    if not dataset.is_dir():
        raise MissingInputError(
            f"{root}: the dataset that it was made of, {dataset}, is not there; give --dataset"
        )
    records = {}
    for path in sorted(root.rglob("*_qc.json")):
        record = read_record(path)
        if record is not None and record.method:
            records[record.source] = record
    found = _of_dataset(dataset)
    entries = []
    for each in found.entries:
        record = records.get(each.name)
        if record is not None:
            entries.append(Entry(each.scan, each.name, each.title, wish_of(vars(record))))
    if not entries:
        raise SelectionError(f"{root}: it holds no image that was denoised from {dataset}")
    return Library(root.name, tuple(entries), dataset)


def _source_of(root: Path, description: Mapping[str, Any]) -> Path:
    """Return where the dataset was that an output was made of."""
    links = description.get("DatasetLinks")
    link = str(links.get(LINK, "")) if isinstance(links, dict) else ""
    if link.startswith("file:"):
        return Path(unquote(urlparse(link).path))
    return (root / (link or "..")).resolve()


def _of_file(path: Path) -> Library:
    """Return one image: with what its dataset says of it, if it lies in one."""
    for root in path.parents:
        if (root / "dataset_description.json").is_file():
            label = path.relative_to(root).parts[0].removeprefix("sub-")
            try:
                scans = find_scans(root, Filters(participants=(label,))).scans
            except (DatasetError, SelectionError):
                break
            known = [_entry(scan) for scan in scans if scan.path == path]
            if known:
                return Library(path.name, tuple(known), root)
    return Library(path.name, (_entry(_alone(path)),))


def _alone(path: Path) -> Scan:
    """Return a scan of an image that no dataset speaks of, by its name and shape."""
    stem = path.name.removesuffix(".gz").removesuffix(".nii")
    bval, bvec = (path.with_name(stem + ending) for ending in (".bval", ".bvec"))
    suffix = stem.rsplit("_")[-1]
    kinds = [kind for kind, suffixes in IMAGES.items() if suffix in suffixes]
    if kinds:
        datatype = kinds[0]
    else:
        shape = imageio.describe(path).shape
        series = len(shape) > 3 and shape[3] > 1
        datatype = ("dwi" if bval.is_file() else "func") if series else "anat"
        suffix = DEFAULT_SUFFIX[datatype]
    diffusion = datatype == "dwi"
    return Scan(
        path=path,
        dataset=path.parent,
        datatype=datatype,
        suffix=suffix,
        entities={"sub": stem},
        bval=bval if diffusion and bval.is_file() else None,
        bvec=bvec if diffusion and bvec.is_file() else None,
    )


def _entry(scan: Scan) -> Entry:
    stem = scan.path.name.removesuffix(".gz").removesuffix(".nii")
    return Entry(scan, relative_source(scan), stem.replace("_", " "))
