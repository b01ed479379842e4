"""From features to decision values: what is fitted inside one training fold.

All models see the features through one Gram matrix, so that a fold costs a few passes over
n x p values however many values of C, models and shuffles are tried on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bids_denoise.stats.classify.folds import splits, stratified_folds
from bids_denoise.stats.classify.question import LINEAR, Plan, Rows

Floats = NDArray[Any]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True)
class Fitted:
    """A model of one training fold: decision values of all rows, and what led to them."""

    decision: NDArray[np.float64]
    probability: NDArray[np.float64]
    cost: float
    width: float


@contextmanager
def one_thread() -> Iterator[None]:
    """BLAS on one thread, so that sums are the same wherever they are made."""
    import sklearn
    from threadpoolctl import threadpool_limits

    checked = {"assume_finite": True, "skip_parameter_validation": True}
    with threadpool_limits(1), sklearn.config_context(**checked):
        yield


def prepared(rows: Rows, train: Booleans, plan: Plan) -> Floats:
    """Return the features (n, q) of all rows after steps that were fitted on training rows.

    In this order: median imputation, site harmonisation that keeps the confounds' part, regression
    on the confounds (and on the sites, after harmonisation), the plan's own transformers, feature
    selection, unit variance, zero mean.
    """
    from sklearn.base import clone
    from sklearn.feature_selection import SelectKBest, f_classif

    from bids_denoise.stats.classify.transformers import ConfoundRegressor, SiteHarmoniser

    x = _imputed(rows.features, train)
    confounds = _imputed(rows.confounds, train)
    if rows.harmonise:
        kept = confounds if rows.regress else confounds[:, :0]
        site = SiteHarmoniser().fit(x[train], sites=rows.sites[train], covariates=kept[train])
        x = site.transform(x, sites=rows.sites, covariates=kept)
    removed = confounds if rows.regress else confounds[:, :0]
    if rows.harmonise:
        # What shrinking leaves of the sites, a little in every feature, many features add up.
        removed = np.hstack([removed, np.eye(rows.sites.max() + 1)[rows.sites]])
    if removed.shape[1]:
        regressor = ConfoundRegressor().fit(x[train], confounds=removed[train])
        x = regressor.transform(x, confounds=removed)
    for transformer in plan.transformers:
        x = clone(transformer).fit(x[train], rows.labels[train]).transform(x)
    if plan.select is not None and plan.select < x.shape[1]:
        varying = np.ptp(x[train], axis=0) > 0
        best = SelectKBest(f_classif, k=min(plan.select, int(varying.sum())))
        x = best.fit(x[train][:, varying], rows.labels[train]).transform(x[:, varying])
    mean = x[train].mean(axis=0)
    x = x - mean
    if plan.scale:
        sigma = np.sqrt(np.einsum("ij,ij->j", x[train], x[train]) / train.sum())
        # What is constant in training is 0 there and says nothing about held-out rows.
        small = 1e-6 * np.maximum(np.abs(mean), np.finfo(x.dtype).tiny)
        x *= np.where(sigma > small, 1 / np.maximum(sigma, small), 0)
    result: Floats = x
    return result


def gram(x: Floats, train: Booleans) -> Floats:
    """Return the Gram matrix (n, n), scaled to a mean diagonal of 1 over training rows."""
    products = (x @ x.T).astype(np.float64)
    scale = np.diag(products)[train].mean()
    result: Floats = products / (scale if scale > 0 else 1.0)
    return result


def fit(
    inner: Floats, rows: Rows, train: Booleans, model: str, plan: Plan, calibrate: bool = True
) -> Fitted:
    """Return an SVM of the training rows whose C (and gamma) an inner loop chose by AUC.

    The inner loop reuses the Gram matrix of the outer training rows. So that decision values of
    folds can be pooled, 0 lies midway between the labels' means in training (the intercept of an
    SVM is arbitrary within bounds, wide ones for small C) and 1 is the standard deviation of the
    inner loop's held-out values. With ``calibrate`` Platt's sigmoid is fitted to these.
    """
    rng = np.random.default_rng([plan.seed, 9])
    at = np.flatnonzero(train)
    people = np.unique(rows.people[at], return_inverse=True)[1]
    fold = stratified_folds(rows.labels[at], people, rows.sites[at], plan.inner_folds, rng)
    parts = [(np.flatnonzero(learnt), np.flatnonzero(test)) for learnt, test in splits(fold)]
    best, best_auc, best_values = (plan.costs[0], 0.0), -1.0, np.zeros(len(at))
    for width in (0.0,) if model == LINEAR else plan.widths:
        kernel = inner if model == LINEAR else _rbf(inner, train, width)
        small = kernel[np.ix_(at, at)]
        for cost in plan.costs:
            values, quality = _held_out(small, rows.labels[at], parts, cost)
            if quality > best_auc:
                best, best_auc, best_values = (cost, width), quality, values
    kernel = inner if model == LINEAR else _rbf(inner, train, best[1])
    decision = _centred(kernel[:, at], at, rows.labels[at], best[0])
    spread = best_values.std() or 1.0
    decision, best_values = decision / spread, best_values / spread
    chance = _platt(best_values, rows.labels[at], decision) if calibrate else decision
    return Fitted(decision, chance, *best)


def quick_auc(labels: Booleans, values: Floats) -> float:
    """Return the AUC of few values, ties counted as half; all pairs are made."""
    difference = values[labels][:, None] - values[~labels]
    wins = np.count_nonzero(difference > 0) + 0.5 * np.count_nonzero(difference == 0)
    return float(wins) / difference.size


def _held_out(
    kernel: Floats,
    labels: Booleans,
    parts: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]],
    cost: float,
) -> tuple[Floats, float]:
    values = np.empty(len(labels))
    quality = 0.0
    for train, test in parts:
        values[test] = _centred(kernel[:, train], train, labels[train], cost)[test]
        quality += quick_auc(labels[test], values[test])
    return values, quality / len(parts)


def _centred(columns: Floats, train: NDArray[np.int64], labels: Booleans, cost: float) -> Floats:
    """Return decision values of all rows, 0 midway between the labels' means in training."""
    values = decisions(columns[train], labels, cost, columns)
    own = values[train]
    result: Floats = values - (own[labels].mean() + own[~labels].mean()) / 2
    return result


