"""From a series to the mean of each parcel, to edges, and how far two matrices agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.connectome.parcels import Parcels
    from bids_denoise.values import FloatArray

    Precise = npt.NDArray[np.float64]

HIGH_PASS = 0.008
"""Hz, a period of 125 s."""

STILL = 1e-9
"""What is left of a course, relative to its largest value, that is rounding."""

TINY = 1e-30


def parcel_means(data: FloatArray, parcels: Parcels) -> Precise:
    """Return the mean of each parcel, float64 (t, parcels), of data (x, y, z, t)."""
    from scipy.sparse import csr_array

    count = 1 + len(parcels.names)
    sums = np.zeros((count, data.shape[-1]))
    for plane, labels in zip(data, parcels.labels, strict=True):
        voxels = np.flatnonzero(labels)
        belongs = csr_array(
            (np.ones(len(voxels)), (labels.flat[voxels], voxels)), shape=(count, labels.size)
        )
        sums += belongs @ plane.reshape(labels.size, -1)
    sizes = np.bincount(parcels.labels.ravel(), minlength=count)
    return np.asarray((sums[1:] / sizes[1:, np.newaxis]).T)


def high_pass(volumes: int, tr: float | None) -> float | None:
    """Return the slowest frequency that is kept, in Hz; None when a run is too short to tell.

    >>> high_pass(200, 2.0), high_pass(40, 2.0)
    (0.008, None)
    """
    return HIGH_PASS if tr and volumes * tr >= 1 / HIGH_PASS else None


def cleaned(courses: Precise, tr: float | None) -> Precise:
    """Return courses (t, parcels) without mean and trend, and without what is slower than 125 s."""
    from nilearn.signal import clean

    slow = high_pass(len(courses), tr)
    left = clean(
        courses,
        detrend=True,
        standardize=None,
        filter="cosine" if slow else False,
        high_pass=slow,
        t_r=tr,
    )
    moves = left.std(axis=0) > STILL * np.abs(courses).max(axis=0)
    return np.where(moves, left, 0.0)


def correlation(courses: Precise) -> Precise:
    """Return the Pearson correlation of courses (t, parcels); 0 with a flat one."""
    return _row_correlations(courses.T, courses.T)


def partial_correlation(courses: Precise) -> Precise:
    """Return the correlation of each two courses (t, parcels) without what all others share.

    From the covariance of the standardised courses, shrunk so that it can be inverted (Ledoit &
    Wolf 2004, doi:10.1016/S0047-259X(03)00096-4).
    """
    from nilearn.connectome import ConnectivityMeasure

    measure = ConnectivityMeasure(kind="partial correlation", standardize=False)
    unit = courses / np.maximum(courses.std(axis=0), TINY)
    return np.asarray(measure.fit_transform([unit])[0])


def edges_of(matrix: Precise) -> Precise:
    """Return what is above the diagonal, row by row."""
    return np.asarray(matrix[np.triu_indices(len(matrix), 1)])


def fisher_z(correlations: Precise) -> Precise:
    """Return the inverse hyperbolic tangent of correlations, those of 1 left finite."""
    return np.asarray(np.arctanh(np.clip(correlations, -1 + 1e-9, 1 - 1e-9)))


def agreement(one: Precise, other: Precise) -> tuple[float, float]:
    """Return how far two matrices (parcels, parcels) of the same parcels agree.

    Returns
    -------
    reliability
        Pearson correlation of their edges, after Fisher's z.
    identifiability
        Share of parcels whose edges in `one` are most like those of the same parcel in `other`.
        After Finn 2015 (doi:10.1038/nn.4135), with parcels in the place of people.
    """
    z = [fisher_z(edges_of(each))[np.newaxis] for each in (one, other)]
    return float(_row_correlations(*z)[0, 0]), identifiability(one, other)


def identifiability(one: Precise, other: Precise) -> float:
    """Return the share of rows of `one` that are most like the same row of `other`."""
    similar = _row_correlations(*(_without_diagonal(fisher_z(each)) for each in (one, other)))
    return float(np.mean(similar.argmax(axis=1) == np.arange(len(one))))


def _row_correlations(one: Precise, other: Precise) -> Precise:
    """Return the correlation of each row of `one` with each of `other`; 0 with a flat one.

    As all partial correlations of white noise are after shrinkage.
    """
    unit = []
    for rows in (one, other):
        change = rows - rows.mean(axis=1, keepdims=True)
        unit.append(change / np.maximum(np.linalg.norm(change, axis=1, keepdims=True), TINY))
    return np.asarray(unit[0] @ unit[1].T)


def _without_diagonal(matrix: Precise) -> Precise:
    """Return a matrix with the mean of each row in its diagonal, where it says nothing."""
    filled = matrix.copy()
    np.fill_diagonal(filled, 0)
    np.fill_diagonal(filled, filled.sum(axis=1) / (len(filled) - 1))
    return filled
