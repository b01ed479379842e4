"""BIDS file names, and which of them are images that can be denoised."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

IMAGES: Mapping[str, frozenset[str]] = {
    "anat": frozenset(
        {"T1w", "T2w", "PDw", "T2starw", "FLAIR", "inplaneT1", "inplaneT2", "PDT2", "angio"}
        | {"T2star", "FLASH", "PD"}  # deprecated names that datasets still use
        | {"MEGRE", "MESE", "VFA", "IRT1", "MP2RAGE", "MPM", "MTS", "MTR", "UNIT1"}
    ),
    "func": frozenset({"bold", "cbv", "sbref"}),
    "dwi": frozenset({"dwi", "sbref"}),
}
"""Datatype to the suffixes that are denoised: measured intensities, one contrast an image."""

MAPS = (
    *("T1map", "T2map", "T2starmap", "R1map", "R2map", "R2starmap", "PDmap", "MTRmap", "MTsat"),
    *("T1rho", "MWFmap", "MTVmap", "PDT2map", "Chimap", "S0map", "M0map"),
    *("ADC", "FA", "colFA", "expADC", "trace"),
)

KINDS: Mapping[str, str] = (
    dict.fromkeys(MAPS, "a quantitative map, not a magnitude image")
    | dict.fromkeys(("mask", "dseg", "probseg", "defacemask"), "a mask or segmentation, no image")
    | dict.fromkeys(
        ("phase", "phase1", "phase2", "phasediff"), "a phase image; it has no magnitude"
    )
    | {"boldref": "an average computed from a series, not a scan", "noRF": "noise without signal"}
)
"""Suffixes of what is not a magnitude image, and what it is instead."""

COMPUTED_ENTITIES = ("stat", "model", "param", "label", "seg", "atlas", "from", "hemi", "den")
"""Entities that only results of an analysis carry."""

NAME = re.compile(r"(?P<entities>(?:[a-z]+-[a-zA-Z0-9+]+_)*)(?P<suffix>[a-zA-Z0-9]+)(?P<ext>\..+)")


@dataclass(frozen=True)
class Name:
    """A BIDS file name in its parts; values are strings as written."""

    entities: Mapping[str, str]
    suffix: str
    extension: str


def parse_name(filename: str) -> Name | None:
    """Take a BIDS file name apart; None when it is not one.

    Examples
    --------
    >>> parse_name("sub-01_run-2_T1w.nii.gz")
    Name(entities={'sub': '01', 'run': '2'}, suffix='T1w', extension='.nii.gz')
    >>> parse_name("T1.2.nii") is None
    False
    >>> parse_name("my scan.nii") is None
    True
    """
    match = NAME.fullmatch(filename)
    if match is None:
        return None
    pairs = [pair.split("-") for pair in match["entities"].split("_") if pair]
    entities = {key: value for key, value in pairs}
    if len(entities) < len(pairs):
        return None
    return Name(entities=entities, suffix=match["suffix"], extension=match["ext"])


def why_no_scan(datatype: str, name: Name) -> str | None:
    """Return the reason why an image of this name is not denoised, or None when it is."""
    return _why_not_suffix(datatype, name.suffix) or _why_not_entities(name.entities)


def _why_not_suffix(datatype: str, suffix: str) -> str | None:
    if suffix in KINDS:
        return f"{suffix}: {KINDS[suffix]}"
    if datatype not in IMAGES:
        return f"{datatype}: only anat, func and dwi images are denoised"
    if suffix not in IMAGES[datatype]:
        allowed = ", ".join(sorted(IMAGES[datatype]))
        return f"{suffix}: not a suffix of {datatype} that is denoised ({allowed})"
    return None


def _why_not_entities(entities: Mapping[str, str]) -> str | None:
    if entities.get("part", "mag") != "mag":
        return f"part-{entities['part']}: only magnitudes are denoised, by their phase beside them"
    for key in COMPUTED_ENTITIES:
        if key in entities:
            return f"{key}-{entities[key]}: computed by an analysis, not a scan"
    for key in ("desc", "rec"):
        label = entities.get(key, "")
        if "denoised" in label.lower():
            return f"{key}-{label}: it is denoised already"
        if label in {"residual", "noise"}:
            return f"{key}-{label}: what a denoiser removed, not a scan"
    return None
