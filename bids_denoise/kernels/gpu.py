"""Which CUDA devices Numba can use on this machine."""

from __future__ import annotations

import os


def cuda_device_names() -> tuple[str, ...]:
    """Return the names of the usable CUDA devices, in device order; empty without any."""
    from numba import cuda

    if os.environ.get("NUMBA_ENABLE_CUDASIM") == "1":
        return ("CUDA simulator",)
    if not cuda.is_available():
        return ()
    return tuple(device.name.decode() for device in cuda.gpus)
