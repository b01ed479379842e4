"""The memory of this process, as Linux counts it. Shared by the benchmarks."""

from __future__ import annotations

from pathlib import Path


def reset_peak() -> None:
    """Set the process's peak of resident memory to what it holds now."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def status(field: str) -> int:
    """Return a field of this process's status in bytes, such as ``VmRSS`` or ``VmHWM``."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(field))
