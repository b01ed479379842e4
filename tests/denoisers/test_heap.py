"""Memory that is kept for a while."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bids_denoise.denoisers import heap
from bids_denoise.denoisers.heap import freed_memory_kept

LARGE = 1 << 26


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    """Give back what earlier tests have left free."""
    with freed_memory_kept():
        pass


def resident() -> int:
    """Return the bytes of memory of this process."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


@pytest.mark.skipif(heap._glibc() is None, reason="freed memory is kept with glibc only")
def test_freed_memory_is_kept_and_given_back() -> None:
    before = resident()
    with freed_memory_kept():
        np.ones(LARGE, np.uint8)
        assert resident() - before > 0.9 * LARGE
    assert resident() - before < 0.5 * LARGE
    np.ones(LARGE, np.uint8)
    assert resident() - before < 0.5 * LARGE


def test_without_glibc_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap, "_glibc", lambda: None)
    with freed_memory_kept():
        pass


def test_it_is_given_back_after_an_error() -> None:
    before = resident()
    with pytest.raises(ZeroDivisionError), freed_memory_kept():
        1 // int(np.zeros(LARGE, np.uint8).sum())
    assert resident() - before < 0.5 * LARGE
