"""Outcome from a clinical table: regularised models against a simple score, and elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bids_denoise.errors import BidsDenoiseError, LeakError, UsageError
from bids_denoise.stats.bootstrap import Estimate
from bids_denoise.stats.classify.columns import (
    Table,
    alike,
    column,
    frame_of,
    matrix_of,
    numbers_of,
)
from bids_denoise.stats.classify.curves import calibration, decision_curve, roc, treat_all
from bids_denoise.stats.classify.estimates import (
    Sample,
    auc_difference,
    auc_estimate,
    rates,
)
from bids_denoise.stats.classify.leaks import Flag, check, check_external
from bids_denoise.stats.classify.learners import LEARNERS, LOGISTIC, Cohort, Task, learn
from bids_denoise.stats.classify.prediction import Outcome, OutcomePlan, Prediction
from bids_denoise.stats.classify.question import Plan, Question, codes, labels_from
from bids_denoise.workers import map_in_order

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[Any]


SCORE = "score"
FEWEST_EXTERNAL = 10


@dataclass(frozen=True)
class _Part:
    """Rows that are judged together."""

    names: tuple[str, ...]
    cohort: Cohort
    score: Floats | None


def predict_outcome(table: Table, plan: OutcomePlan, external: Table | None = None) -> Outcome:
    """Return how well an outcome is predicted, held-out and in external rows.

    Parameters
    ----------
    table
        Column name -> values, one a row: numbers, words, or missing (see `frame_of`).
    plan
        What and how.
    external
        A second table with the same columns, in place of ``plan.external``.

    Raises
    ------
    LeakError, UsageError
        See `check`; an external participant or row that is in the derivation, too.
    """
    inside, outside = _parted(table, plan, external)
    names = _predictors(table, plan)
    here = _part(inside, names, plan)
    flags = _checked(here, plan)
    there = None
    if outside is not None:
        there = _part(outside, names, plan, here.cohort.frame)
        if len(there.names) < FEWEST_EXTERNAL:
            raise UsageError(
                f"external validation in {len(there.names)} rows; allowed: {FEWEST_EXTERNAL} or"
                " more"
            )
        known, others = matrix_of(here.cohort.frame), matrix_of(there.cohort.frame)
        check_external(here.names, there.names, known, others)
    held_out = _learnt(here, there, plan)
    derivation = {
        name: _prediction(here, name, values, plan, inside=True)
        for name, values in held_out[0].items()
    }
    elsewhere = {}
    if there is not None:
        elsewhere = {n: _prediction(there, n, v, plan) for n, v in held_out[1].items()}
    return Outcome(derivation, elsewhere, tuple(names), flags)


def _learnt(here: _Part, there: _Part | None, plan: OutcomePlan) -> tuple[dict[str, Any], ...]:
    """Return (probabilities, drops) by model for the derivation, then for external rows."""
    folds = (plan.folds, plan.inner_folds)
    kinds = [(here.cohort, tuple(plan.models), there and there.cohort.frame, plan.shuffles)]
    if here.score is not None:
        others = None if there is None else _alone(there).frame
        kinds.append((_alone(here), (LOGISTIC,), others, 0))
    tasks = []
    for cohort, models, outside, shuffles in kinds:
        common = (cohort, models, folds, plan.seed)
        tasks += [Task(*common, repeat, None, shuffles) for repeat in range(plan.repeats)]
        tasks += [] if outside is None else [Task(*common, external=outside)]
    done = list(map_in_order(learn, tasks, plan.workers, _lost))
    found: tuple[dict[str, Any], ...] = ({}, {})
    for task, result in zip(tasks, done, strict=True):
        for model, values in result.items():
            name = SCORE if task.cohort is not here.cohort else model
            found[task.external is not None].setdefault(name, []).append(values)
    return found


def _prediction(
    part: _Part, name: str, values: list[Any], plan: OutcomePlan, inside: bool = False
) -> Prediction:
    cohort = part.cohort
    folds = plan.folds if inside else 0
    chance = np.stack([each[0] for each in values])
    sample = Sample(cohort.labels, cohort.people, plan.level, folds)
    fixed = Sample(cohort.labels, cohort.people, plan.level)
    is_score = name == SCORE and part.score is not None
    ranked = part.score if is_score else chance
    against = None
    if part.score is not None and not is_score:
        against = auc_difference(sample, part.score, chance)
    drops = np.concatenate([each[1] for each in values])
    return Prediction(
        part.names,
        cohort.labels,
        chance,
        auc_estimate(fixed if is_score else sample, np.asarray(ranked)),
        rates(sample, chance > 0.5),
        roc(sample, np.asarray(ranked), plan.seed),
        calibration(sample, chance, plan.seed),
        decision_curve(sample, chance, plan.seed),
        treat_all(sample),
        against,
        _importance(drops, list(cohort.frame), plan) if len(drops) else {},
    )


def _importance(drops: Floats, names: Sequence[str], plan: OutcomePlan) -> dict[str, Estimate]:
    """Return means over folds with Nadeau and Bengio's interval, the largest first."""
    from scipy.stats import t

    number, mean = len(drops), drops.mean(axis=0)
    error = np.sqrt(drops.var(axis=0, ddof=1) * (1 / number + 1 / (plan.folds - 1)))
    half = t.ppf(0.5 + plan.level / 2, number - 1) * error
    return {
        names[c]: Estimate(float(mean[c]), float(mean[c] - half[c]), float(mean[c] + half[c]))
        for c in np.argsort(-mean, kind="stable")
    }


