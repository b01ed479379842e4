"""Patients and controls compared: where an effect gets lost, maps, false alarms, classifiers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.evidence.people import LABELS, template, true_nucleus
from benchmarks.tables import table
from bids_denoise.anatomy.normalise import deform, modulated, smoothed
from bids_denoise.anatomy.person import GREY
from bids_denoise.connectome.parcels import geometric
from bids_denoise.group.features import LEAST_GREY, REGIONS, SMOOTHING
from bids_denoise.stats.classify.question import LINEAR, Plan, Question
from bids_denoise.stats.classify.run import classify
from bids_denoise.stats.design import make_design
from bids_denoise.stats.voxelwise import Inference, compare

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from benchmarks.evidence.people import Examined
    from bids_denoise.stats.classify.run import Classified
    from bids_denoise.stats.design import Column, Design
    from bids_denoise.stats.voxelwise import GroupMaps
    from bids_denoise.values import BoolArray, FloatArray

    Array = npt.NDArray[np.float64]
    Rows = list[list[str]]

COVARIATES = ("age", "sex", "total_volume")
AWAY = 10.0
"""mm from the nucleus, from which on what is found is a false alarm."""

CONFOUNDED = 0.7
"""Correlation of the cause of a null label with age."""

EDGE = 2
"""Voxels at the border of the box that are not tested: smoothing knows nothing of beyond."""

LOST = ["image", "d, true volume", "d, grey matter in it", "d, in the template"]
LOST += ["difference", "spread", "mean squared error"]
FOUND = ["image", "by", "true positives", "false positives", "strongest t in it", "d", "difference"]
ALARMS = ["labels", "image", "largest t", "TFCE", "interval"]
APART = ["labels", "features", "AUC original", "AUC denoised", "change"]


@dataclass(frozen=True)
class Cohort:
    """Everybody, and grey matter (label, person, x, y, z) in the template, also smoothed."""

    people: Sequence[Examined]
    grey: FloatArray
    smooth: FloatArray
    mask: BoolArray
    voxel: float

    @property
    def labels(self) -> list[str]:
        """Return who is a patient."""
        return [each.person.group for each in self.people]

    def design(self, labels: Sequence[str]) -> Design:
        """Return the comparison of groups with these labels."""
        columns: dict[str, Column] = {
            "group": list(labels),
            "age": [each.person.age for each in self.people],
            "sex": [each.person.sex for each in self.people],
            "total_volume": [float(each.total) for each in self.people],
        }
        return make_design(columns, "group", COVARIATES, reference="control")

    def maps(self, labels: Sequence[str], permutations: int, seed: int) -> list[GroupMaps]:
        """Return the maps of the original and of the denoised images, on the same permutations."""
        design, how = self.design(labels), Inference(permutations, seed)
        return [compare(each, self.mask, design, how) for each in self.smooth]

    def nulls(self, count: int, confounding: float, seed: int) -> Iterator[list[str]]:
        """Yield labels that mean nothing: half of everybody, by chance, or by age and chance."""
        rng = np.random.default_rng([seed, int(100 * confounding)])
        age = np.array([each.person.age for each in self.people])
        for _ in range(count):
            cause = confounding * (age - age.mean()) / age.std()
            cause += np.sqrt(1 - confounding**2) * rng.standard_normal(len(age))
            ill = np.argsort(np.argsort(cause)) >= len(age) // 2
            yield ["patient" if each else "control" for each in ill]


def gathered(people: Sequence[Examined]) -> Cohort:
    """Bring everybody's grey matter to the template, and smooth it."""
    affine = template().affine
    voxel = float(np.cbrt(abs(np.linalg.det(affine[:3, :3]))))
    grey = np.zeros((len(LABELS), len(people), *template().image.shape), np.float32)
    for number, person in enumerate(people):
        for label, tissues in enumerate(person.tissues):
            way = deform(tissues, person.affine, template(), person.linear)
            grey[label, number] = modulated(tissues[GREY], person.affine, way)
    smooth = np.stack([smoothed(each, affine, SMOOTHING * voxel) for each in grey])
    inside = np.zeros(grey.shape[2:], bool)
    inside[EDGE:-EDGE, EDGE:-EDGE, EDGE:-EDGE] = True
    return Cohort(people, grey, smooth, inside & (grey.mean(axis=(0, 1)) > LEAST_GREY), voxel)


def all_tables(cohort: Cohort, nulls: int, classified: int, permutations: int) -> str:
    """Return what is lost, what is found, false alarms, classifiers."""
    maps = cohort.maps(cohort.labels, permutations, 0)
    parts = [
        table(LOST, _lost(cohort)),
        table(FOUND, _found(cohort, maps)),
        f"{nulls} cohorts without effect, of which any voxel is significant:\n\n"
        + table(ALARMS, _false_alarms(cohort, nulls, permutations)),
        f"Classifiers, and the mean of {classified} cohorts without effect:\n\n"
        + table(APART, _told_apart(cohort, classified)),
    ]
    return "\n\n".join(parts)


