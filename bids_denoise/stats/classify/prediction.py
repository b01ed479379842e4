"""What is predicted from a clinical table, and what is said of the predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bids_denoise.stats.bootstrap import Estimate
from bids_denoise.stats.classify.curves import Calibration, Curve
from bids_denoise.stats.classify.estimates import Difference
from bids_denoise.stats.classify.leaks import Flag
from bids_denoise.stats.classify.learners import LEARNERS


@dataclass(frozen=True)
class OutcomePlan:
    """What is predicted, from what, and how.

    Attributes
    ----------
    outcome, positive, negative
        The column, and its two values; `positive` is what probabilities are of.
    participant
        The column of ids.
    predictors
        Columns to learn from; None: all but `outcome`, `participant`, `score` and `external`.
    score, score_rises
        A column of a simple score to beat, and whether a high score speaks for `positive`.
    external
        A column and the value that its rows for external validation have.
    models
        Of `LEARNERS`.
    folds, inner_folds, repeats
        Of the nested cross-validation.
    shuffles
        Of each column for its importance, in every held-out fold.
    trusted
        Predictors that are used although they give the outcome away.
    """

    outcome: str
    positive: str
    negative: str
    participant: str = "participant_id"
    predictors: Sequence[str] | None = None
    score: str | None = None
    score_rises: bool = True
    external: tuple[str, str] | None = None
    models: Sequence[str] = LEARNERS
    folds: int = 5
    inner_folds: int = 3
    repeats: int = 5
    shuffles: int = 10
    trusted: Sequence[str] = ()
    level: float = 0.95
    seed: int = 0
    workers: int = 1


@dataclass(frozen=True)
class Prediction:
    """One model, or the score, on one set of rows.

    Attributes
    ----------
    participants, labels
        Of the rows, (n,).
    probability
        Held-out (repeats, n), or (1, n) for external rows. That of the score is by logistic
        regression inside the same folds.
    auc, roc
        From probabilities; from the raw score for the score.
    against_score
        The model's AUC minus the score's, DeLong's paired test; None without a score.
    decision, treat_all
        Net benefit over the threshold; to treat nobody has 0.
    importance
        Column -> drop of held-out AUC when it is shuffled; empty for external rows.
    """

    participants: tuple[str, ...]
    labels: NDArray[np.bool_]
    probability: NDArray[np.float64]
    auc: Estimate
    rates: Mapping[str, Estimate]
    roc: Curve
    calibration: Calibration
    decision: Curve
    treat_all: Curve
    against_score: Difference | None
    importance: Mapping[str, Estimate]


@dataclass(frozen=True)
class Outcome:
    """Predictions by model, `SCORE` among them: held-out ones, and those of external rows."""

    derivation: Mapping[str, Prediction]
    external: Mapping[str, Prediction]
    predictors: tuple[str, ...]
    flags: tuple[Flag, ...]