def _parted(table: Table, plan: OutcomePlan, external: Table | None) -> tuple[Table, Table | None]:
    if plan.external is None or external is not None:
        if plan.external is not None:
            raise UsageError("external rows by a column and by a second table; allowed: one")
        return table, external
    name, value = plan.external
    values = np.array(column(table, name, "external validation"))
    if not 0 < (values == value).sum() < len(values):
        raise UsageError(
            f"external validation: {name!r} is {value!r} in {(values == value).sum()} of"
            f" {len(values)} rows; allowed: one of {', '.join(sorted(set(values)))}"
        )
    parts = [
        {key: [v for v, k in zip(each, keep, strict=True) if k] for key, each in table.items()}
        for keep in (values != value, values == value)
    ]
    return parts[0], parts[1]


def _predictors(table: Table, plan: OutcomePlan) -> list[str]:
    apart = {plan.outcome, plan.participant, plan.score}
    apart |= {plan.external[0]} if plan.external else set()
    names = [*table] if plan.predictors is None else [*plan.predictors]
    if plan.predictors is not None and plan.outcome in names:
        raise LeakError(f"label in the features: {plan.outcome!r} is the outcome")
    return [name for name in names if plan.predictors is not None or name not in apart]


def _part(
    table: Table, names: Sequence[str], plan: OutcomePlan, like: pd.DataFrame | None = None
) -> _Part:
    people = column(table, plan.participant, "participant")
    values = column(table, plan.outcome, "outcome")
    labels = labels_from(values, plan.positive, plan.negative)
    frame = frame_of(table, names)
    frame = frame if like is None else alike(like, frame)
    score = None
    if plan.score is not None:
        column(table, plan.score, "score")
        score = numbers_of(table[plan.score], plan.score) * (1 if plan.score_rises else -1)
    return _Part(tuple(people), Cohort(frame, labels, codes(people)), score)


def _checked(part: _Part, plan: OutcomePlan) -> tuple[Flag, ...]:
    unknown = [name for name in plan.models if name not in LEARNERS]
    if unknown:
        raise UsageError(f"model {unknown[0]!r} is unknown; allowed: {', '.join(LEARNERS)}")
    frame = part.cohort.frame
    question = Question(
        part.names, part.cohort.labels, {"table": matrix_of(frame)}, {"table": list(frame)}
    )
    how = Plan(folds=plan.folds, inner_folds=plan.inner_folds, trusted=plan.trusted)
    return check(question, how)


def _alone(part: _Part) -> Cohort:
    """Return the rows with the score as their only predictor."""
    import pandas as pd

    return Cohort(pd.DataFrame({SCORE: part.score}), part.cohort.labels, part.cohort.people)


def _lost(task: Task) -> Any:
    raise BidsDenoiseError(
        f"a process ended while it learnt from {len(task.cohort.labels)} rows, most often for want"
        " of memory; fewer workers need less"
    )
