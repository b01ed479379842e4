"""Signs that a column, a row or a transformer gives the answer away: arrays in, facts out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[Any]
Booleans = NDArray[np.bool_]

UNLIKELY = 1e-6
"""Chance below which an agreement with the label, over all features, is no accident."""
ACCIDENT = 0.01
"""The same for a feature of few values, which a small sample may hold the label in."""
SURPRISING = 1e-3
"""p-value below which an order or a pattern is told of."""
NEAR_PERFECT = 0.98
TWIN = 1 - 1e-5
"""Correlation of two rows, feature means taken out, of one image processed twice."""
FEWEST_FOR_TWINS = 20
BLOCK = 1 << 14


def aucs(x: Floats, labels: Booleans) -> Floats:
    """Return the AUC of each feature (n, p) alone, missing values left out."""
    from scipy.stats import rankdata

    result = np.full(x.shape[1], 0.5)
    for start in range(0, x.shape[1], BLOCK):
        part = x[:, start : start + BLOCK].astype(np.float64)
        known = np.isfinite(part)
        ranks = np.where(known, rankdata(np.where(known, part, np.inf), axis=0), 0)
        positive = (known & labels[:, None]).sum(axis=0)
        negative = known.sum(axis=0) - positive
        wins = (ranks * labels[:, None]).sum(axis=0) - positive * (positive + 1) / 2
        pairs = np.maximum(positive * negative, 1)
        block = np.where(positive * negative > 0, wins / pairs, 0.5)
        result[start : start + BLOCK] = block
    return result


def recodes(x: Floats, labels: Booleans) -> Booleans:
    """Return which features have few values, each of them belonging to one label only.

    Missing values belong to none: see `missing_by_label`.
    That the n - k rows which share a value also share a label has a chance of about the larger
    group's share to the power of n - k: refused below `ACCIDENT` over all features.
    """
    share = max(labels.mean(), 1 - labels.mean())
    result = np.zeros(x.shape[1], dtype=bool)
    for start in range(0, x.shape[1], BLOCK):
        part = x[:, start : start + BLOCK].astype(np.float64)
        part = np.where(np.isnan(part), np.inf, part)
        order = np.argsort(part, axis=0, kind="stable")
        values, ordered = np.take_along_axis(part, order, axis=0), labels[order]
        same = (values[1:] == values[:-1]) & np.isfinite(values[1:])
        mixed = (same & (ordered[1:] != ordered[:-1])).any(axis=0)
        shared = same.sum(axis=0)
        kinds = np.isfinite(values).sum(axis=0) - shared
        chance = share ** shared.astype(float) * x.shape[1]
        result[start : start + BLOCK] = ~mixed & (kinds > 1) & (chance < ACCIDENT)
    return result


def chance_of_perfect(labels: Booleans) -> float:
    """Return how likely one feature of no meaning tells the labels apart."""
    from scipy.special import comb

    return 2 / float(comb(len(labels), labels.sum()))


def constant(x: Floats) -> Booleans:
    """Return which features have one value, missing ones left out."""
    result: Booleans = np.fmax.reduce(x, axis=0) == np.fmin.reduce(x, axis=0)
    return result


def standardised(x: Floats) -> bool:
    """Return whether every feature has mean 0 and variance 1 over all rows."""
    known = x[:, ~constant(x)]
    if x.shape[1] < 2 or np.isnan(known).any():
        return False
    mean, sigma = known.mean(axis=0, dtype=float), known.std(axis=0, ddof=0, dtype=float)
    one = np.sqrt(len(x) / (len(x) - 1))
    # Divided by the standard deviation of n, or of n - 1.
    spread = min(np.abs(sigma - 1).max(), np.abs(sigma * one - 1).max())
    return bool(max(np.abs(mean).max(), spread) < 1e-4)


def same_order(x: Floats, index: Floats) -> Booleans:
    """Return which features rise, or fall, with every row by the same step."""
    steps = np.diff(x, axis=0)
    even = np.abs(steps - steps[:1]).max(axis=0) <= 1e-4 * np.abs(steps[0])
    result: Booleans = even & (steps[0] != 0) & (len(index) > 2)
    return result


def rank_p(values: Floats, labels: Booleans) -> float:
    """Return the p-value of Mann and Whitney's test between the labels."""
    from scipy.stats import mannwhitneyu

    return float(mannwhitneyu(values[labels], values[~labels]).pvalue)


def missing_by_label(x: Floats, labels: Booleans) -> Iterator[tuple[int, float]]:
    """Yield (column, p) of features that are missing more in one label, Bonferroni corrected."""
    from scipy.stats import fisher_exact

    missing = np.isnan(x)
    columns = np.flatnonzero(missing.any(axis=0))
    if not len(columns):
        return
    patterns, first = np.unique(missing[:, columns], axis=1, return_index=True)
    for pattern, column in zip(patterns.T, columns[first], strict=True):
        counts = [[np.sum(pattern & g), np.sum(~pattern & g)] for g in (labels, ~labels)]
        p = float(fisher_exact(counts)[1]) * patterns.shape[1]
        if p < SURPRISING:
            yield int(column), p


def twin_rows(x: Floats, people: NDArray[np.int64]) -> tuple[int, int] | None:
    """Return two rows of different people that are equal, or one image made twice."""
    rows = equal_rows(x, x, people)
    if rows is not None:
        return rows
    if x.shape[1] < FEWEST_FOR_TWINS or np.isnan(x).any() or len(x) < 4:
        return None
    centred = x - x.mean(axis=0)
    # One feature in large units would be all there is.
    centred /= np.maximum(centred.std(axis=0), np.finfo(x.dtype).tiny)
    norm = np.sqrt(np.einsum("ij,ij->i", centred, centred))
    alike = np.triu((centred @ centred.T) / np.maximum(np.outer(norm, norm), 1e-30), 1) > TWIN
    found = np.argwhere(alike & (people[:, None] != people))
    return (int(found[0, 0]), int(found[0, 1])) if len(found) else None


def equal_rows(
    x: Floats, other: Floats, people: NDArray[np.int64] | None = None
) -> tuple[int, int] | None:
    """Return a row of each that are equal; of different people when both are one table.

    Rows of few whole numbers may well be equal, and are not compared.
    """
    seen: dict[bytes, int] = {}
    for row, values in enumerate(x):
        seen.setdefault(np.ascontiguousarray(values).tobytes(), row)
    for row, values in enumerate(other):
        first = seen.get(np.ascontiguousarray(values).tobytes())
        if first is None or not _telling(values):
            continue
        if people is None or people[first] != people[row]:
            return first, row
    return None


def is_fitted(transformer: Any) -> bool:
    """Return whether a transformer, or a step of it, has learnt something already.

    By scikit-learn's rule: what is learnt has a name that ends in an underscore.
    """
    own = [n for n in vars(transformer) if n.endswith("_") and not n.startswith("_")]
    steps = [each[1] for each in getattr(transformer, "steps", ())]
    steps += [each[1] for each in getattr(transformer, "transformers", ())]
    return bool(own) or any(is_fitted(step) for step in steps if hasattr(step, "fit"))


def _telling(values: Floats) -> bool:
    """Return whether a row has more than a few whole numbers."""
    known = values[np.isfinite(values)]
    kinds = len(np.unique(known))
    return kinds > 5 or (kinds > 2 and bool((known != np.round(known)).any()))
