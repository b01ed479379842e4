"""How far repeats agree, before and after: images, tissues, volumes, connectomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bids_denoise.derivatives.store import Store
from bids_denoise.group.connectomes import common_source, correlations, has_files
from bids_denoise.group.estimates import ends, interval
from bids_denoise.group.repeats import Repeated, by_kind, compare_repeats, volumes_of
from bids_denoise.group.study import LABELS, Study
from bids_denoise.report.figures.curves import paired_chart
from bids_denoise.report.figures.style import save_drawing
from bids_denoise.report.section import Drawing, Section, Table
from bids_denoise.stats.connectomes import compare_conditions
from bids_denoise.stats.reliability import agreement

if TYPE_CHECKING:
    from bids_denoise.stats.connectomes import Condition
    from bids_denoise.stats.reliability import Agreement

    Connectomes = Mapping[str, Mapping[str, Condition]]

TITLE = "Repeats"
FOLDER = Path("group", "repeats")
CONTROL = "smoothed"
"""The original, smoothed as much as the denoised image: smoothness alone raises agreement."""

NOISE_ALONE = 3.0
"""Mean squared error of the originals, in variances of their noise, up to which repeats differ by
noise for the most part."""

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
    volumes = {name: agreement(values) for name, values in volumes_of(study)}
    connectomes, reasons = _connectomes(study)
    reasons += [f"{each.name}: {each.reason}" for each in found if each.reason]
    if not (found or volumes or connectomes or reasons):
        return None
    drawings = _write(found, volumes, connectomes, (study, store))
    good = [each for each in found if each.errors]
    reasons += [
        f"The repeats of {each.name} differ by much more than their noise: something else changed "
        "between them, such as shading or the anatomy, and averages mean little."
        for each in good
        if not _by_noise(each)
    ]
    tables = (
        *((_image_table(good),) if good else ()),
        *((_volume_table(volumes),) if volumes else ()),
        *(_connectome_table(kind, each) for kind, each in connectomes.items()),
    )
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


def _by_noise(one: Repeated) -> bool:
    """Say whether repeats differ by noise for the most part."""
    errors = one.errors
    if errors is None:
        return False
    return float(np.mean(errors.mse_original)) <= NOISE_ALONE * errors.noise.value


METHODS = (
    "Repeats were aligned rigidly. Each, original and denoised, was compared on its own grid with "
    "the mean of the other originals, interpolated by their Fourier series; the noise of that mean "
    "was subtracted from the squared error, and intervals come from a bootstrap over cubes of "
    "voxels. Volumes were compared by intraclass correlations with intervals from F; connectomes "
    "by the intraclass correlation of their edges, discriminability and fingerprint rate, with "
    "intervals from a bootstrap over participants."
)


def _connectomes(study: Study) -> tuple[Connectomes, list[str]]:
    """Return how far the connectomes of repeated runs agree, by kind of run and by image.

    All have to have the same parcels, as those of an atlas are; where they have not, the second
    list says so.
    """
    found, reasons = {}, []
    for kind, people in by_kind(filter(has_files, study.records)).items():
        runs = [run for some in people for run in some]
        common = common_source(runs)
        if any(run.connectome["source"] != common for run in runs):
            reasons.append(
                f"{kind}: the connectomes of repeats are not compared, their parcels are not the "
                "same in all; give --atlas"
            )
            continue
        _, matrices = correlations(study, runs, (LABELS[0], CONTROL, LABELS[1]))
        values = {
            label: each.reshape(len(people), -1, *each.shape[1:])
            for label, each in matrices.items()
        }
        found[kind] = compare_conditions(values, seed=study.settings.seed)
    return found, reasons


def _write(
    found: Sequence[Repeated],
    volumes: Mapping[str, Agreement],
    connectomes: Connectomes,
    where: tuple[Study, Store],
) -> tuple[Drawing, ...]:
    study, store = where
    folder = study.layout.qc / FOLDER
    if found:
        store.write_table(folder / "images.tsv", [_image_row(each) for each in found])
    if volumes:
        rows = [{"volume": name, **_columns(vars(each))} for name, each in volumes.items()]
        store.write_table(folder / "volumes.tsv", rows)
    if connectomes:
        rows = [
            {
                "run": kind,
                "image": label,
                **_columns(each.measures),
                **_columns({f"change_{name}": value for name, value in each.changes.items()}),
            }
            for kind, conditions in connectomes.items()
            for label, each in conditions.items()
        ]
        store.write_table(folder / "connectomes.tsv", rows)
    good = [each.errors for each in found if each.errors]
    psnr = np.array([(each.psnr_original.value, each.psnr_denoised.value) for each in good])
    psnr = psnr[np.isfinite(psnr).all(axis=-1)].reshape(-1, 2)
    if not len(psnr):
        return ()
    drawn = paired_chart({"images": (psnr[:, 0], psnr[:, 1])}, "PSNR, dB")
    path = save_drawing(drawn, store.draft_folder() / "psnr.svg")
    store.publish([(path, folder / path.name)])
    caption = "Each repeat against the mean of the others, whose noise is subtracted."
    return (Drawing("PSNR of one repeat", caption, (FOLDER / path.name).as_posix()),)


def _columns(values: Mapping[str, Any]) -> dict[str, float]:
    """Return estimates with their intervals as columns."""
    return {key: end for name, each in values.items() for key, end in ends(name, each).items()}


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
        yield interval(one.errors.psnr_original, 1)
        yield interval(one.errors.psnr_denoised, 1)
        yield interval(one.errors.averages, 1)
    for tissue in ("GM", "WM"):
        dice = [(one.dice or {}).get(label, {}).get(tissue) for label in LABELS]
        yield " to ".join(f"{each:.3f}" for each in dice if each is not None)


def _volume_table(volumes: Mapping[str, Agreement]) -> Table:
    return Table(
        "Volumes of repeats",
        ("", "ICC(2,1)", "Coefficient of variation, %", "Repeatability coefficient, mL"),
        tuple(
            (
                name,
                interval(each.icc_agreement),
                interval(each.variation),
                interval(each.repeatability),
            )
            for name, each in volumes.items()
        ),
        (FOLDER / "volumes.tsv").as_posix(),
    )


def _connectome_table(kind: str, conditions: Mapping[str, Condition]) -> Table:
    return Table(
        f"Connectomes of repeats, {kind}",
        ("", *conditions),
        tuple(
            (words, *(interval(each.measures[name]) for each in conditions.values()))
            for name, words in MEASURES.items()
        ),
        (FOLDER / "connectomes.tsv").as_posix(),
    )


def _answer(
    good: Sequence[Repeated],
    volumes: Mapping[str, Agreement],
    connectomes: Connectomes,
) -> str:
    told = []
    errors = [each.errors for each in good if each.errors and _by_noise(each)]
    if errors:
        worth = float(np.median([each.averages.value for each in errors]))
        gain = float(np.median([e.psnr_denoised.value - e.psnr_original.value for e in errors]))
        over = f"median of {len(errors)} images" if len(errors) > 1 else "of one image"
        told.append(
            f"One denoised repeat is worth the mean of {worth:.1f} originals "
            f"({gain:+.1f} dB; {over})."
        )
    if volumes:
        of = {
            label: [each.variation.value for name, each in volumes.items() if f" {label} " in name]
            for label in LABELS
        }
        spread = " before, ".join(f"{np.mean(some):.2f} %" for some in of.values())
        told.append(f"Volumes of repeats vary by {spread} after.")
    for kind, conditions in connectomes.items():
        before, after = (interval(conditions[label].measures["icc"]) for label in LABELS)
        told.append(f"ICC of connectome edges, {kind}: {before} before, {after} after.")
    return " ".join(told) or "The repeats could not be compared."
