"""What page and server say to each other: JSON with bounds on everything, and planes as floats.

Whatever the page sends is checked here, field by field; what does not fit is an `UnfitError` with a
sentence, and never reaches the rest of the server.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bids_denoise.denoisers import DENOISERS
from bids_denoise.denoisers.amount import Amount
from bids_denoise.denoisers.base import Parameter, build, parameters
from bids_denoise.errors import UsageError
from bids_denoise.viewer.schema import Wish, settable

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray
    from bids_denoise.viewer.geometry import Voxel

LARGEST = 16_384
"""Bytes of a message from the page: a hundred times what it sends."""

LARGEST_NUMBER = 2**31 - 1
LAYERS = ("before", "after", "sigma", "uncertainty", "tsnr_before", "tsnr_after")


class UnfitError(Exception):
    """A message that is none; its text says why."""


@dataclass(frozen=True)
class Open:
    """Open the image of this number."""

    scan: int


@dataclass(frozen=True)
class Show:
    """Show this place of the open image, denoised like this."""

    serial: int
    voxel: Voxel
    volume: int
    wish: Wish
    layers: tuple[str, ...]


@dataclass(frozen=True)
class Config:
    """Write these settings as the app reads them."""

    wish: Wish


def parse(text: str | bytes) -> Open | Show | Config:
    """Return the message in a frame.

    Raises
    ------
    UnfitError
        It is too long, no JSON object, of an unknown type, or a field is missing or out of range.
    """
    if len(text) > LARGEST:
        raise UnfitError(f"a message of {len(text)} bytes; allowed are {LARGEST}")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise UnfitError("the message is no JSON") from None
    if not isinstance(content, dict):
        raise UnfitError("the message is no JSON object")
    kind = content.get("type")
    if kind == "open":
        return Open(_whole(content, "scan"))
    if kind == "config":
        return Config(_wish(content))
    if kind == "show":
        voxel = _listed(content, "voxel", 3)
        x, y, z = (_index(each, "voxel") for each in voxel)
        wanted = tuple(each for each in LAYERS if each in _listed(content, "layers"))
        return Show(
            _whole(content, "serial"),
            (x, y, z),
            _whole(content, "volume"),
            _wish(content),
            wanted,
        )
    raise UnfitError("the type of the message is none of open, show, config")


def encode(header: Mapping[str, Any], planes: Sequence[FloatArray]) -> bytes:
    """Return a binary frame: length of the header, header, then the planes as float32.

    The header is padded so that the values begin at a multiple of 4 bytes.
    """
    text = json.dumps(header, allow_nan=False).encode()
    text += b" " * (-(len(text) + 4) % 4)
    values = b"".join(np.ascontiguousarray(each, dtype="<f4").tobytes() for each in planes)
    return len(text).to_bytes(4, "little") + text + values


def _field(content: Mapping[str, Any], name: str) -> Any:
    if name not in content:
        raise UnfitError(f"{name} is missing")
    return content[name]


def _whole(content: Mapping[str, Any], name: str) -> int:
    return _index(_field(content, name), name)


def _index(value: Any, name: str) -> int:
    if type(value) is not int or not 0 <= value <= LARGEST_NUMBER:
        raise UnfitError(f"{name} is no whole number of 0 or more")
    return value


def _listed(content: Mapping[str, Any], name: str, length: int | None = None) -> list[Any]:
    value = _field(content, name)
    if not isinstance(value, list) or (length is not None and len(value) != length):
        raise UnfitError(f"{name} is no list" + (f" of {length}" if length else ""))
    return value


def _wish(content: Mapping[str, Any]) -> Wish:
    settings = _field(content, "settings")
    if not isinstance(settings, dict):
        raise UnfitError("settings is no JSON object")
    method, given = settings.get("method"), settings.get("parameters", {})
    if method != "auto" and method not in DENOISERS:
        raise UnfitError("method is none that there is")
    if not isinstance(given, dict):
        raise UnfitError("parameters is no JSON object")
    known = {} if method == "auto" else {each.name: each for each in settable(method)}
    if unknown := given.keys() - known.keys():
        raise UnfitError(f"{method} has no parameter {sorted(unknown)[0][:40]!r}")
    values = {name: _value(known[name], value) for name, value in given.items()}
    amount = {
        each.name: _value(each, settings.get(each.name, each.default), bounded=True)
        for each in parameters(Amount)
    }
    try:
        if method != "auto":
            build(DENOISERS[method], values)
    except UsageError as error:
        raise UnfitError(str(error)) from None
    return Wish(method, values, **amount)


def _value(parameter: Parameter, given: Any, bounded: bool = False) -> Any:
    """Return a value of the parameter's kind; its range is `build`'s affair unless `bounded`."""
    value: Any = given
    name, kind = parameter.name, parameter.kind
    if kind is float and type(value) is int and abs(value) <= LARGEST_NUMBER:
        value = float(value)
    fits = type(value) is kind
    if not fits:
        raise UnfitError(f"{name} is no {kind.__name__}")
    if isinstance(value, float) and not math.isfinite(value):
        raise UnfitError(f"{name} is not finite")
    if bounded and not parameter.minimum <= value <= parameter.maximum:
        raise UnfitError(f"{name} is not between {parameter.minimum:g} and {parameter.maximum:g}")
    return value
