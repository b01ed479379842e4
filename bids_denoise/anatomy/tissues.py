"""Grey matter, white matter and CSF of a brain, and the field of the coils, estimated together.

Expectation maximisation on a Gaussian mixture with a smooth multiplicative field (Wells 1996,
doi:10.1109/42.511747; Van Leemput 1999, doi:10.1109/42.811270; Ashburner & Friston 2005,
doi:10.1016/j.neuroimage.2005.02.018), mixels at the borders of grey matter, and a Markov random
field whose strength is learnt from the image, as is how far a template's maps are to be believed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from bids_denoise.anatomy.classes import GREY, WHITE, without_outliers
from bids_denoise.anatomy.mixture import Mixture
from bids_denoise.errors import ScanError

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import BoolArray, FloatArray

    Precise = npt.NDArray[np.float64]

Contrast = Literal["auto", "T1w", "T2w"]

FEWEST_VOXELS = 500

WEAK = 2.0
"""Distance of grey from white matter in standard deviations, below which borders are a guess."""


@dataclass(frozen=True)
class Tissues:
    """What a brain consists of, in the order grey matter, white matter, CSF.

    Attributes
    ----------
    probabilities
        float32 (3, x, y, z): the fraction of the voxel that is expected of each; sum to 1 in the
        brain, 0 beyond.
    labels
        uint8 (x, y, z): the largest of them, 1 to 3 as in BIDS; 0 outside the brain.
    field
        float32 (x, y, z), mean 1 in the brain: the image divided by it is even.
    means, deviations
        (3,): of the tissues in the even image, in its unit.
    iterations
        Of expectation maximisation.
    remarks
        Plain sentences: what was assumed, and what makes the result doubtful.
    """

    probabilities: FloatArray
    labels: npt.NDArray[np.uint8]
    field: FloatArray
    means: Precise
    deviations: Precise
    iterations: int
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Volumes:
    """Millilitres; `brain` is grey and white matter together."""

    grey: float
    white: float
    csf: float
    brain: float


def volumes(tissues: Tissues, affine: Precise) -> Volumes:
    """Return the volumes of the tissues; a voxel counts by its fractions.

    Parameters
    ----------
    tissues
        As segmented.
    affine
        (4, 4), voxel to RAS mm.
    """
    voxel = abs(float(np.linalg.det(affine[:3, :3]))) / 1000
    grey, white, csf = (voxel * float(each.sum(dtype=np.float64)) for each in tissues.probabilities)
    return Volumes(grey, white, csf, grey + white)


def segment(
    data: FloatArray,
    brain: BoolArray,
    affine: Precise,
    prior: FloatArray | None = None,
    contrast: Contrast = "auto",
) -> Tissues:
    """Segment a brain in an anatomical image.

    Parameters
    ----------
    data
        float32 (x, y, z), in any unit.
    brain
        bool (x, y, z).
    affine
        (4, 4), voxel to RAS mm.
    prior
        float32 (3, x, y, z): a template's maps on the grid of the image. None where there is no
        template; grey matter is then the class of middle intensity.
    contrast
        Without a prior: CSF is dark (``T1w``) or bright (``T2w``). ``auto``: which of the two
        the shape of the classes tells.

    Raises
    ------
    ScanError
        The brain is next to empty or has one value, or arrays do not fit each other.

    Notes
    -----
    O(voxels x iterations).
    """
    inside = _checked(data, brain, prior)
    box = tuple(slice(int(at.min()), int(at.max()) + 1) for at in np.nonzero(inside))
    within = np.pad(inside[box], 1)
    values = without_outliers(np.where(inside[box], data[box], 0), inside[box])
    scale = float(np.abs(values).max())
    values = np.pad(values / np.float32(scale), 1)
    voxel = np.linalg.norm(affine[:3, :3], axis=0)
    mixture = Mixture(np.ascontiguousarray(values, dtype=np.float32), within, voxel)
    maps = None if prior is None else np.pad(prior[:, *box], ((0, 0), *3 * [(1, 1)]))
    mixture.start(maps)
    remarks = [] if prior is not None else _named(mixture, contrast)
    mixture.refine()
    remarks += _doubts(mixture)
    return _result(mixture, scale, inside, box, tuple(remarks))


def _checked(data: FloatArray, brain: BoolArray, prior: FloatArray | None) -> BoolArray:
    """Return the voxels of the brain that can be segmented."""
    if data.ndim != 3 or brain.shape != data.shape:
        raise ScanError(f"image {data.shape} and brain mask {brain.shape} are not one (x, y, z)")
    if prior is not None and prior.shape != (3, *data.shape):
        raise ScanError(f"prior {prior.shape} is not {(3, *data.shape)}: GM, WM, CSF")
    inside = brain & np.isfinite(data)
    count = int(np.count_nonzero(inside))
    if count < FEWEST_VOXELS:
        raise ScanError(
            f"the brain mask holds {count} voxels; tissues need at least {FEWEST_VOXELS}"
        )
    values = data[inside]
    if values.min() == values.max():
        raise ScanError(f"all voxels of the brain are {values[0]!r}: there are no tissues to tell")
    return inside


def _named(mixture: Mixture, contrast: Contrast) -> list[str]:
    """Tell white matter from CSF where no template does; return what was assumed."""
    bright = contrast == "T2w" or (contrast == "auto" and mixture.is_t2w())
    if bright:
        mixture.swap()
    how = "as the shape of the classes tells" if contrast == "auto" else "as was asked for"
    kind = "brightest" if bright else "darkest"
    return [f"There is no template: CSF is taken for the {kind} class, {how}."]


def _doubts(mixture: Mixture) -> list[str]:
    """Return what makes the result doubtful."""
    between = abs(mixture.means[WHITE] - mixture.means[GREY]) / np.sqrt(mixture.variance)
    if between < WEAK:
        return [
            f"Grey and white matter are {between:.1f} standard deviations of the noise apart, "
            "so that their border is uncertain."
        ]
    return []


def _result(
    mixture: Mixture,
    scale: float,
    inside: BoolArray,
    box: tuple[slice, ...],
    remarks: tuple[str, ...],
) -> Tissues:
    """Return the estimate in the whole image and in its unit."""
    middle = tuple(slice(1, -1) for _ in range(3))
    probabilities = np.zeros((3, *inside.shape), dtype=np.float32)
    probabilities[:, *box] = np.moveaxis(mixture.fractions[middle], -1, 0)
    field = np.ones(inside.shape, dtype=np.float32)
    field[box] = mixture.field[middle]
    labels = np.where(inside, 1 + probabilities.argmax(axis=0), 0).astype(np.uint8)
    return Tissues(
        probabilities,
        labels,
        field,
        scale * mixture.means,
        np.full(3, scale * np.sqrt(mixture.variance)),
        mixture.iterations,
        remarks,
    )
