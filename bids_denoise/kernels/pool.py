"""Run a compiled function on many pieces of work, on several threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def for_each(work: Callable[[Item], object], items: Iterable[Item], threads: int) -> None:
    """Call `work` on each of `items` on up to `threads` threads, and wait for all.

    `work` has to release the GIL (``njit(nogil=True)``) to gain from more than one. An error in
    a thread is raised here.
    """
    if threads == 1:
        for item in items:
            work(item)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, items):
            pass
