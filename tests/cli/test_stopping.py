import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from bids_denoise.cli.stopping import stop_on_signals


def test_sigterm_clears_up_and_a_second_one_kills() -> None:
    code = (
        "import os, signal\n"
        "from bids_denoise.cli.stopping import stop_on_signals\n"
        "try:\n"
        "    with stop_on_signals():\n"
        "        try:\n"
        "            os.kill(os.getpid(), signal.SIGTERM)\n"
        "        finally:\n"
        "            print('cleared', flush=True)\n"
        "            os.kill(os.getpid(), signal.SIGTERM)\n"
        "except KeyboardInterrupt:\n"
        "    print('never reached')\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stdout == "cleared\n"
    assert run.returncode == -signal.SIGTERM


def test_handlers_are_given_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), stop_on_signals():
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


def test_another_thread_may_run_the_app() -> None:
    reached = []

    def run() -> None:
        with stop_on_signals():
            reached.append(True)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert reached == [True]


def test_an_interrupt_that_a_callback_swallows_comes_again() -> None:
    def swallow() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)

    def work() -> None:
        with stop_on_signals():
            ctypes.CFUNCTYPE(None)(swallow)()
            for _ in range(1000):
                time.sleep(0.01)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_other_unraisable_errors_are_still_shown(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise ValueError("in a callback")

    with stop_on_signals():
        ctypes.CFUNCTYPE(None)(fail)()
    assert "ValueError: in a callback" in capsys.readouterr().err
