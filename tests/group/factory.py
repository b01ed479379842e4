"""Output folders as the participant level leaves them, with known truth and nothing denoised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bids_denoise.anatomy.template import TISSUES
from bids_denoise.cli import main
from bids_denoise.derivatives.anatomy import grey_path
from bids_denoise.derivatives.names import Layout, derived_file, outputs_of
from bids_denoise.derivatives.sidecar import json_paths, record_json
from bids_denoise.derivatives.store import Store, read_table
from bids_denoise.group.study import scan_of
from bids_denoise.imageio import write_new
from bids_denoise.values import Record
from tests.report.html import Page
from tests.report.records import METRICS, make_record

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import FloatArray, Scan

    Floats = npt.NDArray[np.float32]

SHAPE = (12, 14, 12)
AFFINE = np.diag([4.0, 4.0, 4.0, 1.0])
AFFINE[:3, 3] = (-22, -26, -22)
TEMPLATE = "MNI152NLin2009cAsym"
NOISE = {"original": 0.12, "denoised": 0.04}
"""Of the maps, beside differences between people of 0.05 and an effect of 0.15."""

LOST = (slice(2, 6), slice(4, 9), slice(3, 9))
"""Where patients have less grey matter."""

SIGMA, LEFT = 20.0, 0.3
"""Of the noise of an image, and the share of it that is left after denoising."""

NODES = tuple(f"parcel-{number:02d}" for number in range(1, 7))
ATLAS = "the atlas tiny.nii.gz"


def layout_at(root: Path, rawlike: bool = False) -> Layout:
    """Return the layout of an output folder."""
    return Layout(root, root / "derivatives" / "bids-denoise-qc" if rawlike else root, rawlike)


def brain() -> FloatArray:
    """Return shares of GM, WM and CSF (3, x, y, z): white inside grey inside fluid, in air."""
    axes = np.meshgrid(*(np.linspace(-1, 1, length) for length in SHAPE), indexing="ij")
    radius = np.sqrt(sum(axis**2 for axis in axes))
    white, grey = np.clip(4 * (0.45 - radius) + 0.5, 0, 1), np.clip(4 * (0.8 - radius) + 0.5, 0, 1)
    parts = np.stack([grey - white, white, 1 - grey])
    return np.where(radius < 0.95, parts, 0).astype(np.float32)


def add_anatomy(
    layout: Layout,
    source: str,
    seed: int,
    lost: float = 0.0,
    template: str = TEMPLATE,
    **changes: Any,
) -> Record:
    """Write what is made of an anatomical image with ``--anatomy``; return its record.

    `lost` grey matter is missing in `LOST`. With the template ``cohort`` or ``none`` there is none
    in template space.
    """
    scan = scan_of(make_record(source))
    own = np.random.default_rng([seed, 1])
    truth = brain()
    truth[0] *= 1 + 0.05 * own.normal(size=SHAPE).astype(np.float32)
    truth[(0, *LOST)] *= 1 - lost
    files: dict[str, Path] = {"brain": derived_file(scan, layout, {}, "mask.nii.gz", "brain")}
    _write(files["brain"], (brain().sum(axis=0) > 0).astype(np.uint8))
    volumes = {}
    for which, label in enumerate(NOISE):
        rng = np.random.default_rng([seed, 2, which])
        noise = NOISE[label] * rng.normal(size=truth.shape).astype(np.float32)
        noisy = np.where(brain() > 0, np.clip(truth + noise, 0, 1), np.float32(0))
        for tissue, data in zip(TISSUES, noisy, strict=True):
            path = derived_file(scan, layout, {"label": tissue}, "probseg.nii.gz", label)
            _write(path, data)
            files[f"{tissue}_{label}"] = path
        if template not in {"cohort", "none"}:
            files[f"grey_{label}"] = grey_path(scan, layout, template, label)
            _write(files[f"grey_{label}"], noisy[0])
        sizes = {t: float(0.064 * part.sum()) for t, part in zip(TISSUES, noisy, strict=True)}
        volumes[label] = {**sizes, "brain": sizes["GM"] + sizes["WM"]}
    anatomy: dict[str, Any] = {
        "template": template,
        "template_source": "" if template in {"cohort", "none"} else "the template of the tests",
        "brain": "extracted",
        "remarks": [],
        "volumes": volumes,
        "files": json_paths(files, layout.qc),
    }
    image = (1000 * np.tensordot([0.6, 1.0, 0.2], truth, axes=1)).astype(np.float32)
    return add_image(layout, source, seed, image, **{"anatomy": anatomy, **changes})


def add_image(
    layout: Layout,
    source: str,
    seed: int,
    truth: FloatArray | None = None,
    maps: Sequence[str] = (),
    affine: npt.NDArray[np.float64] = AFFINE,
    **changes: Any,
) -> Record:
    """Write a denoised image and its record; `maps` are of ``residual`` and ``sigma``."""
    record = make_record(source, **changes)
    scan = scan_of(record)
    outputs = outputs_of(scan, layout)
    truth = np.full(SHAPE, 500, np.float32) if truth is None else truth
    original, denoised = noisy(truth, seed)
    _write(outputs.image, denoised, affine)
    written = {}
    if "residual" in maps:
        _write(outputs.residual, original - denoised, affine)
        written["residual"] = outputs.residual
    if "sigma" in maps:
        _write(outputs.noise_map, np.full(truth.shape, SIGMA, np.float32), affine)
        written["sigma"] = outputs.noise_map
    rng = np.random.default_rng([seed, 3])
    before = {name: value * (1 + 0.1 * rng.normal()) for name, value in METRICS.items()}
    after = {name: 1.2 * value * (1 + 0.02 * rng.normal()) for name, value in before.items()}
    record = make_record(
        source,
        output=json_paths({"image": outputs.image}, layout.qc)["image"],
        maps=json_paths(written, layout.qc),
        **{
            "noise": {**record.noise, "law": "gaussian", "sigma_median": SIGMA + rng.normal()},
            "quality": {**record.quality, "before": before, "after": after},
            "provenance": {**record.provenance, "checksum": f"sha256:{seed}", "fingerprint": "f"},
            **changes,
        },
    )
    write_record(layout, scan, record)
    return record


def noisy(truth: FloatArray, seed: int) -> tuple[Floats, Floats]:
    """Return a scan of an image, and that denoised."""
    noise = SIGMA * np.random.default_rng(seed).normal(size=truth.shape).astype(np.float32)
    return truth + noise, truth + np.float32(LEFT) * noise


def add_run(
    layout: Layout,
    source: str,
    seed: int,
    person: int = 0,
    parcels: str = ATLAS,
    nodes: Sequence[str] = NODES,
) -> Record:
    """Write a bold run with its connectomes; return its record. `person` decides the truth."""
    scan = scan_of(make_record(source))
    files = {}
    own = np.random.default_rng([person, 4]).normal(size=(len(nodes), 40))
    for which, (label, noise) in enumerate({**NOISE, "smoothed": 0.08}.items()):
        rng = np.random.default_rng([seed, 5, which])
        courses = own + 10 * noise * rng.normal(size=own.shape)
        matrix = np.asarray(np.corrcoef(courses))
        added = {"seg": "tiny", "meas": "pearsoncorrelation"}
        path = derived_file(scan, layout, added, "relmat.tsv", label)
        files[f"pearsoncorrelation_{label}"] = path
        rows = [
            {"Node": name, **dict(zip(nodes, row.tolist(), strict=True))}
            for name, row in zip(nodes, matrix, strict=True)
        ]
        write_rows(path, rows)
    connectome = {"source": parcels, "files": json_paths(files, layout.qc)}
    return add_image(layout, source, seed, connectome=connectome)


def write_record(layout: Layout, scan: Scan, record: Record) -> None:
    """Write a record where the group level looks for it."""
    with Store(layout.images) as store:
        store.write_json(outputs_of(scan, layout).record, record_json(record))


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write a table."""
    with Store(path.parent) as store:
        store.write_table(path, rows)
    (path.parent / "logs").rmdir()
    return path


