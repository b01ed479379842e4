"""Numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Iterable

THIN_SPACE, MINUS, TIMES, DASH = (
    "\N{NARROW NO-BREAK SPACE}",
    "\N{MINUS SIGN}",
    "\N{MULTIPLICATION SIGN}",
    "\N{EN DASH}",
)
LARGE = 1e5
"""From here on a number is written with an exponent or rounded to three digits."""


def number(value: object, digits: int = 2, unit: str = "", signed: bool = False) -> str:
    r"""Return a number with its unit, a dash for what is not known.

    >>> number(12.346, 1, "dB", signed=True), number(1234567.0, 0), number(None) == DASH
    ('+12.3\u202fdB', '1.23e+06', True)
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return DASH
    lost = value != 0 and abs(value) < 0.5 * 10**-digits
    sign = "+" if signed else ""
    text = f"{value:{sign}.{3 if abs(value) >= LARGE else 1}g}"
    if not lost and abs(value) < LARGE:
        text = f"{value:{sign}.{digits}f}"
    return text.replace("-", MINUS) + with_unit(unit)


def compact(value: object) -> str:
    """Return a number with four significant digits, anything else as its text.

    >>> compact(21.43217), compact(64), compact(True)
    ('21.43', '64', 'yes')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:.4g}".replace("-", MINUS) if isinstance(value, float) else str(value)
    if isinstance(value, list | tuple):
        return times(value)
    return DASH if value in (None, "") else str(value)


def times(values: Iterable[object]) -> str:
    """Return lengths joined by multiplication signs."""
    return f" {TIMES} ".join(compact(value) for value in values)


def with_unit(unit: str) -> str:
    """Return a unit as it follows a number, with a space that does not break."""
    return f"{THIN_SPACE}{unit}" if unit else ""


def change(before: object, after: object, unit: str = "") -> str:
    r"""Return how a number changed: the difference of decibels, the percentage of all else.

    >>> change(10.0, 13.8), change(30.0, 34.1, "dB")
    ('+38\u202f%', '+4.1\u202fdB')
    """
    if not isinstance(before, int | float) or not isinstance(after, int | float):
        return DASH
    if unit == "dB":
        return number(after - before, 1, "dB", signed=True)
    if before <= 0:
        return DASH
    percent = 100 * (after / before - 1)
    return number(percent, 0 if abs(percent) >= 9.5 else 1, "%", signed=True)


def seconds(value: float) -> str:
    r"""Return a duration.

    >>> seconds(8.24), seconds(125)
    ('8.2\u202fs', '2\u202fmin 05\u202fs')
    """
    if value < 60:
        return number(value, 1, "s")
    minutes, rest = divmod(round(value), 60)
    return f"{minutes}{THIN_SPACE}min {rest:02d}{THIN_SPACE}s"
