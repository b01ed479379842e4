"""Drawings of numbers: residual histogram, edge profile, DVARS, volumes, SNR per shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.report.figures.style import (
    AFTER,
    BEFORE,
    FAINT,
    MODEL,
    SHELLS,
    TEXT,
    chart,
    legend,
    name_axes,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    from matplotlib.figure import Figure

    from bids_denoise.metrics.sharpness import EdgeProfile
    from bids_denoise.values import FloatArray

    Precise = npt.NDArray[np.float64]

WIDEST = 6.0
"""Residuals are counted up to this many sigma."""

BINS = 97


def residual_histogram(standardised: FloatArray) -> Figure:
    """Return how often residuals (n,) in sigma occur, beside the normal law they should follow."""
    figure, axes = chart()
    count, edges = np.histogram(np.clip(standardised, -WIDEST, WIDEST), BINS, (-WIDEST, WIDEST))
    density = count / max(count.sum(), 1) / (edges[1] - edges[0])
    centre = (edges[1:] + edges[:-1]) / 2
    axes.fill_between(centre, density, 1e-7, step="mid", color=AFTER, alpha=0.35, linewidth=0)
    axes.step(centre, density, where="mid", color=AFTER, linewidth=1.2, label="removed")
    normal = np.exp(-(centre**2) / 2) / np.sqrt(2 * np.pi)
    axes.plot(centre, normal, color=MODEL, linewidth=1.2, linestyle="--", label="noise model")
    axes.set_yscale("log")
    axes.set_ylim(1e-6, 3)
    axes.set_xlim(-WIDEST, WIDEST)
    name_axes(axes, "removed, in units of the expected standard deviation", "density")
    legend(axes)
    return figure


def edge_chart(profile: EdgeProfile) -> Figure:
    """Return the mean profile across strong edges, before and after."""
    figure, axes = chart()
    axes.plot(profile.distance, profile.before, color=BEFORE, linewidth=2, label="before")
    axes.plot(
        profile.distance, profile.after, color=AFTER, linewidth=2, linestyle="--", label="after"
    )
    axes.set_xlim(profile.distance[0], profile.distance[-1])
    name_axes(axes, "distance across the edge, mm", "signal, dark to bright side")
    axes.text(
        0.98, 0.06, f"mean of {profile.edges:,} edges", transform=axes.transAxes,
        color=FAINT, fontsize=8.5, ha="right",
    )  # fmt: skip
    legend(axes, loc="upper left")
    return figure


def dvars_chart(before: Precise, after: Precise) -> Figure:
    """Return the change from volume to volume (t - 1,), in % of the mean, before and after."""
    figure, axes = chart(1240, 260)
    axes.set_position((0.055, 0.2, 0.935, 0.72))
    for values, colour, name in ((before, BEFORE, "before"), (after, AFTER, "after")):
        axes.plot(np.arange(1, len(values) + 1), values, color=colour, linewidth=1.2, label=name)
    axes.set_xlim(0, max(len(before), 1) + 1)
    axes.set_ylim(bottom=0)
    name_axes(axes, "volume", "DVARS, % of the mean")
    legend(axes, ncols=2)
    return figure


def volumes_chart(ratios: Precise, shells: Mapping[str, npt.NDArray[np.int64]]) -> Figure:
    """Return how much was removed from each volume (t,), in sigma, coloured by shell."""
    from matplotlib.ticker import MaxNLocator

    figure, axes = chart(1240, 260)
    axes.set_position((0.055, 0.2, 0.935, 0.72))
    groups = shells or {"": np.arange(len(ratios))}
    for index, (name, volumes) in enumerate(groups.items()):
        colour = SHELLS[index % len(SHELLS)] if name else AFTER
        axes.plot(
            volumes, ratios[volumes], "o", color=colour, markersize=3.5,
            label=f"b = {name[1:]}" if name else None,
        )  # fmt: skip
    axes.axhline(1, color=TEXT, linewidth=1, linestyle="--")
    axes.set_xlim(-1, len(ratios))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(0, max(1.15, 1.1 * float(ratios.max(initial=0))))
    name_axes(axes, "volume", "removed / sigma")
    if shells:
        legend(axes, loc="lower right", ncols=len(groups))
    return figure


def shells_chart(ratios: Mapping[str, tuple[float | None, float | None]]) -> Figure:
    """Return the SNR of each shell before and after, joined by a line."""
    figure, axes = chart()
    drawn = [
        (place, before, after)
        for place, (before, after) in enumerate(ratios.values())
        if before is not None and after is not None
    ]
    for place, before, after in drawn:
        named = place == drawn[0][0]
        axes.plot([place, place], [before, after], color=FAINT, linewidth=1.5, zorder=1)
        axes.plot(place, before, "o", color=BEFORE, markersize=8, label="before" if named else None)
        axes.plot(place, after, "o", color=AFTER, markersize=8, label="after" if named else None)
    axes.set_xticks(range(len(ratios)), [f"b = {name[1:]}" for name in ratios])
    axes.set_xlim(-0.6, len(ratios) - 0.4)
    highest = max((value or 0 for pair in ratios.values() for value in pair), default=0)
    axes.set_ylim(0, 1.12 * highest or 1)
    axes.grid(visible=False, axis="x")
    name_axes(axes, "shell, s/mm²", "signal over the noise in it")
    if drawn:
        legend(axes)
    return figure
