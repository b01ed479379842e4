"""Threads that compute for the page: one computation a lane at a time, each can be stopped."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from bids_denoise.watch import watched

if TYPE_CHECKING:
    from collections.abc import Callable

    Tell = Callable[[int, int], None]

Result = TypeVar("Result")

SECONDS_BETWEEN = 0.1
"""News of progress come no faster than this."""


class StoppedError(Exception):
    """The computation was not wanted any more."""


class Ticket:
    """One computation: tells how far it is, and stops it at its next step."""

    def __init__(self, tell: Tell | None = None) -> None:
        self.began = time.monotonic()
        self._tell, self._told = tell, 0.0
        self._stopped = threading.Event()

    @property
    def age(self) -> float:
        """Seconds since it was asked for."""
        return time.monotonic() - self.began

    def stop(self) -> None:
        """Have it raise `StoppedError` as soon as it looks here."""
        self._stopped.set()

    def step(self, done: int, total: int) -> None:
        """Be told of a step: the watcher of `bids_denoise.watch`."""
        if self._stopped.is_set():
            raise StoppedError
        now = time.monotonic()
        if self._tell and now - self._told > SECONDS_BETWEEN:
            self._told = now
            self._tell(done, total)


class Lane:
    """A thread of its own for computations that follow one another."""

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=f"bids-denoise-{name}")

    async def run(self, work: Callable[[], Result], ticket: Ticket) -> Result:
        """Return the result of `work`.

        Raises
        ------
        StoppedError
            The ticket was stopped, before or meanwhile.
        """

        def watched_work() -> Result:
            ticket.step(0, 0)
            with watched(ticket.step):
                return work()

        return await asyncio.get_running_loop().run_in_executor(self._pool, watched_work)

    def close(self) -> None:
        """Let the thread end once it is idle."""
        self._pool.shutdown(wait=False, cancel_futures=True)
