"""Pictures of voxels: planes side by side at one scale, with letters for left and right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.report.figures.style import AFTER, FAINT, TEXT, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

    from bids_denoise.report.figures.views import Cut, Views
    from bids_denoise.values import FloatArray

    Window = tuple[float, float]

WIDTH = 1240
"""Of a figure in pixels."""

GAP = 8
BAR = 74
"""Pixels at the right for a colour bar."""

ROW_NAMES, COLUMN_NAMES = 70, 28
"""Pixels at the left and at the top of a montage."""


def planes_figure(
    data: FloatArray,
    views: Views,
    window: Window,
    colours: str = "gray",
    bar: str = "",
) -> Figure:
    """Return a figure of the three planes and the detail of (x, y, z).

    Parameters
    ----------
    data
        What is shown, in the turned and cut form that `views` gives it.
    window
        Lowest and highest value shown.
    colours
        Name of a matplotlib colour map.
    bar
        What the colours stand for; there is no colour bar when empty.
    """
    cuts = views.cuts(data)
    height = _height(cuts, WIDTH - (BAR if bar else 0))
    figure = new_figure(WIDTH, height + 2 * GAP)
    scale = height / max(cut.size[1] for cut in cuts[:3])
    left, shown = GAP, None
    for cut in cuts:
        enlarged = height / cut.size[1] if cut.name == "detail" else scale
        wide, tall = (round(enlarged * size) for size in cut.size)
        axes = _panel(figure, (left, GAP + (height - tall) // 2, wide, tall))
        shown = _show(axes, cut, window, colours)
        if cut.name == "axial":
            _frame(axes, views)
        left += wide + GAP
    if bar and shown is not None:
        _colour_bar(figure, shown, bar)
    return figure


def _show(axes: Axes, cut: Cut, window: Window, colours: str = "gray") -> AxesImage:
    from matplotlib.patheffects import withStroke

    outline = [withStroke(linewidth=2, foreground="black")]
    for text, at, align in ((cut.left, 0.02, "left"), (cut.right, 0.98, "right")):
        axes.text(
            at, 0.5, text, transform=axes.transAxes, color=TEXT, fontsize=9, ha=align, va="center",
            path_effects=outline,
        )  # fmt: skip
    return axes.imshow(
        cut.pixels.T,
        origin="lower",
        cmap=colours,
        vmin=window[0],
        vmax=window[1],
        interpolation="nearest",
        aspect="auto",
    )


def _height(cuts: tuple[Cut, ...], width: int) -> int:
    """Return the height in pixels at which all planes and the detail fill the width."""
    tallest = max(cut.size[1] for cut in cuts[:3])
    widths = sum(cut.size[0] for cut in cuts[:3]) / tallest
    detail = cuts[3].size[0] / cuts[3].size[1]
    return max(60, int((width - 5 * GAP) / (widths + detail)))


def _panel(figure: Figure, box: tuple[int, int, int, int]) -> Axes:
    """Return axes at a place in pixels from the lower left."""
    width, height = figure.get_size_inches() * figure.dpi
    left, low, wide, tall = box
    axes = figure.add_axes((left / width, low / height, wide / width, tall / height))
    axes.set_axis_off()
    return axes


def _frame(axes: Axes, views: Views) -> None:
    """Mark in the axial plane where the detail lies."""
    (a0, a1), (b0, b1) = views.detail
    x0, y0 = views.box[0][0], views.box[1][0]
    corners = np.array([(a0, b0), (a1, b0), (a1, b1), (a0, b1), (a0, b0)]) - (x0, y0) - 0.5
    axes.plot(corners[:, 0], corners[:, 1], color=AFTER, linewidth=0.9)


def _colour_bar(figure: Figure, shown: AxesImage, text: str) -> None:
    width, height = figure.get_size_inches() * figure.dpi
    place = _panel(figure, (int(width) - BAR + 2, int(0.12 * height), 12, int(0.76 * height)))
    place.set_axis_on()
    bar = figure.colorbar(shown, cax=place)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=FAINT, labelsize=8, length=0)
    bar.ax.set_ylabel(text, color=FAINT, fontsize=8.5)


def montage(columns: dict[str, list[tuple[Cut, Window]]], rows: tuple[str, ...]) -> Figure:
    """Return planes in a grid: a named column of cuts, each with its window, one for each row."""
    first = next(iter(columns.values()))[0][0]
    wide = min(220, (WIDTH - ROW_NAMES) // len(columns) - GAP)
    tall = round(wide * first.size[1] / first.size[0])
    width = ROW_NAMES + len(columns) * (wide + GAP)
    height = COLUMN_NAMES + len(rows) * (tall + GAP)
    figure = new_figure(width, height)
    for column, (name, cuts) in enumerate(columns.items()):
        left = ROW_NAMES + column * (wide + GAP)
        middle = (left + wide / 2) / width
        figure.text(middle, 1 - 18 / height, name, color=TEXT, size=9, ha="center")
        for row, (cut, shown) in enumerate(cuts):
            low = height - COLUMN_NAMES - row * (tall + GAP) - tall
            _show(_panel(figure, (left, low, wide, tall)), cut, shown)
    for row, name in enumerate(rows):
        middle = height - COLUMN_NAMES - row * (tall + GAP) - tall / 2
        figure.text(10 / width, middle / height, name, color=FAINT, size=9, va="center")
    return figure


def carpet(rows: FloatArray, window: Window) -> Figure:
    """Return the series of many voxels (voxels, t) as one grey picture."""
    figure = new_figure(WIDTH, 340)
    axes = figure.add_axes((0.035, 0.12, 0.955, 0.85))
    axes.imshow(
        rows, cmap="gray", vmin=window[0], vmax=window[1], interpolation="nearest", aspect="auto"
    )
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(colors=FAINT, labelsize=8.5, length=0)
    axes.set_xlabel("volume", color=FAINT, fontsize=9)
    axes.set_ylabel("voxels, dark below", color=FAINT, fontsize=9)
    return figure
