"""A number with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from bids_denoise.stats.design import Precise

DRAWS = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A value and its 95 % interval."""

    value: float
    low: float
    high: float


def weights(units: int, seed: int, draws: int = DRAWS) -> Precise:
    """Return how often each unit is drawn, (1 + draws, units): each once, then by chance.

    Each draw has as many units as there are.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(units, np.full(units, 1 / units), size=draws)
    return np.vstack([np.ones(units), drawn])


def estimate(values: Precise) -> Estimate:
    """Return the first value, that of all units, with the percentile interval of those drawn."""
    bounds = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    low, high = np.quantile(values[1:], bounds, method="inverted_cdf")  # infinite ones are kept
    return Estimate(float(values[0]), float(low), float(high))


def mean_over_people(values: Precise, seed: int = 0) -> Estimate:
    """Return the mean of one value a person, with a bootstrap over people (Efron 1979).

    >>> mean_over_people(np.array([1.0, 2.0, 3.0])).value
    2.0
    """
    return estimate(weights(len(values), seed) @ values / len(values))
