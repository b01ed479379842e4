"""What the group level found, beside what is true: the second table at the end of the demo."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bids_denoise import imageio
from bids_denoise.anatomy.template import TISSUES
from bids_denoise.demo.cohort import PATIENT
from bids_denoise.demo.gain import truth_path
from bids_denoise.derivatives.records import read_records
from bids_denoise.derivatives.store import read_table
from bids_denoise.group.study import ALPHA, LABELS
from bids_denoise.simulate.anatomy import NUCLEI, Grid, points_of
from bids_denoise.simulate.traits import distance
from bids_denoise.stats.classify.question import LINEAR

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray, Record

NEAR = 4.5
"""mm: half the width that grey matter of voxels of 3 mm is smoothed with."""

FEWEST = 6
"""People whose nucleus is known, from which on its volume is compared."""

CLASSIFIED = {"vbm": "grey matter maps", "volumes": "volumes", "qc": "image quality"}


@dataclass(frozen=True)
class Finding:
    """One number: what it is of, what it would be if nothing were lost, and what it is."""

    what: str
    true: str
    original: str
    denoised: str


class Brought(NamedTuple):
    """One person: true volumes in mL by tissue, those that were found, and Dice, by label."""

    true: Mapping[str, float]
    found: Mapping[str, Mapping[str, float]]
    dice: Mapping[str, Mapping[str, float]]


def findings(root: Path) -> list[Finding]:
    """Compare what the group level found in a demo in `root` with the truth; all that is there."""
    parts = (_tissues, _nucleus, _maps, _classifiers, _repeats)
    return [finding for part in parts for finding in part(root)]


def table(found: list[Finding]) -> str:
    """Return the findings as text, one line each."""
    width = max(len(each.what) for each in found)
    head = f"{'':{width}}  {'true':>6}  {'original':>17}  {'denoised':>17}"
    lines = [
        f"{each.what:{width}}  {each.true:>6}  {each.original:>17}  {each.denoised:>17}"
        for each in found
    ]
    return "\n".join([head, "-" * len(head), *lines])


def _tissues(root: Path) -> Iterator[Finding]:
    """Yield how far the volumes are off and how well the tissues overlap, means over people."""
    people = [_brought(root, record) for record in _examined(root)]
    if not people:
        return
    for tissue in TISSUES:
        off = [
            100
            * np.mean([abs(each.found[label][tissue] / each.true[tissue] - 1) for each in people])
            for label in LABELS
        ]
        what = f"{tissue} volume, mean error in % (n = {len(people)})"
        yield Finding(what, "0", *(f"{value:.1f}" for value in off))
    for tissue in TISSUES:
        overlap = [np.mean([each.dice[label][tissue] for each in people]) for label in LABELS]
        yield Finding(f"{tissue}, Dice with the truth", "1", *(f"{each:.3f}" for each in overlap))


def _examined(root: Path) -> Iterator[Record]:
    """Yield the first image of each person that has an anatomy, and whose tissues are known."""
    seen = set()
    for record in read_records(root / "denoised"):
        known = truth_path(root, root / "dataset" / record.source, "desc-truth_dseg").is_file()
        if known and "files" in record.anatomy and record.participant not in seen:
            seen.add(record.participant)
            yield record


def _brought(root: Path, record: Record) -> Brought:
    source = root / "dataset" / record.source
    labels, affine = imageio.read_placed(truth_path(root, source, "desc-truth_dseg"))
    millilitre = abs(float(np.linalg.det(affine[:3, :3]))) / 1000
    shares = {
        key: imageio.read(truth_path(root, source, f"label-{key}_desc-truth_probseg"))
        for key in TISSUES
    }
    return Brought(
        {key: millilitre * float(part.sum(dtype=np.float64)) for key, part in shares.items()},
        record.anatomy["volumes"],
        {
            label: _dice(
                imageio.read(root / "denoised" / record.anatomy["files"][f"tissues_{label}"]),
                labels,
            )
            for label in LABELS
        },
    )


def _dice(one: FloatArray, other: FloatArray) -> dict[str, float]:
    """Return the Dice overlap of each tissue of two segmentations (x, y, z)."""
    return {
        tissue: float(
            2 * ((one == k) & (other == k)).sum() / ((one == k).sum() + (other == k).sum())
        )
        for k, tissue in enumerate(TISSUES, start=1)
    }


def _nucleus(root: Path) -> Iterator[Finding]:
    """Yield how well the grey matter of the nucleus in the template tells its true volume."""
    groups = {
        row["participant_id"]: row["group"]
        for row in read_table(root / "dataset" / "participants.tsv")
    }
    people = []
    for record in _examined(root):
        path = truth_path(root, root / "dataset" / record.source, "desc-nucleus_mask")
        if path.is_file() and "grey_denoised" in record.anatomy["files"]:
            true = float(imageio.read(path).sum())
            found = [_inside(root, record.anatomy["files"][f"grey_{label}"]) for label in LABELS]
            people.append((groups[f"sub-{record.participant}"] == PATIENT, true, *found))
    if len(people) < FEWEST:
        return
    patient, true, *found = np.array(people).T
    agree = [f"{np.corrcoef(true, each)[0, 1]:.2f}" for each in found]
    yield Finding(f"Left caudate: correlation with its true volume (n = {len(true)})", "1", *agree)
    d, *ds = (f"{_cohen(each, patient > 0):.2f}" for each in (true, *found))
    yield Finding("  difference of patients from controls, Cohen's d", d, *ds)


def _inside(root: Path, grey: str) -> float:
    """Return the grey matter in a person's left caudate, of a map in the template."""
    data, affine = imageio.read_placed(root / "denoised" / grey)
    return float(data[_away(data, affine) <= 0].sum())


