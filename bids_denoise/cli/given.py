"""What the user gave: values by option name, and everything that was wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bids_denoise.errors import BidsDenoiseError

T = TypeVar("T")


@dataclass(frozen=True)
class Given:
    """Values by `Option.key`, read from one source (the command line, a config file)."""

    values: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[BidsDenoiseError, ...] = ()


class Problems:
    """A list of errors to be reported together, not one after the other."""

    def __init__(self, problems: Iterable[BidsDenoiseError] = ()) -> None:
        self.all = list(problems)

    def attempt(self, task: Callable[..., T], *arguments: Any, otherwise: T) -> T:
        """Return what `task` returns; if it fails, note the error and return `otherwise`."""
        try:
            return task(*arguments)
        except BidsDenoiseError as problem:
            self.all.append(problem)
            return otherwise

    def check(self, task: Callable[..., object], *arguments: Any) -> None:
        """Run `task` for the error that it may raise."""
        self.attempt(task, *arguments, otherwise=None)

    def raise_any(self) -> None:
        """Raise everything noted so far.

        Raises
        ------
        ExceptionGroup
            Of `BidsDenoiseError`, if there is any.
        """
        if self.all:
            raise ExceptionGroup("the command cannot be run", self.all)


def near(word: str, known: Iterable[str]) -> str:
    """Return `` (did you mean ...?)`` for a word that is not among the known ones, or nothing.

    >>> near("--particpant-label", ["--participant-label", "--mem"])
    ' (did you mean --participant-label?)'
    """
    import difflib

    lowered = {each.lower(): each for each in known}
    matches = difflib.get_close_matches(word.lower(), lowered, n=2, cutoff=0.6)
    return f" (did you mean {' or '.join(lowered[each] for each in matches)}?)" if matches else ""
