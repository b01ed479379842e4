"""The page: a summary, and one table of all that was measured."""

from __future__ import annotations

import datetime
import os
import platform
import textwrap
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from benchmarks.anatomical.methods import Method

    Row = dict[str, Any]

HEAD = (
    "image", "noise", "method", "PSNR dB", "PSNR*", "SSIM", "edges", "detail", "contrast", "sigma",
    "wall s", "peak MB",
)  # fmt: skip
SUMMED = ("3", "5", "9", "15")
BUSY = 0.25
"""Processors kept busy by others, above which seconds are marked."""

MARKS = """\
Numbers are means over the scans of a row. Seconds without a mark were measured in this run, one
method after the other; `*`: in an earlier run; `~`: with something else running on the machine."""


def line_of(row: Row, run: str) -> str:
    """Return one run as a line for the terminal."""
    return _line([row["key"]["image"], *_cells([row], run)])


def write_page(
    path: Path,
    text: str,
    rows: list[Row],
    methods: list[Method],
    given: argparse.Namespace,
    run: str,
) -> None:
    """Write what was measured, with date, versions and processor."""
    usage, told = text.split("\n\n", 1)[1].split("Truth and noise\n", 1)
    page = [f"# {given.title}", "", usage.strip().removeprefix("::").strip("\n"), ""]
    page += [*_paragraphs("Truth and noise\n" + told), _setting(methods, given), ""]
    levels = [each for each in given.levels if each in SUMMED]
    page += [f"## Mean over {', '.join(levels)} %, {given.law} noise", "", *_summary(rows)]
    page += ["", "## All", "", MARKS, "", _line(HEAD), _line(["---"] * len(HEAD))]
    page += [
        _line([_counted(name, same), *_cells(same, run)]) for name, same in _grouped(rows).items()
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    if given.picture:
        place = Path(os.path.relpath(given.picture, path.parent)).as_posix()
        told = f"{given.picture_image}, {given.picture_level} % {given.law} noise"
        page += ["", f"![Before, after and removed noise: {told}]({place})"]
    path.write_text("\n".join(page) + "\n", encoding="utf-8")


def _paragraphs(text: str) -> Iterable[str]:
    for part in text.strip().split("\n\n"):
        title, *lines = part.splitlines()
        whole = " ".join([f"**{title}.**", *(line.strip() for line in lines)])
        yield textwrap.fill(whole, 100, break_long_words=False, break_on_hyphens=False)
        yield ""


def _grouped(rows: list[Row]) -> dict[tuple[str, str, str], list[Row]]:
    """Return rows by group, level and method; of the truth only those of the first level."""
    found: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    first: dict[str, str] = {}
    for row in rows:
        level, method = row["key"]["level"], row["key"]["method"]
        if method != "truth" or level == first.setdefault(row["group"], level):
            found[row["group"], level, method].append(row)
    orders = [list(dict.fromkeys(name[i] for name in found)) for i in range(3)]

    def order(name: tuple[str, str, str]) -> list[int]:
        return [each.index(part) for each, part in zip(orders, name, strict=True)]

    return {name: found[name] for name in sorted(found, key=order)}


def _counted(name: tuple[str, str, str], same: list[Row]) -> str:
    return f"{name[0]} ({len(same)})" if len(same) > 1 else name[0]


def _cells(same: list[Row], run: str) -> list[str]:
    row = same[0]
    truth = row["key"]["method"] == "truth"
    level = row["key"]["level"]
    noise = "" if truth else f"{level.removesuffix('g')} %{' x g' if level.endswith('g') else ''}"
    cells = [noise, row["label"], _mean(same, "psnr", "{:.2f}")]
    cells += [_mean(same, "psnr_to_anatomy", "{:.2f}"), _mean(same, "ssim", "{:.3f}")]
    cells += [_mean(same, "edges", "{:+.1%}"), _mean(same, "detail", "{:.0%}")]
    cells += [_mean(same, "contrast", "{:.2f}"), _sigma(same), _seconds(same, run), _memory(same)]
    return cells


def _mean(same: list[Row], name: str, form: str) -> str:
    values = [row[name] for row in same if row.get(name) is not None]
    return form.format(fmean(values)) if len(values) == len(same) else ""


def _sigma(same: list[Row]) -> str:
    """Return the mean sigma, and the law where it was taken for another one."""
    if same[0]["key"]["method"] == "ants":
        return "its own"
    laws = {row["assumed"] for row in same if "assumed" in row} - {same[0]["key"]["law"]}
    return " ".join([_mean(same, "sigma", "{:.2f} %"), *(f"as {law}" for law in sorted(laws))])


def _seconds(same: list[Row], run: str) -> str:
    if "wall" not in same[0]:
        return ""
    old = any(row["run"] != run for row in same)
    busy = any(row["load"] > BUSY for row in same)
    return _mean(same, "wall", "{:.3g}") + ("*" if old else "") + ("~" if busy else "")


def _memory(same: list[Row]) -> str:
    if "peak" not in same[0]:
        return ""
    peak, above = (max(row[name] for row in same) / 1e6 for name in ("peak", "memory"))
    return f"{peak:.0f} ({above:.0f})"


def _summary(rows: list[Row]) -> Iterable[str]:
    """Yield mean PSNR, PSNR* and SSIM by method and group, where every level and scan was run."""
    cells: dict[tuple[str, str], list[Row]] = defaultdict(list)
    levels = {row["key"]["level"] for row in rows} & set(SUMMED)
    for row in rows:
        if row["key"]["level"] in levels and row["psnr"] is not None:
            cells[row["label"], row["group"]].append(row)
    labels, groups = (list(dict.fromkeys(key[i] for key in cells)) for i in (0, 1))
    yield _line(["PSNR dB / PSNR* / SSIM", *groups])
    yield _line(["---"] * (1 + len(groups)))
    for label in labels:
        line = [label]
        for group in groups:
            same = cells[label, group]
            whole = len(same) == len(cells["noisy", group])
            forms = {"psnr": "{:.2f}", "psnr_to_anatomy": "{:.2f}", "ssim": "{:.3f}"}
            means = " / ".join(_mean(same, name, form) or "-" for name, form in forms.items())
            line.append(means if whole else "")
        yield _line(line)


def _setting(methods: list[Method], given: argparse.Namespace) -> str:
    found = {each.package or "bids-denoise": each.version for each in methods if each.version}
    found |= {name: version(name) for name in ("numpy", "numba", "torch")}
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.split(": ")[1] for line in info if "model name" in line), platform.machine())
    missing = [each.label for each in methods if not each.version]
    return (
        f"{datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d}, "
        f"{', '.join(f'{name} {number}' for name, number in found.items())}; {model}, "
        f"{os.cpu_count()} processors, {given.threads} threads each (bm4d has but one). "
        f"Human scans: {given.slices or 'all'} slices."
        + (f" Not installed: {', '.join(missing)}." if missing else "")
    )


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
