"""Numbers with their intervals. The unit is the participant, whatever the number of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bids_denoise.stats.bootstrap import Estimate

Floats = NDArray[Any]
Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Sample:
    """Who the scores belong to: labels (n,), participant numbers (n,), and how sure to be.

    ``retrained`` is the number of folds when the scores were made by cross-validation, 0 when one
    fixed model made them: see `variance`.
    """

    labels: Booleans
    people: Integers
    level: float = 0.95
    retrained: int = 0

    @property
    def quantile(self) -> float:
        """The normal quantile of the level."""
        from scipy.stats import norm

        return float(norm.ppf(0.5 + self.level / 2))


@dataclass(frozen=True)
class Difference:
    """Of two AUC on the same participants: DeLong's paired test."""

    estimate: Estimate
    p: float


def auc_parts(sample: Sample, scores: Floats) -> tuple[float, Floats]:
    """Return the AUC, and what each participant adds to its error (people,).

    Placement values of DeLong et al. (1988), doi:10.2307/2531595, as influence functions, summed
    over the rows of a participant (Obuchowski 1997). Scores (repeats, n): the mean over repeats.
    """
    from scipy.stats import rankdata

    y, people = sample.labels, sample.people
    positive, negative = int(y.sum()), int((~y).sum())
    total, parts = 0.0, np.zeros(people.max() + 1)
    for values in np.atleast_2d(scores):
        ranks = rankdata(values)
        placed = np.empty(len(y))
        placed[y] = (ranks[y] - rankdata(values[y])) / negative
        placed[~y] = 1 - (ranks[~y] - rankdata(values[~y])) / positive
        auc = placed[y].mean()
        total += auc
        shares = np.where(y, (placed - auc) / positive, (placed - auc) / negative)
        parts += np.bincount(people, shares, len(parts))
    repeats = len(np.atleast_2d(scores))
    return float(total / repeats), parts / repeats


def variance(sample: Sample, parts: Floats) -> float:
    """Return the variance of a number from what each participant adds to it.

    Under cross-validation also the training sets would be others in another sample; the held-out
    participants alone understate that (Varoquaux 2018, doi:10.1016/j.neuroimage.2017.06.061). With
    K folds the variance is that of Nadeau and Bengio (doi:10.1023/A:1024068626366) for the mean of
    folds, 1 / K + 1 / (K - 1) in place of 1 / K: docs/benchmarks/classifiers.md compares the two.
    """
    positive = np.zeros(len(parts), dtype=bool)
    positive[sample.people[sample.labels]] = True
    total = 0.0
    for group in (positive, ~positive):
        number = int(group.sum())
        total += float((parts[group] ** 2).sum()) * number / max(number - 1, 1)
    folds = sample.retrained
    return total * (1 + folds / (folds - 1) if folds > 1 else 1.0)


def auc_estimate(sample: Sample, scores: Floats) -> Estimate:
    """Return the AUC of scores (repeats, n) or (n,) with an interval on the logit scale.

    Where DeLong's variance ends, at an AUC of 0 or 1, Newcombe's interval (method 5, 2006,
    doi:10.1002/sim.2324) takes over; it is also the least width at any AUC.
    """
    auc, parts = auc_parts(sample, scores)
    low, high = _newcombe(sample, auc)
    spread = variance(sample, parts)
    if 0 < auc < 1 and spread > 0:
        half = sample.quantile * np.sqrt(spread) / (auc * (1 - auc))
        centre = np.log(auc / (1 - auc))
        ends = 1 / (1 + np.exp(-np.clip([centre - half, centre + half], -500, 500)))
        low, high = min(low, float(ends[0])), max(high, float(ends[1]))
    return Estimate(auc, low, high)


