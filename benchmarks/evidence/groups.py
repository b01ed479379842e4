"""Patients and controls compared: where an effect gets lost, maps, false alarms, classifiers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.evidence.people import LABELS
from benchmarks.tables import table
from bids_denoise.anatomy.normalise import deform, modulated, smoothed
from bids_denoise.anatomy.person import GREY
from bids_denoise.connectome.parcels import geometric
from bids_denoise.group.features import LEAST_GREY, REGIONS
from bids_denoise.group.grey import SMOOTHING
from bids_denoise.stats.classify.question import LINEAR, Plan, Question
from bids_denoise.stats.classify.run import classify
from bids_denoise.stats.design import make_design
from bids_denoise.stats.voxelwise import Inference, compare

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from benchmarks.evidence.people import Examined, Protocol
    from bids_denoise.anatomy.template import Template
    from bids_denoise.stats.classify.run import Classified
    from bids_denoise.stats.design import Column, Design
    from bids_denoise.stats.voxelwise import GroupMaps
    from bids_denoise.values import BoolArray, FloatArray

    Array = npt.NDArray[np.float64]
    Rows = list[list[str]]

COVARIATES = ("age", "total_volume")
AWAY = 2.0
"""mm from the nucleus, from which on what is found is a false alarm."""

WIDTHS = (SMOOTHING, 2 * SMOOTHING)
"""Voxels of full width at half maximum: what the app takes unless told, and about the nucleus."""

LEAST = 1e-3
"""Share of the nucleus that counts as found where less is, so that there is a ratio."""

CONFOUNDED = 0.7
"""Correlation of the cause of a null label with age."""

LOST = ["smoothed by", "image", "d, true volume", "d, grey matter in it", "d, in the template"]
LOST += ["difference", "spread", "mean squared error"]
FOUND = ["smoothed by", "by", *LABELS, "denoised / original", "more than 2 mm away"]
ALARMS = ["labels", "image", "largest t", "TFCE", "interval"]
APART = ["cohorts", "features", *(f"AUC {label}" for label in LABELS), "denoised - original"]

ILL, WELL = "patient", "control"


@dataclass(frozen=True)
class Cohort:
    """Everybody, healthy and ill: grey matter in the template, also smoothed.

    `people` (person, disease), `grey` and `smooth` (label, disease, person, x, y, z); what is
    tested, and the `nucleus` that is smaller, (x, y, z).
    """

    people: Sequence[tuple[Examined, Examined]]
    grey: FloatArray
    smooth: FloatArray
    mask: BoolArray
    nucleus: BoolArray
    template: Template

    def design(self, labels: Sequence[str]) -> Design:
        """Return the comparison of groups with these labels."""
        everybody = [healthy for healthy, _ in self.people]
        columns: dict[str, Column] = {
            "group": list(labels),
            "age": [each.person.age for each in everybody],
            "total_volume": [float(each.total) for each in everybody],
        }
        return make_design(columns, "group", COVARIATES, reference=WELL)

    def chosen(self, maps: FloatArray, labels: Sequence[str], diseased: bool) -> FloatArray:
        """Return everybody's `maps`, (label, person, ...); only if `diseased` patients are ill."""
        ill = np.array([diseased and label == ILL for label in labels], dtype=int)
        return maps[:, ill, np.arange(len(ill))]

    @property
    def voxel(self) -> float:
        """Return the side of a voxel of the template in mm."""
        return float(self.template.affine[0, 0])

    def smoothed(self, width: float) -> Cohort:
        """Return the same with maps smoothed by so many voxels."""
        smooth = np.empty_like(self.grey)
        for place in np.ndindex(smooth.shape[:2]):
            smooth[place] = smoothed(self.grey[place], self.template.affine, width * self.voxel)
        return replace(self, smooth=smooth)

    def maps(
        self, labels: Sequence[str], permutations: int, seed: int, diseased: bool = True
    ) -> list[GroupMaps]:
        """Return the maps of each kind of image, on the same permutations."""
        design, how = self.design(labels), Inference(permutations, seed)
        smooth = self.chosen(self.smooth, labels, diseased)
        return [compare(each, self.mask, design, how) for each in smooth]

    def halves(self, count: int, confounding: float, seed: int) -> Iterator[list[str]]:
        """Yield labels: half of everybody are patients, by chance, or by age and chance."""
        rng = np.random.default_rng([seed, int(100 * confounding)])
        age = np.array([healthy.person.age for healthy, _ in self.people])
        for _ in range(count):
            cause = confounding * (age - age.mean()) / age.std()
            cause += np.sqrt(1 - confounding**2) * rng.standard_normal(len(age))
            ill = np.argsort(np.argsort(cause)) >= len(age) // 2
            yield [ILL if each else WELL for each in ill]


