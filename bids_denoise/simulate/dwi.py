"""Diffusion series with known truth: of one tensor in every voxel, or of fibres that cross."""

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

AXONS, BETWEEN = (2.0e-3, 0.05e-3), (1.4e-3, 0.7e-3)
"""Diffusivities of water in axons and between them, along and across, in mm^2/s."""

SLOW, FAST = 0.5, 1.5
"""Of the two waters of tissue without a fibre axis, times its diffusivity."""

VARIED = 4.0
"""Voxels over which the properties of tissue vary: the standard deviation of a smoothing."""

FREE_WATER = 0.06
"""Share of white matter that is as free as in fluid, before it varies."""

FITTED_UP_TO = 1500.0
"""s/mm^2: up to here a tensor is fitted to a series that no single tensor describes."""


@dataclass(frozen=True)
class DiffusionTruth:
    """A noise-free series and what lies under it.

    `series` (x, y, z, t), `tensors` (x, y, z, 6) in mm^2/s, of crossing fibres those that fit the
    series up to `FITTED_UP_TO`; `brain` bool (x, y, z): more than half brain.
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
    return DiffusionTruth(series=series, tensors=field, brain=_brain(parts))


def crossing_series(
    individual: Individual, grid: Grid, gradients: Gradients, rng: np.random.Generator
) -> DiffusionTruth:
    """Simulate a noise-free diffusion series of a person whose fibres cross.

    White matter holds callosal, projection and association fibres at once, each with water in its
    axons and between them, and some free water; other tissue holds a slow and a fast water. Angles,
    shares and diffusivities vary smoothly in space. No single tensor describes a voxel, and no few
    components a neighbourhood. `gradients` need six directions or more up to `FITTED_UP_TO`.
    """
    parts = anatomy.fractions(individual, grid)
    shares = parts * np.array([MEANS[tissue] for tissue in Tissue]).reshape(-1, 1, 1, 1)
    shares *= anatomy.texture(individual, grid)
    series = np.zeros((*grid.shape, len(gradients.bvals)), np.float32)
    isotropic = [tissue for tissue in Tissue if tissue != Tissue.WHITE]
    for tissue in isotropic:
        series += shares[tissue][..., np.newaxis] * _two_waters(tissue, grid.shape, gradients, rng)
    white = _crossing_fibres(anatomy.points_of(grid), gradients, rng)
    series += shares[Tissue.WHITE][..., np.newaxis] * white
    brain = _brain(parts)
    field = tensors.fit(series, gradients, brain, FITTED_UP_TO)
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
    x, _, _ = points
    side = np.abs(x)
    crossing, rising, running = _tracts(points)
    axes = np.stack([crossing + 0 * x, running + 0.05, rising + crossing * side / 40])
    axes[0] += 0.2 * np.sign(x) * rising
    axes += 0.15 * np.stack([smooth_field(x.shape, 4.0, rng) for _ in range(3)])
    unit = axes / np.maximum(np.linalg.norm(axes, axis=0), 1e-6)
    return np.ascontiguousarray(np.moveaxis(unit, 0, -1), dtype=np.float32)


def _tracts(points: Points) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return how much there is of callosal, projection and association fibres, (x, y, z) each."""
    x, _, z = points
    side = np.abs(x)
    crossing = np.exp(-np.square(side / 16)) * (z > -12)
    rising = np.exp(-np.square((side - 25) / 9)) + np.exp(-np.square(side / 12)) * (z <= -12)
    running = 1 / (1 + np.exp((34 - side) / 4))
    return crossing, rising, running


def _crossing_fibres(points: Points, gradients: Gradients, rng: np.random.Generator) -> FloatArray:
    """Return the attenuation (x, y, z, t) of white matter."""
    x, _, _ = points
    still = np.zeros_like(x)
    courses = (
        (still + 1, still, np.abs(x) / 40),
        (0.2 * np.sign(x), still, still + 1),
        (still, still + 1, still + 0.1),
    )
    total = np.zeros((*x.shape, len(gradients.bvals)), np.float32)
    amount = np.zeros((*x.shape, 1), np.float32)
    for tract, course in zip(_tracts(points), courses, strict=True):
        turned = np.stack(course) + 0.25 * np.stack(
            [smooth_field(x.shape, VARIED, rng) for _ in range(3)]
        )
        axis = np.moveaxis(turned / np.linalg.norm(turned, axis=0), 0, -1)
        share = ((tract + 0.15) * np.exp(0.4 * smooth_field(x.shape, VARIED, rng)))[..., np.newaxis]
        inside = np.clip(0.55 + 0.08 * smooth_field(x.shape, VARIED, rng), 0, 1)[..., np.newaxis]
        speed = (1 + 0.08 * smooth_field(x.shape, VARIED, rng))[..., np.newaxis]
        for part, (along, across) in ((inside, AXONS), (1 - inside, BETWEEN)):
            water = speed * tensors.axial(axis, along, across)
            total += share * part * tensors.attenuation(water, gradients)
        amount += share
    free = FREE_WATER * np.exp(0.5 * smooth_field(x.shape, VARIED, rng))[..., np.newaxis]
    fluid = np.exp(-gradients.bvals * ISOTROPIC[Tissue.CSF])
    return np.asarray((1 - free) * total / amount + free * fluid, dtype=np.float32)


def _two_waters(
    tissue: Tissue, shape: tuple[int, ...], gradients: Gradients, rng: np.random.Generator
) -> FloatArray:
    """Return the attenuation (x, y, z, t) of tissue without a fibre axis; fluid is one water."""
    if tissue == Tissue.CSF:
        return np.exp(-gradients.bvals * ISOTROPIC[tissue]).astype(np.float32)
    slow = np.clip(0.5 + 0.1 * smooth_field(shape, VARIED, rng), 0, 1)[..., np.newaxis]
    speed = (1 + 0.08 * smooth_field(shape, VARIED, rng))[..., np.newaxis] * ISOTROPIC[tissue]
    exponent = -speed * gradients.bvals.astype(np.float32)
    both = slow * np.exp(SLOW * exponent) + (1 - slow) * np.exp(FAST * exponent)
    return np.asarray(both, dtype=np.float32)


def _brain(parts: FloatArray) -> BoolArray:
    inside = parts[[Tissue.GREY, Tissue.WHITE, Tissue.DEEP_GREY]].sum(axis=0) > 0.5
    return np.asarray(inside)


def _tensor_field(parts: FloatArray, axes: FloatArray) -> FloatArray:
    weights = parts * np.array([MEANS[tissue] for tissue in Tissue]).reshape(-1, 1, 1, 1)
    total = np.maximum(weights.sum(axis=0), 1e-6)
    sphere = np.array([1, 1, 1, 0, 0, 0], dtype=np.float32)
    isotropic = np.tensordot([ISOTROPIC[tissue] for tissue in Tissue], weights / total, axes=1)
    white = (weights[Tissue.WHITE] / total)[..., np.newaxis]
    field = isotropic[..., np.newaxis] * sphere + white * tensors.axial(axes, ALONG, ACROSS)
    return np.asarray(field, dtype=np.float32)
