"""Tables as the pages show them. Shared by the benchmarks."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

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