def _cohen(values: np.ndarray, patient: np.ndarray) -> float:
    ours, others = values[patient], values[~patient]
    spread = np.sqrt((ours.var(ddof=1) + others.var(ddof=1)) / 2)
    return float((ours.mean() - others.mean()) / spread)


def _maps(root: Path) -> Iterator[Finding]:
    """Yield whether grey matter is found to be less where it is."""
    folder = root / "denoised" / "group" / "voxelwise"
    maps: dict[str, dict[str, FloatArray]] = {}
    for name in ("t", "pMaxT", "pTfceCorrected"):
        paths = {
            label: sorted(folder.glob(f"*_desc-{label}_stat-{name}_*.nii.gz")) for label in LABELS
        }
        if not all(paths.values()):
            return
        placed = {label: imageio.read_placed(some[0]) for label, some in paths.items()}
        maps[name] = {label: data for label, (data, _) in placed.items()}
    away = _away(maps["t"]["original"], placed["original"][1])
    inside, near = away <= 0, away <= NEAR
    least = [np.unravel_index(maps["t"][label].argmin(), away.shape) for label in LABELS]
    t = [f"{maps['t'][label][at]:.2f}" for label, at in zip(LABELS, least, strict=True)]
    yield Finding("Less grey matter in patients: strongest t", "", *t)
    yield Finding(
        "  mm from there to the left caudate", "0", *(f"{max(away[at], 0):.0f}" for at in least)
    )
    for name, words in (("pMaxT", "largest t"), ("pTfceCorrected", "TFCE")):
        p = [maps[name][label] for label in LABELS]
        least_p = (f"{each[inside].min():.3f}" for each in p)
        yield Finding(f"  least p there, corrected ({words})", "", *least_p)
        less = [
            (each <= ALPHA) & (maps["t"][label] < 0) for each, label in zip(p, LABELS, strict=True)
        ]
        what = f"  voxels of p <= {ALPHA:g} ({words}); of these within {NEAR:g} mm"
        yield Finding(what, str(inside.sum()), *(f"{e.sum()}; {(e & near).sum()}" for e in less))


def _away(image: FloatArray, affine: np.ndarray) -> FloatArray:
    """Return how many mm each voxel (x, y, z) of the template is outside of the left caudate."""
    x, y, z = image.shape
    return distance(points_of(Grid((x, y, z), affine)), NUCLEI[0])


def _classifiers(root: Path) -> Iterator[Finding]:
    folder = root / "denoised" / "group" / "classification"
    for name, words in CLASSIFIED.items():
        rows = [row for row in read_table(folder / f"{name}.tsv") if row["model"] == LINEAR]
        found = {row["image"]: _interval(row, "auc") for row in rows}
        if found:
            yield Finding(f"AUC of patients, by {words}", "1", *(found[label] for label in LABELS))


def _repeats(root: Path) -> Iterator[Finding]:
    for row in read_table(root / "denoised" / "group" / "repeats" / "images.tsv"):
        if row.get("averages", "n/a") != "n/a":
            what = f"{row['image']}: worth so many originals ({row['repeats']} repeats)"
            yield Finding(what, "", "1", _interval(row, "averages", 1))


def _interval(row: Mapping[str, str], name: str, digits: int = 2) -> str:
    value, low, high = (float(row[f"{name}{end}"]) for end in ("", "_low", "_high"))
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
