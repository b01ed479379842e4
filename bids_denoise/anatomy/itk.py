"""Arrays in and out of SimpleITK.

ITK's physical space is here whatever space the caller means, voxel indices or RAS mm: no file is
met, so that LPS is never spoken of. ITK runs in one thread, since sums over threads make the last
digits depend on who comes first; several people are done in several processes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk  # noqa: N813 (its own custom)

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import FloatArray

    Affine = npt.NDArray[np.float64]

sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)


def image_of(volume: FloatArray, affine: Affine | None = None) -> sitk.Image:
    """Return a volume (x, y, z) as an image of ITK, its physical space that of `affine`.

    Without one it is that of the voxel indices.
    """
    image = sitk.GetImageFromArray(np.ascontiguousarray(volume.transpose(2, 1, 0)))
    if affine is not None:
        spacing = np.linalg.norm(affine[:3, :3], axis=0)
        image.SetSpacing(spacing.tolist())
        image.SetOrigin(affine[:3, 3].tolist())
        image.SetDirection((affine[:3, :3] / spacing).ravel().tolist())
    return image


def field_of(vectors: npt.NDArray[np.floating]) -> sitk.Image:
    """Return vectors (3, x, y, z) as an image of ITK in the space of the voxel indices."""
    last = np.ascontiguousarray(vectors.transpose(3, 2, 1, 0), dtype=np.float64)
    return sitk.GetImageFromArray(last, isVector=True)


def array_of(image: sitk.Image) -> FloatArray:
    """Return an image as float32 (x, y, z), a field as float32 (3, x, y, z)."""
    array = sitk.GetArrayViewFromImage(image)
    return np.array(array.transpose(), dtype=np.float32, order="C")


def transform_of(matrix: Affine) -> sitk.AffineTransform:
    """Return a (4, 4) matrix as a transform of ITK."""
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(matrix[:3, :3].ravel().tolist())
    transform.SetTranslation(matrix[:3, 3].tolist())
    return transform


def matrix_of(transform: sitk.Transform) -> Affine:
    """Return the (4, 4) matrix of a linear transform of ITK, whatever its kind and centre."""
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    matrix = np.eye(4)
    matrix[:3, 3] = origin
    for axis, unit in enumerate(np.eye(3).tolist()):
        matrix[:3, axis] = np.array(transform.TransformPoint(unit)) - origin
    return matrix


def resampler(
    shape: tuple[int, int, int], transform: sitk.Transform, interpolator: int = sitk.sitkLinear
) -> sitk.ResampleImageFilter:
    """Return the filter that gives an image on `shape` voxels; beyond its border it is 0."""
    resample = sitk.ResampleImageFilter()
    resample.SetSize(shape)
    resample.SetTransform(transform)
    resample.SetInterpolator(interpolator)
    resample.SetOutputPixelType(sitk.sitkFloat32)
    return resample
