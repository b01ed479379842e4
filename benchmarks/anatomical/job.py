"""One run of one method on one noisy volume, in a process and a Python of its own.

Reads ``noisy.npy`` (and, for ours, ``noise.npz``) in a folder, writes ``result.npy``, prints the
seconds and the memory as JSON. Needs numpy and the method's own package, nothing else.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.memory import reset_peak, status

if TYPE_CHECKING:
    from collections.abc import Callable

    from bids_denoise.values import FloatArray

    Filter = Callable[[FloatArray], FloatArray]
    Facts = dict[str, Any]

SMALL = 32


def ours(facts: Facts) -> Filter:
    from bids_denoise.denoisers import DENOISERS
    from bids_denoise.denoisers.apply import denoise
    from bids_denoise.values import Device, Image, Noise

    denoiser, device = DENOISERS[facts["method"]](), Device(threads=facts["threads"])
    with np.load(Path(facts["folder"]) / "noise.npz") as found:
        noise = Noise(found["sigma"], str(found["law"]), "estimated")  # type: ignore[arg-type]
        mask, affine = found["mask"], found["affine"]

    def run(noisy: FloatArray) -> FloatArray:
        if noisy.shape == mask.shape:
            return denoise(denoiser, Image(noisy, affine, mask), noise, device).data
        small = Noise(np.full(noisy.shape, 10, np.float32), noise.law, "known")
        image = Image(noisy, affine, np.ones(noisy.shape, np.bool_))
        return denoise(denoiser, image, small, device).data

    return run


def dipy(facts: Facts) -> Filter:
    from dipy.denoise.nlmeans import nlmeans

    chosen = {"rician": facts["law"] == "rician", "num_threads": facts["threads"]}
    radius = 5 if facts["method"] == "dipy5" else 1

    def run(noisy: FloatArray) -> FloatArray:
        return np.asarray(nlmeans(noisy, facts["sigma"], patch_radius=radius, **chosen))

    return run


def ants(facts: Facts) -> Filter:
    os.environ["ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"] = str(facts["threads"])
    import ants as library

    def run(noisy: FloatArray) -> FloatArray:
        image = library.from_numpy(noisy)
        law = str(facts["law"]).capitalize()
        return np.asarray(library.denoise_image(image, noise_model=law).numpy())

    return run


def bm4d(facts: Facts) -> Filter:
    from bm4d import bm4d as library

    def run(noisy: FloatArray) -> FloatArray:
        return np.asarray(library(noisy.astype(np.float64), facts["sigma"]), dtype=np.float32)

    return run


PEERS: dict[str, Callable[[Facts], Filter]] = {
    "dipy": dipy, "dipy5": dipy, "ants": ants, "bm4d": bm4d,
}  # fmt: skip


def work(facts: Facts) -> Facts:
    """Return the seconds and the bytes of one run, after a first one on a small piece.

    ``load`` is how many processors were kept busy by others meanwhile.
    """
    noisy = np.load(Path(facts["folder"]) / "noisy.npy")
    run = PEERS.get(facts["method"], ours)(facts)
    edge = 16 if facts["method"] == "bm4d" else SMALL
    run(np.random.default_rng(0).normal(100, 10, (edge,) * 3).astype(np.float32))
    reset_peak()
    before = status("VmRSS")
    others, wall, cpu = busy(), time.perf_counter(), time.process_time()
    result = run(noisy)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak, load = status("VmHWM"), (busy() - others - cpu) / wall
    np.save(Path(facts["folder"]) / "result.npy", result.astype(np.float32))
    return {"wall": wall, "cpu": cpu, "memory": peak - before, "peak": peak, "load": load}


def busy() -> float:
    """Return for how many seconds the processors of this machine were not idle (Linux)."""
    user, nice, system, _, _, *others = (
        Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return sum(map(int, (user, nice, system, *others))) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    print(json.dumps(work(json.loads(sys.argv[1]))))
