"""Threads that compute for the page: one computation a lane at a time, each can be stopped."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from bids_denoise.watch import watched

if TYPE_CHECKING:
    from collections.abc import Callable

    Tell = Callable[[int], None]

Result = TypeVar("Result")

NICE = 5
"""How far computations give way, on the scale of ``nice``: a page that stutters is worse than one
that waits a little."""

SECONDS_BETWEEN = 0.1
"""News of progress come no faster than this."""

PATIENCE = 0.4
"""Seconds that a computation may take to its end although a newer one is wanted: so that a picture
follows the hand, and slow methods do not keep it waiting."""


class StoppedError(Exception):
    """The computation was not wanted any more."""


class Ticket:
    """One computation: counts its steps, holds it while others go first, and stops it.

    Parameters
    ----------
    tell
        Is called with the number of steps from time to time, in the computing thread.
    go
        While it is not set, the computation waits at its next step.
    """

    def __init__(self, tell: Tell | None = None, go: threading.Event | None = None) -> None:
        self.began = time.monotonic()
        self.patience = PATIENCE
        self.steps = 0
        self._tell, self._told, self._go = tell, 0.0, go
        self._stopped = threading.Event()

    @property
    def age(self) -> float:
        """Seconds since it was asked for."""
        return time.monotonic() - self.began

    def stop(self) -> None:
        """Have it raise `StoppedError` as soon as it looks here."""
        self._stopped.set()

    def step(self) -> None:
        """Be told of a step: the watcher of `bids_denoise.watch`."""
        while self._go and not self._go.wait(SECONDS_BETWEEN):
            if self._stopped.is_set():
                break
        if self._stopped.is_set():
            raise StoppedError
        self.steps += 1
        now = time.monotonic()
        if self._tell and now - self._told > SECONDS_BETWEEN:
            self._told = now
            self._tell(self.steps)


def _give_way() -> None:
    """Let browser and server go before this thread and those that it starts, where that can be."""
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


class Lane:
    """A thread of its own for computations that follow one another.

    Attributes
    ----------
    idle
        Set while nothing runs in it or waits for it.
    """

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(1, f"bids-denoise-{name}", _give_way)
        self.idle = threading.Event()
        self.idle.set()
        self._waiting = 0

    async def run(self, work: Callable[[], Result], ticket: Ticket) -> Result:
        """Return the result of `work`.

        Raises
        ------
        StoppedError
            The ticket was stopped, before or meanwhile.
        """

        def watched_work() -> Result:
            ticket.step()
            with watched(ticket.step):
                return work()

        self._waiting += 1
        self.idle.clear()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, watched_work)
        finally:
            self._waiting -= 1
            if not self._waiting:
                self.idle.set()

    def close(self) -> None:
        """Let the thread end once it is idle."""
        self._pool.shutdown(wait=False, cancel_futures=True)
