"""What a denoiser is: a frozen dataclass whose fields are its parameters, and one method."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from bids_denoise.errors import UsageError

if TYPE_CHECKING:
    from bids_denoise.values import Denoised, Device, Image, Law, Noise


class Denoiser(Protocol):
    """The one interface behind which every method lives.

    Class facts say what the method can do; `apply.denoise` reads them and does all
    border work, so that `denoise` sees only what it declares: finite float32 data of
    `dimensions` axes, a positive sigma map, a noise law it knows.

    Attributes
    ----------
    name
        Name on the command line, in file names and in records.
    summary
        One sentence for ``--help``, the methods text and the docs.
    dimensions
        3: one volume at a time (4D data is looped over); 4: needs the whole series.
    datatypes
        BIDS datatypes it is meant for.
    devices
        Of ``cpu`` and ``cuda``.
    laws
        The noise laws it handles itself. Data that falls by another law is variance-stabilised
        first and brought back without bias afterwards.
    fewest_volumes
        Of a series, for one that learns from what its volumes share; 1 for those that do not say.
    uses_phase
        True for one that looks at the phase of a series; it is not read for the others, which need
        not say so.
    uses_echoes
        True for one that gains from the other echoes of a series: `apply.denoise` joins them.
    citations
        Keys of the papers, as in ``report/templates/CITATION.bib``.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    dimensions: ClassVar[int]
    datatypes: ClassVar[tuple[str, ...]]
    devices: ClassVar[tuple[str, ...]]
    laws: ClassVar[tuple[Law, ...]]
    citations: ClassVar[tuple[str, ...]]
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def denoise(self, image: Image, noise: Noise, device: Device) -> Denoised:
        """Return `image` without its noise; the input is not written to."""
        ...


@dataclass(frozen=True)
class Parameter:
    """One parameter of a denoiser, as the command line, the docs and the viewer see it."""

    name: str
    kind: type
    default: Any
    help: str
    unit: str = ""
    minimum: float = -math.inf
    maximum: float = math.inf
    choices: tuple[str, ...] = ()


def param(
    default: Any,
    help: str,  # noqa: A002 - the word argparse uses
    *,
    unit: str = "",
    minimum: float = -math.inf,
    maximum: float = math.inf,
    choices: tuple[str, ...] = (),
) -> Any:
    """Declare a denoiser's parameter: the only place where its range, unit and help stand.

    The type is that of `default` (int, float, str or bool).
    """
    facts = {"help": help, "unit": unit, "minimum": minimum, "maximum": maximum, "choices": choices}
    return field(default=default, metadata=facts)


def parameters(denoiser: type[Any] | Denoiser) -> tuple[Parameter, ...]:
    """Return the parameters that a denoiser (or `Amount`) declares, in the order of its fields."""
    return tuple(
        Parameter(name=each.name, kind=type(each.default), default=each.default, **each.metadata)
        for each in fields(denoiser)
        if each.default is not MISSING
    )


def build(denoiser: type[Denoiser], values: Mapping[str, Any]) -> Denoiser:
    """Make a denoiser from some of its parameters, the rest at their defaults.

    Raises
    ------
    UsageError
        A value is out of range, not among the choices, or names no parameter.
    """
    known = {each.name: each for each in parameters(denoiser)}
    for name, value in values.items():
        if name not in known:
            allowed = ", ".join(sorted(known)) or "none"
            raise UsageError(f"{denoiser.name} has no parameter {name!r}; it has {allowed}")
        _check(denoiser.name, known[name], value)
    return denoiser(**values)


def _check(denoiser: str, parameter: Parameter, value: Any) -> None:
    where = f"{denoiser} parameter {parameter.name}"
    if parameter.choices and value not in parameter.choices:
        raise UsageError(f"{where}: {value!r} is not one of {', '.join(parameter.choices)}")
    if parameter.kind in {int, float} and not parameter.minimum <= value <= parameter.maximum:
        raise UsageError(
            f"{where}: {value!r} is not between {parameter.minimum:g} and {parameter.maximum:g}"
        )
