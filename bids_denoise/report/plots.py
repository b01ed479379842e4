"""Distributions over a group: every image a point, drawn by the template as vector graphics.

Coordinates are those of the drawing, y downwards.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bids_denoise.metrics.glossary import PAIRED, Term, term
from bids_denoise.report.numbers import compact, number

Rows = Sequence[Mapping[str, Any]]

WIDTH, HEIGHT = 250.0, 220.0
LEFT, RIGHT, TOP, BOTTOM = 48.0, 14.0, 12.0, 26.0
BOX_WIDTH = 22.0
SPREAD = 26.0
"""How far to the side points that would cover each other are moved, at most."""

MOST_POINTS = 300
"""With more images only those that stand out are points with a link; boxes show the rest."""

SINGLE = (
    *("psnr_gain", "std_ratio", "edge_width_ratio", "noise_left", "image_correlation"),
    "autocorrelation",
)
"""Numbers of the residual that are shown."""


@dataclass(frozen=True)
class Box:
    """A column of a plot: y of the ends of the whiskers and of the quartiles, both upwards."""

    x: float
    whiskers: Sequence[float]
    quartiles: Sequence[float]
    label: str
    summary: str


@dataclass(frozen=True)
class Point:
    """One image."""

    x: float
    y: float
    colour: str
    outlier: bool
    href: str
    title: str


@dataclass(frozen=True)
class Plot:
    """One metric over all images of a suffix."""

    term: Term
    ticks: tuple[tuple[float, str], ...]
    boxes: tuple[Box, ...]
    points: tuple[Point, ...]
    pairs: str
    description: str


def plots(rows: Rows, links: Sequence[str]) -> tuple[Plot, ...]:
    """Return the plots of one suffix; `links` lead from each row to its image's card."""
    columns = dict.fromkeys(key for row in rows for key in row)
    names = [key.removesuffix("_before") for key in columns if key.endswith("_before")]
    names.sort(key=lambda name: list(PAIRED).index(name) if name in PAIRED else len(PAIRED))
    wanted: list[tuple[Term, tuple[str, ...]]]
    wanted = [(term(name), (f"{name}_before", f"{name}_after")) for name in names]
    wanted += [(term(name), (f"residual_{name}",)) for name in SINGLE]
    wanted += [(Term("Sigma", "Median noise level of each image, in image units."), ("sigma",))]
    drawn = (_plot(about, keys, rows, links) for about, keys in wanted)
    return tuple(each for each in drawn if each is not None)


def ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Return round numbers that cover a range, or the surroundings of a single value.

    >>> ticks(0.13, 0.87), ticks(17.0, 17.0)
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [15.0, 16.0, 17.0, 18.0, 19.0])
    """
    if high - low <= 1e-9 * abs(high):
        low, high = low - 0.1 * abs(low), high + 0.1 * abs(high)
    rough = (high - low or 1.0) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= 0.99 * rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(step * each, 12) for each in range(first, max(last, first + 1) + 1)]


def column_label(column: str) -> str:
    """Return the name of a table's column for people.

    >>> column_label("snr_before"), column_label("residual_psnr_gain")
    ('SNR before', 'PSNR gain')
    """
    for ending in ("before", "after"):
        if column.endswith(f"_{ending}"):
            return f"{term(column.removesuffix(f'_{ending}')).label} {ending}"
    return term(column.removeprefix("residual_")).label


def _plot(about: Term, keys: tuple[str, ...], rows: Rows, links: Sequence[str]) -> Plot | None:
    values = np.array([[_number(row.get(key)) for key in keys] for row in rows])
    known = np.isfinite(values)
    if not known.any(axis=0).all():
        return None
    marks = ticks(float(values[known].min()), float(values[known].max()))
    y = _scale(values, marks)
    spots = [LEFT + (i + 0.5) * (WIDTH - LEFT - RIGHT) / len(keys) for i in range(len(keys))]
    labels = ("before", "after") if len(keys) == 2 else ("",)
    boxes = [
        _box(values[known[:, i], i], marks, spot, label, about)
        for i, (spot, label) in enumerate(zip(spots, labels, strict=True))
    ]
    x = np.stack([_aside(y[:, i], spots[i], len(keys) == 1) for i in range(len(keys))], axis=1)
    return Plot(
        term=about,
        ticks=tuple((round(float(_scale(np.array(m), marks)), 1), compact(m)) for m in marks),
        boxes=tuple(boxes),
        points=_points(keys, rows, links, (x, y, values)),
        pairs=_pairs(x, y) if len(keys) == 2 and len(rows) <= MOST_POINTS else "",
        description=f"{about.label}: " + "; ".join(each.summary for each in boxes),
    )


def _scale(values: np.ndarray[Any, Any], marks: Sequence[float]) -> np.ndarray[Any, Any]:
    share = (values - marks[0]) / (marks[-1] - marks[0])
    return np.asarray(TOP + (1 - share) * (HEIGHT - TOP - BOTTOM))


def _box(
    values: np.ndarray[Any, Any], marks: Sequence[float], x: float, label: str, about: Term
) -> Box:
    """Return a Tukey box: whiskers end at the last value within 1.5 interquartile ranges."""
    first, median, third = np.quantile(values, (0.25, 0.5, 0.75))
    reach = 1.5 * (third - first)
    low = values[values >= first - reach].min()
    high = values[values <= third + reach].max()
    ends = [round(float(_scale(each, marks)), 1) for each in (low, high)]
    middle = [round(float(_scale(each, marks)), 1) for each in (first, median, third)]
    told = [number(float(each), about.digits, about.unit) for each in (median, first, third)]
    summary = f"median {told[0]}, quartiles {told[1]} to {told[2]}"
    return Box(x, ends, middle, label, f"{label} {summary}".strip())


def _aside(y: np.ndarray[Any, Any], x: float, spread: bool) -> np.ndarray[Any, Any]:
    """Return x of points; in a single column, those that lie close are moved apart."""
    place = np.full(len(y), x)
    if not spread:
        return place
    for row in {round(each / 6) for each in y[np.isfinite(y)]}:
        close = np.flatnonzero(np.round(y / 6) == row)
        width = min(SPREAD, 3.5 * (len(close) - 1))
        place[close] = x + np.linspace(-width, width, len(close)) if len(close) > 1 else x
    return place


def _points(
    keys: tuple[str, ...],
    rows: Rows,
    links: Sequence[str],
    drawn: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]],
) -> tuple[Point, ...]:
    found = []
    for index, row in enumerate(rows):
        outliers = str(row.get("outlier") or "").split(", ")
        for column, key in enumerate(keys):
            x, y, value = (float(each[index, column]) for each in drawn)
            outlier = key in outliers
            if not math.isfinite(value) or (len(rows) > MOST_POINTS and not outlier):
                continue
            title = f"{str(row['source']).rsplit('/', 1)[-1]}: {column_label(key)} {compact(value)}"
            colour = str(row.get("light") or "grey")
            found.append(Point(round(x, 1), round(y, 1), colour, outlier, links[index], title))
    return tuple(found)


def _pairs(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> str:
    """Return the path of the lines from before to after."""
    whole = np.isfinite(y).all(axis=1)
    return " ".join(
        f"M{a[0]:.1f} {b[0]:.1f}L{a[1]:.1f} {b[1]:.1f}"
        for a, b in zip(x[whole], y[whole], strict=True)
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan
