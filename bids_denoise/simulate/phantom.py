"""An analytic head of any size, the same to the last bit on every machine: truth for tests.

Everything is a formula in positions from -1 to 1, so no file is read. The brain has folds,
ventricles, deep grey matter, a cerebellum with thin folia, and vessels a voxel wide.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import FloatArray

    LabelArray = npt.NDArray[np.uint8]
    Grid = npt.NDArray[np.float64]


class Tissue(IntEnum):
    """What a voxel of the phantom consists of."""

    AIR = 0
    SCALP = 1
    SKULL = 2
    CSF = 3
    GREY = 4
    WHITE = 5
    DEEP_GREY = 6
    VESSEL = 7
    MUSCLE = 8


CONTRASTS: dict[str, dict[Tissue, float]] = {
    "T1w": dict(zip(Tissue, (0, 190, 20, 45, 110, 160, 128, 205, 85), strict=True)),
    "T2w": dict(zip(Tissue, (0, 90, 12, 230, 125, 90, 108, 20, 50), strict=True)),
    "PDw": dict(zip(Tissue, (0, 130, 15, 200, 175, 150, 165, 60, 110), strict=True)),
    "FLAIR": dict(zip(Tissue, (0, 140, 15, 30, 150, 115, 135, 25, 60), strict=True)),
    "T2starw": dict(zip(Tissue, (0, 40, 5, 220, 160, 130, 120, 15, 45), strict=True)),
}
"""Mean signal of each tissue by BIDS suffix, in image units."""

DEFAULT_SHAPE = (48, 56, 40)
SUBSAMPLES = 2
SHADING = 0.06


def head_phantom(
    shape: tuple[int, int, int] = DEFAULT_SHAPE, contrast: str = "T1w", seed: int = 0
) -> FloatArray:
    """Return a noise-free head: tissue means, partial volume at the edges, slow shading.

    Parameters
    ----------
    shape
        (x, y, z), each at least 8.
    contrast
        A BIDS suffix of `CONTRASTS`.
    seed
        The individual: folds, ventricle size and pose differ.

    Returns
    -------
    numpy.ndarray
        float32 (x, y, z), exact 0 in air, about 250 at most.

    Raises
    ------
    ValueError
        The contrast is unknown.
    """
    if contrast not in CONTRASTS:
        raise ValueError(f"contrast {contrast!r} is not one of {', '.join(CONTRASTS)}")
    means = np.array([CONTRASTS[contrast][tissue] for tissue in Tissue], dtype=np.float32)
    fine = means[_labels(shape, SUBSAMPLES, seed)]
    blocks = fine.reshape([n for length in shape for n in (length, SUBSAMPLES)])
    x, y, z = _positions(shape, 1)
    shading = 1 + SHADING * (np.sin(1.5 * x + seed) + np.cos(2 * y) * z)
    return np.asarray(blocks.mean(axis=(1, 3, 5)) * shading, dtype=np.float32)


def head_labels(shape: tuple[int, int, int] = DEFAULT_SHAPE, seed: int = 0) -> LabelArray:
    """Return the `Tissue` at the centre of each voxel of the same head, uint8 (x, y, z)."""
    return _labels(shape, 1, seed)


def _labels(shape: tuple[int, int, int], subsamples: int, seed: int) -> LabelArray:
    """Paint from the outside inwards; what is painted later lies inside what came before."""
    rng = np.random.default_rng(seed)
    size, pose, phase = rng.uniform(-1, 1, 3), rng.uniform(-1, 1, 3), rng.uniform(0, 6, 4)
    x, y, z = (
        grid - 0.03 * offset
        for grid, offset in zip(_positions(shape, subsamples), pose, strict=True)
    )
    radius = np.sqrt((x / 0.86) ** 2 + (y / 0.92) ** 2 + (z / 0.90) ** 2)
    labels = np.zeros(np.broadcast_shapes(x.shape, y.shape, z.shape), dtype=np.uint8)
    labels[radius < 1] = Tissue.SCALP
    labels[(radius < 0.97) & (z < 0.1 - 0.6 * y)] = Tissue.MUSCLE
    labels[radius < 0.90] = Tissue.SKULL
    labels[radius < 0.82] = Tissue.CSF
    _paint_cerebrum(labels, (x, y, z), radius, phase)
    _paint_deep_structures(labels, (x, y, z), 1 + 0.25 * size[0])
    _paint_cerebellum(labels, (x, y, z))
    _paint_vessels(labels, (x, y, z), radius, phase)
    return labels


def _positions(shape: tuple[int, int, int], subsamples: int) -> list[Grid]:
    lines = [
        (np.arange(length * subsamples) + 0.5) / (0.5 * length * subsamples) - 1 for length in shape
    ]
    return list(np.meshgrid(*lines, indexing="ij", sparse=True))


def _paint_cerebrum(labels: LabelArray, at: tuple[Grid, ...], radius: Grid, phase: Grid) -> None:
    x, y, z = at
    folds = (
        np.sin(17 * x + 7 * z + phase[0])
        + np.sin(15 * y + 6 * x + phase[1])
        + np.sin(16 * z - 8 * y + phase[2])
    )
    # Sulci cut deeper than gyri rise, so cortex stays about equally thick along both.
    surface = radius + 0.04 * folds
    fissure = (np.abs(x) < 0.022) & (z > -0.1)
    labels[(surface < 0.74) & (radius < 0.81) & ~fissure] = Tissue.GREY
    labels[(surface < 0.63) & (np.abs(x) > 0.05)] = Tissue.WHITE
    labels[(np.abs(x) < 0.06) & (np.abs(y) < 0.35) & (np.abs(z - 0.17) < 0.05)] = Tissue.WHITE


def _paint_deep_structures(labels: LabelArray, at: tuple[Grid, ...], scale: float) -> None:
    x, y, z = at
    side = np.abs(x)
    thalamus = ((side - 0.14) / 0.10) ** 2 + ((y + 0.08) / 0.17) ** 2 + ((z + 0.06) / 0.10) ** 2
    putamen = ((side - 0.32) / 0.06) ** 2 + ((y - 0.12) / 0.24) ** 2 + ((z + 0.04) / 0.13) ** 2
    horn = ((side - 0.10 - 0.08 * y**2) / (0.06 * scale)) ** 2 + (y / 0.45) ** 2
    ventricle = horn + ((z - 0.10) / (0.09 * scale)) ** 2
    third = (side < 0.018 * scale) & (np.abs(y + 0.05) < 0.14) & (np.abs(z + 0.05) < 0.10)
    labels[(thalamus < 1) | (putamen < 1)] = Tissue.DEEP_GREY
    labels[(ventricle < 1) | third] = Tissue.CSF


def _paint_cerebellum(labels: LabelArray, at: tuple[Grid, ...]) -> None:
    x, y, z = at
    body = (x / 0.44) ** 2 + ((y + 0.42) / 0.24) ** 2 + ((z + 0.52) / 0.20) ** 2
    stem = (x / 0.11) ** 2 + ((y + 0.10) / 0.12) ** 2
    folia = np.sin(55 * np.sqrt((y + 0.30) ** 2 + (z + 0.40) ** 2))
    labels[body < 1.25] = Tissue.CSF
    labels[body < 1] = Tissue.GREY
    labels[(body < 0.85) & (folia > 0.3)] = Tissue.WHITE
    labels[(stem < 1) & (z < -0.18) & (z > -0.80)] = Tissue.WHITE


def _paint_vessels(labels: LabelArray, at: tuple[Grid, ...], radius: Grid, phase: Grid) -> None:
    x, y, z = at
    sagittal = (x**2 + (np.sqrt((y / 0.92) ** 2 + (z / 0.90) ** 2) - 0.78) ** 2) < 0.028**2
    labels[sagittal & (z > -0.2)] = Tissue.VESSEL
    for turn in (0.0, 2.0):
        course = (x - 0.3 * np.sin(3 * y + turn + phase[3])) ** 2
        tube = (course + (z - 0.28 - 0.1 * np.cos(4 * y)) ** 2) < 0.022**2
        labels[tube & (radius < 0.8)] = Tissue.VESSEL
