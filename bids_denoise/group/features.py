"""What a classifier can see of each participant, from the original and from the denoised images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bids_denoise.anatomy.template import TISSUES
from bids_denoise.connectome.edges import fisher_z
from bids_denoise.connectome.parcels import geometric
from bids_denoise.group.connectomes import common_source, correlations, has_files
from bids_denoise.group.grey import Grey
from bids_denoise.group.study import LABELS, Study, first_images

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import BoolArray

ANATOMICAL = ("T1w", "T2w", "FLAIR", "PDw")
LEAST_GREY = 0.1
"""Mean share of grey matter, over original and denoised images, from which on a voxel counts."""

REGIONS = 100
BEFORE_AFTER = dict(zip(LABELS, ("before", "after"), strict=True))


@dataclass(frozen=True)
class Features:
    """One kind of features.

    Attributes
    ----------
    name
        Of `values.FEATURES`.
    participants
        ``participant_id`` of each row.
    names
        Of each column.
    values
        By ``original`` and ``denoised``: float32 (participants, columns).
    where
        bool (x, y, z) of the columns that are voxels of the template.
    remarks
        Who is not among them, and why.
    """

    name: str
    participants: tuple[str, ...]
    names: tuple[str, ...]
    values: Mapping[str, npt.NDArray[np.float32]]
    where: BoolArray | None = None
    remarks: tuple[str, ...] = ()


def features_of(name: str, study: Study, grey: Grey | None) -> Features | None:
    """Return one kind of features; None where the output holds nothing of it."""
    makers: dict[str, Callable[[], Features | None]] = {
        "vbm": lambda: _vbm(grey),
        "volumes": lambda: _volumes(study, grey),
        "connectome": lambda: _connectome(study),
        "qc": lambda: _qc(study),
    }
    return makers[name]()


def grey_mask(grey: Grey) -> BoolArray:
    """Return where there is grey matter in the template, bool (x, y, z)."""
    mean = (grey.original.mean(axis=0) + grey.denoised.mean(axis=0)) / 2
    return np.asarray(mean > LEAST_GREY)


def _vbm(grey: Grey | None) -> Features | None:
    if grey is None:
        return None
    mask = grey_mask(grey)
    values = {
        label: np.stack([grey.smooth(label, person)[mask] for person in grey.participants])
        for label in LABELS
    }
    names = tuple("-".join(map(str, at)) for at in np.argwhere(mask))
    return Features("vbm", grey.participants, names, values, mask, grey.remarks)


def _volumes(study: Study, grey: Grey | None) -> Features | None:
    """Return the volumes of tissues, and of grey matter in geometric regions of the template."""
    images = first_images(study, ANATOMICAL)
    known = {p: r.anatomy["volumes"] for p, r in images.items() if "volumes" in r.anatomy}
    if grey is not None:
        known = {person: known[person] for person in grey.participants}
    if not known:
        return None
    tissues = {
        label: np.array([[each[label][name] for name in TISSUES] for each in known.values()])
        for label in LABELS
    }
    names = tuple(f"{name} volume" for name in TISSUES)
    if grey is not None:
        regions = geometric(grey_mask(grey), grey.affine, REGIONS)
        names += regions.names
        for label in LABELS:
            sums = [
                np.bincount(regions.labels.ravel(), each.ravel(), len(regions.names) + 1)[1:]
                for each in grey.of(label)
            ]
            tissues[label] = np.hstack([tissues[label], np.stack(sums)])
    values = {label: each.astype(np.float32) for label, each in tissues.items()}
    return Features("volumes", tuple(known), names, values)


def _connectome(study: Study) -> Features | None:
    """Return the edges of the first bold run, where all have the same parcels."""
    runs = first_images(study, ("bold",))
    made = {person: record for person, record in runs.items() if has_files(record)}
    common = common_source(list(made.values()))
    same = {p: record for p, record in made.items() if record.connectome["source"] == common}
    if not same:
        return None
    nodes, matrices = correlations(study, list(same.values()), LABELS)
    upper = np.triu_indices(len(nodes), 1)
    if not len(upper[0]):
        return None
    names = tuple(f"{nodes[one]}-{nodes[other]}" for one, other in zip(*upper, strict=True))
    values = {
        label: fisher_z(each[:, *upper]).astype(np.float32) for label, each in matrices.items()
    }
    left_out = tuple(f"{p} is left out: other parcels" for p in made if p not in same)
    return Features("connectome", tuple(same), names, values, remarks=left_out)


def _qc(study: Study) -> Features | None:
    """Return the image quality of each suffix that everybody has."""
    suffixes = study.suffixes()
    images = {suffix: first_images(study, (suffix,)) for suffix in suffixes}
    people = tuple(dict.fromkeys(person for some in images.values() for person in some))
    common = [suffix for suffix in suffixes if all(person in images[suffix] for person in people)]
    columns: dict[str, dict[str, list[Any]]] = {label: {} for label in LABELS}
    for suffix in common:
        for label, key in BEFORE_AFTER.items():
            numbers = [images[suffix][person].quality.get(key, {}) for person in people]
            for name in dict.fromkeys(name for each in numbers for name in each):
                if not name.endswith("_volume"):
                    columns[label][f"{suffix} {name}"] = [each.get(name) for each in numbers]
    names = tuple(
        name
        for name in columns["original"]
        if all(_varies(columns[label].get(name, [])) for label in LABELS)
    )
    if not names:
        return None
    values = {
        label: np.array([columns[label][name] for name in names], dtype=np.float32).T
        for label in LABELS
    }
    return Features("qc", people, names, values)


def _varies(values: list[Any]) -> bool:
    return bool(values) and all(value is not None for value in values) and len(set(values)) > 1
