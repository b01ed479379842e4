"""One person brought to a template: a linear and then a smooth, invertible mapping.

The deformation is found by diffeomorphic demons (Vercauteren 2009,
doi:10.1016/j.neuroimage.2008.10.040) from coarse to fine. Its Jacobian times a tissue keeps the
tissue's amount: voxel-based morphometry (Good 2001, doi:10.1006/nimg.2001.0786).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk  # noqa: N813 (its own custom)

from bids_denoise.anatomy.align import align, brain_image, template_image
from bids_denoise.anatomy.grids import pull
from bids_denoise.anatomy.itk import array_of, image_of
from bids_denoise.errors import ScanError
from bids_denoise.simulate.anatomy import Grid

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.anatomy.template import Template
    from bids_denoise.values import BoolArray, FloatArray

    Affine = npt.NDArray[np.float64]

LEVELS = ((8, 40), (4, 40), (2, 40), (1, 12))
"""By how much the grid is coarser, and how often the field is improved there."""
SMOOTH_FIELD, SMOOTH_UPDATE = 1.5, 2.0
"""Gaussian smoothing of the field and of each update, in voxels of the level."""
LONGEST_STEP = 2.0
SMALLEST_JACOBIAN = 0.05
FWHM = float(np.sqrt(8 * np.log(2)))


@dataclass(frozen=True)
class Normalised:
    """How a template is mapped to a person: x goes to ``linear @ (x + displacement(x))``.

    Attributes
    ----------
    linear
        (4, 4), template mm to person mm.
    displacement
        float32 (3, x, y, z), mm, on the template's grid.
    jacobian
        float32 (x, y, z): the person's volume per volume of the template, `linear` included;
        above 0 everywhere.
    template
        What the person was brought to.
    """

    linear: Affine
    displacement: FloatArray
    jacobian: FloatArray
    template: Template


def normalise(
    moving: FloatArray, affine: Affine, template: Template, start: Affine | None = None
) -> Normalised:
    """Bring a person to a template.

    Parameters
    ----------
    moving
        Tissues (3, x, y, z) GM, WM, CSF; or, for a template of the same contrast, the brain
        alone (x, y, z).
    affine
        (4, 4), the person's voxels to mm.
    template
        The brain to bring her to.
    start
        (4, 4), template mm to person mm, such as that of `align` for the image.

    Raises
    ------
    ScanError
        The brain is empty, or cannot be aligned, or the template has no tissues.
    """
    return deform(moving, affine, template, align(moving, affine, template, start))


def deform(moving: FloatArray, affine: Affine, template: Template, linear: Affine) -> Normalised:
    """Bring a person to a template whose affine to her is known. See `normalise`."""
    goal = template_image(moving, template)
    own = pull(brain_image(moving), affine, template.grid, linear)
    part = _around((goal > 0) | (own > 0))
    field = np.zeros((3, *goal.shape), dtype=np.float32)
    field[(slice(None), *part)] = _demons(goal[part], own[part])
    field, stretch = _unfolded(field)
    to_mm = template.affine[:3, :3].astype(np.float32)
    displacement = np.tensordot(to_mm, field, axes=1).astype(np.float32)
    jacobian = stretch * np.float32(abs(np.linalg.det(linear[:3, :3])))
    return Normalised(linear, displacement, jacobian, template)


def prior_for(grid: Grid, template: Template, linear: Affine) -> FloatArray:
    """Return the template's tissues on a person's grid, brought there by an affine alone.

    Parameters
    ----------
    grid
        The person's voxels.
    template
        One with tissues.
    linear
        (4, 4), template mm to person mm, as `align` finds it.

    Returns
    -------
    numpy.ndarray
        float32 (3, x, y, z): GM, WM, CSF in [0, 1], 0 outside the template's brain.

    Raises
    ------
    ScanError
        The template has no tissues.
    """
    if template.tissues is None:
        raise ScanError(f"template {template.name} has no tissue maps to take a prior from")
    return pull(
        template.tissues, template.affine, grid, np.asarray(np.linalg.inv(linear), np.float64)
    )


def warp(data: FloatArray, affine: Affine, normalised: Normalised) -> FloatArray:
    """Return a person's data (x, y, z) or (map, x, y, z) on the template's grid."""
    grid = normalised.template.grid
    return pull(data, affine, grid, normalised.linear, normalised.displacement)


def modulated(
    tissue: FloatArray, affine: Affine, normalised: Normalised, fwhm: float = 0.0
) -> FloatArray:
    """Return a tissue on the template's grid times the Jacobian.

    The sum over its voxels times their volume is the tissue's volume in the person.

    Parameters
    ----------
    tissue, affine
        float32 (x, y, z) or (map, x, y, z), fractions; and its voxels to mm.
    normalised
        How the person was brought to the template.
    fwhm
        Full width at half maximum of the Gaussian smoothing that follows, in mm.
    """
    kept = warp(tissue, affine, normalised) * normalised.jacobian
    return smoothed(kept, normalised.template.affine, fwhm) if fwhm > 0 else kept


def smoothed(data: FloatArray, affine: Affine, fwhm: float) -> FloatArray:
    """Return data (x, y, z) or (map, x, y, z) smoothed by a Gaussian of `fwhm` mm."""
    from scipy.ndimage import gaussian_filter

    sigma = fwhm / FWHM / np.linalg.norm(affine[:3, :3], axis=0)
    more = [0.0] * (data.ndim - 3)
    return np.asarray(gaussian_filter(data, [*more, *sigma], mode="constant"), dtype=np.float32)


def jacobian_of(field: FloatArray) -> FloatArray:
    """Return the determinant of the Jacobian of x + field(x), both in voxels: (x, y, z)."""
    rows = np.stack([np.stack(np.gradient(each)) for each in field])
    for axis in range(3):
        rows[axis, axis] += 1
    (a, b, c), (d, e, f), (g, h, i) = rows
    return np.asarray(a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g))


def _unfolded(field: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return a field, smoothed until it folds nowhere, and its Jacobian."""
    from scipy.ndimage import gaussian_filter

    stretch = jacobian_of(field)
    while stretch.min() < SMALLEST_JACOBIAN:
        field = np.stack([gaussian_filter(each, 1.0) for each in field])
        stretch = jacobian_of(field)
    return field, stretch


