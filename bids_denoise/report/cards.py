"""What the page shows of one image, taken from its record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bids_denoise.denoisers import DENOISERS
from bids_denoise.denoisers.base import parameters
from bids_denoise.metrics.glossary import Term, term
from bids_denoise.report.captions import CAPTIONS
from bids_denoise.report.links import Picture, anchor, link, picture, stem
from bids_denoise.report.numbers import change, compact, number, seconds, times, with_unit
from bids_denoise.values import Record

LAWS = {"gaussian": "Gaussian", "rician": "Rician", "nc-chi": "non-central chi"}
LIGHTS = {
    "green": ("\N{CHECK MARK}", "Good", "good", "No finding speaks against using this image."),
    "amber": ("!", "Look at it", "to look at", "Look at the findings before you use this image."),
    "red": (
        "\N{HEAVY MULTIPLICATION X}",
        "Do not use",
        "not to be used",
        "This result should not be used as it is.",
    ),
}
UNJUDGED = ("?", "Not judged", "not judged", "Nothing was measured on this image.")
WANTED = {
    "higher": "\N{UPWARDS ARROW} higher",
    "lower": "\N{DOWNWARDS ARROW} lower",
    "near 1": "\N{ALMOST EQUAL TO} 1",
    "near 0": "\N{ALMOST EQUAL TO} 0",
}
MAP_NAMES = {"noise": "Noise map", "sigma": "Noise map", "residual": "Residual", "tsnr": "tSNR map"}


@dataclass(frozen=True)
class Light:
    """A verdict as colour, symbol and words, so that each can be done without.

    `counted` follows a number of images.
    """

    colour: str
    symbol: str
    word: str
    counted: str
    meaning: str


@dataclass(frozen=True)
class Row:
    """A number before and after, or one of the residual (in `after`)."""

    term: Term
    before: str
    after: str
    change: str
    wanted: str


@dataclass(frozen=True)
class Figure:
    """A picture, or two to be laid over each other, with what is said about it.

    Attributes
    ----------
    name
        Without ``_before`` and ``_after``.
    before
        Only where there are two.
    picture
        The one, or the one after.
    """

    name: str
    title: str
    caption: str
    picture: Picture
    before: Picture | None = None

    @property
    def chart(self) -> bool:
        """Whether it is a drawing with axes, which needs less room than a picture."""
        return self.picture.path.endswith(".svg")


@dataclass(frozen=True)
class Card:
    """Everything the page shows of one image, in its order."""

    record: Record
    anchor: str
    suffix: str
    entities: str
    light: Light
    gain: str
    sigma: str
    time: str
    facts: tuple[tuple[str, str], ...]
    treatment: tuple[tuple[str, str], ...]
    noise: tuple[tuple[str, str], ...]
    estimates: tuple[tuple[str, str], ...]
    noise_remarks: tuple[str, ...]
    remarks: tuple[str, ...]
    connectome: tuple[tuple[str, str], ...]
    anatomy: tuple[tuple[str, str], ...]
    reasons: tuple[str, ...]
    figures: tuple[Figure, ...]
    metrics: tuple[Row, ...]
    residual: tuple[Row, ...]
    files: tuple[tuple[str, str], ...]


def card(record: Record, folder: Path, embed: bool) -> Card:
    """Return what the page shows of a record whose image was denoised.

    Parameters
    ----------
    record
        Of one image.
    folder
        Where the page lies: figures are found from there.
    embed
        Whether pictures are put into the page.
    """
    quality, noise = record.quality, record.noise
    noise_remarks = tuple(noise.get("remarks", ()))
    return Card(
        record=record,
        anchor=anchor(record.source),
        suffix=record.suffix,
        entities=entities(record),
        light=light(quality.get("light")),
        gain=number(quality.get("residual", {}).get("psnr_gain"), 1, "dB", signed=True),
        sigma=compact(noise.get("sigma_median")),
        time=seconds(record.seconds),
        facts=_facts(record.image),
        treatment=_treatment(record),
        noise=_noise(noise),
        estimates=tuple((name, compact(value)) for name, value in _items(noise, "estimates")),
        noise_remarks=noise_remarks,
        remarks=tuple(each for each in record.remarks if each not in noise_remarks),
        connectome=_connectome(record.connectome),
        anatomy=_anatomy(record.anatomy),
        reasons=tuple(quality.get("reasons", ())),
        figures=_figures(record.figures, folder, embed),
        metrics=_metrics(quality),
        residual=_residual(quality),
        files=_files(record),
    )


def light(colour: object) -> Light:
    """Return a verdict's symbol and words."""
    known = str(colour) if colour in LIGHTS else "grey"
    return Light(known, *LIGHTS.get(known, UNJUDGED))


def entities(record: Record) -> str:
    """Return what tells an image from others of its suffix: ``ses-a run-1``."""
    return " ".join(stem(record.source).split("_")[1:-1])


def _items(values: Mapping[str, Any], name: str) -> list[tuple[str, Any]]:
    return list((values.get(name) or {}).items())


