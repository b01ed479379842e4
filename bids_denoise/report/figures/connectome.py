"""Figures of the connectomes of a run: the matrices before and after, and edge against edge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.connectome.edges import edges_of
from bids_denoise.report.figures.style import (
    AFTER,
    FAINT,
    GRID,
    MODEL,
    TEXT,
    chart,
    name_axes,
    new_figure,
    save_drawing,
    save_picture,
)

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

    from bids_denoise.connectome.edges import Precise
    from bids_denoise.connectome.run import Connectome, Connectomes

MOST_DOTS = 1500
STRONGEST = 99.5
"""Percentile of the partial correlations before at which their colours end."""


def draw_connectomes(made: Connectomes | None, folder: Path, stem: str) -> dict[str, Path]:
    """Draw the figures of a run as `figures.draw` does; none where there is no connectome."""
    if made is None:
        return {}
    limit = float(np.percentile(np.abs(edges_of(made.before.partial)), STRONGEST))
    files = {
        f"connectome_{name}": save_picture(
            _matrices(one, limit), folder / f"{stem}_connectome-{name}.png"
        )
        for name, one in (("before", made.before), ("after", made.after))
    }
    edges = _edges(edges_of(made.before.correlation), edges_of(made.after.correlation))
    files["connectome_edges"] = save_drawing(edges, folder / f"{stem}_connectome-edges.svg")
    return files


def _matrices(one: Connectome, limit: float) -> Figure:
    """Return the correlation and the partial correlation side by side."""
    figure = new_figure(1240, 600)
    shown = ((one.correlation, 1.0, "correlation"), (one.partial, limit, "partial correlation"))
    for place, (matrix, end, name) in enumerate(shown):
        axes = figure.add_axes((0.03 + 0.49 * place, 0.04, 0.41, 0.86))
        colours = axes.imshow(
            _without_diagonal(matrix), cmap="RdBu_r", vmin=-end, vmax=end, interpolation="nearest"
        )
        axes.set_axis_off()
        axes.set_title(name, color=TEXT, fontsize=10)
        bar = figure.colorbar(colours, ax=axes, fraction=0.03, pad=0.02)
        bar.outline.set_visible(False)
        bar.ax.tick_params(colors=FAINT, labelsize=8, length=0)
    return figure


def _without_diagonal(matrix: Precise) -> Precise:
    return np.where(np.eye(len(matrix), dtype=np.bool_), np.nan, matrix)


def _edges(before: Precise, after: Precise) -> Figure:
    """Return each edge as a dot, before and after."""
    figure, axes = chart()
    some = np.linspace(0, len(before) - 1, min(len(before), MOST_DOTS)).astype(int)
    low, high = float(min(before.min(), after.min())), float(max(before.max(), after.max()))
    axes.axhline(0, color=GRID, linewidth=1)
    axes.plot(before[some], after[some], "o", color=AFTER, markersize=2, alpha=0.5)
    axes.plot((low, high), (low, high), color=MODEL, linewidth=1, linestyle="--")
    name_axes(axes, "edge before", "edge after")
    return figure