def decisions(kernel: Floats, labels: Booleans, cost: float, across: Floats) -> Floats:
    """Return decision values of an SVM with balanced classes, from kernels (m, m) and (n, m).

    Scikit-learn's own entry to LIBSVM: `SVC.fit` gives the same numbers (`reference_decisions`)
    and spends 97 % of a millisecond on checks, which 300,000 fits of a permutation test feel.
    """
    from sklearn.svm import _libsvm

    _libsvm.set_verbosity_wrap(0)
    support, _, _, duals, intercept, *_ = _libsvm.fit(
        np.ascontiguousarray(kernel, dtype=np.float64),
        labels.astype(np.float64),
        svm_type=0,
        kernel="precomputed",
        C=cost,
        sample_weight=np.where(labels, *_weights(labels)[::-1]),
    )
    values: Floats = -(across[:, support] @ duals[0] + intercept[0])
    return values


def reference_decisions(kernel: Floats, labels: Booleans, cost: float, across: Floats) -> Floats:
    """Return what `decisions` returns, by the public class."""
    from sklearn.svm import SVC

    weights = dict(enumerate(_weights(labels)))
    machine = SVC(C=cost, kernel="precomputed", class_weight=weights)
    values: Floats = machine.fit(kernel, labels.astype(int)).decision_function(across)
    return values


def _weights(labels: Booleans) -> tuple[float, float]:
    patients = np.count_nonzero(labels)
    return len(labels) / (2 * (len(labels) - patients)), len(labels) / (2 * patients)


def _rbf(inner: Floats, train: Booleans, width: float) -> Floats:
    norm = np.diag(inner)
    squared = np.maximum(norm[:, None] + norm - 2 * inner, 0)
    mean = squared[np.ix_(train, train)].mean()
    result: Floats = np.exp(-width * squared / (mean if mean > 0 else 1.0))
    return result


def _platt(values: Floats, labels: Booleans, decision: Floats) -> Floats:
    """Return probabilities by Platt's sigmoid, his targets smoothed against separable values."""
    from sklearn.linear_model import LogisticRegression

    positive, negative = labels.sum(), (~labels).sum()
    target = np.where(labels, (positive + 1) / (positive + 2), 1 / (negative + 2))
    twice = np.concatenate([values, values])[:, None]
    model = LogisticRegression(C=1e4).fit(
        twice,
        np.repeat([True, False], len(values)),
        sample_weight=np.concatenate([target, 1 - target]),
    )
    result: Floats = model.predict_proba(decision[:, None])[:, 1]
    return result


def _imputed(values: Floats, train: Booleans) -> Floats:
    from sklearn.impute import SimpleImputer

    if not np.isnan(values).any():
        return values
    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    result: Floats = imputer.fit(values[train]).transform(values).astype(values.dtype)
    return result


def pattern(x: Floats, train: Booleans, decision: Floats) -> Floats:
    """Return Haufe's pattern (q,) of a linear model: how features go with its decision value.

    doi:10.1016/j.neuroimage.2013.10.067, eq. 6: the covariance of the features with the decision
    value over its variance, in units of the prepared features.
    """
    values = decision[train] - decision[train].mean()
    total = float((values**2).sum()) or 1.0
    result: Floats = (values / total).astype(x.dtype) @ x[train]
    return result


def chosen(fits: Sequence[Fitted]) -> dict[str, int]:
    """Return how often each pair of C and gamma was chosen."""
    found: dict[str, int] = {}
    for each in fits:
        name = f"C={each.cost:g}" + (f", gamma={each.width:g}" if each.width else "")
        found[name] = found.get(name, 0) + 1
    return dict(sorted(found.items()))