def gathered(protocol: Protocol, people: Sequence[tuple[Examined, Examined]]) -> Cohort:
    """Bring everybody's grey matter to the template; it is not smoothed yet."""
    goal = protocol.template()
    grey = np.zeros((len(LABELS), 2, len(people), *goal.image.shape), np.float32)
    for number, versions in enumerate(people):
        for disease, person in enumerate(versions):
            for label, tissues in enumerate(person.tissues):
                way = deform(tissues, person.affine, goal, person.linear)
                grey[label, disease, number] = modulated(tissues[GREY], person.affine, way)
    mask = grey[1:, 0].mean(axis=(0, 1)) > LEAST_GREY
    return Cohort(people, grey, grey, mask, protocol.true_nucleus(), goal)


def all_tables(cohort: Cohort, cohorts: int, nulls: int, classified: int, permutations: int) -> str:
    """Return what is lost, what is found, false alarms, classifiers."""
    halves = list(cohort.halves(cohorts, 0.0, 2))
    lost, found = [], []
    for width in WIDTHS:
        smooth = cohort.smoothed(width)
        lost += _lost(smooth, halves, width)
        found += _found(smooth, halves, permutations, width)
    parts = [
        table(LOST, lost),
        table(FOUND, found),
        f"{nulls} cohorts without effect, of which any voxel is significant:\n\n"
        + table(ALARMS, _false_alarms(smooth, nulls, permutations)),
        f"Classifiers, mean of {classified} cohorts:\n\n"
        + table(APART, _told_apart(smooth, halves[:classified])),
    ]
    return "\n\n".join(parts)


def _lost(cohort: Cohort, halves: Sequence[Sequence[str]], width: float) -> Rows:
    """Return Cohen's d of the nucleus from its true volume to the maps, means over cohorts."""
    known = np.array([[each.nucleus for each in pair] for pair in cohort.people])
    seen = cohort.smooth[..., cohort.nucleus].mean(axis=-1)
    rows = []
    for label, name in enumerate(LABELS):
        of_cohorts = [
            [
                _effect(values, cohort.design(labels))
                for values in _paths(known, seen, label, labels)
            ]
            for labels in halves
        ]
        steps = np.array(of_cohorts).mean(axis=0)
        error = np.mean([healthy.errors[label] for healthy, _ in cohort.people])
        rows.append(
            [
                f"{width * cohort.voxel:.1f} mm",
                name,
                *(f"{d:.2f}" for d, _, _ in steps),
                *(f"{each:.1f} %" for each in steps[-1][1:]),
                f"{error:.3f} sigma^2",
            ]
        )
        print(rows[-1], flush=True)
    return rows


def _paths(known: Array, seen: FloatArray, label: int, labels: Sequence[str]) -> list[Array]:
    """Return of everybody: the true volume, grey matter within it, and that in the template."""
    ill = np.array([each == ILL for each in labels], dtype=int)
    own = known[np.arange(len(ill)), ill]
    return [own[:, -1], own[:, label], seen[label, ill, np.arange(len(ill))]]


def _effect(values: Array, design: Design) -> tuple[float, float, float]:
    """Return Cohen's d, the difference and the spread in % of the controls, all less covariates."""
    both = np.column_stack([design.values, design.nuisance])
    slopes, *_ = np.linalg.lstsq(both, values, rcond=None)
    spread = np.sqrt(np.square(values - both @ slopes).sum() / design.freedom)
    unit = 100 / values[design.values == 0].mean()
    return float(slopes[0] / spread), float(slopes[0] * unit), float(spread * unit)


