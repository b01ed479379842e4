"""Curves with their bands: ROC, calibration, decision curve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bids_denoise.stats.bootstrap import Estimate
from bids_denoise.stats.classify.estimates import Sample, brier

Floats = NDArray[Any]

RESAMPLES = 1000
GRID = np.linspace(0, 1, 51)
BINS = 5
EDGE = 1e-6


@dataclass(frozen=True)
class Curve:
    """Values (m,) over x (m,), with the ends of their pointwise intervals; NaN where not told."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """Whether a probability is what it says: slope 1 and intercept 0 when it is.

    Attributes
    ----------
    slope
        Of the outcome's logit over that of the prediction; below 1: predictions too extreme.
    intercept
        Calibration in the large, the slope held at 1; above 0: predictions too low.
    brier
        Mean squared error of the probabilities.
    curve
        Observed share over mean prediction in `BINS` groups of equal size.
    """

    slope: Estimate
    intercept: Estimate
    brier: Estimate
    curve: Curve


def roc(sample: Sample, scores: Floats, seed: int) -> Curve:
    """Return sensitivity over 1 - specificity: mean over repeats, bands by bootstrap of people."""
    rows = np.atleast_2d(scores)
    orders = np.argsort(-rows, axis=1, kind="stable")
    # Tied scores move together: only the last of them ends a step.
    last = [np.append(np.diff(r[o]) != 0, True) for r, o in zip(rows, orders, strict=True)]

    def curve(weights: Floats) -> Floats:
        total = np.zeros(len(GRID))
        for order, end in zip(orders, last, strict=True):
            positive = weights[order] * sample.labels[order]
            hits = np.append(0, np.cumsum(positive)[end])
            alarms = np.append(0, np.cumsum(weights[order] - positive)[end])
            total += np.interp(GRID, alarms / alarms[-1], hits / hits[-1])
        return total / len(rows)

    return _with_bands(GRID, curve, sample, seed, apart=True)


def calibration(sample: Sample, chance: Floats, seed: int) -> Calibration:
    """Return how far probabilities (repeats, n) or (n,) can be believed, all repeats together.

    Slope and intercept by logistic recalibration (Cox 1958) with sandwich intervals clustered by
    participant; the slope is infinite where predictions separate the labels, NaN where they are
    all the same.
    """
    error = brier(sample, chance)
    sample, mean = _stacked(sample, chance)
    mean = np.clip(mean, EDGE, 1 - EDGE)
    logit = np.log(mean / (1 - mean))
    slope = _slope(sample, logit)
    intercept = _logistic(sample, np.ones((len(logit), 1)), logit)
    groups = np.array_split(np.argsort(mean, kind="stable"), BINS)
    x = np.array([mean[group].mean() for group in groups])

    def shares(weights: Floats) -> Floats:
        seen = [
            np.average(sample.labels[g], weights=weights[g]) if weights[g].any() else np.nan
            for g in groups
        ]
        return np.array(seen)

    curve = _with_bands(x, shares, sample, seed)
    return Calibration(slope, intercept, error, curve)


def decision_curve(sample: Sample, chance: Floats, seed: int) -> Curve:
    """Return the net benefit over the threshold probability (Vickers and Elkin 2006).

    doi:10.1177/0272989X06295361: true positives minus false positives times the odds of the
    threshold, a participant; to treat nobody has 0 and to treat all is `treat_all`.
    """
    thresholds = np.linspace(0.01, 0.99, 50)
    sample, mean = _stacked(sample, chance)
    called = (mean >= thresholds[:, None]).astype(float)
    odds = (thresholds / (1 - thresholds))[:, None]
    gains = np.where(sample.labels, called, -odds * called)

    def benefit(weights: Floats) -> Floats:
        result: Floats = gains @ weights / weights.sum()
        return result

    return _with_bands(thresholds, benefit, sample, seed)


def treat_all(sample: Sample) -> Curve:
    """Return the net benefit of treating everyone."""
    return decision_curve(sample, np.ones(len(sample.labels)), 0)


def _with_bands(
    x: Floats, curve: Callable[[Floats], Floats], sample: Sample, seed: int, apart: bool = False
) -> Curve:
    """Add bands: participants drawn again `RESAMPLES` times, patients and controls `apart`."""
    rng = np.random.default_rng([seed, 7])
    groups = [np.unique(sample.people)]
    if apart:
        groups = [np.unique(sample.people[sample.labels == label]) for label in (False, True)]
    drawn = np.empty((RESAMPLES, len(x)))
    for index in range(RESAMPLES):
        counts = np.zeros(sample.people.max() + 1)
        for group in groups:
            np.add.at(counts, rng.choice(group, len(group)), 1)
        drawn[index] = curve(counts[sample.people])
    low, high = _quantiles(drawn, sample.level)
    return Curve(x, curve(np.ones(len(sample.labels))), low, high)


def _quantiles(drawn: Floats, level: float) -> tuple[Floats, Floats]:
    """Return the ends of intervals over the draws that are there."""
    low, high = np.full(drawn.shape[1], np.nan), np.full(drawn.shape[1], np.nan)
    for column, values in enumerate(drawn.T):
        known = values[np.isfinite(values)]
        if len(known):
            low[column], high[column] = np.quantile(known, [0.5 - level / 2, 0.5 + level / 2])
    return low, high


def _stacked(sample: Sample, chance: Floats) -> tuple[Sample, Floats]:
    """Return repeats as further rows of the same participants."""
    repeats = len(np.atleast_2d(chance))
    labels, people = np.tile(sample.labels, repeats), np.tile(sample.people, repeats)
    return replace(sample, labels=labels, people=people), chance.reshape(-1)


def _slope(sample: Sample, logit: Floats) -> Estimate:
    if np.ptp(logit) == 0:
        return Estimate(np.nan, -np.inf, np.inf)
    if logit[sample.labels].min() >= logit[~sample.labels].max():
        return Estimate(np.inf, -np.inf, np.inf)
    design = np.column_stack([logit, np.ones(len(logit))])
    return _logistic(sample, design, np.zeros(len(logit)))


def _logistic(sample: Sample, design: Floats, offset: Floats) -> Estimate:
    """Return the first coefficient of a logistic regression, by Newton's method."""
    y = sample.labels.astype(float)
    beta = np.zeros(design.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(design @ beta + offset, -30, 30)))
        bread = design.T @ (design * (chance * (1 - chance))[:, None])
        step = np.linalg.solve(bread, design.T @ (y - chance))
        beta = beta + step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-9:
            break
    scores = np.zeros((sample.people.max() + 1, design.shape[1]))
    np.add.at(scores, sample.people, design * (y - chance)[:, None])
    inverse = np.linalg.inv(bread)
    number = len(scores)
    cov = inverse @ (scores.T @ scores) @ inverse * number / max(number - 1, 1)
    half = sample.quantile * float(np.sqrt(cov[0, 0]))
    return Estimate(float(beta[0]), float(beta[0]) - half, float(beta[0]) + half)
