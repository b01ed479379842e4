"""How far repeats agree, before and after: images, tissues, volumes, connectomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bids_denoise.derivatives.store import Store, read_table
from bids_denoise.group.repeats import Repeated, compare_repeats, same_number, volumes_of
from bids_denoise.group.study import LABELS, Study
from bids_denoise.report.figures.curves import paired_chart
from bids_denoise.report.figures.style import save_drawing
from bids_denoise.report.section import Drawing, Section, Table
from bids_denoise.stats.connectomes import compare_conditions
from bids_denoise.stats.reliability import agreement

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.stats.bootstrap import Estimate
    from bids_denoise.stats.connectomes import Condition
    from bids_denoise.stats.reliability import Agreement
    from bids_denoise.values import Record

TITLE = "Repeats"
FOLDER = Path("group", "repeats")
CONTROL = "smoothed"
"""The original, smoothed as much as the denoised image: smoothness alone raises agreement."""

MEASURES = {
    "icc": "ICC of the edges",
    "discriminability": "Discriminability",
    "fingerprint": "Fingerprint rate",
    "correlation": "Correlation of repeats",
    "jaccard": "Jaccard of thresholded graphs",
}


def repeats(study: Study, store: Store) -> Section | None:
    """Compare everything that was scanned more than once."""
    found = compare_repeats(study)
    volumes = {
        f"{suffix}, {name}": agreement(values)
        for suffix, tables in volumes_of(study)
        for name, values in tables.items()
    }
    connectomes = _connectomes(study)
    if not (found or volumes or connectomes):
        return None
    drawings = _write(found, volumes, connectomes, (study, store))
    good = [each for each in found if each.errors]
    tables = (
        *((_image_table(good),) if good else ()),
        *((_volume_table(volumes),) if volumes else ()),
        *((_connectome_table(connectomes),) if connectomes else ()),
    )
    reasons = (f"{each.name}: {each.reason}" for each in found if each.reason)
    return Section(
        anchor="repeats",
        title=TITLE,
        answer=_answer(good, volumes, connectomes),
        paragraphs=(
            "Each repeat is compared with the mean of the other originals, whose own noise is "
            "subtracted from the error. A denoised repeat is worth so many averages as originals "
            "have to be averaged for the same error.",
        ),
        tables=tables,
        drawings=drawings,
        remarks=tuple(reasons),
        methods=METHODS,
        cited=("shrout1979", "bridgeford2021", "finn2015", "lowekamp2013"),
    )


METHODS = (
    "Repeats were aligned rigidly to the first. Each, original and denoised, was compared with the "
    "mean of the other originals; the noise of that mean was subtracted from the squared error, "
    "and intervals come from a bootstrap over cubes of voxels. Volumes were compared by intraclass "
    "correlations with intervals from F; connectomes by the intraclass correlation of their edges, "
    "discriminability and fingerprint rate, with intervals from a bootstrap over participants."
)


def _connectomes(study: Study) -> dict[str, Condition]:
    """Return how far the connectomes of repeated runs agree; empty where there are too few.

    All runs have to have the same parcels, as those of an atlas are.
    """
    runs: dict[str, list[Record]] = {}
    for record in study.records:
        if "files" in record.connectome:
            runs.setdefault(record.participant, []).append(record)
    people, count = same_number(runs)
    if len(people) < 2:
        return {}
    files = [record.connectome["files"] for person in people for record in runs[person][:count]]
    found, nodes = {}, set()
    for label in (LABELS[0], CONTROL, LABELS[1]):
        name = f"pearsoncorrelation_{label}"
        if all(name in each for each in files):
            read = [_matrix(study.layout.qc / each[name]) for each in files]
            nodes |= {names for names, _ in read}
            found[label] = [matrix for _, matrix in read]
    if len(nodes) > 1:
        return {}
    shape = (len(people), count, *found[LABELS[0]][0].shape)
    values = {label: np.reshape(some, shape) for label, some in found.items()}
    return compare_conditions(values, seed=study.settings.seed)


def _matrix(path: Path) -> tuple[tuple[str, ...], npt.NDArray[np.float64]]:
    rows = read_table(path)
    nodes = tuple(row["Node"] for row in rows)
    return nodes, np.array([[float(row[node]) for node in nodes] for row in rows])


def _write(
    found: Sequence[Repeated],
    volumes: Mapping[str, Agreement],
    connectomes: Mapping[str, Condition],
    where: tuple[Study, Store],
) -> tuple[Drawing, ...]:
    study, store = where
    folder = study.layout.qc / FOLDER
    store.write_table(
        folder / "images.tsv", [_image_row(each) for each in found] or [{"image": None}]
    )
    if volumes:
        rows = [{"volume": name, **_columns(vars(each))} for name, each in volumes.items()]
        store.write_table(folder / "volumes.tsv", rows)
    if connectomes:
        rows = [
            {"image": name, **_columns(each.measures), **_columns(each.changes, "change_")}
            for name, each in connectomes.items()
        ]
        store.write_table(folder / "connectomes.tsv", rows)
    good = [each.errors for each in found if each.errors]
    if not good:
        return ()
    drafts = store.draft_folder()
    psnr = (
        np.array([each.psnr_original.value for each in good]),
        np.array([each.psnr_denoised.value for each in good]),
    )
    path = save_drawing(paired_chart({"images": psnr}, "PSNR, dB"), drafts / "psnr.svg")
    store.publish([(path, folder / path.name)])
    caption = "Each repeat against the mean of the others, whose noise is subtracted."
    return (Drawing("PSNR of one repeat", caption, (FOLDER / path.name).as_posix()),)


def _columns(values: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """Return estimates with their intervals as columns."""
    found: dict[str, float] = {}
    for name, each in values.items():
        found |= {
            f"{prefix}{name}": each.value,
            f"{prefix}{name}_low": each.low,
            f"{prefix}{name}_high": each.high,
        }
    return found


def _image_row(one: Repeated) -> dict[str, Any]:
    row: dict[str, Any] = {"image": one.name, "repeats": one.count}
    if one.errors is None:
        return row | {"reason": one.reason}
    errors = one.errors
    row["mse_original"] = float(np.mean(errors.mse_original))
    row["mse_denoised"] = float(np.mean(errors.mse_denoised))
    named = ("noise", "psnr_original", "psnr_denoised", "averages")
    row |= _columns({name: getattr(errors, name) for name in named})
    for kind in ("dice", "jaccard"):
        for label, values in (getattr(one, kind) or {}).items():
            row |= {f"{kind}_{tissue}_{label}": value for tissue, value in values.items()}
    return row


def _image_table(good: Sequence[Repeated]) -> Table:
    return Table(
        "One repeat against the others",
        ("", "Repeats", "PSNR, dB", "PSNR denoised, dB", "Worth averages", "Dice GM", "Dice WM"),
        tuple(tuple(_image_cells(each)) for each in good),
        (FOLDER / "images.tsv").as_posix(),
    )


def _image_cells(one: Repeated) -> Iterator[str]:
    yield one.name
    yield str(one.count)
    if one.errors:
        yield _text(one.errors.psnr_original, 1)
        yield _text(one.errors.psnr_denoised, 1)
        yield _text(one.errors.averages, 1)
    for tissue in ("GM", "WM"):
        dice = [(one.dice or {}).get(label, {}).get(tissue) for label in LABELS]
        yield " to ".join(f"{each:.3f}" for each in dice if each is not None)


def _volume_table(volumes: Mapping[str, Agreement]) -> Table:
    return Table(
        "Volumes of repeats",
        ("", "ICC(2,1)", "Coefficient of variation, %", "Repeatability coefficient, mL"),
        tuple(
            (name, _text(each.icc_agreement), _text(each.variation), _text(each.repeatability))
            for name, each in volumes.items()
        ),
        (FOLDER / "volumes.tsv").as_posix(),
    )


def _connectome_table(connectomes: Mapping[str, Condition]) -> Table:
    return Table(
        "Connectomes of repeats",
        ("", *connectomes),
        tuple(
            (words, *(_text(each.measures[name]) for each in connectomes.values()))
            for name, words in MEASURES.items()
        ),
        (FOLDER / "connectomes.tsv").as_posix(),
    )


def _text(value: Estimate, digits: int = 2) -> str:
    return f"{value.value:.{digits}f} [{value.low:.{digits}f}, {value.high:.{digits}f}]"


def _answer(
    good: Sequence[Repeated],
    volumes: Mapping[str, Agreement],
    connectomes: Mapping[str, Condition],
) -> str:
    told = []
    errors = [each.errors for each in good if each.errors]
    if errors:
        worth = float(np.median([each.averages.value for each in errors]))
        gain = float(np.median([e.psnr_denoised.value - e.psnr_original.value for e in errors]))
        told.append(
            f"One denoised repeat is worth the mean of {worth:.1f} originals ({gain:+.1f} dB; "
            f"median of {len(errors)} images)."
        )
    if volumes:
        of = {
            label: [each.variation.value for name, each in volumes.items() if f" {label} " in name]
            for label in LABELS
        }
        spread = " before, ".join(f"{np.mean(some):.2f} %" for some in of.values())
        told.append(f"Volumes of repeats vary by {spread} after.")
    if connectomes:
        ends = [connectomes[label].measures["icc"] for label in LABELS]
        told.append(f"ICC of connectome edges {_text(ends[0])} before, {_text(ends[1])} after.")
    return " ".join(told) or "The repeats could not be compared."