def _lost(cohort: Cohort) -> Rows:
    """Return Cohen's d of the nucleus from its true volume to the maps."""
    design, where = cohort.design(cohort.labels), true_nucleus()
    known = np.array([each.nucleus for each in cohort.people])
    rows = []
    for label, name in enumerate(LABELS):
        seen = cohort.smooth[label][:, where].mean(axis=1)
        steps = [_effect(values, design) for values in (known[:, -1], known[:, label], seen)]
        error = np.mean([each.errors[label] for each in cohort.people])
        rows.append(
            [
                name,
                *(f"{d:.2f}" for d, _, _ in steps),
                *(f"{each:.1f} %" for each in steps[-1][1:]),
                f"{error:.3f} sigma^2",
            ]
        )
    return rows


def _effect(values: Array, design: Design) -> tuple[float, float, float]:
    """Return Cohen's d, the difference and the spread in % of the controls, all less covariates."""
    both = np.column_stack([design.values, design.nuisance])
    slopes, *_ = np.linalg.lstsq(both, values, rcond=None)
    spread = np.sqrt(np.square(values - both @ slopes).sum() / design.freedom)
    unit = 100 / values[design.values == 0].mean()
    return float(slopes[0] / spread), float(slopes[0] * unit), float(spread * unit)


def _found(cohort: Cohort, maps: Sequence[GroupMaps]) -> Rows:
    from scipy.ndimage import distance_transform_edt

    whole = true_nucleus()
    nucleus = whole & cohort.mask
    away = cohort.mask & (distance_transform_edt(~whole) * cohort.voxel > AWAY)
    rows = []
    for name, each in zip(LABELS, maps, strict=True):
        for statistic, judged in (("largest t", each.t), ("TFCE", each.tfce)):
            less = judged.significant & (each.t.values < 0)
            rows.append(
                [
                    name,
                    statistic,
                    f"{(less & nucleus).sum()} of {nucleus.sum()}",
                    f"{(judged.significant & away).sum()} of {away.sum()}",
                    f"{each.t.values[nucleus].min():.2f}",
                    f"{each.effect_size[nucleus].mean():.2f}",
                    f"{each.percent[nucleus].mean():.1f} %",
                ]
            )
    return rows


def _false_alarms(cohort: Cohort, count: int, permutations: int) -> Rows:
    from scipy.stats import binom

    rows: Rows = []
    low, high = binom.interval(0.95, count, 0.05)
    for name, confounding in (("by chance", 0.0), ("by age and chance", CONFOUNDED)):
        alarms = np.zeros((len(LABELS), 2))
        for number, labels in enumerate(cohort.nulls(count, confounding, 0)):
            for label, maps in enumerate(cohort.maps(labels, permutations, number)):
                alarms[label] += maps.t.significant.any(), maps.tfce.significant.any()
        for word, some in zip(LABELS, alarms, strict=True):
            rows.append([name, word, *(f"{each:.0f}" for each in some), f"{low:.0f} - {high:.0f}"])
            print(rows[-1], flush=True)
    return rows


def _told_apart(cohort: Cohort, count: int) -> Rows:
    """Return the AUC of the linear SVM before and after, of patients and of null labels."""
    rows = []
    for name in ("vbm", "volumes"):
        true = _classified(cohort, cohort.labels, name, 0)
        pair = next(each for each in true.comparisons if each.second == LABELS[1]).auc
        told = [true.answer(label, LINEAR) for label in LABELS]
        rows.append(
            ["patients", name]
            + [f"{a.auc.value:.2f} [{a.auc.low:.2f}, {a.auc.high:.2f}]" for a in told]
            + [f"{pair.estimate.value:+.2f} [{pair.estimate.low:+.2f}, {pair.estimate.high:+.2f}]"]
        )
        drawn = [
            [_classified(cohort, labels, name, seed).answer(each, LINEAR).auc.value
             for each in LABELS]
            for seed, labels in enumerate(cohort.nulls(count, 0.0, 1))
        ]  # fmt: skip
        aucs = np.column_stack([drawn, np.diff(drawn, axis=1)])
        ends = 1.96 * aucs.std(axis=0, ddof=1) / np.sqrt(count)
        cells = [f"{m:.2f} ± {e:.2f}" for m, e in zip(aucs.mean(axis=0), ends, strict=True)]
        rows.append(["no effect", name, *cells])
        print(*rows[-2:], sep="\n", flush=True)
    return rows


def _classified(cohort: Cohort, labels: Sequence[str], name: str, seed: int) -> Classified:
    design = cohort.design(labels)
    if name == "vbm":
        values = [each[:, cohort.mask] for each in cohort.smooth]
    else:
        places = geometric(cohort.mask, template().affine, REGIONS).labels.ravel()
        values = [
            np.stack([np.bincount(places, each.ravel())[1:] for each in some]).astype(np.float32)
            for some in cohort.grey
        ]
    question = Question(
        [each.person.participant_id for each in cohort.people],
        np.array(labels) == "patient",
        dict(zip(LABELS, values, strict=True)),
        confounds=design.covariates,
        confound_names=design.names,
    )
    plan = Plan(models=(LINEAR,), repeats=3, learning=(), permutations=0, seed=seed)
    return classify(question, plan)
