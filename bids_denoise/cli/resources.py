"""How many processors and how much memory this process may use, containers considered."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/")


def usable_cpus(root: Path = ROOT) -> int:
    """Return the processors that affinity and control groups leave to this process, at least 1.

    Parameters
    ----------
    root
        Where the file system begins; another one in tests.
    """
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quotas = [*_quotas_v2(root), *_quotas_v1(root)]
    return max(1, int(min([bound or 1, *quotas])))


def usable_memory(root: Path = ROOT) -> int:
    """Return the bytes of memory that the machine has or the control groups allow."""
    limits = [
        int(text)
        for controller, name in (("", "memory.max"), ("memory", "memory.limit_in_bytes"))
        for text in _settings(root, controller, name)
        if text.isdigit()
    ]
    return min([_physical_memory(), *limits])


def _physical_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _quotas_v2(root: Path) -> Iterator[float]:
    for text in _settings(root, "", "cpu.max"):
        quota, period = text.split()
        if quota != "max":
            yield int(quota) / int(period)


def _quotas_v1(root: Path) -> Iterator[float]:
    quotas = _settings(root, "cpu", "cpu.cfs_quota_us")
    periods = _settings(root, "cpu", "cpu.cfs_period_us")
    for quota, period in zip(quotas, periods, strict=False):
        if int(quota) > 0:
            yield int(quota) / int(period)


def _settings(root: Path, controller: str, name: str) -> Iterator[str]:
    """Yield what the groups of this process say, from its own group up to the top.

    A container often sees its own group as the top, whatever path the kernel tells it.
    """
    top = root / "sys/fs/cgroup" / controller
    for folder in (_group(root, controller), Path("/")):
        inside = top / folder.relative_to("/")
        for each in (inside, *inside.parents):
            if each == top or top in each.parents:
                text = _text(each / name)
                if text:
                    yield text


def _group(root: Path, controller: str) -> Path:
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return Path(path)
    return Path("/")


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
