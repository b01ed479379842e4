"""A part of the group page that answers one question, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Rows of text under a caption; the first cell of a row is its heading.

    `file` is where all the numbers are, relative to the page.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    file: str = ""


@dataclass(frozen=True)
class Drawing:
    """A figure at `path`, relative to the page."""

    title: str
    caption: str
    path: str

    @property
    def chart(self) -> bool:
        """Whether it is a drawing, several of which fit beside each other."""
        return self.path.endswith(".svg")


@dataclass(frozen=True)
class Section:
    """What was asked of the group, and the answer.

    Attributes
    ----------
    anchor, title
        Where it is on the page, and its heading.
    answer
        One or two sentences: did denoising change the answer, and how sure is that.
    paragraphs
        What was done with whom, and what to look at.
    tables, drawings
        The numbers and pictures.
    remarks
        What limits the answer: who was left out, what could not be done.
    methods
        A paragraph fit for a paper.
    cited
        Keys of the bibliography.
    files
        What else was written: label and path relative to the page.
    failed
        True where the question could not be answered; `answer` then says why.
    """

    anchor: str
    title: str
    answer: str
    paragraphs: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    drawings: tuple[Drawing, ...] = ()
    remarks: tuple[str, ...] = ()
    methods: str = ""
    cited: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    failed: bool = False


def cited_keys(sections: Sequence[Section]) -> list[str]:
    """Return the keys that some sections cite, each once."""
    return list(dict.fromkeys(key for each in sections for key in each.cited))
