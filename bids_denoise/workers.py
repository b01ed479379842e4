"""Do the same work on many items, one after the other or in several processes, in order."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import FrameType
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

PATIENCE = 5.0
"""Seconds a worker that was told to end has for clearing away what it had begun."""


def map_in_order(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int,
    lost: Callable[[Item], Result],
) -> Iterator[Result]:
    """Yield ``work(item)`` for each item, in the order of the items.

    With one worker everything happens in this process. A worker process that dies (killed
    by the system for its memory, most often) costs only the items it held: for them ``lost(item)``
    is yielded, and a new pool goes on with the rest.

    Parameters
    ----------
    work, items
        The function, picklable when `workers` > 1, and what it is applied to.
    workers
        Number of processes, at least 1.
    lost
        Makes the result of an item whose worker died, twice in a row when it shared a pool.
    """
    if workers == 1 or len(items) < 2:
        yield from map(work, items)
        return
    waiting = list(items)
    while waiting:
        done = 0
        with _pool(workers) as pool:
            futures = [pool.submit(_interruptible, work, item) for item in waiting]
            try:
                for future in futures:
                    yield future.result()
                    done += 1
            except BrokenProcessPool:
                pass
            except BaseException:
                _stop(pool)
                raise
        if done == len(waiting):
            return
        # The item that broke the pool may be any of those in flight: the first goes alone.
        yield _alone(work, waiting[done], lost)
        waiting = waiting[done + 1 :]


def _alone(work: Callable[[Item], Result], item: Item, lost: Callable[[Item], Result]) -> Result:
    with _pool(1) as pool:
        try:
            return pool.submit(_interruptible, work, item).result()
        except BrokenProcessPool:
            return lost(item)


def _pool(workers: int) -> ProcessPoolExecutor:
    # Spawned, not forked: a fork copies the locks of threads that Numba and BLAS have started.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_settle)


def _settle() -> None:
    """Leave Ctrl-C, which reaches all processes of a terminal, to the parent; end when it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Wait for the end of the parent: one that is killed cannot tell its workers to go."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(128 + signal.SIGKILL)


def _interruptible(work: Callable[[Item], Result], item: Item) -> Result:
    """Do the work so that SIGTERM unwinds it, and then ends the process.

    The executor would send the exception home as a result and keep the process.
    """
    before = signal.signal(signal.SIGTERM, _unwind)
    try:
        return work(item)
    except KeyboardInterrupt:
        os._exit(128 + signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)


def _unwind(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    # The pool, which sees another worker end, tells this one a second time: not while it clears up.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def _stop(pool: ProcessPoolExecutor) -> None:
    """End a pool now: cancel what waits, and do not wait for what runs."""
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(PATIENCE)
        if process.is_alive():
            process.kill()
