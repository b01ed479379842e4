"""The linear mapping between a template and one person: brain to brain, whatever the contrast."""

from __future__ import annotations

from itertools import permutations, product
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk  # noqa: N813 (its own custom)

from bids_denoise.anatomy.grids import coarser, grid_around, pull, volume
from bids_denoise.anatomy.itk import image_of, matrix_of, transform_of
from bids_denoise.errors import ScanError
from bids_denoise.simulate.anatomy import Grid

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.anatomy.template import Template
    from bids_denoise.values import FloatArray

    Affine = npt.NDArray[np.float64]

COARSE, FINE = 16.0, 32.0
"""Voxels of the two levels along the side of a cube of the brain's volume."""
BINS = 32
STEPS = {"start": (0.3, 30), "coarse": (0.1, 60), "fine": (0.1, 40)}
"""Voxels the mapping moves by in a first step (an affine leaves a good start in longer ones), and
how many there are."""
SURE = 1.2
"""How much more mutual information the header's orientation has to give than any other does where
it starts, to need no search. In people and mice of all contrasts, tilted by up to 25 degrees, right
ones gave 1.3 times as much and more, wrong ones 1.15 times at most."""
BETTER = 1.1
"""How much more another orientation than the header's has to give, where all are searched."""


def brain_image(data: FloatArray) -> FloatArray:
    """Return one image (x, y, z) to align by: white matter 1, grey matter a half, else 0.

    CSF counts as what is outside, so that it does not matter how much of it a brain mask holds.
    An image that is no tissue maps comes back with 0.5 as the median of its brain, cut off at 1.
    """
    if data.ndim == 4:
        return np.asarray(data[1] + np.float32(0.5) * data[0], dtype=np.float32)
    inside = data > 0
    if not inside.any():
        raise ScanError("the brain is empty: there is nothing to align")
    middle = np.float32(np.median(data[inside]))
    return np.asarray(np.clip(data / (2 * middle), 0, 1), dtype=np.float32)


def template_image(data: FloatArray, template: Template) -> FloatArray:
    """Return the template's counterpart of `brain_image`, from tissues if `data` are tissues.

    Raises
    ------
    ScanError
        Tissues are given, and the template has none.
    """
    if data.ndim == 3:
        return brain_image(template.image)
    if template.tissues is None:
        raise ScanError(
            f"template {template.name} has no tissue maps, so that tissues cannot be brought to "
            "it; a template with GM, WM and CSF is needed"
        )
    return brain_image(template.tissues)


def align(
    moving: FloatArray, affine: Affine, template: Template, start: Affine | None = None
) -> Affine:
    """Return the affine of a template to a person.

    The mutual information of the two (Mattes 2003, doi:10.1109/TMI.2003.809072), of all voxels
    of a coarse and then a finer grid, is made largest by gradient ascent. Without a `start` the
    header's orientation is taken where it is clearly right, and else all 24 of a box are searched,
    so that a header may name its axes wrongly. Mirrored axes cannot be told from right ones.

    Parameters
    ----------
    moving
        The person's brain alone (x, y, z), or tissues (3, x, y, z).
    affine
        (4, 4), the person's voxels to mm.
    template
        What is mapped to the person.
    start
        (4, 4), template mm to person mm, refined instead of searched for.

    Returns
    -------
    numpy.ndarray
        (4, 4), template mm to person mm.

    Raises
    ------
    ScanError
        The brain is empty, or the two cannot be brought together.
    """
    own, goal = brain_image(moving), template_image(moving, template)
    side = _side(goal, template.affine)
    coarse = _Pair(goal, template.affine, own, affine, side / COARSE)
    fine = _Pair(goal, template.affine, own, affine, side / FINE)
    try:
        first = _searched(coarse) if start is None else start
        rough = coarse.climbed(_about(sitk.AffineTransform(3), coarse.centre), first, "coarse")[0]
        return fine.climbed(_about(sitk.AffineTransform(3), fine.centre), rough, "fine")[0]
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise ScanError(f"cannot be aligned with template {template.name}: {reason}") from error


