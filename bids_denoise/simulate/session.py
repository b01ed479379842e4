"""One person of a cohort in the scanner: truth, and repeats that she moves between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bids_denoise.simulate import anatomy, noise
from bids_denoise.simulate.anatomy import Grid, Maps
from bids_denoise.simulate.fields import smooth_field
from bids_denoise.simulate.phantom import CONTRASTS
from bids_denoise.simulate.species import SPECIES

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.simulate.cohort import Design, Person, Site
    from bids_denoise.simulate.species import Species
    from bids_denoise.values import BoolArray, FloatArray

    Array = npt.NDArray[np.float64]

FIELD_POINTS = 16
"""Along each axis of the field of view of the species: those the receive field is drawn on."""


@dataclass(frozen=True)
class Truth:
    """What a head is like on a grid.

    Attributes
    ----------
    image
        float32 (x, y, z), image units: the scan without noise.
    tissues
        float32 (3, x, y, z): share of each voxel that is grey matter, white matter and CSF of
        the brain.
    field
        float32 (x, y, z): the receive field that is in `image`; its mean over the brain is 1.
    grid
        Where the voxels lie.
    """

    image: FloatArray
    tissues: FloatArray
    field: FloatArray
    grid: Grid

    @property
    def brain(self) -> BoolArray:
        """Return where the skull holds more than half a voxel: brain and its fluid, (x, y, z)."""
        return np.asarray(self.tissues.sum(axis=0) > 0.5)

    @property
    def labels(self) -> npt.NDArray[np.uint8]:
        """Return 1 for grey matter, 2 for white matter, 3 for CSF, 0 outside, (x, y, z)."""
        return labels_of(self.tissues)

    @property
    def volumes(self) -> tuple[float, float, float]:
        """Return the volume of grey matter, white matter and CSF in mm^3."""
        voxel = abs(float(np.linalg.det(self.grid.affine[:3, :3])))
        grey, white, fluid = self.tissues.sum(axis=(1, 2, 3), dtype=np.float64) * voxel
        return float(grey), float(white), float(fluid)


@dataclass(frozen=True)
class Repeat:
    """One scan: `data` and the same without noise, `clean`, both float32 (x, y, z).

    `motion` (4, 4) takes a point of the head, in RAS mm as it lay in the first scan, to where
    it lies now.
    """

    data: FloatArray
    clean: FloatArray
    motion: Array


@dataclass(frozen=True)
class Session:
    """One person's scans. The `truth` is that of the first; `sigma` in image units is of all."""

    person: Person
    truth: Truth
    sigma: float
    repeats: tuple[Repeat, ...]


def labels_of(tissues: FloatArray) -> npt.NDArray[np.uint8]:
    """Return the tissue (1, 2, ...) that fills most of each voxel, 0 where all fill less than half.

    `tissues` are shares (tissue, x, y, z).
    """
    inside = tissues.sum(axis=0) > 0.5
    return np.where(inside, 1 + tissues.argmax(axis=0), 0).astype(np.uint8)


def scan(design: Design, person: Person, grid: Grid, finest: float | None = None) -> Session:
    """Scan a person as often as `design` says; the same person and grid give the same bits.

    Parameters
    ----------
    design, person
        The cohort, and one of its people.
    grid
        The scan's voxels; ``SPECIES[design.species].grid()`` holds the whole head.
    finest
        How far apart in mm the points are that a voxel is averaged over; by default that of the
        species. With the size of the voxel, one point each, a scan is made fastest.

    Notes
    -----
    Nothing is interpolated between repeats: the anatomy is drawn again on the moved grid, which
    takes as long as the first time.
    """
    species = SPECIES[design.species]
    head = Head(species, species.draw(person.stream(1), person.traits), design, person.site, finest)
    parts = head.fractions(grid)
    tissues = species.brain_tissues(head.individual, grid, parts)
    field = _receive_field(head, tissues.sum(axis=0) > 0.5, grid, person.stream(2))
    truth = Truth(field * head.signal(grid, parts), tissues, field, grid)
    sigma = float(truth.image[truth.brain].mean()) / person.site.snr
    repeats = []
    for number in range(design.repeats):
        drawn = person.stream(3, number)
        motion = _rigid(design.motion * bool(number) * drawn.standard_normal(6), grid)
        moved = Grid(grid.shape, np.linalg.inv(motion) @ grid.affine)
        still = not number or not design.motion
        clean = truth.image if still else field * head.signal(moved, head.fractions(moved))
        repeats.append(Repeat(noise.add_rician(clean, sigma, drawn), clean, motion))
    return Session(person, truth, sigma, tuple(repeats))


def nuclei(design: Design, person: Person, grid: Grid, finest: float | None = None) -> FloatArray:
    """Return how much of each voxel each nucleus of a person fills, float32 (nucleus, x, y, z).

    In the order of the species' nuclei; the first is the one that a group's effect is in.
    """
    species = SPECIES[design.species]
    individual = species.draw(person.stream(1), person.traits)
    return species.nuclei(individual, grid, finest or species.finest)


@dataclass(frozen=True)
class Head:
    """An individual, and the contrast of the scanner that she lies in."""

    species: Species
    individual: Any
    design: Design
    site: Site
    finest: float | None

    def fractions(self, grid: Grid) -> FloatArray:
        """Return the shares of tissues (tissue, x, y, z) on any grid."""
        finest = self.finest or self.species.finest
        return self.species.fractions(self.individual, grid, finest)

    def signal(self, grid: Grid, parts: FloatArray) -> FloatArray:
        """Return the image of `parts` before the receive field, float32 (x, y, z)."""
        means = CONTRASTS[self.design.contrast]
        brightest, gamma = max(means.values()), self.site.gamma
        seen = {
            tissue: self.site.gain * brightest * (mean / brightest) ** gamma
            for tissue, mean in means.items()
        }
        return anatomy.signal(parts, seen) * self.species.texture(self.individual, grid)


def _receive_field(
    head: Head, brain: BoolArray, grid: Grid, rng: np.random.Generator
) -> FloatArray:
    """Return a field that is smooth over the head, the same in mm on every grid.

    Its mean over `brain` is 1, and its range there the site's non-uniformity.
    """
    extent, centre = head.species.extent, head.species.centre
    x, y, z = (length / (FIELD_POINTS - 1) for length in extent)
    place = anatomy.centred_grid((FIELD_POINTS,) * 3, (x, y, z), centre)
    drawn = smooth_field((FIELD_POINTS,) * 3, FIELD_POINTS / 3, rng)[np.newaxis]
    field = anatomy.sample(Maps(drawn, place.affine), anatomy.points_of(grid))[0]
    inside = field[brain]
    if not inside.size:
        raise ValueError(f"no voxel of the grid {grid.shape} is in the brain")
    slope = head.site.non_uniformity / max(float(np.ptp(inside)), 1e-6)
    return np.asarray(np.maximum(1 + slope * (field - inside.mean()), 0.1), dtype=np.float32)


def _rigid(steps: Array, grid: Grid) -> Array:
    """Return three shifts (mm) and three turns (degrees) about the grid's middle as a matrix."""
    from scipy.spatial.transform import Rotation

    middle = (grid.affine @ [*(np.array(grid.shape) - 1) / 2, 1])[:3]
    motion = np.eye(4)
    motion[:3, :3] = Rotation.from_euler("xyz", steps[3:], degrees=True).as_matrix()
    motion[:3, 3] = middle - motion[:3, :3] @ middle + steps[:3]
    return motion
