"""Which CUDA devices there are, told without raising and without heavy imports."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bids_denoise.kernels import gpu

ASK = (
    "import sys; from bids_denoise.kernels.gpu import cuda_device_names; "
    "print(cuda_device_names(), 'numba' in sys.modules)"
)


def ask(**environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ASK],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_the_simulator_is_one_device() -> None:
    assert ask(NUMBA_ENABLE_CUDASIM="1") == "('CUDA simulator',) False"


def test_without_a_driver_there_is_no_device_and_numba_stays_out() -> None:
    assert ask(NUMBA_CUDA_DRIVER="/nowhere/libcuda.so.1", NUMBA_ENABLE_CUDASIM="0") == "() False"


def test_a_library_that_is_no_driver_gives_no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUMBA_ENABLE_CUDASIM", raising=False)
    monkeypatch.setattr(gpu, "_driver_loads", lambda: True)
    monkeypatch.setattr(gpu, "import_module", lambda _: NoDriver)
    assert gpu.cuda_device_names() == ()


@pytest.mark.parametrize("name", ["NVIDIA H100", b"NVIDIA H100"])
def test_names_are_text(name: str | bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUMBA_ENABLE_CUDASIM", raising=False)
    monkeypatch.setattr(gpu, "find_spec", lambda _: object())
    monkeypatch.setattr(gpu, "_driver_loads", lambda: True)
    monkeypatch.setattr(gpu, "import_module", lambda _: OneDevice)
    monkeypatch.setattr(Device, "name", name)
    assert gpu.cuda_device_names() == ("NVIDIA H100",)


class NoDriver:
    """numba.cuda where the driver does not start."""

    @staticmethod
    def is_available() -> bool:
        return False


class Device:
    """A device as numba.cuda lists it."""

    name: str | bytes = ""


class OneDevice:
    """numba.cuda with one device."""

    gpus = (Device(),)

    @staticmethod
    def is_available() -> bool:
        return True
