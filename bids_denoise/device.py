"""Turn ``--device`` into a checked choice. Nothing falls back in silence."""

from __future__ import annotations

import re

from bids_denoise.errors import UsageError
from bids_denoise.values import Device


def choose_device(request: str, threads: int) -> Device:
    """Return the device that `request` (``auto``, ``cpu``, ``cuda`` or ``cuda:N``) stands for.

    ``auto`` takes the first CUDA device when there is one and the CPU otherwise; the
    choice is in the result and goes into every record.

    Raises
    ------
    UsageError
        The request is not understood, or asks for a CUDA device that is not there.
    """
    if request == "cpu":
        return Device(threads=threads)
    asked = re.fullmatch(r"auto|cuda(?::(\d+))?", request)
    if asked is None:
        raise UsageError(f"--device {request!r}: allowed are auto, cpu, cuda and cuda:N")
    from bids_denoise.kernels.gpu import cuda_device_names

    names = cuda_device_names()
    index = int(asked.group(1) or 0)
    if index < len(names):
        return Device(kind="cuda", index=index, name=names[index], threads=threads)
    if request == "auto":
        return Device(threads=threads)
    raise UsageError(
        f"--device {request!r}: this machine has {len(names)} usable CUDA devices. "
        "The CUDA engine needs an NVIDIA driver and the package numba-cuda "
        "(pip install 'bids-denoise[cuda]'); --device cpu works everywhere"
    )
