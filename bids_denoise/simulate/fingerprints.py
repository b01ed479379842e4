"""Runs at rest of a cohort's people, each with a connectome of her own that lasts.

All share parcels, which lie at the same places of the template, and modules of networks. What is
a person's own, her fingerprint, is that parcels are further coupled by causes that she alone has
(Finn 2015, doi:10.1038/nn.4135). Two runs of her differ in what the networks do, in body, motion
and noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.simulate import anatomy, bold, noise
from bids_denoise.simulate.phantom import Tissue
from bids_denoise.simulate.physiology import (
    ACROSS,
    MODULES,
    WITHIN,
    Parcels,
    Physiology,
    at_rest,
    moved,
    slow_courses,
)
from bids_denoise.simulate.species import SPECIES

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.simulate.anatomy import Grid, Individual
    from bids_denoise.simulate.cohort import Person
    from bids_denoise.values import BoolArray, FloatArray

    Array = npt.NDArray[np.float64]

OWN, CAUSES = 0.2, 6
"""Share of a parcel's variance that comes of causes the person alone has, and their number."""

LEAST_GREY = 0.3

CONFOUNDS_OUT = Physiology(heart=0.006, breath=0.0008, drift=0.0008, motion=0.024)
"""A fifth of heart, breath, drift and motion: as after the usual regression of confounds.

With all of them the whole brain is coupled, and no one is known again by her connectome.
"""


@dataclass(frozen=True)
class RestingRun:
    """One run: `data` with noise and `clean` without, float32 (x, y, z, t).

    Attributes
    ----------
    sigma
        Of the noise, image units.
    parcels
        Labels on the run's grid, courses, and the person's true connectome in `correlation`.
    brain
        bool (x, y, z): more than half grey or white matter.
    """

    data: FloatArray
    clean: FloatArray
    sigma: float
    parcels: Parcels
    brain: BoolArray


def connectome(person: Person, count: int, own: float = OWN) -> Array:
    """Return a person's true correlation of parcels, (count, count).

    `own` is the share of variance that is hers; 0 makes everyone alike.
    """
    loads = _loads(person, count, own)
    matrix = loads @ loads.T
    np.fill_diagonal(matrix, 1)
    return np.asarray(matrix)


def resting_run(
    person: Person,
    grid: Grid,
    timing: tuple[float, int],
    run: int = 0,
    physiology: Physiology = CONFOUNDS_OUT,
    own: float = OWN,
) -> RestingRun:
    """Scan a person at rest.

    Parameters
    ----------
    person
        Of a cohort of people. The signal-to-noise ratio is that of her site.
    grid, timing
        The voxels; repetition time in seconds and number of volumes.
    run
        Which run: each is another, and the same whenever it is asked for.
    physiology
        How strong each cause is, and how many parcels there are.
    own
        As in `connectome`.
    """
    rng = person.stream(5, run)
    individual = SPECIES["human"].draw(person.stream(1), person.traits)
    parts, points = anatomy.fractions(individual, grid), anatomy.points_of(grid)
    labels = _labels(individual, grid, parts, physiology.parcels)
    loads = _loads(person, physiology.parcels, own)
    shared = slow_courses(loads.shape[1], *timing, rng)
    alone = slow_courses(len(loads), *timing, rng)
    courses = loads @ shared + np.sqrt(1 - np.square(loads).sum(axis=1, keepdims=True)) * alone
    courses /= courses.std(axis=1, keepdims=True)
    matrix = connectome(person, physiology.parcels, own)
    parcels = Parcels(labels, courses.astype(np.float32), matrix)
    change, _ = at_rest(parts, points, timing, physiology, rng, parcels)
    baseline = bold.resting_image(individual, grid, parts)
    clean = bold.scanned(change, baseline, moved(baseline, points, timing, physiology.motion, rng))
    brain = parts[[Tissue.GREY, Tissue.WHITE, Tissue.DEEP_GREY]].sum(axis=0) > 0.5
    sigma = float(baseline[brain].mean()) / person.site.snr
    return RestingRun(noise.add_rician(clean, sigma, rng), clean, sigma, parcels, brain)


def _loads(person: Person, count: int, own: float) -> Array:
    """Return how much of each shared cause is in each parcel, (count, cause).

    Shared are one cause of the whole brain, one of each module, and the person's own. Their
    squares add to less than 1; the rest is the parcel's alone.
    """
    if not 0 <= own < 1 - WITHIN:
        raise ValueError(f"own is {own!r}; from 0 to less than {1 - WITHIN} is allowed")
    drawn = person.stream(4).standard_normal((count, CAUSES))
    drawn *= np.sqrt(own) / np.linalg.norm(drawn, axis=1, keepdims=True)
    modules = np.sqrt(WITHIN - ACROSS) * np.eye(MODULES)[np.arange(count) % MODULES]
    return np.hstack([np.full((count, 1), np.sqrt(ACROSS)), modules, drawn])


def _labels(
    individual: Individual, grid: Grid, parts: FloatArray, count: int
) -> npt.NDArray[np.int64]:
    """Return the parcel of each voxel of grey matter, 1 to `count`, else 0."""
    from scipy.spatial import cKDTree

    inside = parts[Tissue.GREY] + parts[Tissue.DEEP_GREY] > LEAST_GREY
    places = anatomy.in_template(individual, anatomy.points_of(grid))[:, inside].T
    labels = np.zeros(grid.shape, np.int64)
    labels[inside] = 1 + cKDTree(_centres(count)).query(places)[1]
    return labels


@lru_cache(maxsize=4)
def _centres(count: int) -> Array:
    """Return the middles of the parcels in RAS mm of the template, (count, 3), evenly spread."""
    from scipy.cluster.vq import kmeans2

    maps = anatomy.template()
    index = np.argwhere(maps.volumes[0][::3, ::3, ::3] > 0.5) * 3.0
    places = index @ maps.affine[:3, :3].T + maps.affine[:3, 3]
    return np.asarray(kmeans2(places, count, minit="++", rng=np.random.default_rng(0))[0])
