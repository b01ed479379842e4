"""A template made of the cohort itself: the mean of its brains, in intensity and in shape.

As by Guimond 2000 (doi:10.1006/cviu.1999.0815) and Avants 2010
(doi:10.1016/j.neuroimage.2009.09.062): all are brought to a mean, averaged there, and the mean is
given the average of their shapes, again and again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk  # noqa: N813 (its own custom)

from bids_denoise.anatomy.align import align, brain_image
from bids_denoise.anatomy.grids import grid_around, pull, volume
from bids_denoise.anatomy.itk import array_of, field_of
from bids_denoise.anatomy.normalise import Normalised, deform, warp
from bids_denoise.anatomy.template import Template
from bids_denoise.errors import ScanError

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import FloatArray

    Affine = npt.NDArray[np.float64]
    Map = Callable[[Callable[[Any], Any], Sequence[Any]], Iterable[Any]]

AFFINE_ROUNDS = 2
ROUNDS = 3
MARGIN = 0.15
"""Room around the first brain on each side, as a share of the side of a cube of its volume."""
SOURCE = "mean of {number} people of this dataset, in intensity and shape"


@dataclass(frozen=True)
class Person:
    """One brain of a cohort.

    Attributes
    ----------
    image
        float32 (x, y, z), the brain alone, 0 elsewhere.
    affine
        (4, 4), voxels to mm.
    tissues
        float32 (3, x, y, z) GM, WM, CSF; None where only the image is known.
    """

    image: FloatArray
    affine: Affine
    tissues: FloatArray | None = None

    @property
    def moving(self) -> FloatArray:
        """What is brought to the mean: the tissues where they are known."""
        return self.image if self.tissues is None else self.tissues


def cohort_template(
    people: Sequence[Person], voxel: float | None = None, name: str = "cohort", each: Map = map
) -> tuple[Template, tuple[Normalised, ...]]:
    """Return the mean of a cohort, and how each of its people is brought to it.

    The order of the people does not matter. The first mean is in the place of the brain of
    median volume; the size and shape are the cohort's.

    Parameters
    ----------
    people
        Two or more, of one contrast, all with tissues or all without.
    voxel
        mm; by default the cohort's median.
    name
        What to call the template.
    each
        Applies a function to each item of a list and gives the results in order, such as
        `bids_denoise.workers.map_in_order` with its workers: people are done apart.

    Raises
    ------
    ScanError
        There are fewer than two, only some have tissues, or one cannot be aligned.
    """
    if len(people) < 2 or len({person.tissues is None for person in people}) > 1:
        raise ScanError(
            "the mean of a cohort needs two people or more, all of them with tissues or none"
        )
    order = sorted(range(len(people)), key=lambda number: _rank(people[number]))
    ranked = [people[number] for number in order]
    template, linears = _by_affines(ranked, _first(ranked, voxel, name), each)
    for _ in range(ROUNDS):
        found = _deformed(ranked, template, linears, each)
        template = _average_shape(_mean(ranked, found, template, each), found)
    found = _deformed(ranked, template, linears, each)
    place = {number: at for at, number in enumerate(order)}
    return template, tuple(found[place[number]] for number in range(len(people)))


def mean_shape(linears: Sequence[Affine]) -> Affine:
    """Return the stretch (4, 4) by which a template misses the mean size and shape of people.

    A mapping y = R S x of template to person is a rotation after a symmetric stretch; the mean of
    the stretches is that of their logarithms.

    Examples
    --------
    >>> float(mean_shape([np.diag([2.0, 2, 2, 1]), np.diag([0.5, 0.5, 0.5, 1])])[0, 0].round(6))
    1.0
    """
    logarithm = np.mean([_log_stretch(linear[:3, :3]) for linear in linears], axis=0)
    values, axes = np.linalg.eigh(logarithm)
    stretch = np.eye(4)
    stretch[:3, :3] = axes @ np.diag(np.exp(values)) @ axes.T
    return stretch


def _log_stretch(matrix: Affine) -> Affine:
    _, values, axes = np.linalg.svd(matrix)
    return np.asarray(axes.T @ np.diag(np.log(values)) @ axes)


def _rank(person: Person) -> tuple[float, float]:
    """Return what people are sorted by: their brain's volume, and then their intensity."""
    inside = np.count_nonzero(person.image > 0)
    if not inside:
        raise ScanError("a brain of the cohort is empty")
    return inside * volume(person.affine), float(person.image.sum(dtype=np.float64))


