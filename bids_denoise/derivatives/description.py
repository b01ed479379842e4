"""The files at the root of an output: what this dataset is and where it comes from."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from bids_denoise import __version__
from bids_denoise.derivatives.names import Layout
from bids_denoise.derivatives.sidecar import LINK, container
from bids_denoise.derivatives.store import Store
from bids_denoise.errors import OutputError, UsageError

NAME = "bids-denoise"
BIDS_VERSION = "1.10.0"

BIDSIGNORE = """\
*.html
figures
group_*.tsv
group_*.json
*_dwi.bval
*_dwi.bvec
*map.nii.gz
*map.json
*_qc.json
*_timeseries.*
*_relmat.*
group
"""

README = """\
# Denoised images

Made by bids-denoise {version} from the dataset "{name}".

- `sub-*/**/*_desc-denoised_*.nii.gz`: the denoised images, on the grid of their sources
- `*_stat-std_desc-noise_*map.nii.gz`: the standard deviation of the noise, in image units
- `*_desc-residual_*.nii.gz`: what was removed, if it was asked for
- `*_timeseries.tsv`, `*_relmat.tsv`: parcels of bold runs and their connectomes, before
  (`desc-original`) and after (`desc-denoised`)
- `*_qc.json`: everything measured on an image before and after
- `*_dseg.nii.gz`, `*_probseg.nii.gz`: tissues, before (`desc-original`) and after
  (`desc-denoised`), with `--anatomy`
- `group/`: maps, tables and figures of the group level
- `sub-*_scans.tsv`: the main numbers, one row an image
- `sub-*.html`, `group.html`: the reports; open them in a browser
- `logs/status.tsv`: every image with ok, skipped or failed, and why
- `logs/CITATION.md`: what to cite

The sidecar of each image names its source, method, parameters, noise level and versions.
"""

CHANGES = "{version}\n  - Denoised with bids-denoise {version}\n"

DESCRIPTIONS = [
    {"desc_id": "desc-denoised", "description": "The source image without its noise"},
    {"desc_id": "desc-original", "description": "Computed from the source image, as it was"},
    {"desc_id": "desc-smoothed", "description": "Of the source image, smoothed: a control"},
    {"desc_id": "desc-brain", "description": "The brain"},
    {"desc_id": "desc-originalModulated", "description": "As desc-original, in template space"},
    {"desc_id": "desc-denoisedModulated", "description": "As desc-denoised, in template space"},
    {"desc_id": "desc-noise", "description": "Standard deviation of the noise"},
    {"desc_id": "desc-residual", "description": "Source minus denoised: what was removed"},
]


def read_description(dataset: Path) -> dict[str, Any]:
    """Return a dataset's description, empty when there is none that can be read."""
    try:
        content = json.loads((dataset / "dataset_description.json").read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def check_output(layout: Layout, source: Mapping[str, Any]) -> None:
    """See that the output folder is ours to write to.

    Raises
    ------
    OutputError
        It holds a dataset that something else made.
    UsageError
        A raw-like output is asked for, but the input is itself a derivative; or the folder
        was written in the other layout.
    """
    present = read_description(layout.images)
    if layout.rawlike and source.get("DatasetType") == "derivative":
        raise UsageError(
            "--output-layout rawlike needs a raw dataset as input; this one is a derivative "
            "dataset (its names hold space-, desc- or res-). Use --output-layout derivatives"
        )
    if not present:
        return
    makers = present.get("GeneratedBy") or [{}]
    if not (isinstance(makers, list) and makers[0].get("Name") == NAME):
        raise OutputError(
            f"{layout.images} holds a dataset that bids-denoise did not make "
            f"({present.get('Name')!r}); choose another output folder"
        )
    if (present.get("DatasetType") == "raw") != layout.rawlike:
        raise UsageError(f"{layout.images} was written in the other --output-layout")


def write_dataset_files(store: Store, layout: Layout, dataset: Path) -> None:
    """Write description, README, CHANGES, .bidsignore and descriptions."""
    source = read_description(dataset)
    facts = {"version": __version__, "name": source.get("Name", dataset.name)}
    roots = (
        {layout.images: "raw", layout.qc: "derivative"}
        if layout.rawlike
        else {layout.qc: "derivative"}
    )
    for root, kind in roots.items():
        description = _description(source, dataset, root, kind)
        store.write_json(root / "dataset_description.json", description)
        store.write_text(root / "README.md", README.format(**facts))
        store.write_text(root / "CHANGES", CHANGES.format(**facts))
    store.write_text(layout.qc / ".bidsignore", BIDSIGNORE)
    store.write_table(layout.qc / "descriptions.tsv", DESCRIPTIONS)


def write_participants(store: Store, layout: Layout, dataset: Path) -> None:
    """Bring ``participants.tsv`` and ``phenotype/`` of the output up to date.

    They hold the source's lines of who is there.
    """
    tables = [dataset / "participants.tsv", *sorted(dataset.glob("phenotype/*.tsv"))]
    for source in filter(Path.is_file, tables):
        for root in {layout.images, layout.qc}:
            here = {folder.name for folder in root.glob("sub-*") if folder.is_dir()}
            target = root / source.relative_to(dataset)
            store.write_bytes(target, _lines_of(source.read_bytes(), here))
            dictionary = source.with_suffix(".json")
            if dictionary.is_file():
                store.write_bytes(target.with_suffix(".json"), dictionary.read_bytes())


def _lines_of(table: bytes, participants: Collection[str]) -> bytes:
    """Return the header and the lines of some participants, byte for byte."""
    header, *lines = table.splitlines(keepends=True) or [b""]
    columns = header.decode("utf-8-sig").rstrip("\r\n").split("\t")
    column = columns.index("participant_id") if "participant_id" in columns else 0
    kept = [line for line in lines if _cell(line, column) in participants]
    return b"".join([header, *kept])


def _cell(line: bytes, column: int) -> str:
    cells = line.decode("utf-8", "replace").rstrip("\r\n").split("\t")
    return cells[column] if column < len(cells) else ""


def _description(source: Mapping[str, Any], dataset: Path, root: Path, kind: str) -> dict[str, Any]:
    ours: dict[str, Any] = {
        "Name": NAME,
        "Version": __version__,
        "Description": "Noise removed from every image; sigma, quality and reports beside it",
    }
    if container():
        ours["Container"] = container()
    description = {
        "Name": f"{source.get('Name', dataset.name)} - denoised",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": kind,
        "GeneratedBy": [ours, *_list(source.get("GeneratedBy"))],
        "HowToAcknowledge": "Please cite what logs/CITATION.md names, and the source dataset.",
        "SourceDatasets": [_source_dataset(source, dataset, root)],
        "DatasetLinks": {LINK: _link(dataset, root)},
    }
    if source.get("License"):
        description["License"] = source["License"]
    return description


def _source_dataset(source: Mapping[str, Any], dataset: Path, root: Path) -> dict[str, str]:
    doi = str(source.get("DatasetDOI", "")).removeprefix("doi:")
    if not doi:
        return {"URL": _link(dataset, root)}
    url = doi if doi.startswith("http") else f"https://doi.org/{doi}"
    version = {"Version": str(source["Version"])} if source.get("Version") else {}
    return {"URL": url, "DOI": f"doi:{url.split('doi.org/')[-1]}", **version}


def _link(dataset: Path, root: Path) -> str:
    """Return how one dataset points at another: relative when one lies inside the other."""
    if root.is_relative_to(dataset):
        return os.path.relpath(dataset, root)
    return dataset.as_uri()


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
