"""Where grey matter differs: the same permutations on the original and on the denoised images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bids_denoise import imageio
from bids_denoise.anatomy import SEGMENTED
from bids_denoise.anatomy.template import TISSUES
from bids_denoise.derivatives.store import Store
from bids_denoise.group.cohort import COHORT
from bids_denoise.group.covariates import TOTAL, Sample, sample_of
from bids_denoise.group.features import grey_mask
from bids_denoise.group.grey import Grey, grey_matter
from bids_denoise.group.study import ALPHA, LABELS, Study, first_images
from bids_denoise.report.figures.maps import glass_brains
from bids_denoise.report.figures.style import save_picture
from bids_denoise.report.numbers import compact
from bids_denoise.report.section import Drawing, Section, Table
from bids_denoise.stats.clusters import clusters
from bids_denoise.stats.design import make_design
from bids_denoise.stats.voxelwise import Inference, compare

if TYPE_CHECKING:
    from bids_denoise.stats.clusters import Cluster
    from bids_denoise.stats.design import Design
    from bids_denoise.stats.voxelwise import GroupMaps
    from bids_denoise.values import BoolArray, FloatArray

TITLE = "Grey matter, voxel by voxel"
FOLDER = Path("group", "voxelwise")

MOST_CLUSTERS = 8
SHOWN = {
    "significant_voxels_tfce": "Significant voxels (TFCE)",
    "significant_voxels_max_t": "Significant voxels (max-T)",
    "strongest_t": "Strongest t",
    "least_p_tfce": "Least p, corrected (TFCE)",
    "least_p_max_t": "Least p, corrected (max-T)",
    "tested_voxels": "Tested voxels",
}


def voxelwise(study: Study, store: Store) -> Section | None:
    """Compare grey matter by the group column, before and after.

    Raises
    ------
    UsageError
        A column is not there, or the design cannot be judged.
    """
    asked = study.settings.comparison
    grey = grey_matter(study, store) if asked.group_column else None
    if grey is None:
        return None
    sample = sample_of(grey.participants, study, total=grey.template != COHORT)
    mask = grey_mask(grey)
    how = Inference(asked.permutations, study.settings.seed, alpha=ALPHA)
    maps = {
        label: compare(
            (grey.smooth(label, person) for person in sample.people),
            mask,
            _design(study, sample, label),
            how,
            study.settings.nprocs,
        )
        for label in LABELS
    }
    found = {label: clusters(each, grey.affine) for label, each in maps.items()}
    _write(maps, found, (grey, mask), study, store)
    return _section(maps, found, grey, sample)


def _design(study: Study, sample: Sample, label: str) -> Design:
    asked = study.settings.comparison
    table: dict[str, Any] = dict(sample.covariates)
    if sample.sites:
        table[asked.site_column] = sample.sites
    if sample.total:
        table[TOTAL] = list(_totals(study, sample.people, label))
    others = list(table)
    table[asked.group_column] = sample.group
    site, reference = asked.site_column or None, asked.control or None
    return make_design(table, asked.group_column, others, site, reference)


def _totals(study: Study, people: tuple[str, ...], label: str) -> Iterator[float]:
    images = first_images(study, SEGMENTED)
    for person in people:
        volumes = images[person].anatomy["volumes"][label]
        yield sum(volumes[each] for each in TISSUES)


def _write(
    maps: Mapping[str, GroupMaps],
    found: Mapping[str, tuple[Cluster, ...]],
    place: tuple[Grey, BoolArray],
    study: Study,
    store: Store,
) -> None:
    """Write maps, clusters, numbers and figures."""
    grey, mask = place
    folder, drafts = study.layout.qc / FOLDER, store.draft_folder()
    pairs = []
    for label, one in maps.items():
        for name, data in _volumes(one).items():
            draft = drafts / f"space-{grey.template}_desc-{label}_stat-{name}_statmap.nii.gz"
            imageio.write_new(draft, data, grey.affine)
            pairs.append((draft, folder / draft.name))
    shown = {
        "t": {label: one.t.values for label, one in maps.items()},
        "significant": {label: one.t.values * one.tfce.significant for label, one in maps.items()},
    }
    most = max(float(np.abs(each).max()) for each in shown["t"].values())
    for name, some in shown.items():
        figure = glass_brains(some, mask, grey.affine, "t", most)
        save_picture(figure, drafts / f"{name}.png")
        pairs.append((drafts / f"{name}.png", folder / f"{name}.png"))
    store.publish(pairs)
    rows = [{"image": label, **_flat(each)} for label, some in found.items() for each in some]
    store.write_table(folder / "clusters.tsv", rows or [{"image": None}])
    store.write_json(folder / "summary.json", {k: _numbers(v) for k, v in maps.items()})


def _volumes(one: GroupMaps) -> dict[str, FloatArray]:
    """Return the maps that are written, by the statistic in their name."""
    return {
        "t": one.t.values,
        "tfce": one.tfce.values,
        "tSignificant": one.t.values * one.tfce.significant,
        "pTfceCorrected": one.tfce.p_corrected,
        "pMaxT": one.t.p_corrected,
        "effectSize": one.effect_size,
        "percent": one.percent,
    }


def _flat(cluster: Cluster) -> dict[str, Any]:
    values = asdict(cluster)
    return {**dict(zip("xyz", values.pop("peak"), strict=True)), **values}


def _numbers(one: GroupMaps) -> dict[str, Any]:
    strongest = np.unravel_index(np.abs(one.t.values).argmax(), one.t.values.shape)
    return {
        "tested_voxels": int(one.tested.sum()),
        "significant_voxels_tfce": int(one.tfce.significant.sum()),
        "significant_voxels_max_t": int(one.t.significant.sum()),
        "strongest_t": float(one.t.values[strongest]),
        "least_p_tfce": float(one.tfce.p_corrected.min()),
        "least_p_max_t": float(one.t.p_corrected.min()),
        "covariates": one.design.names,
        "participants": one.design.people,
        "permutations": one.inference.permutations,
    }


def _section(
    maps: Mapping[str, GroupMaps],
    found: Mapping[str, tuple[Cluster, ...]],
    grey: Grey,
    sample: Sample,
) -> Section:
    before, after = (_numbers(maps[label]) for label in LABELS)
    design = maps["denoised"].design
    groups = f"{design.groups[1]} against {design.groups[0]}" if design.groups else design.tested
    rows = tuple(
        (words, *(compact(numbers[key]) for numbers in (before, after)))
        for key, words in SHOWN.items()
    )
    digits = 0 if grey.voxel >= 1 else 2
    listed = tuple(
        (
            f"{label}, {index}",
            ", ".join(f"{each:.{digits}f}" for each in cluster.peak),
            f"{cluster.size:.{digits}f}",
            f"{cluster.t:.2f}",
            f"{cluster.p:.4f}",
            f"{cluster.effect_size:.2f}",
            f"{cluster.percent:.1f}",
        )
        for label, some in found.items()
        for index, cluster in enumerate(some[:MOST_CLUSTERS], start=1)
    )
    columns = ("Cluster", "Peak, mm", "Size, mm³", "t", "p", "Cohen's d", "%")
    file = (FOLDER / "clusters.tsv").as_posix()
    return Section(
        anchor="voxelwise",
        title=TITLE,
        answer=_answer(before, after),
        paragraphs=(
            f"{groups}: {design.people} participants in {grey.template} ({grey.source}), "
            f"with {', '.join(design.names) or 'nothing'} accounted for. Both maps are judged on "
            "the same permutations.",
        ),
        tables=(
            Table("What was found", ("", *LABELS), rows, (FOLDER / "summary.json").as_posix()),
            *((Table("Clusters", columns, listed, file),) if listed else ()),
        ),
        drawings=(
            Drawing(
                "t of every voxel",
                "The strongest along each line of sight; blue: less grey matter "
                + (f"in {design.groups[1]}" if design.groups else f"with more {design.tested}")
                + ", red: more.",
                f"{FOLDER}/t.png",
            ),
            Drawing(
                "What is left after correction",
                f"t where the family-wise error is at most {ALPHA:g} (TFCE), else nothing.",
                f"{FOLDER}/significant.png",
            ),
        ),
        remarks=(*grey.remarks, *sample.left_out),
        methods=_methods(maps["denoised"], grey),
        cited=("smith2009", "winkler2014", "ashburner2000", "abraham2014"),
        files=(("maps", FOLDER.as_posix()),),
    )


def _answer(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Say how many voxels differ by either test, and how strong the strongest is."""
    counts = {
        words: [each[f"significant_voxels_{key}"] for each in (before, after)]
        for key, words in (("tfce", "TFCE"), ("max_t", "the largest t"))
    }
    told = "; ".join(f"{old} and {new} by {words}" for words, (old, new) in counts.items())
    told = f"Voxels that differ significantly before and after denoising: {told}"
    if not any(map(any, counts.values())):
        told = "No voxel differs significantly, neither in the original nor in the denoised images"
    ends = f"strongest t {before['strongest_t']:.2f} and {after['strongest_t']:.2f}"
    return f"{told} ({ends}; family-wise error {ALPHA:.0%} of each test)."


def _methods(one: GroupMaps, grey: Grey) -> str:
    how = one.inference
    return (
        f"Modulated grey matter in the space of {grey.template} was smoothed with a Gaussian of "
        f"{grey.fwhm:.3g} mm full width at half maximum and compared voxel by voxel "
        f"in a general linear model with the covariates {', '.join(one.design.names) or 'none'}. "
        f"Significance was judged by {how.permutations} permutations with threshold-free cluster "
        f"enhancement (E = {how.extent:g}, H = {how.height:g}), and by the largest t, corrected "
        "for all voxels."
    )
