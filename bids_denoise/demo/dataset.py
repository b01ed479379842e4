"""Write the demo's scans as a valid BIDS dataset, and the truth as another beside it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bids_denoise import __version__
from bids_denoise.anatomy.template import MNI152, TISSUES, mni152
from bids_denoise.demo import cohort, scans, texts
from bids_denoise.derivatives.store import json_text, table_text
from bids_denoise.errors import OutputError, storage_errors
from bids_denoise.imageio import write_new
from bids_denoise.simulate.anatomy import template
from bids_denoise.simulate.gradients import to_fsl
from bids_denoise.simulate.session import labels_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from bids_denoise.demo.scans import Acquired
    from bids_denoise.simulate.cohort import Person

    Affine = npt.NDArray[np.float64]


def write_demo(
    root: Path, seed: int = 0, coarseness: float = 1.0, with_cohort: bool = True
) -> None:
    """Write ``root/dataset`` (the scans) and ``root/truth`` (what lies under them).

    Files of an earlier demo in the same place are replaced; the same seed gives the same bytes.

    Raises
    ------
    OutputError
        ``root`` holds something else in these places.
    StorageError
        The disk is full or cannot be written to.
    """
    folders = {"raw": root / "dataset", "derivative": root / "truth"}
    for kind, folder in folders.items():
        _check_ours(folder, texts.dataset_description(kind)["Name"])
    people = cohort.people(seed) if with_cohort else ()
    with storage_errors(root):
        for kind, folder in folders.items():
            _write_root(folder, kind, seed, people)
        template()  # read once, before the threads ask for it
        if people:
            _write_template(template_path(root), cohort.voxel_of(coarseness))
        sessions = [
            *(partial(scans.acquire, each, seed, coarseness) for each in scans.PARTICIPANTS),
            *(partial(cohort.acquire, each, coarseness) for each in people),
        ]
        with ThreadPoolExecutor() as pool:
            list(pool.map(partial(_write_session, folders), sessions))


def template_path(root: Path) -> Path:
    """Return the brain that the people of a demo in `root` are brought to."""
    return root / "truth" / "template" / f"{MNI152}.nii.gz"


def _write_session(folders: Mapping[str, Path], acquire: Callable[[], Iterable[Acquired]]) -> None:
    for scan in acquire():
        below = Path(scan.stem.partition("_")[0], scan.datatype)
        _write_scan(folders["raw"] / below, scan)
        _write_truth(folders["derivative"] / below, scan)


def _write_template(path: Path, voxel: float) -> None:
    brain = mni152(voxel)
    _volume(path, brain.image, brain.affine)


def _check_ours(folder: Path, name: str) -> None:
    description = folder / "dataset_description.json"
    ours = description.is_file() and name in description.read_text(encoding="utf-8")
    if folder.exists() and not ours:
        raise OutputError(f"{folder} exists and is not a demo; choose another folder")


def _write_root(folder: Path, kind: str, seed: int, people: Sequence[Person]) -> None:
    """Write what stands at the root of a dataset."""
    rows = [texts.participant(f"sub-{label}") for label in scans.PARTICIPANTS]
    rows += [texts.participant(p.participant_id, p.group, p.age, p.sex) for p in people]
    readme = texts.README if kind == "raw" else texts.TRUTH_README
    _json(folder / "dataset_description.json", texts.dataset_description(kind))
    about = texts.COHORT if people and kind == "raw" else ""
    _text(folder / "README.md", readme.format(version=__version__, seed=seed, cohort=about))
    _text(folder / "LICENSE", texts.ICBM_LICENCE)
    _text(folder / "CHANGES", f"{__version__}\n  - Simulated\n")
    _text(folder / "participants.tsv", table_text(rows))
    _json(folder / "participants.json", texts.PARTICIPANTS_SIDECAR)
    if kind == "derivative":
        _text(folder / ".bidsignore", texts.TRUTH_IGNORE)


def _write_scan(folder: Path, scan: Acquired) -> None:
    stem = f"{scan.stem}_{scan.suffix}"
    _image(folder / f"{stem}.nii.gz", scan.data, scan)
    _json(folder / f"{stem}.json", _sidecar(scan))
    if scan.suffix == "bold":
        rows = [vars(event) for event in scans.PARADIGM.events]
        _text(folder / f"{scan.stem}_events.tsv", table_text(rows))
        _json(folder / f"{scan.stem}_events.json", texts.EVENTS_SIDECAR)
    _gradients(folder, stem, scan)


def _write_truth(folder: Path, scan: Acquired) -> None:
    stem = f"{scan.stem}_desc-truth_{scan.suffix}"
    noise_map = f"{scan.stem}_stat-std_desc-noise_{scan.suffix}map"
    mask = f"{scan.stem}_desc-region{scan.suffix}_mask"
    described = {"Description": "The scan without its noise", "SkullStripped": False}
    _image(folder / f"{stem}.nii.gz", scan.truth.data, scan)
    _json(folder / f"{stem}.json", {**_sidecar(scan), **described})
    _gradients(folder, stem, scan)
    _image(folder / f"{noise_map}.nii.gz", scan.truth.sigma, scan)
    _image(folder / f"{mask}.nii.gz", scan.truth.region.astype(np.uint8), scan)
    _json(folder / f"{mask}.json", texts.mask_sidecar(scan.truth.region_of))
    for label, values in scan.truth.maps.items():
        _image(folder / f"{scan.stem}_desc-{label}_{scan.suffix}map.nii.gz", values, scan)
    _write_anatomy(folder, scan)


def _write_anatomy(folder: Path, scan: Acquired) -> None:
    """Write tissues and nucleus where they are known; of repeats, as they lay in the first."""
    tissues, nucleus = scan.truth.tissues, scan.truth.nucleus
    if tissues is not None:
        parts = dict(zip(TISSUES, tissues, strict=True))
        volumes = {f"label-{key}_desc-truth_probseg": part for key, part in parts.items()}
        for name, data in {**volumes, "desc-truth_dseg": labels_of(tissues)}.items():
            _image(folder / f"{scan.stem}_{name}.nii.gz", data, scan)
            _json(folder / f"{scan.stem}_{name}.json", texts.TISSUES_SIDECAR)
    if nucleus is not None:
        name = f"{scan.stem}_desc-nucleus_mask"
        _image(folder / f"{name}.nii.gz", nucleus.astype(np.uint8), scan)
        _json(folder / f"{name}.json", texts.NUCLEUS_SIDECAR)


def _sidecar(scan: Acquired) -> dict[str, Any]:
    return {**texts.SCANNER, **texts.SIDECARS[scan.suffix], **scan.sidecar}


def _gradients(folder: Path, stem: str, scan: Acquired) -> None:
    gradients = scan.truth.gradients
    if gradients is None:
        return
    directions = to_fsl(gradients.directions, scan.truth.grid.affine)
    _text(folder / f"{stem}.bval", " ".join(f"{b:.0f}" for b in gradients.bvals) + "\n")
    lines = (" ".join(f"{value:.6f}" for value in row) for row in directions)
    _text(folder / f"{stem}.bvec", "\n".join(lines) + "\n")


def _image(path: Path, data: np.ndarray[Any, Any], scan: Acquired) -> None:
    tr = texts.SIDECARS[scan.suffix]["RepetitionTime"] if data.ndim > 3 else None
    _volume(path, data, scan.truth.grid.affine, tr)


def _volume(
    path: Path, data: np.ndarray[Any, Any], affine: Affine, tr: float | None = None
) -> None:
    """Write under a name of its own first: a stopped demo leaves no half image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{os.getpid()}-{path.name}")
    write_new(draft, data, affine, tr)
    draft.replace(path)


def _json(path: Path, value: Mapping[str, Any]) -> None:
    _text(path, json_text(value))


def _text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
