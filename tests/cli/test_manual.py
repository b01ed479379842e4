from pathlib import Path

import pytest

from bids_denoise.cli import manual
from bids_denoise.cli.options import options
from bids_denoise.cli.text import help_text
from bids_denoise.denoisers import DENOISERS

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("page", ["usage.md", "errors.md"])
def test_the_tables_of_the_manual_are_current(page: str) -> None:
    """If this fails: ``python -m bids_denoise.cli.manual docs/usage.md docs/errors.md``."""
    text = (DOCS / page).read_text(encoding="utf-8")
    assert "made by the code" in text
    assert manual.brought_up_to_date(text) == text


def test_pages_are_brought_up_to_date(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "before\n<!-- made by the code: exit codes -->\nan outdated table\n<!-- end -->\nafter\n"
    )
    manual.main([str(page)])
    text = page.read_text()
    assert "outdated" not in text
    assert "| 75 |" in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")


@pytest.mark.parametrize("width", [60, 80, 100, 300])
def test_help_names_every_option_within_the_width(width: int) -> None:
    text = help_text(width)
    for option in options():
        assert option.hidden != (option.flag.replace("LEVEL", "{participant,group}") in text)
    assert max(map(len, text.splitlines())) <= max(min(width, 100), 80)


def test_help_groups_the_parameters_of_each_denoiser() -> None:
    for name, kind in DENOISERS.items():
        assert f"Parameters of {name} ({kind.summary}):" in " ".join(help_text().split())


def test_no_option_is_without_help() -> None:
    for option in options():
        assert option.help.endswith(".")
        assert option.help[0] in "[" or option.help[0].isalnum()
