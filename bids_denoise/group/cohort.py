"""A template made of the participants themselves, and their grey matter in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from bids_denoise import __version__, imageio
from bids_denoise.anatomy.cohort_template import Person, cohort_template
from bids_denoise.anatomy.normalise import deform, modulated
from bids_denoise.anatomy.person import GREY
from bids_denoise.anatomy.template import TISSUES
from bids_denoise.derivatives.anatomy import grey_path, grey_sidecar
from bids_denoise.derivatives.names import beside
from bids_denoise.derivatives.store import Store, json_text
from bids_denoise.errors import BidsDenoiseError, UsageError
from bids_denoise.group.study import LABELS, Study, scan_of
from bids_denoise.workers import map_in_order

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.anatomy.template import Template
    from bids_denoise.values import FloatArray, Record

Files = dict[str, dict[str, Path]]
Item = TypeVar("Item")
Result = TypeVar("Result")

COHORT = "cohort"
SOURCE = "mean of the participants"
FOLDER = Path("group", "template")


def in_cohort(chosen: Mapping[str, Record], study: Study, store: Store) -> Files:
    """Return the files of grey matter in the mean of the participants, made where not current.

    The template is made of what original and denoised images have in common, their mean; each of
    the two is then brought to it by itself.

    Raises
    ------
    UsageError
        There is only one participant.
    """
    if len(chosen) < 2:
        raise UsageError(
            "a template of the participants needs two of them or more, and there is "
            f"{', '.join(chosen)} alone; give another --template"
        )
    files = {
        person: {label: grey_path(scan_of(record), study.layout, COHORT, label) for label in LABELS}
        for person, record in chosen.items()
    }
    made_of = study.layout.qc / FOLDER / "made_of.json"
    wanted = json_text({"fingerprint": _fingerprint(chosen)})
    whole = all(path.is_file() for paths in files.values() for path in paths.values())
    if not (whole and made_of.is_file() and made_of.read_text(encoding="utf-8") == wanted):
        _make(chosen, files, study, store)
        store.write_text(made_of, wanted)
    return files


def _fingerprint(chosen: Mapping[str, Record]) -> str:
    """Return a hash of who is in the cohort and of what they were made from."""
    made = {
        person: [record.provenance.get(key) for key in ("checksum", "fingerprint")]
        for person, record in chosen.items()
    }
    text = json.dumps([__version__, made], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _make(chosen: Mapping[str, Record], files: Files, study: Study, store: Store) -> None:
    root, workers = study.layout.qc, study.settings.nprocs
    people = [_person(record, root) for record in chosen.values()]
    template, ways = cohort_template(people, name=COHORT, each=partial(_mapped, workers))
    tasks = [
        _Task({name: root / path for name, path in record.anatomy["files"].items()}, way.linear)
        for record, way in zip(chosen.values(), ways, strict=True)
    ]
    brought = _mapped(workers, partial(_brought, template=template), tasks)
    drafts, pairs = store.draft_folder(), []
    for (person, record), maps in zip(chosen.items(), brought, strict=True):
        for label, data in maps.items():
            final = files[person][label]
            draft, sidecar = drafts / final.name, beside(drafts / final.name, ".json")
            imageio.write_new(draft, data, template.affine)
            told = grey_sidecar(scan_of(record), (COHORT, SOURCE), label)
            sidecar.write_text(json_text(told), encoding="utf-8")
            pairs += [(draft, final), (sidecar, beside(final, ".json"))]
    pairs += _template_files(template, drafts, root / FOLDER)
    store.publish(pairs)


def _template_files(template: Template, drafts: Path, folder: Path) -> Iterator[tuple[Path, Path]]:
    volumes: dict[str, FloatArray] = {"brain": template.image}
    if template.tissues is not None:
        volumes |= dict(zip(TISSUES, template.tissues, strict=True))
    for name, data in volumes.items():
        draft = drafts / f"tpl-{COHORT}_{name}.nii.gz"
        imageio.write_new(draft, data, template.affine)
        yield draft, folder / draft.name


def _person(record: Record, root: Path) -> Person:
    files = {name: root / path for name, path in record.anatomy["files"].items()}
    image, affine = imageio.read_placed(root / record.output)
    brain = imageio.read(files["brain"]) > 0
    halves = [_tissues(files, label) for label in LABELS]
    mean = (halves[0] + halves[1]) / np.float32(2)
    return Person(np.where(brain, image, np.float32(0)), affine, mean)


def _tissues(files: Mapping[str, Path], label: str) -> FloatArray:
    return np.stack([imageio.read(files[f"{name}_{label}"]) for name in TISSUES])


@dataclass(frozen=True)
class _Task:
    """The files of one participant, and the affine part of the way to the template."""

    files: Mapping[str, Path]
    linear: npt.NDArray[np.float64]


def _brought(task: _Task, template: Template) -> dict[str, FloatArray]:
    """Return grey matter in the template, original and denoised."""
    affine = imageio.read_placed(task.files["brain"])[1]
    found = {}
    for label in LABELS:
        tissues = _tissues(task.files, label)
        way = deform(tissues, affine, template, task.linear)
        found[label] = modulated(tissues[GREY], affine, way)
    return found


def _mapped(
    workers: int, work: Callable[[Item], Result], items: Iterable[Item]
) -> Iterator[Result]:
    return map_in_order(work, list(items), workers, _lost)


def _lost(_: Any) -> Any:
    raise BidsDenoiseError(
        "a process ended while a participant was brought to the template, most likely for want "
        "of memory; fewer processors (--nprocs) need less"
    )
