import os
import signal
import time
from pathlib import Path

import pytest

from bids_denoise.workers import map_in_order


def double(value: int) -> int:
    return 2 * value


def die_on_three(value: int) -> int:
    if value == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return value


def fail_on_three(value: int) -> int:
    if value == 3:
        raise ValueError(value)
    return value


def lost(value: int) -> int:
    return -value


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_order(workers: int) -> None:
    assert list(map_in_order(double, [3, 1, 2], workers, lost)) == [6, 2, 4]


def test_a_killed_worker_costs_only_its_own_item() -> None:
    assert list(map_in_order(die_on_three, [1, 2, 3, 4, 5], 2, lost)) == [1, 2, -3, 4, 5]


@pytest.mark.parametrize("workers", [1, 2])
def test_errors_of_the_work_travel(workers: int) -> None:
    with pytest.raises(ValueError, match="3"):
        list(map_in_order(fail_on_three, [1, 2, 3, 4], workers, lost))


def linger(folder: Path) -> None:
    try:
        (folder / "begun").touch()
        time.sleep(600)
    finally:
        (folder / "cleared").touch()


def test_an_interrupt_ends_the_workers_and_lets_them_clear_up(tmp_path: Path) -> None:
    """And does not wait ten minutes for what they do."""
    folders = [tmp_path / name for name in ("a", "b", "c")]
    for folder in folders:
        folder.mkdir()

    previous = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 3)
    try:
        with pytest.raises(KeyboardInterrupt):
            list(map_in_order(linger, folders, 2, print))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    for folder in folders:
        assert (folder / "cleared").exists() == (folder / "begun").exists()
