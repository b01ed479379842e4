"""Which CUDA devices Numba can use on this machine, and how to work on one of them."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import AbstractContextManager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

SIMULATOR_NAME = "CUDA simulator"


def cuda_device_names() -> tuple[str, ...]:
    """Return the names of the usable CUDA devices, in device order; empty without any.

    A device is usable when there is a driver, the package numba-cuda and the compiler
    libraries it needs. Without a driver nothing heavy is imported. Under Numba's simulator
    there is one device, the simulator.
    """
    if simulated():
        return (SIMULATOR_NAME,)
    if find_spec("numba_cuda") is None or not _driver_loads():
        return ()
    cuda: Any = import_module("numba.cuda")

    if not cuda.is_available():
        return ()
    return tuple(_text(device.name) for device in cuda.gpus)


def simulated() -> bool:
    """Return whether Numba's CUDA simulator is switched on."""
    return os.environ.get("NUMBA_ENABLE_CUDASIM", "0") not in {"", "0"}


def on_device(index: int) -> AbstractContextManager[object]:
    """Return a context in which CUDA kernels run on device `index`, from 0."""
    cuda: Any = import_module("numba.cuda")

    device: AbstractContextManager[object] = cuda.gpus[index]
    return device


def _driver_loads() -> bool:
    named = os.environ.get("NUMBA_CUDA_DRIVER")
    library = named or ("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _text(name: str | bytes) -> str:
    # numba-cuda gave bytes before it was built on cuda.core, text since.
    return name.decode() if isinstance(name, bytes) else name
