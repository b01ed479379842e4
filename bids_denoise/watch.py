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

    Watcher = Callable[[], None]

_WATCHER: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Call `watcher` at every step of what is computed in this block.

    To stop the computation it raises an exception, which comes out where `watched` was entered; to
    hold it, it waits.

    Examples
    --------
    >>> with watched(lambda: print("one more")):
    ...     step()
    one more
    """
    token = _WATCHER.set(watcher)
    try:
        yield
    finally:
        _WATCHER.reset(token)


def step() -> None:
    """Let the watcher, if there is one, know that there has been a step."""
    watcher = _WATCHER.get()
    if watcher is not None:
        watcher()
