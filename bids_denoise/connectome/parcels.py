"""Parcels: pieces of a brain mask that do not depend on the noise, or those of an atlas."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.errors import ScanError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from bids_denoise.values import BoolArray, FloatArray, Image

    Affine = npt.NDArray[np.float64]
    Labels = npt.NDArray[np.int32]

MOST_PARCELS = 100
LEAST_VOXELS = 27
"""Of a parcel."""

OWN = "geometric parcels of the brain"
"""How `Parcels.source` ends where they are those of one brain alone."""

COVERAGE = 0.5
"""Share of an atlas' parcel that has to lie in the brain of the run."""


@dataclass(frozen=True)
class Parcels:
    """Pieces of a brain.

    Attributes
    ----------
    labels
        int32 (x, y, z): 1, 2, ... in the order of `names`; 0 outside.
    names
        Of each parcel.
    name
        Of all together, fit for a file name.
    source
        Where they come from, in words.
    dropped
        Names of the parcels of `source` that are not used.
    """

    labels: Labels
    names: tuple[str, ...]
    name: str
    source: str
    dropped: tuple[str, ...] = ()


def kept(parcels: Parcels, good: BoolArray) -> Parcels:
    """Return the parcels where `good` is true, counted anew; the others are dropped."""
    number = np.concatenate([[0], np.where(good, np.cumsum(good), 0)]).astype(np.int32)
    told = list(zip(parcels.names, good, strict=True))
    return replace(
        parcels,
        labels=number[parcels.labels],
        names=tuple(name for name, stays in told if stays),
        dropped=(*parcels.dropped, *(name for name, stays in told if not stays)),
    )


def brain_of(image: Image, path: Path) -> BoolArray:
    """Return the brain of a run (x, y, z): its mask, if it is known, else that of its mean.

    nilearn's mask for echo-planar images, which leaves skull and eyes out. An extracted brain is
    taken whole, and so is all that is not air where that mask finds less than half of it.
    """
    from nilearn.image import new_img_like
    from nilearn.masking import compute_epi_mask

    from bids_denoise.metrics.comparison import head_of

    head = head_of(image)
    if image.head is not None or np.array_equal(head, image.mask):
        return head
    mean = np.where(image.mask, image.data.mean(axis=-1, dtype=np.float64), 0)
    mask = compute_epi_mask(new_img_like(str(path), mean, image.affine), exclude_zeros=True)
    brain = np.asarray(mask.dataobj, dtype=np.bool_) & head
    return brain if 2 * np.count_nonzero(brain) > np.count_nonzero(head) else head


