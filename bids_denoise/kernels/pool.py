"""Run a function that releases the GIL on many pieces of work, on several threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from bids_denoise import watch

Item = TypeVar("Item")
Result = TypeVar("Result")


def for_each(work: Callable[[Item], object], items: Iterable[Item], threads: int) -> None:
    """Call `work` on each of `items` on up to `threads` threads, and wait for all.

    `work` has to release the GIL (``njit(nogil=True)``) to gain from more than one. An error in
    a thread is raised here.
    """
    for _ in in_turn(work, items, threads):
        pass


def in_turn(
    work: Callable[[Item], Result], items: Iterable[Item], threads: int
) -> Iterator[Result]:
    """Yield the results of `work` in the order of `items`, few of them waiting, as `for_each`."""
    for result in _results(work, items, threads):
        watch.step()
        yield result


def _results(
    work: Callable[[Item], Result], items: Iterable[Item], threads: int
) -> Iterator[Result]:
    if threads == 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def torch_threads(number: int) -> Iterator[None]:
    """Let torch use `number` threads for the time being."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
