"""Keep the memory that large arrays leave for those that follow."""

from __future__ import annotations

import ctypes
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

TRIM_THRESHOLD, MMAP_THRESHOLD, MMAP_MAX = -1, -3, -4  # of glibc's malloc.h
KEEPING = {MMAP_MAX: 0, TRIM_THRESHOLD: 2**31 - 1}
AS_BEFORE = {MMAP_MAX: 65536, MMAP_THRESHOLD: 32 << 20, TRIM_THRESHOLD: 64 << 20}
"""What glibc itself comes to in a process that has freed a large array."""


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Keep for the process what it frees meanwhile, and give that back at the end.

    glibc returns an array of more than 32 MB at once and fetches the next one anew, of which the
    kernel has to fill every page with zeros: a tenth of the time of a network, a fifth of its
    training. With another C library nothing changes. It is for arrays of few sizes: others leave
    holes, and the process grows (by half, with a network over a large volume).
    """
    library = _glibc()
    _set(library, KEEPING)
    try:
        yield
    finally:
        _set(library, AS_BEFORE)
        if library:
            library.malloc_trim(0)


def _set(library: ctypes.CDLL | None, settings: dict[int, int]) -> None:
    for setting, value in settings.items() if library else ():
        library.mallopt(setting, value)  # type: ignore[union-attr]


def _glibc() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(None)
        library.mallopt, library.malloc_trim  # noqa: B018
    except (AttributeError, OSError, TypeError):
        return None
    return library
