"""What makes one head larger, older or more diseased than another of the same shape.

Traits act on positions, and on odds of tissues, before the anatomy is drawn on any grid: the
truth changes and not a picture of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from bids_denoise.values import FloatArray

    Points = npt.NDArray[np.float32]
    Triple = tuple[float, float, float]

RIGID, REACH = 1.1, 1.8
"""In radii of a nucleus: how far it shrinks as a whole, and where its surroundings rest."""

FINE = 5
"""Points along the shortest semi-axis of a nucleus, where its volume is counted."""

CAPSULE = 1.5
"""In radii of a nucleus: how far there is no other grey matter, so that it is distinct."""


@dataclass(frozen=True)
class Ellipsoid:
    """The shape of a nucleus or another body: `centre` and semi-`axes` in mm of the template."""

    centre: Triple
    axes: Triple

    @property
    def volume(self) -> float:
        """Return its volume in the template, in mm^3."""
        return float(4 / 3 * np.pi * np.prod(self.axes))


@dataclass(frozen=True)
class Traits:
    """How a head differs from the template beside its individual shape.

    Attributes
    ----------
    scale
        Length of the head relative to the template's.
    ageing
        Log odds added to CSF against grey and white matter, and three times as much around the
        ventricles: cortex thins and ventricles widen. In rodents the same in units of
        `rodent.WIDENING`. 0 is the template, negative is younger.
    nuclei
        Volume of each nucleus of the species relative to the template's, before `scale`; where
        there are none, none are drawn.
    """

    scale: float = 1.0
    ageing: float = 0.0
    nuclei: tuple[float, ...] = ()


TEMPLATE = Traits()


def radius(points: Points, nucleus: Ellipsoid) -> FloatArray:
    """Return how far `points` (3, ...) lie from the centre, 1 at the border of `nucleus`."""
    return np.asarray(np.sqrt(np.square(_relative(points, nucleus)).sum(axis=0)))


def contracted(points: Points, nuclei: Sequence[Ellipsoid], volumes: Sequence[float]) -> Points:
    """Return where in the template to look, so that each nucleus has its share of the volume.

    Parameters
    ----------
    points
        (3, x, y, z) in mm. Up to `RIGID` radii from a nucleus they go outwards in proportion;
        beyond, less and less up to `REACH`, so that the surroundings are stretched to fill up.
    nuclei, volumes
        The nuclei, and the volume of each relative to the template's.
    """
    for nucleus, volume in zip(nuclei, volumes, strict=True):
        ramp = np.clip((REACH - radius(points, nucleus)) / (REACH - RIGID), 0, 1)
        weight = ramp * ramp * (3 - 2 * ramp)
        points = points + np.float32(volume ** (-1 / 3) - 1) * weight * _arm(points, nucleus)
    return points


def settled(
    traits: Traits, nuclei: Sequence[Ellipsoid], warped: Callable[[Points], Points], reach: float
) -> Traits:
    """Return `traits` for `contracted` in a head whose warp stretches a nucleus, or squeezes it.

    Parameters
    ----------
    traits
        Of the head. As the result, its nuclei have the volumes that are meant, whatever the warp.
    nuclei
        Of the species.
    warped
        Takes points (3, x, y, z) of the head, at the template's size, to the template.
    reach
        Displacements in mm of the template that are not exceeded.
    """
    volumes = []
    for nucleus, volume in zip(nuclei, traits.nuclei, strict=False):
        step = min(nucleus.axes) / FINE
        sides = [
            np.arange(middle - axis - reach, middle + axis + reach, step, dtype=np.float32)
            for middle, axis in zip(nucleus.centre, nucleus.axes, strict=True)
        ]
        placed = warped(np.stack(np.meshgrid(*sides, indexing="ij")))
        found = float(shares(placed, [nucleus], step).sum(dtype=np.float64)) * step**3
        volumes.append(volume * nucleus.volume / found)
    return replace(traits, nuclei=tuple(volumes))


def distance(points: Points, nucleus: Ellipsoid) -> FloatArray:
    """Return about how many mm `points` (3, ...) lie outside of `nucleus`, negative inside.

    To first order in the distance: best near the border.
    """
    far = np.maximum(radius(points, nucleus), np.float32(1e-3))
    slope = _relative(points, nucleus) / _column(nucleus.axes, points)
    steep = np.maximum(np.sqrt(np.square(slope).sum(axis=0)), np.float32(1e-6))
    return np.asarray((far - 1) * far / steep)


def shares(points: Points, nuclei: Sequence[Ellipsoid], cell: float) -> FloatArray:
    """Return how much of a cube around each point each nucleus fills, (nucleus, x, y, z).

    `cell` is the cube's side in mm.
    """
    found = np.zeros((len(nuclei), *points.shape[1:]), dtype=np.float32)
    for nucleus, part in zip(nuclei, found, strict=True):
        part[:] = np.clip(np.float32(0.5) - distance(points, nucleus) / np.float32(cell), 0, 1)
    return found


def capsule(points: Points, nucleus: Ellipsoid) -> FloatArray:
    """Return 1 up to `CAPSULE` radii from the centre of `nucleus`, 0 from a third further on."""
    return np.asarray(np.clip(1 - 3 * (radius(points, nucleus) - CAPSULE), 0, 1))


def _arm(points: Points, nucleus: Ellipsoid) -> Points:
    return points - _column(nucleus.centre, points)


def _relative(points: Points, nucleus: Ellipsoid) -> Points:
    return _arm(points, nucleus) / _column(nucleus.axes, points)


def _column(values: Triple, points: Points) -> Points:
    """Return three numbers as an array that is broadcast over `points`."""
    return np.array(values, dtype=np.float32).reshape(3, *[1] * (points.ndim - 1))
