"""Repeats of one person laid on each other."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Literal

import numpy as np
import SimpleITK as sitk  # noqa: N813 (its own custom)

from bids_denoise.anatomy.grids import coarser, grid_around, pull, volume
from bids_denoise.anatomy.itk import array_of, image_of, matrix_of, resampler, transform_of
from bids_denoise.errors import ScanError
from bids_denoise.simulate.anatomy import Grid

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import BoolArray, FloatArray

    Affine = npt.NDArray[np.float64]

Interpolation = Literal["linear", "cubic", "sinc"]
LEVELS = ((10_000, 60), (80_000, 40), (500_000, 30))
"""About how many voxels of the mask are compared, from coarse to fine, and in how many steps."""
INTERPOLATORS = {
    "linear": sitk.sitkLinear,
    "cubic": sitk.sitkBSpline3,
    "sinc": sitk.sitkLanczosWindowedSinc,
}


def rigid(
    moving: FloatArray,
    moving_affine: Affine,
    fixed: FloatArray,
    fixed_affine: Affine,
    mask: BoolArray,
) -> Affine:
    """Return the rotation and shift by which a repeat fits an image of the same contrast.

    The correlation inside the mask is made largest, from coarse to fine, by gradient ascent from
    where the headers say that the two lie.

    Parameters
    ----------
    moving, moving_affine
        The repeat (x, y, z), and its voxels to mm.
    fixed, fixed_affine
        The image it is brought to.
    mask
        bool, the shape of `fixed`: the brain, or the head.

    Returns
    -------
    numpy.ndarray
        (4, 4), mm of `fixed` to mm of `moving`.

    Raises
    ------
    ScanError
        The mask is empty, or the two have nothing in common.
    """
    if not mask.any():
        raise ScanError("the mask is empty: there is nothing to align by")
    amount = float(mask.sum()) * volume(fixed_affine)
    inside = mask.astype(np.float32)
    finest = float(np.cbrt(max(volume(fixed_affine), volume(moving_affine))))
    found = np.eye(4)
    for voxels, steps in LEVELS:
        voxel = max(float(np.cbrt(amount / voxels)), finest)
        grid = grid_around(mask, fixed_affine, voxel, voxel)
        x, y, z = moving.shape
        own = coarser(Grid((x, y, z), moving_affine), voxel)
        found = _climbed(
            image_of(pull(fixed, fixed_affine, grid), grid.affine),
            image_of(pull(moving, moving_affine, own), own.affine),
            image_of(pull(inside, fixed_affine, grid), grid.affine) > 0.5,
            found,
            (voxel, steps),
        )
    return found


def resample(
    data: FloatArray,
    affine: Affine,
    grid: Grid,
    mapping: Affine,
    interpolation: Interpolation = "linear",
) -> FloatArray:
    """Return an image on another grid, interpolated once; beyond its border it is 0.

    Parameters
    ----------
    data, affine
        float32 (x, y, z), and its voxels to mm.
    grid
        The voxels wanted.
    mapping
        (4, 4), mm of `grid` to mm of `data`.
    interpolation
        ``linear``, ``cubic`` (B-spline, Thevenaz 2000, doi:10.1109/42.875199) or ``sinc``
        (Lanczos window of 5 voxels).
    """
    to_index = np.linalg.inv(affine) @ mapping @ grid.affine
    resample = resampler(grid.shape, transform_of(to_index), INTERPOLATORS[interpolation])
    return array_of(resample.Execute(image_of(data)))


def finer(data: FloatArray, affine: Affine) -> tuple[FloatArray, Affine]:
    """Return an image (x, y, z) in voxels of half the size, and their affine.

    By its Fourier (cosine) series, as an image from k-space is defined between its voxels: a sinc
    of few voxels takes noise and detail near the limit of resolution away, as does denoising, so
    that errors of the denoised would look smaller than they are. In finer voxels it takes none.

    Examples
    --------
    >>> finer(np.ones((4, 4, 4), np.float32), np.eye(4))[0].shape
    (8, 8, 8)
    """
    from scipy.fft import dctn, idctn

    series = dctn(data, norm="ortho")
    wider = np.pad(series, [(0, length) for length in series.shape])
    step = np.diag([0.5, 0.5, 0.5, 1.0])
    step[:3, 3] = -0.25
    fine = idctn(wider, norm="ortho", overwrite_x=True) * np.float32(np.sqrt(8))
    return np.asarray(fine, dtype=np.float32), affine @ step


def _climbed(
    fixed: sitk.Image,
    moving: sitk.Image,
    mask: sitk.Image,
    start: Affine,
    level: tuple[float, int],
) -> Affine:
    """Return the rigid mapping from `start` on that makes the correlation largest."""
    voxel, steps = level
    corners = [
        fixed.TransformContinuousIndexToPhysicalPoint(
            [c * (n - 1) for c, n in zip(corner, fixed.GetSize(), strict=True)]
        )
        for corner in product((0.0, 1.0), repeat=3)
    ]
    kind = sitk.Euler3DTransform()
    kind.SetCenter(np.mean(corners, axis=0).tolist())
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsCorrelation()
    method.SetMetricSamplingStrategy(sitk.ImageRegistrationMethod.NONE)
    method.SetMetricFixedMask(mask)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(0.2 * voxel, 1e-3 * voxel, steps, 0.5)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetMovingInitialTransform(transform_of(start))
    method.SetInitialTransform(kind, inPlace=True)
    try:
        method.Execute(fixed, moving)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise ScanError(f"the repeats cannot be laid on each other: {reason}") from error
    return start @ matrix_of(kind)
