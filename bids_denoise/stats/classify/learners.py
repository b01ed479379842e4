"""Models of an outcome, their grids, and one repeat of the nested cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bids_denoise.stats.classify.columns import encoder
from bids_denoise.stats.classify.folds import splits, stratified_folds
from bids_denoise.stats.classify.kernels import one_thread
from bids_denoise.stats.classify.signs import aucs

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[Any]
Booleans = NDArray[np.bool_]

LOGISTIC, SVM, FOREST, BOOSTING = LEARNERS = (
    "regularised logistic regression",
    "linear SVM",
    "random forest",
    "gradient boosting",
)


@dataclass(frozen=True)
class Cohort:
    """Rows of a table: predictors, labels (n,), participant numbers (n,)."""

    frame: pd.DataFrame
    labels: Booleans
    people: NDArray[np.int64]


@dataclass(frozen=True)
class Task:
    """One repeat of the folds on a cohort, or a fit of all its rows for others (`external`)."""

    cohort: Cohort
    models: Sequence[str]
    folds: tuple[int, int]
    seed: int
    repeat: int = 0
    external: pd.DataFrame | None = None
    shuffles: int = 0


def learn(task: Task) -> dict[str, tuple[Floats, Floats]]:
    """Return, by model, probabilities (n,) and drops of held-out AUC (folds, columns).

    With `external` the probabilities are those of its rows, by a model of the whole cohort.
    """
    with one_thread():
        return {model: _learnt(task, model) for model in task.models}


def _learnt(task: Task, model: str) -> tuple[Floats, Floats]:
    cohort = task.cohort
    none = np.zeros((0, cohort.frame.shape[1]))
    if task.external is not None:
        everyone = np.ones(len(cohort.labels), dtype=bool)
        return _fitted(task, everyone, model).predict_proba(task.external)[:, 1], none
    rng = np.random.default_rng([task.seed, 4, task.repeat])
    one_site = np.zeros(len(cohort.labels), np.int64)
    fold = stratified_folds(cohort.labels, cohort.people, one_site, task.folds[0], rng)
    chance, drops = np.empty(len(cohort.labels)), [none]
    for train, test in splits(fold):
        fitted = _fitted(task, train, model)
        chance[test] = fitted.predict_proba(cohort.frame[test])[:, 1]
        if task.shuffles:
            drops.append(_importance(task, fitted, test)[None])
    return chance, np.concatenate(drops)


def _fitted(task: Task, train: Booleans, model: str) -> Any:
    """Return a fitted pipeline; imputation and encoding learn from the training rows once.

    The inner loop chooses the parameters by AUC on these encoded rows.
    """
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import Pipeline

    cohort = task.cohort
    labels = cohort.labels[train].astype(int)
    people = np.unique(cohort.people[train], return_inverse=True)[1]
    coder = encoder(cohort.frame)
    x = coder.fit_transform(cohort.frame[train])
    rng = np.random.default_rng([task.seed, 5, task.repeat])
    one_site = np.zeros(len(labels), np.int64)
    inner = stratified_folds(cohort.labels[train], people, one_site, task.folds[1], rng)
    parts = [tuple(np.flatnonzero(each) for each in pair) for pair in splits(inner)]
    learner, grid = _learner(model, task.seed)
    search = GridSearchCV(learner, grid, scoring="roc_auc", cv=parts).fit(x, labels)
    return Pipeline([("columns", coder), ("model", search.best_estimator_)])


def _learner(model: str, seed: int) -> tuple[Any, dict[str, list[Any]]]:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    if model == LOGISTIC:
        learner = LogisticRegression(solver="saga", max_iter=20_000, tol=1e-3, random_state=seed)
        return learner, {"C": [0.03, 0.3, 3.0], "l1_ratio": [0.0, 0.5, 1.0]}
    if model == SVM:
        machine = LinearSVC(dual=False)
        # Platt's sigmoid from held-out thirds, then the machine of all rows.
        calibrated = CalibratedClassifierCV(machine, method="sigmoid", cv=3, ensemble=False)
        return calibrated, {"estimator__C": [0.003, 0.03, 0.3]}
    if model == FOREST:
        return RandomForestClassifier(200, random_state=seed), {"min_samples_leaf": [3, 10]}
    boosting = GradientBoostingClassifier(
        learning_rate=0.05, max_depth=2, subsample=0.7, random_state=seed
    )
    return boosting, {"n_estimators": [50, 150]}


def _importance(task: Task, fitted: Any, test: Booleans) -> Floats:
    """Return how much the held-out AUC falls when a column is shuffled, (columns,).

    As scikit-learn's ``permutation_importance``, but all shuffles are predicted at once.
    """
    import pandas as pd

    frame, labels = task.cohort.frame[test], task.cohort.labels[test]
    rng = np.random.default_rng([task.seed, 6, task.repeat])
    tables = [frame]
    for name in frame:
        for _ in range(task.shuffles):
            mixed = frame[name].iloc[rng.permutation(len(frame))]
            tables.append(frame.assign(**{str(name): mixed.array}))
    chance = fitted.predict_proba(pd.concat(tables))[:, 1].reshape(len(tables), -1)
    whole, *shuffled = aucs(chance.T, labels)
    return np.asarray(whole - np.reshape(shuffled, (frame.shape[1], -1)).mean(axis=1))