def _around(inside: BoolArray) -> tuple[slice, slice, slice]:
    """Return the box of what is True, with a tenth of its length on each side."""
    box = []
    for axis in range(3):
        found = np.flatnonzero(inside.any(axis=tuple(each for each in range(3) if each != axis)))
        margin = max(4, (found[-1] - found[0]) // 10)
        box.append(slice(max(found[0] - margin, 0), found[-1] + margin + 1))
    return box[0], box[1], box[2]


def _demons(goal: FloatArray, own: FloatArray) -> FloatArray:
    """Return the field (3, x, y, z) in voxels by which `own` looks like `goal`."""
    fixed, moving = image_of(goal), image_of(own)
    field = sitk.Image(fixed.GetSize(), sitk.sitkVectorFloat64, 3)
    for shrink, steps in LEVELS:
        if min(goal.shape) // shrink < 8:
            continue
        coarse = _shrunk(fixed, shrink)
        demons = sitk.DiffeomorphicDemonsRegistrationFilter()
        demons.SetNumberOfIterations(steps)
        demons.SetMaximumRMSError(0.0)
        demons.SetMaximumUpdateStepLength(LONGEST_STEP)
        demons.SetStandardDeviations(SMOOTH_FIELD)
        demons.SetSmoothUpdateField(True)
        # x + update for its exponential: steps this smooth and short give the same, sooner.
        demons.SetUseFirstOrderExp(True)
        demons.SetUpdateFieldStandardDeviations(SMOOTH_UPDATE)
        field = demons.Execute(coarse, _shrunk(moving, shrink), _on_grid_of(coarse, field))
    return array_of(_on_grid_of(fixed, field))


def _shrunk(image: sitk.Image, shrink: int) -> sitk.Image:
    if shrink == 1:
        return image
    return sitk.Shrink(sitk.SmoothingRecursiveGaussian(image, 0.5 * shrink), [shrink] * 3)


def _on_grid_of(image: sitk.Image, field: sitk.Image) -> sitk.Image:
    """Return a field on the grid of an image; beyond its border it goes on."""
    resample = sitk.ResampleImageFilter()
    resample.SetReferenceImage(image)
    resample.SetUseNearestNeighborExtrapolator(True)
    resample.SetOutputPixelType(sitk.sitkVectorFloat64)
    return resample.Execute(field)
