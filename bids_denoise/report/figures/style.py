"""How every figure looks, and how it is written: small, and the same to the last byte each time."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOTS = 100
"""Pixels an inch."""

BACKGROUND, PANEL, GRID, TEXT, FAINT = "#0e1116", "#161b22", "#2b323c", "#d5dbe3", "#8b95a3"

BEFORE, AFTER, MODEL = "#e69f00", "#56b4e9", "#d5dbe3"
"""Of the palette of Okabe and Ito, told apart with any colour vision."""

SHELLS = ("#d5dbe3", "#56b4e9", "#009e73", "#f0e442", "#e69f00", "#cc79a7")

MOST_BYTES = 300_000
PALETTES = (128, 64, 32, 16)
"""Numbers of colours to try, until a picture is small enough."""


def new_figure(width: int, height: int) -> Figure:
    """Return an empty dark figure of a size in pixels, without any global state."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width / DOTS, height / DOTS), dpi=DOTS, facecolor=BACKGROUND)


def chart(width: int = 620, height: int = 330) -> tuple[Figure, Axes]:
    """Return a figure with one set of plain axes."""
    figure = new_figure(width, height)
    axes = figure.add_axes((0.11, 0.17, 0.86, 0.74))
    axes.set_facecolor(BACKGROUND)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side in {"left", "bottom"})
        spine.set_color(GRID)
    axes.tick_params(colors=FAINT, labelsize=9, length=0)
    return figure, axes


def name_axes(axes: Axes, x: str, y: str) -> None:
    """Write what the axes are."""
    axes.set_xlabel(x, color=FAINT, fontsize=9.5)
    axes.set_ylabel(y, color=FAINT, fontsize=9.5)


def legend(axes: Axes, **where: Any) -> None:
    """Add a legend without a frame."""
    options = {"loc": "upper right", "fontsize": 9, "frameon": False, "labelcolor": TEXT} | where
    axes.legend(**options)


def save_picture(figure: Figure, path: Path) -> Path:
    """Write a figure of voxels as PNG with a palette, in so few colours that it stays small."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    picture = Image.fromarray(pixels).convert("RGB")
    for colours in PALETTES:
        content = io.BytesIO()
        reduced = picture.quantize(colours, dither=Image.Dither.NONE)
        reduced.save(content, format="PNG", optimize=True)
        if content.tell() <= MOST_BYTES:
            break
    path.write_bytes(content.getvalue())
    return path


def save_drawing(figure: Figure, path: Path) -> Path:
    """Write a figure of lines as SVG; text becomes outlines, so that no font is needed."""
    from matplotlib import rc_context

    with rc_context({"svg.hashsalt": "bids-denoise", "svg.fonttype": "path"}):
        figure.savefig(path, format="svg", metadata={"Date": None})
    return path
