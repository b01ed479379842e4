"""Who is held out, and how labels are shuffled: whole participants, always."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]


def stratified_folds(
    labels: Booleans, people: Integers, sites: Integers, folds: int, rng: np.random.Generator
) -> Integers:
    """Return the fold of each row, (n,): labels and sites as even over folds as can be.

    The participants of each label and site are shuffled and dealt out like cards; the deal goes
    on from one site to the next, so that a label differs by at most one participant between folds.
    """
    first = first_rows(people)
    order = np.lexsort((rng.random(len(first)), sites[first], labels[first]))
    fold = np.empty(len(first), dtype=np.int64)
    for label in (False, True):
        members = order[labels[first][order] == label]
        fold[members] = (np.arange(len(members)) + rng.integers(folds)) % folds
    return fold[people]


def splits(fold: Integers) -> Iterator[tuple[Booleans, Booleans]]:
    """Yield (training, held-out) rows of each fold."""
    for number in np.unique(fold):
        held_out = fold == number
        yield ~held_out, held_out


def shuffled(
    labels: Booleans, people: Integers, sites: Integers, rng: np.random.Generator
) -> Booleans:
    """Return labels exchanged between whole participants of the same site."""
    first = first_rows(people)
    mixed = labels[first].copy()
    for site in np.unique(sites[first]):
        members = np.flatnonzero(sites[first] == site)
        mixed[members] = mixed[rng.permutation(members)]
    result: Booleans = mixed[people]
    return result


def fewer(
    train: Booleans,
    labels: Booleans,
    people: Integers,
    share: tuple[float, int],
    rng: np.random.Generator,
) -> Booleans:
    """Return a training set of a share of its participants, a fraction and at least so many."""
    fraction, least = share
    first = first_rows(people)
    kept = np.zeros(len(first), dtype=bool)
    for label in (False, True):
        members = np.flatnonzero(train[first] & (labels[first] == label))
        number = min(len(members), max(least, round(fraction * len(members))))
        kept[rng.permutation(members)[:number]] = True
    result: Booleans = kept[people]
    return result


def labelings(labels: Booleans, people: Integers, strata: Integers) -> float:
    """Return how many ways there are to shuffle labels within strata, as a power of two."""
    from scipy.special import gammaln

    first = first_rows(people)
    bits = 0.0
    for stratum in np.unique(strata[first]):
        members = labels[first][strata[first] == stratum]
        n, k = len(members), int(members.sum())
        bits += (gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)) / np.log(2)
    return float(bits)


def first_rows(people: Integers) -> Integers:
    """Return the first row of each participant, participants being 0 to their number - 1."""
    return np.unique(people, return_index=True)[1]