def _facts(image: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    if not image:
        return ()
    scaled = (image.get("slope"), image.get("inter")) not in ((None, None), (1.0, 0.0))
    slope = f", slope {compact(image.get('slope'))}, intercept {compact(image.get('inter'))}"
    found = {
        "Matrix": times(image.get("shape", ())),
        "Voxel size": times(image.get("voxel_size", ())) + with_unit("mm"),
        "Repetition time": compact(image.get("repetition_time")) + with_unit("s"),
        "Stored as": f"{image.get('dtype', '')}{slope if scaled else ''}",
        "Orientation": str(image.get("orientation", "")),
        "Header forms": f"qform {image.get('qform_code')}, sform {image.get('sform_code')}",
    }
    if image.get("repetition_time") is None:
        del found["Repetition time"]
    return tuple(found.items())


def _treatment(record: Record) -> tuple[tuple[str, str], ...]:
    """Return the method, the reason for it, its parameters and what it settled on by itself."""
    denoiser = DENOISERS.get(record.method)
    units = {each.name: each.unit for each in parameters(denoiser)} if denoiser else {}
    values = [
        (_words(k), compact(v) + with_unit(units.get(k, ""))) for k, v in record.parameters.items()
    ]
    chosen = [(_words(name), compact(value)) for name, value in record.choices.items()]
    about = denoiser.summary if denoiser else "not among the methods of this version"
    rows = [("Method", f"{record.method}: {about}"), ("Why", record.why)]
    rows += [("Parameters", _listed(values)), ("Settled on", _listed(chosen))]
    return tuple((name, value) for name, value in rows if value)


def _listed(values: list[tuple[str, str]]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _noise(noise: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    if not noise:
        return ()
    low, high = (compact(each) for each in noise.get("sigma_range") or (None, None))
    return (
        ("Sigma", f"{compact(noise.get('sigma_median'))} (median, in image units)"),
        ("Range", f"{low} to {high} (5th to 95th percentile)"),
        ("Law", LAWS.get(str(noise.get("law")), str(noise.get("law")))),
        ("Taken from", str(noise.get("method", ""))),
        ("Trusted", "yes" if noise.get("trusted") else "no"),
    )


def _connectome(told: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return which parcels and what was done to them, or why there is no connectome."""
    if "reason" in told:
        return (("Not made", str(told["reason"])),)
    if not told:
        return ()
    dropped = f", dropped: {', '.join(told['dropped'])}" if told["dropped"] else ""
    parcels = f"{told['parcels']}, from {told['source']}{dropped}"
    rows = [("Parcels", parcels), ("Time series", str(told["cleaning"]))]
    control = told.get("control") or {}
    if control:
        numbers = [
            f"{term(name).label} {number(value, term(name).digits)}"
            for name, value in control.items()
        ]
        width = number(told["control_width"], 1, "mm")
        rows.append((f"Only smoothed as much ({width})", ", ".join(numbers)))
    return tuple(rows)


def _anatomy(told: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return how brain and tissues were found, or why they were not."""
    if "reason" in told:
        return (("Not made", str(told["reason"])),)
    if not told:
        return ()
    template = told["template_source"] or {"cohort": "made at the group level"}.get(
        told["template"], "none"
    )
    remarks = (("Remarks", " ".join(told["remarks"])),) if told["remarks"] else ()
    return (("Brain mask", str(told["brain"])), ("Template", str(template)), *remarks)


def _figures(figures: Mapping[str, str], folder: Path, embed: bool) -> tuple[Figure, ...]:
    """Return known figures in the order of `CAPTIONS`, then all others by name."""
    shown = {name: picture(path, folder, embed) for name, path in figures.items()}
    pairs = {name.removesuffix("_after") for name in shown if name.endswith("_after")}
    pairs = {name for name in pairs if f"{name}_before" in shown}
    alone = {name for name in shown if re.sub("_(before|after)$", "", name) not in pairs}
    order = [name for name in CAPTIONS if name in pairs | alone]
    found = []
    for name in (*order, *sorted((pairs | alone) - set(order))):
        title, caption = CAPTIONS.get(name, (_words(name).capitalize(), ""))
        if name in pairs:
            after, before = shown[f"{name}_after"], shown[f"{name}_before"]
            found.append(Figure(name, title, caption, after, before))
        else:
            found.append(Figure(name, title, caption, shown[name]))
    return tuple(found)


def _metrics(quality: Mapping[str, Any]) -> tuple[Row, ...]:
    before, after = quality.get("before") or {}, quality.get("after") or {}
    rows = []
    for name in dict.fromkeys((*before, *after)):
        about, old, new = term(name), before.get(name), after.get(name)
        if old is None and new is None:
            continue
        wanted = "no change" if name == "edge_width" else WANTED.get(about.better, "")
        first, second = (number(each, about.digits, about.unit) for each in (old, new))
        rows.append(Row(about, first, second, change(old, new, about.unit), wanted))
    return tuple(rows)


def _residual(quality: Mapping[str, Any]) -> tuple[Row, ...]:
    found = [(term(name), value) for name, value in _items(quality, "residual")]
    return tuple(
        Row(each, "", number(value, each.digits, each.unit), "", WANTED.get(each.better, ""))
        for each, value in found
        if value is not None
    )


def _files(record: Record) -> tuple[tuple[str, str], ...]:
    beside = {
        **record.maps,
        **record.connectome.get("files", {}),
        **record.anatomy.get("files", {}),
    }
    maps = [(MAP_NAMES.get(name, _words(name)), link(path)) for name, path in beside.items()]
    return (*((("Denoised image", link(record.output)),) if record.output else ()), *maps)
