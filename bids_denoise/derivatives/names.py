"""The names of everything that is written, as pure text and paths.

All entities of the source are kept, in their order; the grid is never changed, so no
``space-`` is added. A source that has a ``desc`` (or, in the raw-like layout, a ``rec``)
keeps it: ``desc-preproc`` becomes ``desc-preprocDenoised``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bids_denoise.values import Scan, Settings

# Entities that stand after `rec` in a BIDS file name, so that it can be put in its place.
AFTER_REC = {
    *("dir", "run", "mod", "echo", "flip", "inv", "mt", "part", "proc", "hemi", "space"),
    *("split", "recording", "chunk", "seg", "res", "den", "label", "desc"),
}
AFTER_SEG = {"res", "den", "label", "desc"}
MAX_SESSIONS_ON_ONE_PAGE = 4


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


def parcel_file(
    scan: Scan, layout: Layout, added: Mapping[str, str], ending: str, label: str = ""
) -> Path:
    """Return the path of a file about parcels of a run.

    Parameters
    ----------
    added
        Entities that the source has not: ``seg``, ``meas``.
    ending
        Suffix and ending.
    label
        What is put to the source's ``desc``; without it, that stays.

    Examples
    --------
    >>> scan = Scan(Path(), Path(), "func", "bold", {"sub": "1", "res": "2"})
    >>> added = {"seg": "HOCPA", "meas": "pearsoncorrelation"}
    >>> parcel_file(scan, Layout(Path(), Path(), False), added, "relmat.tsv", "denoised").name
    'sub-1_seg-HOCPA_meas-pearsoncorrelation_res-2_desc-denoised_relmat.tsv'
    """
    before = {key: value for key, value in scan.entities.items() if key not in AFTER_SEG}
    after = {key: value for key, value in scan.entities.items() if key in AFTER_SEG}
    placed = replace(scan, entities={**before, **added, **after})
    stem = _described(placed, label) if label else _stem(placed.entities)
    return layout.qc / Path(*_folder(scan.entities), scan.datatype, f"{stem}_{ending}")


def beside(image: Path, ending: str) -> Path:
    """Return the path of the file with another ending that goes with an image.

    >>> beside(Path("sub-01_dwi.nii.gz"), ".bval").name
    'sub-01_dwi.bval'
    """
    return image.with_name(image.name.removesuffix(".nii.gz") + ending)


def page_name(participant: str, session: str | None = None) -> str:
    """Return the file name of a participant's (or one session's) page."""
    return f"sub-{participant}{f'_ses-{session}' if session else ''}.html"


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
    label = f"{given}Denoised" if given else "denoised"
    before = {k: v for k, v in scan.entities.items() if k not in AFTER_REC and k != "rec"}
    after = {k: v for k, v in scan.entities.items() if k in AFTER_REC}
    return _stem({**before, "rec": label, **after})


def _capitalised(word: str) -> str:
    return word[:1].upper() + word[1:]


def _ending(stem: Path, ending: str) -> Path:
    return stem.with_name(stem.name + ending)