def auc_difference(sample: Sample, first: Floats, second: Floats) -> Difference:
    """Return the second AUC minus the first, both on the same participants and folds."""
    from scipy.stats import norm

    one, parts_one = auc_parts(sample, first)
    two, parts_two = auc_parts(sample, second)
    sigma = float(np.sqrt(variance(sample, parts_two - parts_one)))
    gain, half = two - one, sample.quantile * sigma
    same = float(gain == 0)
    p = float(2 * norm.sf(abs(gain) / sigma)) if sigma > 0 else same
    return Difference(Estimate(gain, max(-1.0, gain - half), min(1.0, gain + half)), p)


def rate(sample: Sample, hits: Floats) -> Estimate:
    """Return a share of participants with Wilson's interval; `hits` (people,) in [0, 1]."""
    number, z = len(hits), sample.quantile
    share = float(hits.mean())
    centre = (share + z**2 / (2 * number)) / (1 + z**2 / number)
    half = np.sqrt(share * (1 - share) / number + z**2 / (4 * number**2)) / (1 + z**2 / number)
    half = half * z
    return Estimate(share, float(max(0.0, centre - half)), float(min(1.0, centre + half)))


def rates(sample: Sample, called: Floats) -> dict[str, Estimate]:
    """Return sensitivity, specificity and balanced accuracy of calls (repeats, n) or (n,).

    The interval of the mean of two rates is Newcombe's (1998, MOVER) from both Wilson intervals.
    """
    right = (np.atleast_2d(called) == sample.labels).mean(axis=0)
    share = _per_person(sample, right)
    truth = _per_person(sample, sample.labels.astype(float)) > 0.5
    sens, spec = rate(sample, share[truth]), rate(sample, share[~truth])
    value = (sens.value + spec.value) / 2
    below = np.hypot(sens.value - sens.low, spec.value - spec.low) / 2
    above = np.hypot(sens.high - sens.value, spec.high - spec.value) / 2
    balanced = Estimate(value, float(max(0.0, value - below)), float(min(1.0, value + above)))
    return {"balanced_accuracy": balanced, "sensitivity": sens, "specificity": spec}


def brier(sample: Sample, chance: Floats) -> Estimate:
    """Return the mean squared error of probabilities (repeats, n) or (n,), with a t interval."""
    from scipy.stats import t

    error = ((np.atleast_2d(chance) - sample.labels) ** 2).mean(axis=0)
    share = _per_person(sample, error)
    half = t.ppf(0.5 + sample.level / 2, len(share) - 1) * share.std(ddof=1) / np.sqrt(len(share))
    value = float(share.mean())
    return Estimate(value, float(max(0.0, value - half)), float(min(1.0, value + half)))


def corrected_t(differences: Floats, folds: int) -> float:
    """Return the p-value of fold-wise differences (repeats x folds,): Nadeau and Bengio's t.

    doi:10.1023/A:1024068626366: the variance is (1 / J + held-out / training) times that of the
    J differences, because their training sets overlap.
    """
    from scipy.stats import t

    number = len(differences)
    spread = float(differences.var(ddof=1)) * (1 / number + 1 / (folds - 1))
    if spread == 0:
        return float(differences.mean() == 0)
    return float(2 * t.sf(abs(differences.mean()) / np.sqrt(spread), number - 1))


def _per_person(sample: Sample, values: Floats) -> Floats:
    result: Floats = np.bincount(sample.people, values) / np.bincount(sample.people)
    return result


def _newcombe(sample: Sample, auc: float) -> tuple[float, float]:
    from scipy.optimize import brentq

    truth = _per_person(sample, sample.labels.astype(float)) > 0.5
    m, n = int(truth.sum()), int((~truth).sum())
    half = (m + n) / 2 - 1

    def beyond(theta: float) -> float:
        extra = half * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        return (auc - theta) ** 2 - sample.quantile**2 * theta * (1 - theta) * (1 + extra) / (m * n)

    tiny = 1e-9
    low = brentq(beyond, tiny, min(auc, 1 - tiny)) if beyond(tiny) > 0 else 0.0
    high = brentq(beyond, max(auc, tiny), 1 - tiny) if beyond(1 - tiny) > 0 else 1.0
    return float(low), float(high)
