"""Stop a run from outside so that it clears up behind itself."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

SECONDS_UNTIL_NEXT_TRY = 0.1


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Let SIGTERM end a run as Ctrl-C does: by a `KeyboardInterrupt` that runs all clearing up.

    A second signal ends the process at once.
    """
    try:
        before = signal.signal(signal.SIGTERM, _stop)
    except ValueError:  # not in the main thread: whoever runs us there has the signals
        yield
        return
    alarm_before = signal.signal(signal.SIGALRM, _stop)
    hook_before, sys.unraisablehook = sys.unraisablehook, _try_again
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.unraisablehook = hook_before
        signal.signal(signal.SIGALRM, alarm_before)
        signal.signal(signal.SIGTERM, before)


def _stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    if number == signal.SIGTERM:
        signal.signal(number, signal.SIG_DFL)
    raise KeyboardInterrupt


def _try_again(unraisable: UnraisableHookArgs) -> None:
    """Interrupt again what swallowed an interrupt.

    A signal that arrives while LLVM compiles is delivered in the first Python code after
    that, which is a callback of LLVM's, and no exception gets out of one.
    """
    if unraisable.exc_type is KeyboardInterrupt:
        signal.setitimer(signal.ITIMER_REAL, SECONDS_UNTIL_NEXT_TRY)
    else:
        sys.__unraisablehook__(unraisable)
