"""A diffusion series with a known tensor in every voxel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.simulate import anatomy, tensors
from bids_denoise.simulate.fields import smooth_field
from bids_denoise.simulate.phantom import Tissue

if TYPE_CHECKING:
    from bids_denoise.simulate.anatomy import Grid, Individual, Points
    from bids_denoise.simulate.gradients import Gradients
    from bids_denoise.values import BoolArray, FloatArray

ALONG, ACROSS = 1.5e-3, 0.4e-3
"""Diffusivity of white matter along and across its fibres, in mm^2/s: FA 0.69."""

MEANS = {
    Tissue.AIR: 0.0,
    Tissue.SCALP: 25.0,
    Tissue.SKULL: 5.0,
    Tissue.CSF: 420.0,
    Tissue.GREY: 230.0,
    Tissue.WHITE: 180.0,
    Tissue.DEEP_GREY: 190.0,
    Tissue.VESSEL: 20.0,
    Tissue.MUSCLE: 80.0,
}
"""Signal at b = 0 (T2-weighted, fat suppressed), in image units."""

ISOTROPIC = {
    Tissue.AIR: 0.0,
    Tissue.SCALP: 0.3e-3,
    Tissue.SKULL: 0.5e-3,
    Tissue.CSF: 3.0e-3,
    Tissue.GREY: 0.85e-3,
    Tissue.WHITE: 0.0,
    Tissue.DEEP_GREY: 0.75e-3,
    Tissue.VESSEL: 3.0e-3,
    Tissue.MUSCLE: 1.5e-3,
}
"""Mean diffusivity of tissue without a fibre axis, in mm^2/s."""


@dataclass(frozen=True)
class DiffusionTruth:
    """A noise-free series and what lies under it.

    `series` (x, y, z, t), `tensors` (x, y, z, 6) in mm^2/s, `brain` bool (x, y, z): more
    than half brain.
    """

    series: FloatArray
    tensors: FloatArray
    brain: BoolArray


def diffusion_series(
    individual: Individual, grid: Grid, gradients: Gradients, rng: np.random.Generator
) -> DiffusionTruth:
    """Simulate a noise-free diffusion series of a person.

    Each voxel holds one tensor: that of its tissues, weighted by their signal at b = 0.
    White matter follows `fibre_axes`; everything else is isotropic.
    """
    parts = anatomy.fractions(individual, grid)
    unweighted = anatomy.signal(parts, MEANS) * anatomy.texture(individual, grid)
    field = _tensor_field(parts, fibre_axes(anatomy.points_of(grid), rng))
    series = unweighted[..., np.newaxis] * tensors.attenuation(field, gradients)
    brain = parts[[Tissue.GREY, Tissue.WHITE, Tissue.DEEP_GREY]].sum(axis=0) > 0.5
    return DiffusionTruth(series=series, tensors=field, brain=brain)


def fibre_axes(points: Points, rng: np.random.Generator) -> FloatArray:
    """Return a unit fibre axis at every point (3, x, y, z) in RAS mm.

    Callosal fibres cross the midline and rise to the sides, projection fibres go up through
    the corona radiata, association fibres run front to back at the side; where they
    meet, the axes turn smoothly. A person's own smooth turns come on top.

    Returns
    -------
    numpy.ndarray
        float32 (x, y, z, 3).
    """
    x, _, z = points
    side = np.abs(x)
    crossing = np.exp(-np.square(side / 16)) * (z > -12)
    rising = np.exp(-np.square((side - 25) / 9)) + np.exp(-np.square(side / 12)) * (z <= -12)
    running = 1 / (1 + np.exp((34 - side) / 4))
    axes = np.stack([crossing + 0 * x, running + 0.05, rising + crossing * side / 40])
    axes[0] += 0.2 * np.sign(x) * rising
    axes += 0.15 * np.stack([smooth_field(x.shape, 4.0, rng) for _ in range(3)])
    unit = axes / np.maximum(np.linalg.norm(axes, axis=0), 1e-6)
    return np.ascontiguousarray(np.moveaxis(unit, 0, -1), dtype=np.float32)


def _tensor_field(parts: FloatArray, axes: FloatArray) -> FloatArray:
    weights = parts * np.array([MEANS[tissue] for tissue in Tissue]).reshape(-1, 1, 1, 1)
    total = np.maximum(weights.sum(axis=0), 1e-6)
    sphere = np.array([1, 1, 1, 0, 0, 0], dtype=np.float32)
    isotropic = np.tensordot([ISOTROPIC[tissue] for tissue in Tissue], weights / total, axes=1)
    white = (weights[Tissue.WHITE] / total)[..., np.newaxis]
    field = isotropic[..., np.newaxis] * sphere + white * tensors.axial(axes, ALONG, ACROSS)
    return np.asarray(field, dtype=np.float32)
