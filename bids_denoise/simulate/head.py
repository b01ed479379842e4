"""What of a head is a formula in template positions: skull, scalp, muscle, eyes, deep grey."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.simulate.phantom import Tissue

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import FloatArray

    Points = npt.NDArray[np.float32]

SKULL = 9.0
SCALP = 15.0
FAT = 5.0
EYES = ((-33.0, 62.0, -34.0), (33.0, 62.0, -34.0))
EYE_RADIUS = 12.0


def build_head(
    parts: FloatArray, at: Points, brain: FloatArray, face: FloatArray, inside: FloatArray
) -> None:
    """Put skull, scalp, muscle and eyes around the brain; what is left is air.

    `parts` (tissue, x, y, z) are changed. `brain` and `face` are distances in mm, negative
    inside; `inside` is what the skull holds.
    """
    outside = np.minimum(brain - SCALP, face)
    skull = step(SKULL - brain) * (1 - inside)
    head = step(-outside) * (1 - inside - skull)
    eyes = np.zeros_like(head)
    for centre in EYES:
        offset = at - np.array(centre, dtype=np.float32).reshape(3, 1, 1, 1)
        eyes += step(EYE_RADIUS - np.sqrt(np.square(offset).sum(axis=0)))
    parts[Tissue.SKULL] = skull
    parts[Tissue.CSF] += head * eyes
    muscle = step(-FAT - outside - 2 * np.sin(at[0] / 9) * np.sin(at[2] / 7))
    parts[Tissue.MUSCLE] = head * (1 - eyes) * muscle
    parts[Tissue.SCALP] = head * (1 - eyes) * (1 - muscle)
    parts[Tissue.AIR] = 1 - inside - skull - head


def deep_grey(points: Points) -> FloatArray:
    """Return 1 where grey matter is thalamus or basal ganglia, 0 in cortex."""
    x, y, z = points
    radius = np.sqrt((x / 38) ** 2 + ((y + 5) / 34) ** 2 + ((z - 4) / 22) ** 2)
    return step(20 * (1 - radius))


def step(distance: FloatArray) -> FloatArray:
    """Return 0 below -0.5 mm, 1 above 0.5 mm, linear between: a border seen at 1 mm."""
    return np.asarray(np.clip(distance + np.float32(0.5), 0, 1), dtype=np.float32)