def _found(
    cohort: Cohort, halves: Sequence[Sequence[str]], permutations: int, width: float
) -> Rows:
    """Return the share of the nucleus that is significant, and how often anything far from it."""
    from scipy.ndimage import distance_transform_edt

    nucleus = cohort.nucleus & cohort.mask
    away = cohort.mask & (distance_transform_edt(~cohort.nucleus) * cohort.voxel > AWAY)
    found = np.zeros((2, len(LABELS), len(halves)))
    alarms = np.zeros_like(found, dtype=bool)
    for number, labels in enumerate(halves):
        for label, each in enumerate(cohort.maps(labels, permutations, number)):
            for way, judged in enumerate((each.t, each.tfce)):
                less = judged.significant & (each.t.values < 0)
                found[way, label, number] = less[nucleus].mean()
                alarms[way, label, number] = judged.significant[away].any()
    rows = []
    for name, shares, wrong in zip(("largest t", "TFCE"), found, alarms, strict=True):
        low, high = _ratio_interval(shares[-1], shares[-2])
        ratio = shares[-1].mean() / max(shares[-2].mean(), LEAST)
        rows.append(
            [
                f"{width * cohort.voxel:.1f} mm",
                name,
                *(f"{100 * each.mean():.1f} %" for each in shares),
                f"{ratio:.2f} [{low:.2f}, {high:.2f}]",
                ", ".join(f"{each.sum()}" for each in wrong) + f" of {len(halves)}",
            ]
        )
        print(rows[-1], flush=True)
    return rows


def _ratio_interval(one: Array, other: Array) -> tuple[float, float]:
    """Return 95 % of bootstrap ratios of the means over cohorts."""
    drawn = np.random.default_rng(0).integers(len(one), size=(2000, len(one)))
    ratios = one[drawn].mean(axis=1) / np.maximum(other[drawn].mean(axis=1), LEAST)
    low, high = np.percentile(ratios, [2.5, 97.5])
    return float(low), float(high)


def _false_alarms(cohort: Cohort, count: int, permutations: int) -> Rows:
    from scipy.stats import binom

    rows: Rows = []
    low, high = binom.interval(0.95, count, 0.05)
    for name, confounding in (("by chance", 0.0), ("by age and chance", CONFOUNDED)):
        alarms = np.zeros((2, 2))
        for number, labels in enumerate(cohort.halves(count, confounding, 0)):
            for label, maps in enumerate(cohort.maps(labels, permutations, number, False)[1:]):
                alarms[label] += maps.t.significant.any(), maps.tfce.significant.any()
        for word, some in zip(LABELS[1:], alarms, strict=True):
            rows.append([name, word, *(f"{each:.0f}" for each in some), f"{low:.0f} - {high:.0f}"])
            print(rows[-1], flush=True)
    return rows


def _told_apart(cohort: Cohort, halves: Sequence[Sequence[str]]) -> Rows:
    """Return the AUC of the linear SVM by kind of image, with the disease and without."""
    rows = []
    for name in ("vbm", "volumes"):
        for diseased in (True, False):
            drawn = [_aucs(cohort, labels, name, diseased) for labels in halves]
            aucs = np.column_stack([drawn, [each[-1] - each[-2] for each in drawn]])
            ends = 1.96 * aucs.std(axis=0, ddof=1) / np.sqrt(len(halves))
            cells = [f"{m:.2f} ± {e:.2f}" for m, e in zip(aucs.mean(axis=0), ends, strict=True)]
            rows.append(["patients" if diseased else "no effect", name, *cells])
            print(rows[-1], flush=True)
    return rows


def _aucs(cohort: Cohort, labels: Sequence[str], name: str, diseased: bool) -> list[float]:
    found = _classified(cohort, labels, name, diseased)
    return [found.answer(label, LINEAR).auc.value for label in LABELS]


def _classified(cohort: Cohort, labels: Sequence[str], name: str, diseased: bool) -> Classified:
    design = cohort.design(labels)
    if name == "vbm":
        smooth = cohort.chosen(cohort.smooth, labels, diseased)
        values = [each[:, cohort.mask] for each in smooth]
    else:
        places = geometric(cohort.mask, cohort.template.affine, REGIONS).labels.ravel()
        values = [
            np.stack([np.bincount(places, each.ravel())[1:] for each in some]).astype(np.float32)
            for some in cohort.chosen(cohort.grey, labels, diseased)
        ]
    question = Question(
        [healthy.person.participant_id for healthy, _ in cohort.people],
        np.array(labels) == ILL,
        dict(zip(LABELS, values, strict=True)),
        confounds=design.covariates,
        confound_names=design.names,
    )
    return classify(question, Plan(models=(LINEAR,), repeats=3, learning=(), permutations=0))
