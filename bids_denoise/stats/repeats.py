"""Repeated scans of a person: each against the mean of the others, before and after denoising."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bids_denoise.errors import UsageError
from bids_denoise.metrics.sure import PEAK
from bids_denoise.stats.bootstrap import Estimate, estimate, weights

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.stats.design import Precise
    from bids_denoise.values import BoolArray, FloatArray

    IntArray = npt.NDArray[np.int64]

CUBE = 10
"""Edge in voxels of the cubes that are drawn for the intervals: errors are alike nearby."""

HIGHEST_SIGNAL = 40.0
"""In sigma; beyond, the mean of a magnitude is tabulated no more and its bias is sigma^2 / 2 s."""

STEEPEST = 1.5
"""Change of the signal with the mean of its magnitude that is believed: that at one sigma."""


@dataclass(frozen=True)
class LeaveOneOut:
    """How far repeats are from the truth, judged by the mean of the other repeats.

    Attributes
    ----------
    mse_original, mse_denoised
        Mean squared error of each repeat in the mask, the noise of its reference subtracted.
    noise
        Variance of the noise of one original, mean over the mask and the repeats.
    psnr_original, psnr_denoised
        dB, of the mean error over the repeats; the peak is the 99.9th percentile of the mean.
    averages
        Of how many originals the mean has the error of one denoised repeat: `noise` over the mean
        of `mse_denoised`. Infinite where that is lost in the noise of the references.
    """

    mse_original: tuple[float, ...]
    mse_denoised: tuple[float, ...]
    noise: Estimate
    psnr_original: Estimate
    psnr_denoised: Estimate
    averages: Estimate


def leave_one_out(
    originals: FloatArray,
    denoised: FloatArray,
    mask: BoolArray,
    variances: FloatArray | None = None,
    sigma: FloatArray | None = None,
    seed: int = 0,
) -> LeaveOneOut:
    """Return the errors of repeats, as they were scanned and denoised.

    The mean of the other k - 1 originals has noise of its own, which is in every squared
    difference from it and is subtracted: with three and more repeats the spread of these others
    tells it without a model, whatever interpolation left of it; with two it is taken from
    `variances`.

    Parameters
    ----------
    originals, denoised
        (repeats, x, y, z), on one grid. A repeat that was moved there was interpolated, which
        takes some of its noise away: it counts as it is.
    mask
        (x, y, z).
    variances
        (repeats, x, y, z): sigma^2 of each original on this grid, times the share that
        interpolation leaves. Needed with two repeats; with more it replaces their spread.
    sigma
        (x, y, z) of magnitude data, whose mean is above the signal: the bias of the references is
        taken away (Rician law), that of the repeats themselves counts as an error. None for data
        without that bias. Below one sigma it cannot be told: the mask should leave out air.
    seed
        Of the bootstrap over cubes of voxels, from which the intervals come.

    Raises
    ------
    UsageError
        Shapes differ, there is one repeat, or two without `variances`.
    """
    count = len(originals)
    _check(originals, denoised, mask, variances)
    values, clean = (each[:, mask].astype(np.float64) for each in (originals, denoised))
    cubes = _cubes(mask)
    spread, errors = np.zeros(cubes.max() + 1), np.zeros((2, count, cubes.max() + 1))
    for own in range(count):
        others = np.delete(values, own, axis=0)
        signal = _signal(others.mean(axis=0), None if sigma is None else sigma[mask])
        if variances is None:
            single = others.var(axis=0, ddof=1)
        else:
            single = np.delete(variances[:, mask], own, axis=0).mean(axis=0) * signal.share
        spread += np.bincount(cubes, single) / count
        for which, scan in enumerate((values[own], clean[own])):
            error = np.square(scan - signal.value) - single * signal.slope**2 / (count - 1)
            errors[which, own] = np.bincount(cubes, error)
    peak = float(np.percentile(values.mean(axis=0), PEAK))
    return _summary(errors, np.vstack([np.bincount(cubes), spread]), peak, seed)


class Signal(NamedTuple):
    """Told from the mean of its magnitude: see `rician_signal`."""

    value: Precise
    slope: Precise
    share: Precise


def rician_signal(mean: Precise, sigma: Precise) -> Signal:
    """Return the signal whose magnitude has that mean.

    The mean of a Rician magnitude, inverted by a table (Koay & Basser 2006,
    doi:10.1016/j.jmr.2006.01.016); 0 where the mean is below that of noise alone. With it come
    its change with the mean, and the variance of the magnitude as a share of sigma^2.

    >>> rician_signal(np.array([1.2533, 10.05]), np.ones(2)).value.round(2)
    array([ 0., 10.])
    """
    from scipy.special import i0e, i1e

    signals = np.linspace(0, HIGHEST_SIGNAL, 4001)
    half = signals**2 / 4
    means = np.sqrt(np.pi / 2) * ((1 + 2 * half) * i0e(half) + 2 * half * i1e(half))
    scale = np.maximum(sigma, np.finfo(float).tiny)
    ratio = mean / scale
    beyond = ratio > means[-1]
    value, slope, share = (
        np.interp(ratio, means, each)
        for each in (signals, np.gradient(signals, means), 2 + signals**2 - means**2)
    )
    value = np.where(beyond, ratio - 0.5 / np.maximum(ratio, 1), value)
    return Signal(value * scale, np.minimum(np.where(beyond, 1.0, slope), STEEPEST), share)


def _signal(mean: Precise, sigma: FloatArray | None) -> Signal:
    if sigma is None:
        return Signal(mean, np.ones_like(mean), np.ones_like(mean))
    return rician_signal(mean, sigma.astype(np.float64))


@dataclass(frozen=True)
class Overlap:
    """How far label maps of repeats agree in one class, mean over all pairs of repeats."""

    jaccard: float
    dice: float


def overlap(labels: npt.NDArray[np.integer], classes: tuple[int, ...]) -> dict[int, Overlap]:
    """Return the overlap of label maps (repeats, x, y, z) for each class; nan where it is absent.

    Intersection over union (Jaccard 1912), and twice it over the sum of sizes (Dice 1945). Over
    people: `bootstrap.mean_over_people`.

    >>> overlap(np.array([[[[1, 1, 0]]], [[[1, 0, 0]]]]), (1,))[1].jaccard
    0.5
    """
    found = {}
    for each in classes:
        inside = labels.reshape(len(labels), -1) == each
        pairs = [
            (np.count_nonzero(one & other), np.count_nonzero(one) + np.count_nonzero(other))
            for one, other in combinations(inside, 2)
        ]
        shares = np.array(
            [(both / (sizes - both), 2 * both / sizes) for both, sizes in pairs if sizes]
        )
        jaccard, dice = shares.mean(axis=0) if len(shares) else (np.nan, np.nan)
        found[each] = Overlap(float(jaccard), float(dice))
    return found


def _check(
    originals: FloatArray, denoised: FloatArray, mask: BoolArray, variances: FloatArray | None
) -> None:
    for name, each in (("denoised", denoised), ("variances", variances)):
        if each is not None and each.shape != originals.shape:
            raise UsageError(
                f"{name}: shape {each.shape}, that of the originals is {originals.shape}"
            )
    if originals.shape[1:] != mask.shape:
        raise UsageError(f"mask: shape {mask.shape}, that of a repeat is {originals.shape[1:]}")
    if not mask.any():
        raise UsageError("mask: no voxel is in it")
    if len(originals) < 2:
        raise UsageError("one scan: at least two repeats are needed")
    if len(originals) == 2 and variances is None:
        raise UsageError("two repeats: the variance of their noise has to be given")


def _cubes(mask: BoolArray) -> IntArray:
    """Return the number of the cube that each voxel of the mask lies in."""
    corner = np.argwhere(mask) // CUBE
    return np.asarray(np.unique(corner, axis=0, return_inverse=True)[1].ravel())


def _summary(errors: Precise, others: Precise, peak: float, seed: int) -> LeaveOneOut:
    """Return the means of sums by cube: errors (2, repeats, cubes), others (voxels, noise)."""
    mse = errors.sum(axis=2) / others[0].sum()
    sums = np.vstack([others, errors.mean(axis=1)])
    drawn = weights(sums.shape[1], seed) @ sums.T
    both = drawn[:, 1:] / drawn[:, :1]
    with np.errstate(divide="ignore", invalid="ignore"):
        averages = np.where(both[:, 2] > 0, both[:, 0] / both[:, 2], np.inf)
        psnr = np.where(both[:, 1:] > 0, 10 * np.log10(peak**2 / both[:, 1:]), np.inf)
    return LeaveOneOut(
        tuple(map(float, mse[0])),
        tuple(map(float, mse[1])),
        estimate(both[:, 0]),
        estimate(psnr[:, 0]),
        estimate(psnr[:, 1]),
        estimate(averages),
    )
