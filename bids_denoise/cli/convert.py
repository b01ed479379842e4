"""Turn the text of one option into its value, or say in a sentence why that cannot be."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from bids_denoise.cli.given import near
from bids_denoise.cli.option import Option
from bids_denoise.errors import BidsDenoiseError, LevelError, UsageError

UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
SWITCH = {"true": True, "false": False}


def convert(option: Option, value: Any, where: str) -> Any:
    """Return what was given for an option in the type that its kind stands for.

    Parameters
    ----------
    option
        The option.
    value
        Text from the command line, or any plain value from a config file. A list for an option that
        takes one.
    where
        How the user knows the option: its flag, or its key and file.

    Raises
    ------
    UsageError
        The value is not of the kind, not among the choices or out of range.
    LevelError
        The analysis level does not exist.
    """
    if not option.takes_value:
        return _state(option, value, where)
    if not option.many:
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        return _one(option, value, where)
    values = value if isinstance(value, list) else [value]
    if not values:
        raise UsageError(f"{where} needs at least one {option.metavar}")
    return tuple(_one(option, each, where) for each in values)


def memory_bytes(text: str) -> int:
    """Return the number of bytes of a size with a unit.

    >>> memory_bytes("1.5G"), memory_bytes("800 MiB")
    (1610612736, 838860800)

    Raises
    ------
    UsageError
        No unit, or not a size.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:([KMGT])(?:I?B)?|(B))", text.strip().upper())
    if found is None:
        raise UsageError(
            f"{text!r} is not a size with its unit, such as 8G or 800M "
            "(a bare number would be MB in some apps and GB in others)"
        )
    size = round(float(found[1]) * UNITS[found[2] or ""])
    if size == 0:
        raise UsageError(f"{text!r} is no memory at all")
    return size


def _state(option: Option, value: Any, where: str) -> Any:
    if option.kind == "count" and type(value) is int and value >= 0:
        return value
    if isinstance(value, bool):
        return int(value) if option.kind == "count" else value
    allowed = "a whole number" if option.kind == "count" else "true or false"
    raise UsageError(f"{where}: {value!r} is not {allowed}")


def _one(option: Option, value: Any, where: str) -> Any:
    if isinstance(value, (list, dict)) or value is None or value == "":
        raise UsageError(f"{where} needs a {option.metavar or 'value'}; {value!r} is none")
    try:
        result = _READERS[option.kind](value)
    except UsageError as problem:
        raise UsageError(f"{where}: {problem}") from None
    if option.choices and result not in option.choices:
        raise _not_a_choice(option, result, where)
    if option.kind in {"integer", "number"} and not option.minimum <= result <= option.maximum:
        raise UsageError(f"{where}: {value} is not {_range(option)}")
    return round(result * UNITS[option.metavar[0]]) if option.target == "mem" else result


def _not_a_choice(option: Option, value: str, where: str) -> BidsDenoiseError:
    kind = LevelError if option.name == "analysis_level" else UsageError
    allowed = ", ".join(option.choices)
    return kind(f"{where}: {value!r} is not one of {allowed}{near(value, option.choices)}")


def _range(option: Option) -> str:
    if option.maximum == float("inf"):
        return f"at least {option.minimum:g}"
    if option.minimum == -float("inf"):
        return f"at most {option.maximum:g}"
    return f"between {option.minimum:.10g} and {option.maximum:.10g}"


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not re.fullmatch(r"[+-]?\d+", str(value).strip()):
        raise UsageError(f"{value!r} is not a whole number")
    return int(value)


def _number(value: Any) -> float:
    try:
        number = float("nan" if isinstance(value, bool) else value)
    except ValueError:
        number = float("nan")
    if not math.isfinite(number):
        raise UsageError(f"{value!r} is not a number")
    return number


def _switch(value: Any) -> bool:
    text = str(value).lower()
    if text not in SWITCH:
        raise UsageError(f"{value!r} is not true or false")
    return SWITCH[text]


def _device(value: Any) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", str(value)):
        raise UsageError(f"{value!r} is none of auto, cpu, cuda and cuda:N")
    return str(value)


def _memory(value: Any) -> int:
    return memory_bytes(str(value))


_READERS: dict[str, Callable[[Any], Any]] = {
    "text": str,
    "path": str,
    "integer": _integer,
    "number": _number,
    "switch": _switch,
    "memory": _memory,
    "device": _device,
}
