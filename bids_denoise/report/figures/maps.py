"""Statistical maps: a brain of glass seen from three sides, of any species and template."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.report.figures.style import FAINT, MODEL, TEXT, new_figure
from bids_denoise.report.figures.views import views_of

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

    from bids_denoise.values import BoolArray, FloatArray

SIDE = 300
"""Height of a panel in pixels."""

SIDES = (("sagittal", 0, "P", "A"), ("coronal", 1, "L", "R"), ("axial", 2, "L", "R"))


def glass_brains(
    maps: dict[str, FloatArray],
    brain: BoolArray,
    affine: npt.NDArray[np.float64],
    bar: str,
    most: float | None = None,
) -> Figure:
    """Return the strongest value along each line of sight, for some maps at one scale.

    Parameters
    ----------
    maps
        By name, float32 (x, y, z); NaN or 0 is nothing. All have the same grid.
    brain
        bool (x, y, z): its outline is drawn.
    affine
        (4, 4), voxel to RAS mm.
    bar
        What the colours stand for.
    most
        Where the colours end, by default at the largest absolute value.
    """
    views = views_of(brain.astype(np.float32), brain, affine)
    outline = views.turned(brain)  # type: ignore[arg-type]
    most = most or max(float(np.nanmax(np.abs(each), initial=0)) for each in maps.values()) or 1.0
    sizes = [length * step for length, step in zip(outline.shape, views.spacing, strict=True)]
    scale = SIDE / max(sizes)
    width = round(scale * (sizes[1] + 2 * sizes[0])) + 190
    figure = new_figure(width, len(maps) * (SIDE + 14) + 10)
    for row, (name, data) in enumerate(maps.items()):
        low = 1 - (row + 1) * (SIDE + 14) / (figure.get_size_inches()[1] * figure.dpi)
        figure.text(0.01, low + 0.02, name, color=TEXT, fontsize=10)
        shown = _row(
            figure, (views.turned(np.nan_to_num(data)), outline), (low, scale), most, sizes
        )
    place = figure.add_axes((1 - 76 / width, 0.15, 12 / width, 0.7))
    colours = figure.colorbar(shown, cax=place)
    colours.outline.set_visible(False)
    colours.ax.tick_params(colors=FAINT, labelsize=8, length=0)
    colours.ax.set_ylabel(bar, color=FAINT, fontsize=9)
    return figure


def _row(
    figure: Figure,
    turned: tuple[FloatArray, FloatArray],
    place: tuple[float, float],
    most: float,
    sizes: list[float],
) -> AxesImage:
    """Draw the three sides of one map; return what the colour bar is of."""
    width, height = figure.get_size_inches() * figure.dpi
    low, scale = place
    left = 80.0
    data, outline = turned
    for _, axis, first, last in SIDES:
        across, up = [size for each, size in enumerate(sizes) if each != axis]
        box = (left / width, low, across * scale / width, up * scale / height)
        axes = figure.add_axes(box)
        axes.set_axis_off()
        strongest = _strongest(data, axis)
        shown = axes.imshow(
            strongest.T, origin="lower", cmap="RdBu_r", vmin=-most, vmax=most, aspect="auto",
            interpolation="nearest",
        )  # fmt: skip
        axes.contour(outline.any(axis=axis).T, levels=[0.5], colors=[MODEL], linewidths=0.8)
        for text, at, align in ((first, 0.01, "left"), (last, 0.99, "right")):
            axes.text(at, 0.5, text, transform=axes.transAxes, color=FAINT, fontsize=8, ha=align)
        left += across * scale + 12
    return shown


def _strongest(data: FloatArray, axis: int) -> FloatArray:
    """Return the value of largest size along an axis; nothing is NaN, and shows the paper."""
    at = np.expand_dims(np.abs(data).argmax(axis=axis), axis)
    found = np.take_along_axis(data, at, axis).squeeze(axis)
    return np.where(found == 0, np.float32(np.nan), found)
