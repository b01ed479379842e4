"""How well one number a person, a volume say, comes out again in a second measurement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from bids_denoise.errors import UsageError
from bids_denoise.stats.bootstrap import LEVEL, Estimate

if TYPE_CHECKING:
    from bids_denoise.stats.design import Precise

FEWEST = 2
NORMAL = 1.959964
"""Standard errors to each side of a 95 % interval."""


@dataclass(frozen=True)
class Agreement:
    """All in units of the number, except for the coefficient of variation.

    Attributes
    ----------
    icc_agreement, icc_consistency
        ICC(2,1) and ICC(3,1): see `icc`.
    variation
        Coefficient of variation in %: standard deviation within people over the mean.
    repeatability
        Two repeats of a person differ by less in 95 % of cases: 1.96 sqrt(2) times the standard
        deviation within people.
    """

    icc_agreement: Estimate
    icc_consistency: Estimate
    variation: Estimate
    repeatability: Estimate


@dataclass(frozen=True)
class Limits:
    """Bland-Altman: mean difference of two measurements, and where 95 % of differences lie."""

    bias: Estimate
    lower: Estimate
    upper: Estimate


def agreement(values: Precise) -> Agreement:
    """Return how far repeats agree, with 95 % intervals.

    That of the standard deviation within people is from the chi-squared law.

    Parameters
    ----------
    values
        (people, repeats), finite, at least two of each.
    """
    from scipy.stats import chi2

    _check(values)
    people, repeats = values.shape
    freedom = people * (repeats - 1)
    within = np.sqrt(values.var(axis=1, ddof=1).mean())
    low, high = np.sqrt(freedom / chi2.ppf([(1 + LEVEL) / 2, (1 - LEVEL) / 2], freedom))
    variation, repeatability = (
        Estimate(float(each), float(low * each), float(high * each))
        for each in (100 * within / abs(values.mean()), NORMAL * np.sqrt(2) * within)
    )
    return Agreement(icc(values, "2,1"), icc(values, "3,1"), variation, repeatability)


def icc(values: Precise, kind: Literal["2,1", "3,1"]) -> Estimate:
    """Return the intraclass correlation of single measurements, with its interval from F.

    Of a two-way analysis of variance (Shrout & Fleiss 1979, doi:10.1037/0033-2909.86.2.420;
    intervals: McGraw & Wong 1996, doi:10.1037/1082-989X.1.1.30).

    Parameters
    ----------
    values
        (people, repeats).
    kind
        ``2,1``: a shift of all from one repeat to the next counts as disagreement; ``3,1``: it
        does not.
    """
    from scipy.stats import f

    _check(values)
    people, repeats = values.shape
    rows, columns, error = mean_squares(values)
    tail = (1 + LEVEL) / 2
    if kind == "3,1":
        freedom = (people - 1, (people - 1) * (repeats - 1))
        ratio = rows / error
        found = (ratio, ratio / f.ppf(tail, *freedom), ratio * f.ppf(tail, *freedom[::-1]))
        return Estimate(*(float((each - 1) / (each + repeats - 1)) for each in found))
    shift = repeats * columns + (repeats * people - repeats - people) * error
    value = people * (rows - error) / (people * rows + shift)
    odds = repeats * value / (people * (1 - value))
    parts = odds * columns, (1 + odds * (people - 1)) * error
    freedom_of = (parts[0] ** 2 / (repeats - 1), parts[1] ** 2 / ((people - 1) * (repeats - 1)))
    freedom_all = sum(parts) ** 2 / sum(freedom_of)
    below, above = f.ppf(tail, people - 1, freedom_all), f.ppf(tail, freedom_all, people - 1)
    low = people * (rows - below * error) / (below * shift + people * rows)
    high = people * (above * rows - error) / (shift + people * above * rows)
    return Estimate(float(value), float(low), float(high))


def mean_squares(values: Precise) -> tuple[float, float, float]:
    """Return the mean squares between people, between repeats and of what is left."""
    people, repeats = values.shape
    left = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean()
    return (
        float(repeats * values.mean(axis=1).var(ddof=1)),
        float(people * values.mean(axis=0).var(ddof=1)),
        float(np.square(left).sum() / ((people - 1) * (repeats - 1))),
    )


def bland_altman(one: Precise, other: Precise) -> Limits:
    """Return the limits of agreement of two measurements (people,), `other` minus `one`.

    Bland & Altman 1986 (doi:10.1016/S0140-6736(86)90837-8); intervals are those of their normal
    approximation with Student's t.
    """
    from scipy.stats import t

    _check(np.column_stack([one, other]))
    apart = other - one
    people, spread = len(apart), float(apart.std(ddof=1))
    wide = float(t.ppf((1 + LEVEL) / 2, people - 1)) * spread
    around = wide * np.sqrt(1 / people + NORMAL**2 / (2 * (people - 1)))

    def limit(shift: float, half: float) -> Estimate:
        value = float(apart.mean()) + shift
        return Estimate(value, value - half, value + half)

    return Limits(
        limit(0, wide / np.sqrt(people)),
        limit(-NORMAL * spread, around),
        limit(NORMAL * spread, around),
    )


def _check(values: Precise) -> None:
    if values.ndim != 2 or min(values.shape) < FEWEST:
        raise UsageError(f"values {values.shape}: two people with two repeats each are the least")
    if not np.isfinite(values).all():
        raise UsageError("values: some repeats of some people are missing; leave these people out")
