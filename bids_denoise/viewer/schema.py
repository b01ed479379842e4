"""What can be set, from the denoisers' own fields; and settings as the app reads them."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bids_denoise.denoisers import DENOISERS
from bids_denoise.denoisers.amount import Amount
from bids_denoise.denoisers.base import Parameter, parameters
from bids_denoise.denoisers.choose import choose_denoiser
from bids_denoise.errors import ScanError

if TYPE_CHECKING:
    from bids_denoise.denoisers.choose import Kind
    from bids_denoise.viewer.library import Entry, Library

AUTO = "auto"


@dataclass(frozen=True)
class Wish:
    """How an image is to be denoised: what the app takes as method, parameters and amount."""

    method: str = AUTO
    parameters: Mapping[str, Any] = field(default_factory=dict)
    strength: float = 1.0
    sigma_scale: float = 1.0


def wish_of(record: Mapping[str, Any]) -> Wish:
    """Return how a record says that its image was treated: only what differs from the defaults."""
    method, values = record["method"], dict(record["parameters"])
    amount = {each.name: values.pop(each.name, each.default) for each in parameters(Amount)}
    if method not in DENOISERS:
        return Wish(**amount)
    known = {each.name: each.default for each in settable(method)}
    given = {name: value for name, value in values.items() if known.get(name, value) != value}
    automatic = not given and str(record.get("why", "")).startswith("auto")
    return Wish("auto" if automatic else method, given, **amount)


def settable(method: str) -> tuple[Parameter, ...]:
    """Return the parameters of a method that a page may set: not those that name a file."""
    return tuple(
        each for each in parameters(DENOISERS[method]) if each.kind is not str or each.choices
    )


def denoisers_json() -> list[dict[str, Any]]:
    """Return every denoiser with what can be set of it, as plain values."""
    return [
        {
            "name": name,
            "summary": kind.summary,
            "dimensions": kind.dimensions,
            "parameters": [_parameter(each) for each in settable(name)],
        }
        for name, kind in DENOISERS.items()
    ]


def amount_json() -> list[dict[str, Any]]:
    """Return what all denoisers share."""
    return [_parameter(each) for each in parameters(Amount)]


def methods_json(kind: Kind) -> list[dict[str, str]]:
    """Return the methods that can treat an image of this kind, ``auto`` with what it takes."""
    choice = choose_denoiser(AUTO, {}, kind)
    why = choice.why.removeprefix(f"{AUTO}: ")
    found = [{"name": AUTO, "why": f"takes {choice.denoiser.name}: {why}"}]
    for name, each in DENOISERS.items():
        try:
            choose_denoiser(name, {}, kind)
        except ScanError:
            continue
        if each.dimensions < 4 or kind.volumes >= getattr(each, "fewest_volumes", 1):
            found.append({"name": name, "why": each.summary})
    return found


def wish_json(wish: Wish) -> dict[str, Any]:
    """Return a wish as the page has it."""
    return {**vars(wish), "parameters": dict(wish.parameters)}


def config_json(wish: Wish, entry: Entry, library: Library) -> dict[str, str]:
    """Return a config file that makes the app denoise like this, and how to use it.

    A method that is not for all of the dataset's images is told which ones it is for.
    """
    import tomli_w

    given: dict[str, Any] = {"method": wish.method}
    given |= {
        each.name: getattr(wish, each.name)
        for each in parameters(Amount)
        if getattr(wish, each.name) != each.default
    }
    if wish.method != AUTO:
        fitting = library.suffixes(DENOISERS[wish.method].datatypes)
        if fitting != library.suffixes(("anat", "func", "dwi")):
            given["modalities"] = fitting
        if wish.parameters:
            given[wish.method] = dict(wish.parameters)
    about = f"# Tried on {entry.name} with bids-denoise-view.\n"
    place = shlex.quote(str(library.dataset)) if library.dataset else "BIDS_DIR"
    return {
        "toml": about + tomli_w.dumps(given),
        "command": f"bids-denoise {place} OUTPUT_DIR participant --config-file bids-denoise.toml",
        "flags": " ".join(_flags(given)),
    }


def _flags(given: Mapping[str, Any]) -> list[str]:
    found = []
    for name, value in given.items():
        if isinstance(value, dict):
            found += _flags({f"{name}_{inner}": each for inner, each in value.items()})
        else:
            text = " ".join(value) if isinstance(value, list) else _text(value)
            found.append(f"--{name.replace('_', '-')} {text}")
    return found


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        **vars(parameter),
        "kind": parameter.kind.__name__,
        "minimum": _finite(parameter.minimum),
        "maximum": _finite(parameter.maximum),
        "choices": list(parameter.choices),
    }


def _finite(bound: float) -> float | None:
    return bound if math.isfinite(bound) else None
