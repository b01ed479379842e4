"""What the air around the head tells, and whether it is to be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from bids_denoise.noise.floor import floor, share_at_floor
from bids_denoise.noise.levels import level_of, local_level, seen_share
from bids_denoise.noise.magnitude import RAYLEIGH_MEAN, RAYLEIGH_VARIANCE
from bids_denoise.noise.spectrum import MANY_TILES

if TYPE_CHECKING:
    from bids_denoise.noise.tiles import Tiles
    from bids_denoise.values import BoolArray, Law

Source = Literal["tissue", "air", "tissue and air"]

FEWEST_TILES = 48
"""Fewer tiles of air are not used."""

ABOVE_AIR = (0.8, 1.4)
"""Level of tissue relative to that of the air beside it, between which both show the same noise.
The upper end leaves room for skin and skull."""

PLAIN_AIR = (0.7, 1.4)
"""Mean of the air relative to its spread, in units of Rayleigh noise, if it is nothing else."""

QUIET = 0.7
"""Share of the tiles of tissue that noise alone explains, below which it may explain none."""


def air_estimates(tiles: Tiles, air: BoolArray, law: Law) -> dict[str, float]:
    """Return what the air says: from its energies, and for magnitude data from its mean."""
    if np.count_nonzero(air) < FEWEST_TILES:
        return {}
    energy = floor(tiles.energy[air], tiles.freedom)
    if law != "rician":
        return {"air corner": float(np.sqrt(energy))}
    # Ghosts raise the mean of some tiles; the lower quartile is that of tiles without.
    voxels = float(np.prod(tiles.edges))
    quartile = 1 - 0.6745 * np.sqrt(RAYLEIGH_VARIANCE / voxels) / RAYLEIGH_MEAN
    mean = float(np.quantile(tiles.mean[air], 0.25) / (RAYLEIGH_MEAN * quartile))
    return {"air corner": float(np.sqrt(energy / RAYLEIGH_VARIANCE)), "air mean": mean}


def source_of(
    tiles: Tiles, tissue: BoolArray, air: BoolArray, estimates: dict[str, float], law: Law
) -> Source:
    """Return which tiles show the noise of the image.

    Tissue and air where they agree. Air alone where there is little tissue, its energies are not
    those of noise, and the air is plain Rayleigh noise and lower. Tissue alone otherwise.
    """
    corner = estimates.get("air corner", 0.0)
    if corner == 0:
        return "tissue"
    if _agree(tiles, tissue, air, law):
        return "tissue and air"
    plain = PLAIN_AIR[0] < estimates.get("air mean", corner) / corner < PLAIN_AIR[1]
    if not plain or estimates["tissue corner"] < corner:
        return "tissue"
    level = estimates["tissue corner"]
    energies = tiles.energy[tissue] / seen_share(tiles.means[tissue], level, law)
    at_floor = share_at_floor(energies / level**2, tiles.freedom)
    busy = at_floor < QUIET and at_floor * tiles.alone(tissue) < MANY_TILES
    return "air" if busy else "tissue"


def _agree(tiles: Tiles, tissue: BoolArray, air: BoolArray, law: Law) -> bool:
    """Compare the air beside the head with what the tissue there lets expect.

    The local floor of tissue is extended over the border, because noise may vary over the image.
    """
    from scipy.ndimage import binary_dilation

    reach = int(max(edge / step for edge, step in zip(tiles.edges, tiles.steps, strict=True))) + 1
    border = air & binary_dilation(tissue, np.ones((3, 3, 3)), iterations=reach)
    if np.count_nonzero(border) < FEWEST_TILES:
        inner, outer = (level_of(tiles, each, law) for each in (tissue, air))
    else:
        level, _ = local_level(tiles, tissue, law)
        share = RAYLEIGH_VARIANCE if law == "rician" else 1.0
        relative = (tiles.energy / level)[border] / share
        inner, outer = 1.0, float(np.sqrt(floor(relative, tiles.freedom)))
    return ABOVE_AIR[0] * outer < inner < ABOVE_AIR[1] * outer