class _Pair:
    """Template and person at one resolution."""

    def __init__(
        self, goal: FloatArray, to_mm: Affine, own: FloatArray, affine: Affine, voxel: float
    ) -> None:
        self.voxel = voxel
        self.growth = _side(own, affine) / _side(goal, to_mm)
        grid = grid_around(goal > 0, to_mm, voxel, 2 * voxel)
        mine = coarser(_roomy(own, affine), voxel * self.growth)
        self.images = (
            image_of(pull(goal, to_mm, grid), grid.affine),
            image_of(pull(own, affine, mine), mine.affine),
        )
        self.centre, self.target = _centroid(goal, to_mm), _centroid(own, affine)

    def placed(self, turn: Affine) -> Affine:
        """Return the mapping that turns the template, centre on centre, in the person's size."""
        start = np.eye(4)
        start[:3, :3] = self.growth * turn
        start[:3, 3] = self.target - start[:3, :3] @ self.centre
        return start

    def information(self, start: Affine) -> float:
        """Return the mutual information where template and person lie by `start`."""
        return -float(self._method(start, sitk.AffineTransform(3)).MetricEvaluate(*self.images))

    def climbed(self, kind: sitk.Transform, start: Affine, steps: str) -> tuple[Affine, float]:
        """Return `start` followed by the best transform of a kind, and the information there."""
        length, number = STEPS[steps]
        method = self._method(start, kind)
        method.SetOptimizerAsRegularStepGradientDescent(
            self.voxel * length, self.voxel / 200, number, 0.6
        )
        method.SetOptimizerScalesFromPhysicalShift()
        before = -float(method.MetricEvaluate(*self.images))
        method.Execute(*self.images)
        after = -float(method.GetMetricValue())
        return (start @ matrix_of(kind), after) if after > before else (start, before)

    def _method(self, start: Affine, kind: sitk.Transform) -> sitk.ImageRegistrationMethod:
        method = sitk.ImageRegistrationMethod()
        method.SetMetricAsMattesMutualInformation(BINS)
        method.SetMetricSamplingStrategy(sitk.ImageRegistrationMethod.NONE)
        method.SetInterpolator(sitk.sitkLinear)
        # The kind comes first: its centre and scale are the template's, whatever the start.
        method.SetMovingInitialTransform(transform_of(start))
        method.SetInitialTransform(kind, inPlace=True)
        return method


def _searched(pair: _Pair) -> Affine:
    """Return the best similarity of those that start at the header's or at all orientations."""

    def climbed(start: Affine) -> tuple[Affine, float]:
        return pair.climbed(_about(sitk.Similarity3DTransform(), pair.centre), start, "start")

    first, *others = (pair.placed(turn) for turn in _orientations())
    own = climbed(first)
    if own[1] > SURE * max(map(pair.information, others)):
        return own[0]
    best = max(map(climbed, others), key=lambda each: each[1])
    return best[0] if best[1] > BETTER * own[1] else own[0]


def _orientations() -> list[Affine]:
    """Return the 24 rotations that map axes to axes, the one that does nothing first."""
    turns = [
        np.diag(signs) @ np.eye(3)[list(order)]
        for order in permutations(range(3))
        for signs in product((1.0, -1.0), repeat=3)
    ]
    return [turn for turn in turns if np.linalg.det(turn) > 0]


def _about(kind: sitk.Transform, centre: npt.NDArray[np.float64]) -> sitk.Transform:
    kind.SetCenter(centre.tolist())
    return kind


def _side(data: FloatArray, affine: Affine) -> float:
    """Return the side of a cube of the brain's volume, in mm."""
    return float(np.cbrt(np.count_nonzero(data > 0) * volume(affine)))


def _centroid(data: FloatArray, affine: Affine) -> npt.NDArray[np.float64]:
    """Return the centre of the brain in mm."""
    inside = np.argwhere(data > 0).mean(axis=0)
    return np.asarray(affine[:3, :3] @ inside + affine[:3, 3])


def _roomy(data: FloatArray, affine: Affine) -> Grid:
    """Return the brain's own voxels with as much room around it that no start falls outside."""
    places = np.nonzero(data > 0)
    low = np.array([each.min() for each in places])
    high = np.array([each.max() + 1 for each in places])
    room = np.ceil(_side(data, affine) / 2 / np.linalg.norm(affine[:3, :3], axis=0)).astype(int)
    to_mm = affine.copy()
    to_mm[:3, 3] += affine[:3, :3] @ (low - room)
    x, y, z = (high - low + 2 * room).tolist()
    return Grid((x, y, z), to_mm)
