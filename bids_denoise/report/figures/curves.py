"""Drawings of a group's evidence: curves with their bands, distributions, pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.report.figures.style import (
    AFTER,
    BEFORE,
    FAINT,
    GRID,
    MODEL,
    SHELLS,
    chart,
    legend,
    name_axes,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    from matplotlib.figure import Figure

    Numbers = npt.NDArray[np.float64]

OWN = {"original": BEFORE, "denoised": AFTER}
OTHERS = (*SHELLS[2:], FAINT)


@dataclass(frozen=True)
class Curve:
    """A line of (n,) points, with the interval of y where it is known."""

    x: Numbers
    y: Numbers
    low: Numbers | None = None
    high: Numbers | None = None


def curve_chart(
    curves: Mapping[str, Curve], names: tuple[str, str], diagonal: bool = False, **where: str
) -> Figure:
    """Return named curves, such as ROC, calibration, decision and learning curves.

    Parameters
    ----------
    curves
        By name; ``original`` and ``denoised`` have the colours of before and after.
    names
        What the axes are.
    diagonal
        Draw where x and y are equal, and both axes from 0 to 1.
    where
        Place of the legend, ``loc``.
    """
    figure, axes = chart(*((470, 430) if diagonal else (620, 330)))
    if diagonal:
        axes.plot((0, 1), (0, 1), color=MODEL, linewidth=1, linestyle="--")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.01)
    for name, curve in curves.items():
        colour = _colour(name, curves)
        if curve.low is not None and curve.high is not None:
            axes.fill_between(curve.x, curve.low, curve.high, color=colour, alpha=0.18, linewidth=0)
        axes.plot(curve.x, curve.y, color=colour, linewidth=1.8, label=name)
    name_axes(axes, *names)
    legend(axes, **{"loc": "lower right" if diagonal else "best", **where})
    return figure


def null_chart(null: Mapping[str, Numbers], observed: Mapping[str, float], name: str) -> Figure:
    """Return how a statistic falls by chance (n,), and where it was observed."""
    figure, axes = chart()
    for label, values in null.items():
        colour = _colour(label, null)
        axes.hist(values, bins=30, color=colour, alpha=0.35, density=True)
        axes.axvline(observed[label], color=colour, linewidth=2, label=f"{label}, observed")
    name_axes(axes, name, "density under permuted labels")
    legend(axes, loc="upper left")
    return figure


def paired_chart(pairs: Mapping[str, tuple[Numbers, Numbers]], name: str) -> Figure:
    """Return boxes and lines of values (n,) before and after, for each of some groups."""
    figure, axes = chart(max(360, 200 + 150 * len(pairs)))
    for place, values in enumerate(pairs.values()):
        x = (place - 0.17, place + 0.17)
        axes.plot(x, np.stack(values), color=GRID, linewidth=0.8, zorder=1)
        for at, one, colour in zip(x, values, (BEFORE, AFTER), strict=True):
            line = {"color": colour, "linewidth": 1.4}
            axes.boxplot(
                one, positions=[at], widths=0.2, manage_ticks=False, showfliers=False,
                boxprops=line, whiskerprops=line, capprops=line, medianprops=line,
            )  # fmt: skip
            axes.plot(np.full(len(one), at), one, "o", color=colour, markersize=3, alpha=0.6)
    for label, colour in (("original", BEFORE), ("denoised", AFTER)):
        axes.plot([], [], color=colour, label=label)
    axes.set_xticks(range(len(pairs)), list(pairs))
    axes.grid(visible=False, axis="x")
    name_axes(axes, "", name)
    legend(axes, loc="best")
    return figure


def _colour(name: str, among: Mapping[str, object]) -> str:
    others = [each for each in among if each not in OWN]
    return OWN[name] if name in OWN else OTHERS[others.index(name) % len(OTHERS)]
