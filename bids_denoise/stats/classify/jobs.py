"""What one process does at a time: one repeat of the folds, or some shuffles of the labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bids_denoise.stats.classify.folds import (
    fewer,
    labelings,
    shuffled,
    splits,
    stratified_folds,
)
from bids_denoise.stats.classify.kernels import (
    Fitted,
    fit,
    gram,
    one_thread,
    pattern,
    prepared,
    quick_auc,
)
from bids_denoise.stats.classify.question import LINEAR, Plan, Rows

Floats = NDArray[Any]
Booleans = NDArray[np.bool_]

ENOUGH_BITS = 20
"""A million shuffles within the folds are enough to draw from."""


@dataclass(frozen=True)
class Repeat:
    """One model on one set of folds; `learning` (fractions, n) holds decision values."""

    decision: NDArray[np.float64]
    probability: NDArray[np.float64]
    fold_aucs: NDArray[np.float64]
    fits: tuple[Fitted, ...]
    learning: NDArray[np.float64]
    pattern: NDArray[np.float32]
    pattern_variance: NDArray[np.float32]


@dataclass(frozen=True)
class Job:
    """A repeat, or the shuffles of `shuffles` when it is not empty."""

    rows: Rows
    plan: Plan
    repeat: int = 0
    shuffles: range = range(0)


def folds_of(rows: Rows, plan: Plan, repeat: int, shuffle: int = 0) -> NDArray[np.int64]:
    """Return the fold of each row: the same for every feature set and model."""
    rng = np.random.default_rng([plan.seed, 1, repeat, shuffle])
    return stratified_folds(rows.labels, rows.people, rows.sites, plan.folds, rng)


def do(job: Job) -> dict[str, Any]:
    """Return, by model, a `Repeat`, or the AUC of each shuffle (shuffles,)."""
    with one_thread():
        return _null(job) if job.shuffles else dict(_repeat(job))


def _repeat(job: Job) -> Iterator[tuple[str, Repeat]]:
    rows, plan = job.rows, job.plan
    n, models = len(rows.labels), plan.models
    fold = folds_of(rows, plan, job.repeat)
    fits: dict[str, list[Fitted]] = {model: [] for model in models}
    patterns: list[Floats] = []
    curve = plan.learning if job.repeat < plan.learning_repeats else ()
    learning = np.zeros((len(models), len(curve), n))
    for number, (train, test) in enumerate(splits(fold)):
        x = prepared(rows, train, plan)
        inner = gram(x, train)
        for index, model in enumerate(models):
            fits[model].append(fit(inner, rows, train, model, plan))
            for at, part in enumerate(curve):
                values = fits[model][-1].decision
                if part < 1:
                    rng = np.random.default_rng([plan.seed, 2, job.repeat, number, at])
                    share = (part, plan.inner_folds)
                    few = fewer(train, rows.labels, rows.people, share, rng)
                    values = _on_fewer(rows, few, model, plan)
                learning[index, at, test] = values[test]
        if LINEAR in models and plan.select is None and not plan.transformers:
            patterns.append(pattern(x, train, fits[LINEAR][-1].decision))
    for index, model in enumerate(models):
        own = patterns if model == LINEAR else []
        yield model, _assembled(rows.labels, fold, fits[model], learning[index], own)


def _on_fewer(rows: Rows, few: Booleans, model: str, plan: Plan) -> Floats:
    at_few = rows
    if rows.harmonise and set(rows.sites) - set(rows.sites[few]):
        at_few = replace(rows, harmonise=False)
    return fit(
        gram(prepared(at_few, few, plan), few), rows, few, model, plan, calibrate=False
    ).decision


def _assembled(
    labels: Booleans,
    fold: NDArray[np.int64],
    fits: list[Fitted],
    learning: Floats,
    patterns: list[Floats],
) -> Repeat:
    decision, chance = np.empty(len(labels)), np.empty(len(labels))
    aucs = []
    for (_, test), each in zip(splits(fold), fits, strict=True):
        decision[test], chance[test] = each.decision[test], each.probability[test]
        if 0 < labels[test].sum() < test.sum():
            aucs.append(quick_auc(labels[test], each.decision[test]))
    sums = np.zeros((2, 0), np.float32)
    if patterns:
        stack = np.stack(patterns)
        # The delete-a-fold jackknife.
        sums = np.stack([stack.mean(axis=0), (len(stack) - 1) * stack.var(axis=0)])
    return Repeat(decision, chance, np.array(aucs), tuple(fits), learning, sums[0], sums[1])


def _null(job: Job) -> dict[str, Floats]:
    """Return pooled AUC of the whole nested procedure on shuffled labels.

    Labels are exchanged within sites and within the folds of the first repeat, so that these
    folds are stratified for every shuffle alike and the Gram matrices, made without labels, are
    shared. Where that leaves fewer than 2 ** `ENOUGH_BITS` ways, or features are selected by label,
    folds are drawn anew for every shuffle.
    """
    rows, plan = job.rows, job.plan
    fold = folds_of(rows, plan, 0)
    strata = fold * (rows.sites.max() + 1) + rows.sites
    free_of_labels = plan.select is None and not plan.transformers
    keep = labelings(rows.labels, rows.people, strata) >= ENOUGH_BITS
    grams: list[Floats] = []
    if keep and free_of_labels:
        grams = [gram(prepared(rows, train, plan), train) for train, _ in splits(fold)]
    result: dict[str, list[float]] = {model: [] for model in plan.models}
    for shuffle in job.shuffles:
        rng = np.random.default_rng([plan.seed, 3, shuffle])
        within = strata if keep else rows.sites
        mixed = replace(rows, labels=shuffled(rows.labels, rows.people, within, rng))
        folds = fold if keep else folds_of(mixed, plan, 0, 1 + shuffle)
        for model, values in _pooled(mixed, plan, folds, grams).items():
            result[model].append(quick_auc(mixed.labels, values))
    return {model: np.array(values) for model, values in result.items()}


def _pooled(
    rows: Rows, plan: Plan, fold: NDArray[np.int64], grams: list[Floats]
) -> dict[str, Floats]:
    values = {model: np.empty(len(rows.labels)) for model in plan.models}
    for number, (train, test) in enumerate(splits(fold)):
        inner = grams[number] if grams else gram(prepared(rows, train, plan), train)
        for model in plan.models:
            fitted = fit(inner, rows, train, model, plan, calibrate=False)
            values[model][test] = fitted.decision[test]
    return values