def study(
    root: Path,
    patients: int = 7,
    controls: int = 7,
    lost: float = 0.5,
    rawlike: bool = False,
    template: str = TEMPLATE,
) -> Layout:
    """Write patients and controls in turns, with ``participants.tsv``: age, sex, site."""
    layout, rows = layout_at(root, rawlike), []
    names = [f"{number:02d}" for number in range(1, patients + controls + 1)]
    sick = [number % 2 == 0 and number // 2 < patients for number in range(len(names))]
    for number, (name, is_sick) in enumerate(zip(names, sick, strict=True)):
        source = f"sub-{name}/anat/sub-{name}_T1w.nii.gz"
        add_anatomy(layout, source, number, lost if is_sick else 0.0, template)
        rows.append(
            {
                "participant_id": f"sub-{name}",
                "diagnosis": "AD" if is_sick else "HC",
                "age": 60 + (7 * number) % 17,
                "sex": "FM"[(number // 2) % 2],
                "site": 1 + (number // 4) % 2,
            }
        )
    write_rows(layout.qc / "participants.tsv", rows)
    return layout


def group(root: Path, *options: str, bids: Path | None = None) -> int:
    """Run the group level through the command line; return the exit code."""
    away = root.parent / "away" if bids is None else bids
    given = [] if "--nprocs" in options else ["--nprocs", "1"]
    return main([str(away), str(root), "group", *options, *given])


def named_on_the_page(layout: Layout) -> list[str]:
    """Return the pictures and files that the page names; all have to be there."""
    page = Page((layout.qc / "group.html").read_text())
    named = [each["src"] for each in page.all("img")]
    named += [each for each in page.values("href") if each.startswith("group/")]
    for path in named:
        assert (layout.qc / path).exists(), path
    return named


def rows_at(path: Path) -> list[dict[str, str]]:
    """Read a table that has to be there."""
    assert path.is_file(), path
    return read_table(path)


def _write(path: Path, data: npt.NDArray[Any], affine: npt.NDArray[np.float64] = AFFINE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_new(path, data, affine)
