"""Images that were repeated: whether one denoised image agrees better with all the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise import imageio
from bids_denoise.anatomy.template import TISSUES
from bids_denoise.derivatives.names import repeated
from bids_denoise.errors import BidsDenoiseError, ScanError
from bids_denoise.group.aligned import Repeat, align, labels_on, turns
from bids_denoise.group.study import LABELS, Study
from bids_denoise.intensity import foreground
from bids_denoise.stats.repeats import LeaveOneOut, leave_one_out, overlap
from bids_denoise.workers import map_in_order

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import BoolArray, FloatArray, Record

    Affine = npt.NDArray[np.float64]

COMPARED = {1: "GM", 2: "WM"}


@dataclass(frozen=True)
class Repeated:
    """What the repeats of one image say.

    Attributes
    ----------
    name
        Of the image, without session and run.
    count
        How many repeats there are.
    errors
        Of each against the mean of the others.
    dice, jaccard
        By ``original`` and ``denoised``, of GM and WM; empty without tissues.
    reason
        Why there is nothing of it.
    """

    name: str
    count: int
    errors: LeaveOneOut | None = None
    dice: Mapping[str, Mapping[str, float]] | None = None
    jaccard: Mapping[str, Mapping[str, float]] | None = None
    reason: str = ""


@dataclass(frozen=True)
class _Task:
    """The records of one image's repeats, and where their files are."""

    name: str
    records: tuple[Record, ...]
    root: Path
    dataset: Path
    seed: int


def repeats_of(study: Study) -> dict[str, tuple[Record, ...]]:
    """Return the records of every anatomical image that there are several of, by its name."""
    found: dict[str, list[Record]] = {}
    for record in study.records:
        if record.datatype == "anat":
            found.setdefault(repeated(record.source), []).append(record)
    return {name: tuple(some) for name, some in found.items() if len(some) > 1}


def compare_repeats(study: Study) -> tuple[Repeated, ...]:
    """Return what the repeats of each image say; of one that cannot be judged, why."""
    settings = study.settings
    tasks = [
        _Task(name, some, study.layout.qc, settings.bids_dir, settings.seed)
        for name, some in repeats_of(study).items()
    ]
    return tuple(map_in_order(_compared, tasks, settings.nprocs, _lost))


def _lost(task: _Task) -> Repeated:
    return Repeated(task.name, len(task.records), reason="its process ended: too little memory")


def _compared(task: _Task) -> Repeated:
    try:
        return _judged(task)
    except BidsDenoiseError as error:
        return Repeated(task.name, len(task.records), reason=str(error))


def _judged(task: _Task) -> Repeated:
    """Compare each repeat with the others on its own grid, and tissues on the grid of the first."""
    repeats = [_repeat(record, task) for record in task.records]
    ways = align(repeats)
    errors = leave_one_out(turns(repeats, ways), task.seed)
    labels = {label: _labels(task, repeats, ways, label) for label in LABELS}
    overlaps = {
        label: overlap(each, tuple(COMPARED)) for label, each in labels.items() if len(each)
    }
    return Repeated(
        task.name,
        len(task.records),
        errors,
        {k: {COMPARED[c]: each.dice for c, each in v.items()} for k, v in overlaps.items()},
        {k: {COMPARED[c]: each.jaccard for c, each in v.items()} for k, v in overlaps.items()},
    )


def _repeat(record: Record, task: _Task) -> Repeat:
    """Read one repeat.

    Raises
    ------
    ScanError
        The original is not to be had any more, or there are two repeats and no noise map.
    """
    clean, affine = imageio.read_placed(task.root / record.output)
    if clean.ndim != 3:
        raise ScanError(f"{task.name} is a series: only single volumes are compared")
    sigma = None
    if "sigma" in record.maps:
        sigma = imageio.read(task.root / record.maps["sigma"])
    elif len(task.records) == 2:
        raise ScanError(
            f"the noise map of {record.source} is needed to compare two repeats: run the "
            "participant level on both at once or with --write-noise-map"
        )
    rician = sigma is not None and record.noise.get("law") == "rician"
    original, mask = _original(record, clean, task), _mask(record, clean, task)
    return Repeat(original, clean, affine, mask, sigma, rician)


def _original(record: Record, clean: FloatArray, task: _Task) -> FloatArray:
    residual = record.maps.get("residual")
    if residual is not None:
        return clean + imageio.read(task.root / residual)
    source = task.dataset / record.source
    if not source.is_file() or imageio.checksum(source) != record.provenance.get("checksum"):
        raise ScanError(
            f"the original of {record.source} is needed to compare repeats: run the participant "
            "level on all repeats at once or with --write-residual, or give BIDS_DIR"
        )
    return imageio.read(source)


def _mask(record: Record, image: FloatArray, task: _Task) -> BoolArray:
    """Return the brain where that is known, else the head."""
    brain = record.anatomy.get("files", {}).get("brain")
    if brain is not None:
        return np.asarray(imageio.read(task.root / brain) > 0)
    return foreground(image, np.isfinite(image) & (image != 0))


def _labels(
    task: _Task, repeats: Sequence[Repeat], ways: Sequence[Affine], label: str
) -> npt.NDArray[np.int64]:
    """Return the tissue of each voxel in each repeat; nothing where one has no tissues."""
    files = [record.anatomy.get("files", {}) for record in task.records]
    grid = repeats[0].grid
    if not all(f"GM_{label}" in each for each in files):
        return np.zeros((0, *grid.shape), dtype=np.int64)
    maps = (
        np.stack([imageio.read(task.root / each[f"{name}_{label}"]) for name in TISSUES])
        for each in files
    )
    return labels_on(grid, maps, [each.affine for each in repeats], ways)


def by_kind(records: Iterable[Record]) -> dict[str, list[list[Record]]]:
    """Return the repeats of each person, by what they are images of: a list of equal lists.

    Sessions and runs repeat an image; another task, echo or acquisition is another kind. Of people
    who have more repeats than others the first count, and fewer than two people are none.
    """
    found: dict[str, dict[str, list[Record]]] = {}
    for record in records:
        person, _, kind = repeated(record.source).partition("_")
        found.setdefault(kind, {}).setdefault(person, []).append(record)
    several = {
        kind: [some for some in people.values() if len(some) > 1] for kind, people in found.items()
    }
    return {
        kind: [some[: min(map(len, people))] for some in people]
        for kind, people in several.items()
        if len(people) > 1
    }


def volumes_of(study: Study) -> Iterator[tuple[str, npt.NDArray[np.float64]]]:
    """Yield volumes (people, repeats) that vary, by kind of image, label and tissue."""
    measured = (record for record in study.records if "volumes" in record.anatomy)
    for kind, people in by_kind(measured).items():
        for label, name in product(LABELS, TISSUES):
            values = np.array(
                [[each.anatomy["volumes"][label][name] for each in some] for some in people]
            )
            if np.ptp(values, axis=1).any():
                yield f"{kind}, {label} {name}", values
