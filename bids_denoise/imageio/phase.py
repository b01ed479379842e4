"""The phase that belongs to a magnitude image, in radians."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bids_denoise import scratch
from bids_denoise.errors import ScanError
from bids_denoise.imageio.header import open_image
from bids_denoise.imageio.voxels import read_voxels

if TYPE_CHECKING:
    from pathlib import Path

    from bids_denoise.values import FloatArray, Scan

RADIANS = 2 * np.pi + 0.01
"""Values within plus and minus this much are radians; scanners store whole numbers else."""


def read_phase(scan: Scan, shape: tuple[int, ...], folder: Path | None = None) -> FloatArray | None:
    """Return the phase of a scan in radians, None if it has none.

    Radians are taken as they are. Other values are steps of a turn, which the range of the
    values is: noise takes every phase there is. In `folder`, as `read_voxels` has it.

    Raises
    ------
    ScanError
        The file is damaged, of another shape, or constant.
    """
    if scan.phase is None:
        return None
    voxels = read_voxels(scan.phase, open_image(scan.phase), folder)
    if voxels.data.size != np.prod(shape):
        own, other = (" x ".join(map(str, each)) for each in (voxels.data.shape, shape))
        raise ScanError(f"{scan.phase}: a phase of {own} voxels; its magnitude has {other}")
    phase = voxels.data.reshape(shape)
    low, high = scratch.extremes(phase)
    if low == high:
        raise ScanError(f"{scan.phase}: a phase that is {low:g} everywhere; it has to vary")
    if low >= -RADIANS and high <= RADIANS:
        return phase
    turn = np.float32(2 * np.pi / (high - low + _step(high - low)))
    for part in scratch.parts(phase, 0):
        phase[part] -= np.float32(low)
        phase[part] *= turn
        phase[part] -= np.float32(np.pi)
    return phase


def _step(span: float) -> float:
    """Return the distance of two steps where they are whole numbers: the last one is not a turn."""
    return 1.0 if span > 2 * RADIANS else 0.0
