"""What is asked of a classifier, and how it is to be answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bids_denoise.errors import UsageError

LINEAR, RBF = "linear SVM", "RBF SVM"
MODELS = (LINEAR, RBF)
CONFOUNDS_ONLY = "confounds only"


@dataclass(frozen=True)
class Question:
    """Who is a patient, and what may be learnt from.

    Attributes
    ----------
    participants
        Ids, one a row; several rows of one participant are kept together.
    labels
        bool (n,), True for patients; the same in all rows of a participant.
    features
        Name -> float32 (n, p), for example ``{"original": ..., "denoised": ...}``; NaN is missing.
    feature_names
        Name of a set -> names of its p columns; where it is silent they are numbered.
    confounds, confound_names
        float (n, k), such as age, sex as 0 and 1, image quality; NaN is missing.
    sites
        Name of the scanner or site of each row.
    """

    participants: Sequence[str]
    labels: NDArray[np.bool_]
    features: Mapping[str, NDArray[Any]]
    feature_names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    confounds: NDArray[np.float64] | None = None
    confound_names: Sequence[str] = ()
    sites: Sequence[str] | None = None


@dataclass(frozen=True)
class Plan:
    """How a question is answered.

    Attributes
    ----------
    models
        Of `MODELS`.
    folds, repeats
        Outer folds, stratified by label and site, drawn anew for every repeat.
    inner_folds, costs, widths
        The inner loop chooses C from `costs` (of kernels scaled to a mean diagonal of 1), and for
        the RBF its gamma from `widths` (in units of 1 / mean squared distance), by AUC.
    scale, harmonise, regress, select
        Inside training folds: unit variance; site harmonisation; confound regression; keep that
        many features by their F value.
    transformers
        More scikit-learn transformers, unfitted, applied before `scale`.
    permutations
        Shuffles of the labels; the tested statistic is that of the first repeat.
    learning
        Fractions of the training participants for the learning curve, and in `learning_repeats`
        repeats of the folds.
    trusted
        Names of features that are used although they give the label away.
    level
        Of the intervals.
    seed, workers
        The results depend on the seed, not on the number of processes.
    """

    models: Sequence[str] = MODELS
    folds: int = 5
    repeats: int = 10
    inner_folds: int = 3
    costs: Sequence[float] = (0.1, 1.0, 10.0)
    widths: Sequence[float] = (0.5, 2.0)
    scale: bool = True
    harmonise: bool = True
    regress: bool = True
    select: int | None = None
    transformers: Sequence[Any] = ()
    permutations: int = 1000
    learning: Sequence[float] = (0.25, 0.5, 0.75, 1.0)
    learning_repeats: int = 3
    trusted: Sequence[str] = ()
    level: float = 0.95
    seed: int = 0
    workers: int = 1


@dataclass(frozen=True)
class Rows:
    """One feature set as the folds see it: arrays only, people and sites as whole numbers."""

    features: NDArray[np.float32]
    labels: NDArray[np.bool_]
    people: NDArray[np.int64]
    sites: NDArray[np.int64]
    confounds: NDArray[np.float64]
    harmonise: bool
    regress: bool


def labels_from(values: Sequence[str], patient: str, control: str) -> NDArray[np.bool_]:
    """Return True for patients and False for controls.

    Raises
    ------
    UsageError
        A value is neither, or only one of the two is there.

    >>> labels_from(["AD", "HC", "AD"], "AD", "HC")
    array([ True, False,  True])
    """
    if patient == control:
        raise UsageError(f"patient and control are both {patient!r}; allowed: two values")
    unknown = sorted({str(value) for value in values} - {patient, control})
    if unknown:
        raise UsageError(
            f"group value {unknown[0]!r} is unknown; allowed: {patient!r} (patient) and"
            f" {control!r} (control). Leave other rows out, or name both groups."
        )
    labels = np.array([value == patient for value in values], dtype=bool)
    if labels.all() or not labels.any():
        raise UsageError(
            f"all {len(labels)} rows are {values[0] if len(values) else None!r}; both"
            f" {patient!r} and {control!r} are needed"
        )
    return labels


def rows_of(question: Question, plan: Plan, name: str) -> Rows:
    """Return a feature set of a question, or the confounds and sites alone as features."""
    n = len(question.labels)
    sites = codes(question.sites) if question.sites is not None else np.zeros(n, np.int64)
    confounds = np.zeros((n, 0)) if question.confounds is None else question.confounds
    alone = name == CONFOUNDS_ONLY
    features = question.features.get(name)
    if alone or features is None:
        dummies = np.eye(sites.max() + 1)[sites] if sites.any() else np.zeros((n, 0))
        features = np.hstack([confounds, dummies]).astype(np.float32)
    return Rows(
        np.ascontiguousarray(features, dtype=np.float32),
        np.asarray(question.labels, dtype=bool),
        codes(question.participants),
        sites,
        np.asarray(confounds, dtype=np.float64),
        harmonise=plan.harmonise and bool(sites.any()) and not alone,
        regress=plan.regress and confounds.shape[1] > 0 and not alone,
    )


def codes(values: Sequence[str]) -> NDArray[np.int64]:
    """Return whole numbers for names, in the order of the names."""
    found: NDArray[np.int64] = np.unique(np.asarray(values, dtype=str), return_inverse=True)[1]
    return found.reshape(-1).astype(np.int64)
