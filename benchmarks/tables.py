"""Tables as the pages show them. Shared by the benchmarks."""

from __future__ import annotations

import argparse
import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bids_denoise import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def page_parser(text: str, page: str, methods: str) -> argparse.ArgumentParser:
    """Return the options of a benchmark of denoisers that writes a page of docs/benchmarks."""
    parser = argparse.ArgumentParser(
        description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--methods", type=lambda names: names.split(","), default=methods.split(",")
    )
    whole = Path(__file__).parents[1] / "docs" / "benchmarks" / page
    parser.add_argument("--output", type=lambda path: Path(path) if path else None, default=whole)
    return parser


def levels(text: str) -> list[float]:
    """Return the numbers of an option such as ``5,10,20``."""
    return [float(each) for each in text.split(",")]


def write_page(title: str, doc: str, said: str, body: str, output: Path | None) -> None:
    """Print a page, dated, and write it unless there is no `output`."""
    today = datetime.datetime.now(datetime.UTC).date()
    text = f"# {title}\n\n{doc}\n{today}, bids-denoise {__version__}, {said}.\n\n{body}\n"
    print(text)
    if output:
        output.write_text(text, encoding="utf-8")