def _first(ranked: Sequence[Person], voxel: float | None, name: str) -> Template:
    """Return the brain of median volume on a grid of cubes."""
    middle = ranked[len(ranked) // 2]
    if voxel is None:
        voxel = float(np.median([np.cbrt(volume(person.affine)) for person in ranked]))
    margin = MARGIN * float(np.cbrt(_rank(middle)[0]))
    grid = grid_around(middle.image > 0, middle.affine, voxel, margin)
    image = pull(brain_image(middle.image), middle.affine, grid)
    tissues = middle.tissues
    if tissues is not None:
        tissues = pull(tissues, middle.affine, grid)
    return Template(name, image, tissues, grid.affine, SOURCE.format(number=len(ranked)))


def _by_affines(
    ranked: Sequence[Person], template: Template, each: Map
) -> tuple[Template, list[Affine]]:
    """Return the mean of the people by affines alone, of their mean size and shape."""
    starts: list[Affine | None] = [None] * len(ranked)
    for _ in range(AFFINE_ROUNDS):
        work = partial(_aligned, template=template)
        linears = list(each(work, list(zip(ranked, starts, strict=True))))
        centre = np.eye(4)
        centre[:3, 3] = _middle(template)
        for _ in range(3):
            back = centre @ np.linalg.inv(mean_shape(linears)) @ np.linalg.inv(centre)
            linears = [linear @ back for linear in linears]
        still = np.zeros((3, *template.image.shape), dtype=np.float32)
        found = [Normalised(linear, still, still[0], template) for linear in linears]
        template = _mean(ranked, found, template, each)
        starts = list(linears)
    return template, linears


def _middle(template: Template) -> npt.NDArray[np.float64]:
    middle = (np.array(template.image.shape) - 1) / 2
    return np.asarray(template.affine[:3, :3] @ middle + template.affine[:3, 3])


def _mean(
    ranked: Sequence[Person], found: Sequence[Normalised], template: Template, each: Map
) -> Template:
    """Return the mean of the people as they are brought to a template."""
    total: FloatArray | None = None
    for maps in each(_warped, list(zip(ranked, found, strict=True))):
        total = maps if total is None else total + maps
    mean = np.asarray(total, dtype=np.float32) / np.float32(len(ranked))
    return replace(template, image=mean[0], tissues=None if len(mean) == 1 else mean[1:])


def _average_shape(template: Template, found: Sequence[Normalised]) -> Template:
    """Return a template of the people's average shape: x + mean displacement(x) becomes x."""
    mean = np.mean([each.displacement for each in found], axis=0, dtype=np.float64)
    in_voxels = np.tensordot(np.linalg.inv(template.affine[:3, :3]), mean, axes=1)
    back = array_of(sitk.InvertDisplacementField(field_of(in_voxels), 50, 0.01, 0.001))
    in_mm = np.tensordot(template.affine[:3, :3], back, axes=1).astype(np.float32)
    image = pull(template.image, template.affine, template.grid, None, in_mm)
    tissues = template.tissues
    if tissues is not None:
        tissues = pull(tissues, template.affine, template.grid, None, in_mm)
    return replace(template, image=image, tissues=tissues)


def _aligned(item: tuple[Person, Affine | None], template: Template) -> Affine:
    person, start = item
    return align(person.moving, person.affine, template, start)


def _deformed(
    ranked: Sequence[Person], template: Template, linears: Sequence[Affine], each: Map
) -> list[Normalised]:
    work = partial(_deformed_one, template=template)
    found = each(work, list(zip(ranked, linears, strict=True)))
    # One template for all, also where each came back from a process of its own.
    return [replace(normalised, template=template) for normalised in found]


def _deformed_one(item: tuple[Person, Affine], template: Template) -> Normalised:
    person, linear = item
    return deform(person.moving, person.affine, template, linear)


def _warped(item: tuple[Person, Normalised]) -> FloatArray:
    """Return image and tissues on the template's grid, the image of median 0.5 in the brain."""
    person, normalised = item
    maps = [warp(brain_image(person.image), person.affine, normalised)]
    if person.tissues is not None:
        maps += list(warp(person.tissues, person.affine, normalised))
    return np.stack(maps)
