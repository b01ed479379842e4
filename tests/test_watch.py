"""Computations are watched and stopped without a change to their results."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from bids_denoise.denoisers import DENOISERS
from bids_denoise.denoisers.apply import denoise
from bids_denoise.simulate.phantom import head_phantom
from bids_denoise.values import Device, Image, Noise
from bids_denoise.watch import watched

SHAPE = (40, 44, 40)


class StoppedError(Exception):
    """What a watcher raises."""


def case(name: str) -> tuple[Image, Noise]:
    rng = np.random.default_rng(0)
    data = head_phantom(SHAPE) + rng.normal(0, 10, SHAPE).astype(np.float32)
    if DENOISERS[name].dimensions == 4:
        data = np.stack([data + rng.normal(0, 10, SHAPE).astype(np.float32) for _ in range(12)], -1)
    noise = Noise(np.full(SHAPE, 10, np.float32), "gaussian", "known")
    return Image(data, np.eye(4), np.ones(SHAPE, bool)), noise


@pytest.mark.parametrize("name", ["nlm", "unet", "pca", "mppca"])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_watcher_hears_of_steps_and_can_stop_them(name: str, threads: int) -> None:
    image, noise = case(name)
    expected = denoise(DENOISERS[name](), image, noise, Device(threads=threads)).data
    steps: list[int] = []
    for _ in range(2):
        heard: list[None] = []
        with watched(partial(heard.append, None)):
            found = denoise(DENOISERS[name](), image, noise, Device(threads=threads)).data
        np.testing.assert_array_equal(found, expected)
        steps.append(len(heard))
    assert steps[0] == steps[1] > 1

    def stop() -> None:
        raise StoppedError

    with pytest.raises(StoppedError), watched(stop):
        denoise(DENOISERS[name](), image, noise, Device(threads=threads))
    denoise(DENOISERS[name](), image, noise, Device(threads=threads))  # nobody watches any more
