"""The names of everything that is written, as pure text and paths.

All entities of the source are kept, in their order; the grid is never changed, so no
``space-`` is added. A source that has a ``desc`` (or, in the raw-like layout, a ``rec``)
keeps it: ``desc-preproc`` becomes ``desc-preprocDenoised``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bids_denoise.values import Scan, Settings

# The order of the entities in a BIDS file name from where others can be put in.
ORDER = (
    *("rec", "dir", "run", "mod", "echo", "flip", "inv", "mt", "part", "proc", "hemi", "space"),
    *("split", "recording", "chunk", "seg", "meas", "res", "den", "label", "desc"),
)
MAX_SESSIONS_ON_ONE_PAGE = 4
PREDICTIONS = "predicted"
"""How the tables in ``phenotype/`` begin that this app makes."""

UNCHECKED = "group"
"""The folder in the output whose content is no matter of BIDS (.bidsignore names it)."""


@dataclass(frozen=True)
class Layout:
    """The two roots of an output: where the images go, and where pages, maps and records go.

    In the ``derivatives`` layout they are the same folder. In the ``rawlike`` layout the
    images form a dataset that looks like the raw one, and the rest goes to a derivative
    dataset inside it.
    """

    images: Path
    qc: Path
    rawlike: bool


def layout_of(settings: Settings) -> Layout:
    """Return the roots that the settings ask for."""
    root = settings.output_dir
    if settings.output_layout == "rawlike":
        return Layout(images=root, qc=root / "derivatives" / "bids-denoise-qc", rawlike=True)
    return Layout(images=root, qc=root, rawlike=False)


@dataclass(frozen=True)
class Outputs:
    """The absolute paths of what belongs to one image; sidecars lie `beside` their images."""

    image: Path
    events: Path
    noise_map: Path
    residual: Path
    tsnr_map: Path
    uncertainty_map: Path
    record: Path
    figures: Path
    page: Path
    stem: str


def outputs_of(scan: Scan, layout: Layout) -> Outputs:
    """Return where the results of `scan` go."""
    folder = Path(*_folder(scan.entities), scan.datatype)
    denoised = _with_rec(scan) if layout.rawlike else _described(scan, "denoised")
    image = layout.images / folder / denoised
    maps = layout.qc / folder
    participant = layout.qc / f"sub-{scan.entities['sub']}"
    suffix = _capitalised(scan.suffix)
    return Outputs(
        image=_ending(image, f"_{scan.suffix}.nii.gz"),
        events=_ending(image, "_events.tsv"),
        noise_map=maps / f"{_described(scan, 'noise', stat='std')}_{scan.suffix}map.nii.gz",
        residual=maps / f"{_described(scan, 'residual')}_{scan.suffix}.nii.gz",
        tsnr_map=maps / f"{_described(scan, 'denoised', stat='tsnr')}_{scan.suffix}map.nii.gz",
        uncertainty_map=maps / f"{_described(scan, 'denoised', 'std')}_{scan.suffix}map.nii.gz",
        record=maps / f"{_described(scan, 'denoised' + suffix)}_qc.json",
        figures=participant / "figures",
        page=layout.qc / page_name(scan.entities["sub"]),
        stem=f"{_stem(scan.entities)}_{scan.suffix}",
    )


def derived_file(
    scan: Scan, layout: Layout, added: Mapping[str, str], ending: str, label: str = ""
) -> Path:
    """Return the path of a file that is made of an image, such as its parcels or its tissues.

    Parameters
    ----------
    added
        Entities that the source has not, or another value of: ``seg``, ``meas``, ``space``.
    ending
        Suffix and ending.
    label
        What is put to the source's ``desc``; without it, that stays.

    Examples
    --------
    >>> scan = Scan(Path(), Path(), "func", "bold", {"sub": "1", "res": "2"})
    >>> added = {"seg": "HOCPA", "meas": "pearsoncorrelation"}
    >>> derived_file(scan, Layout(Path(), Path(), False), added, "relmat.tsv", "denoised").name
    'sub-1_seg-HOCPA_meas-pearsoncorrelation_res-2_desc-denoised_relmat.tsv'
    """
    placed = replace(scan, entities=_with({**scan.entities, **added}))
    stem = _described(placed, label) if label else _stem(placed.entities)
    return layout.qc / Path(*_folder(scan.entities), scan.datatype, f"{stem}_{ending}")


def repeated(source: str) -> str:
    """Return what repeats of the same image have in common: the name without session and run.

    >>> repeated("sub-01/ses-a/anat/sub-01_ses-a_run-2_T1w.nii.gz")
    'sub-01_T1w'
    """
    return re.sub(r"_(ses|run)-[^_]+", "", source.rpartition("/")[2].partition(".")[0])


def beside(image: Path, ending: str) -> Path:
    """Return the path of the file with another ending that goes with an image.

    >>> beside(Path("sub-01_dwi.nii.gz"), ".bval").name
    'sub-01_dwi.bval'
    """
    return image.with_name(image.name.removesuffix(".nii.gz") + ending)


def page_name(participant: str, session: str | None = None) -> str:
    """Return the file name of a participant's (or one session's) page."""
    return f"sub-{participant}{f'_ses-{session}' if session else ''}.html"


def predictions_table(name: str, participants: Iterable[str], root: Path) -> Path:
    """Return the path of a table of what was predicted of participants (``sub-<label>``).

    It is in ``phenotype/``, where BIDS allows only those that the dataset has a folder of.
    """
    here = all((root / participant).is_dir() for participant in participants)
    return root / ("phenotype" if here else UNCHECKED) / f"{PREDICTIONS}_{name}.tsv"


def scans_table(participant: str, session: str | None, root: Path) -> Path:
    """Return the path of the table that lists a participant's (session's) images."""
    entities = {"sub": participant} | ({"ses": session} if session else {})
    return root / Path(*_folder(entities)) / f"{_stem(entities)}_scans.tsv"


def _folder(entities: Mapping[str, str]) -> list[str]:
    return [f"{key}-{entities[key]}" for key in ("sub", "ses") if key in entities]


def _stem(entities: Mapping[str, str]) -> str:
    return "_".join(f"{key}-{value}" for key, value in entities.items())


def _described(scan: Scan, label: str, stat: str | None = None) -> str:
    """Put ``desc-<label>`` at the end, joined to the label the source already has.

    >>> scan = Scan(Path(), Path(), "anat", "T1w", {"sub": "01", "desc": "preproc"})
    >>> _described(scan, "denoised")
    'sub-01_desc-preprocDenoised'
    """
    entities = {key: value for key, value in scan.entities.items() if key != "desc"}
    if stat:
        entities["stat"] = stat
    given = scan.entities.get("desc")
    entities["desc"] = given + _capitalised(label) if given else label
    return _stem(entities)


def _with_rec(scan: Scan) -> str:
    """Put ``rec-denoised`` in its place, joined to the label the source already has.

    >>> scan = Scan(Path(), Path(), "func", "bold", {"sub": "1", "task": "rest", "run": "2"})
    >>> _with_rec(scan)
    'sub-1_task-rest_rec-denoised_run-2'
    """
    given = scan.entities.get("rec")
    return _stem(_with({**scan.entities, "rec": f"{given}Denoised" if given else "denoised"}))


def _with(entities: Mapping[str, str]) -> dict[str, str]:
    """Return entities in the order of a file name; those before `ORDER` stay as they come."""
    rank = {name: place for place, name in enumerate(ORDER, start=1)}
    return dict(sorted(entities.items(), key=lambda pair: rank.get(pair[0], 0)))


def _capitalised(word: str) -> str:
    return word[:1].upper() + word[1:]


def _ending(stem: Path, ending: str) -> Path:
    return stem.with_name(stem.name + ending)
