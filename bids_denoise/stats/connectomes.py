"""How well the connectomes of a group come out again, by method of denoising."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.connectome.edges import fisher_z
from bids_denoise.errors import UsageError
from bids_denoise.stats.bootstrap import Estimate, estimate, weights

if TYPE_CHECKING:
    from bids_denoise.stats.design import Precise

GOOD, EXCELLENT = 0.6, 0.75
"""ICC from which an edge is good, excellent (Cicchetti 1994, doi:10.1037/1040-3590.6.4.284)."""

DRAWS = 500
TINY = 1e-30

MEASURES = (
    "icc",
    "good",
    "excellent",
    "discriminability",
    "fingerprint",
    "jaccard",
    "correlation",
)


@dataclass(frozen=True)
class Condition:
    """How well repeats agree in one condition, and the change from the first, by measure.

    `measures` and `changes` hold an interval for each of `MEASURES`; `changes` is empty for the
    first condition. See `compare_conditions`.
    """

    measures: Mapping[str, Estimate]
    changes: Mapping[str, Estimate]


def compare_conditions(
    conditions: Mapping[str, Precise], density: float = 0.1, seed: int = 0
) -> dict[str, Condition]:
    """Return how well the connectomes of people agree over repeats, in each condition.

    - ``icc``: mean over edges of ICC(2,1) after Fisher's z; ``good`` and ``excellent``: share of
      edges above 0.6 and 0.75 (as in Tozzi 2020).
    - ``discriminability``: how often a repeat of the same person is nearer than a scan of someone
      else (Bridgeford 2021, doi:10.1371/journal.pcbi.1009279), Euclidean over z; a tie is half.
    - ``fingerprint``: share of scans whose most correlated scan, of those of another repeat, is
      the same person's (Finn 2015, doi:10.1038/nn.4135).
    - ``jaccard``: of the graphs of the strongest edges of two repeats; thresholds cost
      reliability, hence ``correlation``, of all edges after Fisher's z.

    Parameters
    ----------
    conditions
        (people, repeats, parcels, parcels) correlations by name, of the same people in each: as
        measured, denoised, smoothed as much. The first is what the others are compared with.
    density
        Share of edges, the strongest by size, that a thresholded graph has.
    seed
        Of the bootstrap over people: the same draws for all conditions, so that changes are
        paired. Whom a scan is told from stays the whole group in each draw.

    Raises
    ------
    UsageError
        Conditions of different shapes, fewer than two people or repeats, values that are not
        finite, or a density that is not between 0 and 1.
    """
    _check(conditions, density)
    people = next(iter(conditions.values())).shape[0]
    draws = weights(people, seed, DRAWS)
    drawn = {name: _measured(each, density, draws) for name, each in conditions.items()}
    first = next(iter(drawn.values()))
    return {
        name: Condition(
            {key: estimate(values) for key, values in each.items()},
            {} if each is first else {key: estimate(each[key] - first[key]) for key in MEASURES},
        )
        for name, each in drawn.items()
    }


def edge_icc(edges: Precise, draw: Precise | None = None) -> Precise:
    """Return ICC(2,1) of each edge, as `reliability.icc`; 0 for an edge that never changes.

    Parameters
    ----------
    edges
        (people, repeats, edges).
    draw
        (people,) how often each person counts; once by default.
    """
    people, repeats = edges.shape[:2]
    times = np.ones(people) if draw is None else draw
    means = edges.mean(axis=1)
    square = (times @ edges.reshape(people, -1) ** 2).reshape(repeats, -1).sum(axis=0)
    by_repeat = (times @ edges.reshape(people, -1)).reshape(repeats, -1) / people
    grand = by_repeat.mean(axis=0)
    between = repeats * (times @ means**2 - people * grand**2)
    shift = people * np.square(by_repeat - grand).sum(axis=0)
    total = square - people * repeats * grand**2
    rows, columns = between / (people - 1), shift / (repeats - 1)
    error = (total - between - shift) / ((people - 1) * (repeats - 1))
    below = rows + (repeats - 1) * error + repeats * (columns - error) / people
    return np.where(below > TINY, (rows - error) / np.maximum(below, TINY), 0.0)


def discriminability(edges: Precise) -> Precise:
    """Return of each person (people, repeats, edges) how often own repeats are the nearer ones."""
    people, repeats = edges.shape[:2]
    scans = edges.reshape(people * repeats, -1)
    square = np.square(scans).sum(axis=1)
    apart = np.maximum(square[:, np.newaxis] + square - 2 * scans @ scans.T, 0)
    found = np.zeros(people)
    for person in range(people):
        own = slice(person * repeats, (person + 1) * repeats)
        strange = np.delete(apart[own], range(own.start, own.stop), axis=1)
        same = apart[own, own][~np.eye(repeats, dtype=bool)].reshape(repeats, -1)
        nearer = same[:, :, np.newaxis] - strange[:, np.newaxis]
        found[person] = np.mean((nearer < 0) + 0.5 * (nearer == 0))
    return found


def fingerprint(edges: Precise) -> Precise:
    """Return of each person (people, repeats, edges) how often own scans are known again."""
    apart = edges - edges.mean(axis=2, keepdims=True)
    unit = apart / np.maximum(np.linalg.norm(apart, axis=2, keepdims=True), TINY)
    found = [
        (unit[:, one] @ unit[:, other].T).argmax(axis=1) == np.arange(len(edges))
        for one in range(edges.shape[1])
        for other in range(edges.shape[1])
        if one != other
    ]
    return np.asarray(np.mean(found, axis=0))


def _measured(matrices: Precise, density: float, draws: Precise) -> dict[str, Precise]:
    """Return each measure in each draw of people."""
    edges = fisher_z(matrices[..., *np.triu_indices(matrices.shape[-1], 1)].astype(np.float64))
    single = {
        "discriminability": discriminability(edges),
        "fingerprint": fingerprint(edges),
        "jaccard": np.array([_jaccard(each, density) for each in edges]),
        "correlation": np.array([_correlation(each) for each in edges]),
    }
    reliable = [edge_icc(edges, draw) for draw in draws]
    return {
        "icc": np.array([each.mean() for each in reliable]),
        "good": np.array([np.mean(each > GOOD) for each in reliable]),
        "excellent": np.array([np.mean(each > EXCELLENT) for each in reliable]),
        **{name: draws @ each / len(each) for name, each in single.items()},
    }


def _jaccard(edges: Precise, density: float) -> float:
    """Return the mean over pairs of repeats (repeats, edges) of what strong edges they share."""
    strong = max(1, round(density * edges.shape[1]))
    graphs = [set(np.argsort(-np.abs(each), kind="stable")[:strong]) for each in edges]
    return float(np.mean([len(a & b) / len(a | b) for a, b in combinations(graphs, 2)]))


def _correlation(edges: Precise) -> float:
    return float(np.mean(np.asarray(np.corrcoef(edges))[np.triu_indices(len(edges), 1)]))


def _check(conditions: Mapping[str, Precise], density: float) -> None:
    if not 0 < density < 1:
        raise UsageError(f"density {density!r}: a share of edges between 0 and 1 is allowed")
    first = next(iter(conditions.values())).shape
    for name, each in conditions.items():
        if each.shape != first:
            raise UsageError(
                f"condition {name!r}: shape {each.shape}, that of the first is {first}"
            )
        if each.ndim != 4 or min(each.shape[:2]) < 2 or each.shape[2] != each.shape[3]:
            raise UsageError(
                f"condition {name!r}: shape {each.shape}, allowed is (people, repeats, parcels, "
                "parcels) with two people and two repeats at least"
            )
        if not np.isfinite(each).all():
            raise UsageError(f"condition {name!r}: some correlations are not finite")
