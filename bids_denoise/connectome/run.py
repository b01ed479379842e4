"""The functional connectome of a run: of the original and the denoised image, by the same parcels.

Little is done to the time series, and the same to both: trend and slow cosines go, nothing else. It
shows what denoising does to a connectome; it does not take the place of preprocessing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.connectome.control import matched_width, smoothed_means
from bids_denoise.connectome.edges import (
    agreement,
    cleaned,
    correlation,
    edges_of,
    high_pass,
    parcel_means,
    partial_correlation,
)
from bids_denoise.connectome.parcels import kept
from bids_denoise.errors import ScanError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bids_denoise.connectome.edges import Precise
    from bids_denoise.connectome.parcels import Parcels
    from bids_denoise.values import FloatArray

LEAST_VOLUMES = 40
"""Of a run. Between white series the standard error of a correlation is then 0.16, and 0.24 in each
half; between series that are not white it is larger."""

LEAST_PARCELS = 10
"""With fewer there are less than 45 edges."""


@dataclass(frozen=True)
class Connectome:
    """What one image says.

    Attributes
    ----------
    courses
        float64 (t, parcels): the mean of each parcel, cleaned, in image units.
    correlation, partial
        float64 (parcels, parcels).
    numbers
        Terms of `metrics.glossary`: of all volumes, and of one half against the other.
    """

    courses: Precise
    correlation: Precise
    partial: Precise
    numbers: Mapping[str, float]


@dataclass(frozen=True)
class Connectomes:
    """A run before and after denoising, by the same `parcels`; `cleaning` says what was done.

    `control` is that of the run smoothed with a Gaussian of `control_width` mm (FWHM), after which
    it is as smooth as it is denoised; None where denoising did not smooth.
    """

    parcels: Parcels
    before: Connectome
    after: Connectome
    cleaning: str
    control: Connectome | None = None
    control_width: float = 0.0


def connectomes(
    before: FloatArray,
    after: FloatArray,
    parcels: Parcels,
    tr: float | None,
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> Connectomes:
    """Return the connectomes of a run before and after denoising.

    Parameters
    ----------
    before, after
        float32 (x, y, z, t).
    parcels
        On their grid. Those whose series does not vary, in either, are dropped.
    tr
        Repetition time in s. Without it the slow cosines stay.
    spacing
        Of the voxels in mm.

    Raises
    ------
    ScanError
        There are too few volumes or parcels.
    """
    check_volumes(before)
    _check_number(parcels)
    means = [parcel_means(data, parcels) for data in (before, after)]
    varies = np.all([np.ptp(each, axis=0) > 0 for each in means], axis=0)
    parcels = kept(parcels, varies)
    _check_number(parcels)
    one, other = (_connectome(each[:, varies], tr) for each in means)
    width = matched_width(before, after, parcels, spacing)
    control = _connectome(smoothed_means(before, parcels, width, spacing), tr) if width else None
    cleaning = _cleaning(high_pass(len(one.courses), tr))
    return Connectomes(parcels, one, other, cleaning, control, width)


def check_volumes(data: FloatArray) -> None:
    """See that a run (x, y, z[, t]) is long enough.

    Raises
    ------
    ScanError
        It is not.
    """
    volumes = data.shape[3] if data.ndim == 4 else 1
    if volumes < LEAST_VOLUMES:
        raise ScanError(f"a connectome needs {LEAST_VOLUMES} volumes; the run has {volumes}")


def _check_number(parcels: Parcels) -> None:
    count = len(parcels.names)
    if count < LEAST_PARCELS:
        raise ScanError(
            f"{count} parcels in the brain ({parcels.source}); a connectome needs {LEAST_PARCELS}"
        )


def _cleaning(slowest: float | None) -> str:
    slow = f" and cosines slower than {slowest:g} Hz" if slowest else ""
    return f"without linear trend{slow}; no confounds"


def _connectome(means: Precise, tr: float | None) -> Connectome:
    courses = cleaned(means, tr)
    whole, partial = correlation(courses), partial_correlation(courses)
    half = len(means) // 2
    halves = [cleaned(part, tr) for part in (means[:half], means[-half:])]
    same, own = agreement(*(correlation(part) for part in halves))
    numbers = {
        "edge_strength": float(np.abs(edges_of(whole)).mean()),
        "edge_reliability": same,
        "parcel_identifiability": own,
        "partial_reliability": agreement(*(partial_correlation(part) for part in halves))[0],
    }
    return Connectome(courses, whole, partial, numbers)
