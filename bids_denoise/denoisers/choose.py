"""Which denoiser an image gets, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bids_denoise.denoisers import DENOISERS
from bids_denoise.denoisers.base import Denoiser, build
from bids_denoise.errors import ScanError

# Below this number of volumes the noise part of the Marchenko-Pastur spectrum is too short to be
# told from the signal's, and a volume-wise method does better.
MIN_SERIES = 20


# What --sloppy trades for speed, for a first look and for tests of the plumbing.
SLOPPY: Mapping[str, Mapping[str, Any]] = {"nlm": {"search_radius": 1, "passes": 1}}


@dataclass(frozen=True)
class Choice:
    """A denoiser with its parameters, and the reason it was taken."""

    denoiser: Denoiser
    why: str


def choose_denoiser(
    method: str,
    given: Mapping[str, Mapping[str, Any]],
    datatype: str,
    shape: tuple[int, ...],
    sloppy: bool = False,
) -> Choice:
    """Return the denoiser for an image of `datatype` and `shape`.

    ``auto`` takes MP-PCA for a series of at least `MIN_SERIES` volumes and non-local means for
    the rest. A named method is taken as it is, if it can treat such an image.

    Raises
    ------
    ScanError
        The named method needs a series of volumes, or is not meant for this datatype.
    UsageError
        A parameter's value is out of range.
    """
    volumes = shape[3] if len(shape) > 3 else 1
    if method == "auto":
        series = datatype in {"func", "dwi"} and volumes >= MIN_SERIES
        method = "mppca" if series else "nlm"
        why = _reason(datatype, volumes, series)
    else:
        why = "asked for by --method"
    kind = DENOISERS[method]
    if datatype not in kind.datatypes or (kind.dimensions == 4 and volumes == 1):
        fitting = [name for name, each in DENOISERS.items() if datatype in each.datatypes]
        raise ScanError(
            f"method {method!r} cannot denoise {datatype} data with {volumes} volume(s); "
            f"for {datatype} there are: auto, {', '.join(fitting)}"
        )
    values = {**(SLOPPY.get(method, {}) if sloppy else {}), **given.get(method, {})}
    return Choice(denoiser=build(kind, values), why=why)


def _reason(datatype: str, volumes: int, series: bool) -> str:
    if series:
        return f"auto: {volumes} volumes are enough to tell noise from signal by their redundancy"
    if volumes > 1:
        return f"auto: {volumes} volumes are too few for MP-PCA (needs {MIN_SERIES})"
    return f"auto: a single volume ({datatype}), where similar patches are the redundancy"