def geometric(mask: BoolArray, affine: Affine, most: int = MOST_PARCELS) -> Parcels:
    """Divide a mask (x, y, z) into parcels of equal size.

    By recursive coordinate bisection (Berger & Bokhari 1987, doi:10.1109/TC.1987.1676942): a piece
    is cut across the direction in which it is widest, until there are `most` of them, or less
    in a small mask, so that each has at least `LEAST_VOXELS`. As with random parcels (Zalesky
    2010, doi:10.1016/j.neuroimage.2009.12.027) no boundary is one of anatomy or function; but the
    same mask gives the same parcels.
    """
    count = min(most, int(np.count_nonzero(mask)) // LEAST_VOXELS)
    places = np.argwhere(mask)
    # Rounded, so that voxels of one plane are at one place on any machine.
    points = np.round(places @ affine[:3, :3].T + affine[:3, 3], 3)
    labels = np.zeros(mask.shape, np.int32)
    found = np.zeros(len(places), np.int32)
    if count:
        _bisect(points, np.arange(len(places)), (1, count), found)
    labels[mask] = found
    names = tuple(f"parcel-{number:03d}" for number in range(1, count + 1))
    return Parcels(labels, names, f"geometric{count}", f"{count} {OWN}")


def _bisect(
    points: Affine, members: npt.NDArray[np.int64], numbers: tuple[int, int], found: Labels
) -> None:
    """Give the `members` of `points` (n, 3) their parcel, the first to the last of `numbers`."""
    first, last = numbers
    if first == last:
        found[members] = first
        return
    own = points[members]
    narrow, middle, wide = np.argsort(own.var(axis=0), kind="stable")
    order = members[np.lexsort((own[:, narrow], own[:, middle], own[:, wide]))]
    half = (first + last) // 2
    cut = round(len(order) * (half - first + 1) / (last - first + 1))
    _bisect(points, order[:cut], (first, half), found)
    _bisect(points, order[cut:], (half + 1, last), found)


def of_template(brain: BoolArray, affine: Affine) -> Parcels:
    """Return geometric parcels of the MNI152 brain, the same for everybody, in a run's brain."""
    from nilearn.datasets import load_mni152_brain_mask

    template = load_mni152_brain_mask(resolution=2)
    mask = np.asarray(template.dataobj, dtype=np.bool_)
    parcels = geometric(mask, np.asarray(template.affine))
    named = replace(
        parcels,
        name=f"MNI152{parcels.name}",
        source=f"{len(parcels.names)} geometric parcels of the MNI152 brain",
    )
    return placed(named, np.asarray(template.affine), brain, affine)


def of_atlas(data: FloatArray, lookup: Mapping[int, str], path: Path, name: str) -> Parcels:
    """Return the parcels of an atlas on its own grid.

    Parameters
    ----------
    data
        The label image, (x, y, z).
    lookup
        Names by label, for as many as there are.
    path, name
        Its file, and what to call it.

    Raises
    ------
    ScanError
        It is no 3D image of integers of 0 and more.
    """
    data = data[..., 0] if data.ndim == 4 and data.shape[3] == 1 else data
    if data.ndim != 3 or data.min() < 0 or np.any(data != np.rint(data)):
        raise ScanError(
            f"{path}: an atlas is a 3D image of labels, whole numbers of 0 and more; this has "
            f"shape {data.shape} and values from {data.min():g} to {data.max():g}"
        )
    values, labels = np.unique(data, return_inverse=True)
    if values[0] > 0:  # no background
        labels, values = labels + 1, np.concatenate([[0], values])
    numbers = [int(value) for value in values[1:]]
    told = [lookup.get(number, "parcel") for number in numbers]
    # A name that several labels share gets the number of each: columns are told apart by it.
    names = tuple(
        name if told.count(name) == 1 and name != "parcel" else f"{name}-{number:03d}"
        for name, number in zip(told, numbers, strict=True)
    )
    return Parcels(
        labels.reshape(data.shape).astype(np.int32), names, name, f"the atlas {path.name}"
    )


def placed(parcels: Parcels, affine: Affine, brain: BoolArray, target: Affine) -> Parcels:
    """Return parcels on the grid of a run, inside its brain.

    The nearest label is taken; parcels that lie in the brain by less than `COVERAGE` are dropped.

    Parameters
    ----------
    parcels, affine
        On their own grid.
    brain, target
        bool (x, y, z) of the run, and its affine.
    """
    from scipy.ndimage import affine_transform

    matrix = np.linalg.inv(affine) @ target
    labels = affine_transform(
        parcels.labels, matrix, output_shape=brain.shape, order=0, mode="constant", cval=0
    )
    count = 1 + len(parcels.names)
    inside = np.bincount(labels[brain], minlength=count)[1:]
    # By volume: what lies outside of the run's field of view counts as well.
    voxels = np.bincount(parcels.labels.ravel(), minlength=count)[1:]
    whole = voxels * abs(np.linalg.det(affine[:3, :3]) / np.linalg.det(target[:3, :3]))
    on_grid = replace(parcels, labels=np.where(brain, labels, 0).astype(np.int32))
    return kept(on_grid, (inside > 0) & (inside >= COVERAGE * whole))
