"""Patients against controls: every feature set and model on the same folds, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bids_denoise.errors import BidsDenoiseError
from bids_denoise.stats.bootstrap import Estimate
from bids_denoise.stats.classify.curves import Calibration, Curve, calibration, roc
from bids_denoise.stats.classify.estimates import (
    Difference,
    Sample,
    auc_difference,
    auc_estimate,
    corrected_t,
    rates,
)
from bids_denoise.stats.classify.jobs import Job, Repeat, do, folds_of
from bids_denoise.stats.classify.kernels import chosen
from bids_denoise.stats.classify.leaks import Flag, check
from bids_denoise.stats.classify.question import CONFOUNDS_ONLY, Plan, Question, codes, rows_of
from bids_denoise.workers import map_in_order

Floats = NDArray[Any]

CHUNK = 100
"""Shuffles that share their Gram matrices; fixed, whatever the number of workers."""


@dataclass(frozen=True)
class Permutation:
    """The same nested procedure on shuffled labels.

    Attributes
    ----------
    observed
        AUC of the first repeat, which is what the null distribution (permutations,) is of.
    p
        (1 + as good or better) / (1 + permutations), and the interval of the share that infinitely
        many permutations would have.
    shuffled
        Mean AUC of the shuffled labels and the ends of their own distribution.
    """

    observed: float
    p: Estimate
    shuffled: Estimate
    null: NDArray[np.float64]


@dataclass(frozen=True)
class Answer:
    """One model on one feature set.

    Attributes
    ----------
    decision, probability
        Held-out values (repeats, n), 0 between the labels and of about unit variance;
        probabilities by Platt's sigmoid from inside the folds.
    auc, rates
        Means over repeats; `rates` has balanced accuracy, sensitivity and specificity of the sign
        of the decision value.
    roc, calibration
        From decision values, and from mean probabilities.
    permutation
        None for the confounds alone.
    learning
        AUC over the fraction of the training participants.
    pattern, pattern_error
        Haufe's pattern (p,) of the linear SVM and its standard error by the delete-a-fold
        jackknife, in standard deviations a decision value; empty for others, and with `select`
        or transformers, whose features may be others in every fold.
    chosen
        How often each pair of parameters was.
    """

    features: str
    model: str
    decision: NDArray[np.float64]
    probability: NDArray[np.float64]
    auc: Estimate
    rates: Mapping[str, Estimate]
    roc: Curve
    calibration: Calibration
    permutation: Permutation | None
    learning: Curve
    pattern: NDArray[np.float32]
    pattern_error: NDArray[np.float32]
    chosen: Mapping[str, int]


@dataclass(frozen=True)
class Comparison:
    """Two feature sets by one model: AUC of `second` minus that of `first`.

    ``auc`` is DeLong's paired test of participants, the one to quote; ``corrected_p`` is Nadeau and
    Bengio's t of the folds' differences, beside it.
    """

    first: str
    second: str
    model: str
    auc: Difference
    corrected_p: float


@dataclass(frozen=True)
class Classified:
    """All answers, their comparisons, and what is to be known about the data."""

    answers: tuple[Answer, ...]
    comparisons: tuple[Comparison, ...]
    flags: tuple[Flag, ...]
    folds: NDArray[np.int64]

    def answer(self, features: str, model: str) -> Answer:
        """Return the answer of a model on a feature set. KeyError when there is none."""
        for each in self.answers:
            if (each.features, each.model) == (features, model):
                return each
        raise KeyError((features, model))


def classify(question: Question, plan: Plan) -> Classified:
    """Return how well, and how surely, patients are told from controls.

    Time goes with sets x repeats x folds x n x p, and sets x permutations x folds x n ** 2: the
    number of features is without effect on the permutations unless features are selected.

    Raises
    ------
    LeakError, UsageError
        See `check`.
    """
    flags = check(question, plan)
    names = [*question.features]
    if question.confounds is not None or question.sites is not None:
        names.append(CONFOUNDS_ONLY)
    rows = {name: rows_of(question, plan, name) for name in names}
    tasks = [
        (name, Job(rows[name], plan, repeat)) for name in names for repeat in range(plan.repeats)
    ]
    for name in question.features:
        for start in range(0, plan.permutations, CHUNK):
            shuffles = range(start, min(start + CHUNK, plan.permutations))
            tasks.append((name, Job(rows[name], plan, shuffles=shuffles)))
    done = list(map_in_order(do, [job for _, job in tasks], plan.workers, _lost))
    found: dict[str, list[Any]] = {name: [] for name in names}
    for (name, _), result in zip(tasks, done, strict=True):
        found[name].append(result)
    sample = sample_of(question, plan)
    answers, kept = [], {}
    for name in names:
        for model in plan.models:
            kept[name, model] = [each[model] for each in found[name][: plan.repeats]]
            null = [each[model] for each in found[name][plan.repeats :]]
            answers.append(_answer(name, model, kept[name, model], null, (sample, plan)))
    folds = np.stack([folds_of(rows[names[0]], plan, repeat) for repeat in range(plan.repeats)])
    comparisons = tuple(_compared(names, plan, sample, kept))
    return Classified(tuple(answers), comparisons, flags, folds)


def sample_of(question: Question, plan: Plan) -> Sample:
    """Return whose scores the answers are."""
    people = codes(question.participants)
    return Sample(np.asarray(question.labels, dtype=bool), people, plan.level, plan.folds)


def _answer(
    name: str, model: str, repeats: list[Repeat], null: list[Floats], how: tuple[Sample, Plan]
) -> Answer:
    sample, plan = how
    decision = np.stack([each.decision for each in repeats])
    chance = np.stack([each.probability for each in repeats])
    return Answer(
        name,
        model,
        decision,
        chance,
        auc_estimate(sample, decision),
        rates(sample, decision > 0),
        roc(sample, decision, plan.seed),
        calibration(sample, chance, plan.seed),
        _permutation(sample, decision[0], np.concatenate(null), plan) if null else None,
        _learning(sample, [each.learning for each in repeats[: plan.learning_repeats]], plan),
        np.mean([each.pattern for each in repeats], axis=0),
        np.sqrt(np.mean([each.pattern_variance for each in repeats], axis=0)),
        chosen([each for repeat in repeats for each in repeat.fits]),
    )


def _permutation(sample: Sample, decision: Floats, null: Floats, plan: Plan) -> Permutation:
    from scipy.stats import beta

    observed = auc_estimate(sample, decision).value
    better, number = int((null >= observed - 1e-12).sum()), len(null)
    tail = 0.5 - plan.level / 2
    low = float(beta.ppf(tail, better, number - better + 1)) if better else 0.0
    high = float(beta.ppf(1 - tail, better + 1, number - better)) if better < number else 1.0
    ends = np.quantile(null, [tail, 1 - tail])
    return Permutation(
        observed,
        Estimate((1 + better) / (1 + number), low, high),
        Estimate(float(null.mean()), float(ends[0]), float(ends[1])),
        null,
    )


def _learning(sample: Sample, values: Sequence[Floats], plan: Plan) -> Curve:
    scores = np.stack(values, axis=1)
    points = [auc_estimate(sample, each) for each in scores]
    ends = np.array([(each.value, each.low, each.high) for each in points]).reshape(-1, 3)
    return Curve(np.array(plan.learning, dtype=float), *ends.T)


def _compared(
    names: Sequence[str], plan: Plan, sample: Sample, kept: Mapping[tuple[str, str], list[Repeat]]
) -> Iterator[Comparison]:
    for model in plan.models:
        for first, second in combinations(names, 2):
            one, two = kept[first, model], kept[second, model]
            scores = [np.stack([each.decision for each in found]) for found in (one, two)]
            aucs = [np.concatenate([each.fold_aucs for each in found]) for found in (one, two)]
            p = corrected_t(aucs[1] - aucs[0], sample.retrained) if len(aucs[0]) > 1 else np.nan
            yield Comparison(first, second, model, auc_difference(sample, *scores), float(p))


def _lost(job: Job) -> dict[str, Any]:
    raise BidsDenoiseError(
        f"a process ended while it learnt from {job.rows.features.shape[1]} features, most often"
        " for want of memory; fewer workers need less"
    )
