"""The species a cohort may consist of: how a head is drawn, and what it is like on a grid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from bids_denoise.simulate import anatomy, rodent
from bids_denoise.simulate.anatomy import Grid
from bids_denoise.simulate.traits import Traits

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray

Draw = Callable[[np.random.Generator, Traits], Any]


@dataclass(frozen=True)
class Species:
    """What a cohort needs to know. `Any` is the individual that `draw` returns.

    Attributes
    ----------
    draw
        An individual with given traits.
    fractions, nuclei
        Of an individual on a grid whose voxels are averaged over points so many mm apart:
        (tissue, x, y, z) and (nucleus, x, y, z).
    brain_tissues
        Grey matter, white matter and CSF of the brain (3, x, y, z), from the fractions.
    texture
        Fine structure as a factor (x, y, z).
    extent, centre
        Field of view that holds the head, and its middle, in mm.
    voxel, finest
        Usual side of a voxel, and distance of the points in it, in mm.
    """

    draw: Draw
    fractions: Callable[[Any, Grid, float], FloatArray]
    nuclei: Callable[[Any, Grid, float], FloatArray]
    brain_tissues: Callable[[Any, Grid, FloatArray], FloatArray]
    texture: Callable[[Any, Grid], FloatArray]
    extent: tuple[float, float, float]
    centre: tuple[float, float, float]
    voxel: float
    finest: float

    def grid(self, voxel: float | None = None) -> Grid:
        """Return a grid of cubes of side `voxel` mm that holds the head."""
        size = self.voxel if voxel is None else voxel
        x, y, z = (int(np.ceil(length / size)) for length in self.extent)
        return anatomy.centred_grid((x, y, z), (size, size, size), self.centre)


def _rodent(kind: rodent.Kind) -> Species:
    x, y, z = (kind.length * side for side in rodent.EXTENT)
    return Species(
        draw=partial(rodent.draw_rodent, kind),
        fractions=rodent.fractions,
        nuclei=rodent.nuclei,
        brain_tissues=rodent.brain_tissues,
        texture=rodent.texture,
        extent=(x, y, z),
        centre=(0.0, 0.0, 0.0),
        voxel=kind.voxel,
        finest=kind.voxel,
    )


SPECIES = {
    "human": Species(
        draw=anatomy.draw_person,
        fractions=anatomy.fractions,
        nuclei=anatomy.nuclei,
        brain_tissues=anatomy.brain_tissues,
        texture=anatomy.texture,
        extent=(190.0, 230.0, 200.0),
        centre=(0.0, -16.0, 6.0),
        voxel=2.0,
        finest=anatomy.FINEST,
    ),
    "rat": _rodent(rodent.RAT),
    "mouse": _rodent(rodent.MOUSE),
}
"""By the name that a design gives."""
