"""The tables of the manual that are made from the code.

``python -m bids_denoise.cli.manual docs/*.md`` brings them up to date: in each file, what stands
between ``<!-- made by the code: NAME -->`` and ``<!-- end -->`` is written anew.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bids_denoise.cli.text import described, exit_codes, groups, invocation

BLOCK = re.compile(r"(<!-- made by the code: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def option_tables() -> str:
    """Return the options as Markdown, one table a group."""
    blocks = []
    for heading, group in groups():
        head = [f"### {heading}", "", "| option | what it does |", "|---|---|"]
        rows = [f"| `{_cell(invocation(each))}` | {_cell(described(each))} |" for each in group]
        blocks.append("\n".join([*head, *rows]))
    return "\n\n".join(blocks) + "\n"


def exit_code_table() -> str:
    """Return the exit codes as Markdown."""
    rows = [f"| {code} | {meaning} |" for code, meaning in exit_codes().items()]
    return "\n".join(["| code | meaning |", "|---|---|", *rows]) + "\n"


TABLES: dict[str, Callable[[], str]] = {"options": option_tables, "exit codes": exit_code_table}


def brought_up_to_date(text: str) -> str:
    """Return a page with its tables written anew."""
    return BLOCK.sub(lambda match: f"{match[1]}\n{TABLES[match[2]]()}\n{match[3]}", text)


def main(pages: Sequence[str]) -> None:
    """Bring pages up to date."""
    for page in map(Path, pages):
        page.write_text(brought_up_to_date(page.read_text(encoding="utf-8")), encoding="utf-8")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    main(sys.argv[1:])
