"""Designs that cannot answer a question: refused, with what is allowed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bids_denoise.errors import LeakError, UsageError
from bids_denoise.stats.classify import signs
from bids_denoise.stats.classify.folds import first_rows
from bids_denoise.stats.classify.question import MODELS, Plan, Question, codes


def check_shapes(question: Question) -> None:
    """Raise UsageError where rows, columns or names disagree, or a label is missing."""
    n = len(question.labels)
    parts: dict[str, Any] = {"participants": question.participants, **question.features}
    if question.confounds is not None:
        parts["confounds"] = question.confounds
    if question.sites is not None:
        parts["sites"] = question.sites
    for name, values in parts.items():
        if len(values) != n:
            raise UsageError(f"{name!r} has {len(values)} rows, the labels {n}; allowed: the same")
    for name, features in question.features.items():
        called = len(question.feature_names.get(name, ()))
        if np.ndim(features) != 2 or called not in {0, np.shape(features)[1]}:
            raise UsageError(
                f"{name!r} has the shape {np.shape(features)} and {called} names of features;"
                " allowed: (rows, features), and a name for each or none"
            )
    if not question.features:
        raise UsageError("no features; allowed: at least one set")
    if question.labels.all() or not question.labels.any():
        raise UsageError(f"all {n} labels are the same; patients and controls are needed")


def check_design(question: Question, plan: Plan) -> None:
    """Raise where a plan cannot be carried out on a question, or would not be honest."""
    _plan(plan)
    _sites(question, plan)
    _folds(question, plan)


def _plan(plan: Plan) -> None:
    unknown = [model for model in plan.models if model not in MODELS]
    if unknown or not plan.models:
        raise UsageError(f"models {unknown} are unknown; allowed: {', '.join(MODELS)}")
    if any(not 0 < part <= 1 for part in plan.learning) or plan.repeats < 1:
        raise UsageError("allowed: 1 or more repeats, learning fractions above 0 and up to 1")
    for transformer in plan.transformers:
        if signs.is_fitted(transformer):
            called = " ".join(repr(transformer).split())
            raise LeakError(
                f"fitted beforehand: {called} has been fitted already, on rows that will be held"
                " out; allowed: unfitted transformers"
            )


def _folds(question: Question, plan: Plan) -> None:
    first = first_rows(codes(question.participants))
    fewest = min(int(question.labels[first].sum()), int((~question.labels[first]).sum()))
    if plan.folds < 2 or plan.inner_folds < 2:
        raise UsageError("folds and inner folds: allowed are 2 or more")
    trained_on = -(-plan.inner_folds * plan.folds // (plan.folds - 1))
    needed = max(plan.folds, trained_on)
    if fewest < needed:
        raise UsageError(
            f"too few for the folds: the smaller group has {fewest} participants; {plan.folds}"
            f" folds with {plan.inner_folds} inside need at least {needed}"
        )


def _sites(question: Question, plan: Plan) -> None:
    if question.sites is None:
        return
    sites = np.asarray(question.sites, dtype=str)
    pure = [len(set(question.labels[sites == site])) == 1 for site in np.unique(sites)]
    if all(pure):
        raise LeakError(
            f"site is the label: each of the {len(pure)} sites has only patients or only controls,"
            " so that nothing tells disease from scanner; allowed: sites with both"
        )
    if plan.harmonise:
        _enough_at_each_site(question, sites)


def _enough_at_each_site(question: Question, sites: NDArray[Any]) -> None:
    """Raise where a site may be missing from training: two of a label never share a fold."""
    first = first_rows(codes(question.participants))
    for site in np.unique(sites).tolist():
        here = question.labels[first][sites[first] == site]
        if max(here.sum(), (~here).sum()) < 2:
            raise UsageError(
                f"site {site!r} has {len(here)} participants, too few to be harmonised in every"
                " training fold; allowed: 2 or more of one label, or harmonise off"
            )
