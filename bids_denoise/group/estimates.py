"""Numbers with their intervals, as text and as columns of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bids_denoise.stats.bootstrap import Estimate
    from bids_denoise.stats.classify.prediction import Prediction
    from bids_denoise.stats.classify.run import Answer


def interval(value: Estimate, digits: int = 2, signed: bool = False) -> str:
    """Return an estimate with its interval as text; what rounds to zero has no minus.

    >>> from bids_denoise.stats.bootstrap import Estimate
    >>> interval(Estimate(0.5, 0.25, 0.75), signed=True)
    '+0.50 [+0.25, +0.75]'
    >>> interval(Estimate(-0.001, -0.25, 0.25))
    '0.00 [-0.25, 0.25]'
    """
    kind = f"{'+' if signed else ''}z.{digits}f"
    return f"{value.value:{kind}} [{value.low:{kind}}, {value.high:{kind}}]"


def ends(name: str, value: Estimate) -> dict[str, float]:
    """Return an estimate and the ends of its interval as columns of a table."""
    return {name: value.value, f"{name}_low": value.low, f"{name}_high": value.high}


def judged(model: Answer | Prediction) -> dict[str, float]:
    """Return how well a model tells, and how well its probabilities fit, as columns."""
    calibration = model.calibration
    fit = {name: getattr(calibration, name) for name in ("slope", "intercept", "brier")}
    found: dict[str, float] = {}
    for name, value in {"auc": model.auc, **model.rates, **fit}.items():
        found |= ends(name, value)
    return found
