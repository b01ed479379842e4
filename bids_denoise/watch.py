"""Long computations that can be watched, and stopped, from outside.

Whoever starts one wraps it in `watched`; the loops on the way call `step`. Without a watcher that
costs nothing, and a computation that is not stopped gives the same result with one.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Watcher = Callable[[int, int], None]

_WATCHER: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Call `watcher` with the steps done and their number (0: unknown) of whatever loop runs.

    To stop the computation it raises an exception, which comes out where `watched` was entered.

    Examples
    --------
    >>> with watched(lambda done, total: print(done, "of", total)):
    ...     step(1, 3)
    1 of 3
    """
    token = _WATCHER.set(watcher)
    try:
        yield
    finally:
        _WATCHER.reset(token)


def is_watched() -> bool:
    """Say whether anybody does."""
    return _WATCHER.get() is not None


def pause() -> None:
    """Let the watcher, if there is one, stop or hold the computation; without news."""
    step(0, 0)


def step(done: int, total: int) -> None:
    """Tell the watcher, if there is one, that `done` of `total` steps of a loop are made."""
    watcher = _WATCHER.get()
    if watcher is not None:
        watcher(done, total)
