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
    from collections.abc import Iterable

    import numpy.typing as npt

    from bids_denoise.stats.design import Precise
    from bids_denoise.values import BoolArray, FloatArray

    IntArray = npt.NDArray[np.int64]

HIGHEST_SIGNAL = 40.0
"""In sigma; beyond, the mean of a magnitude is tabulated no more and its bias is sigma^2 / 2 s."""

STEEPEST = 1.5
"""Change of the signal with the mean of its magnitude that is believed: that at one sigma."""


@dataclass(frozen=True)
class Turn:
    """One repeat on its own grid, where nothing was interpolated, and the others brought there.

    Attributes
    ----------
    original, denoised
        float32 (x, y, z).
    others
        float32 (repeats - 1, x, y, z): the other originals, by an interpolation that leaves their
        noise and detail.
    mask
        bool (x, y, z).
    places
        int (x, y, z): the piece of the head that a voxel lies in, of the same number in all
        repeats. Pieces are drawn for the intervals: errors are alike nearby.
    sigma
        float32 (x, y, z), of the noise. With two repeats it tells the noise of the reference.
    rician
        Whether the mean of the originals is above the signal. That bias of the references is
        taken away, that of the repeats themselves counts as an error. Below one sigma it cannot
        be told: the mask should leave out air.
    """

    original: FloatArray
    denoised: FloatArray
    others: FloatArray
    mask: BoolArray
    places: IntArray
    sigma: FloatArray | None = None
    rician: bool = False

    def __post_init__(self) -> None:
        shape = self.original.shape
        for name in ("denoised", "mask", "places", "sigma"):
            each = getattr(self, name)
            if each is not None and each.shape != shape:
                raise UsageError(f"{name}: shape {each.shape}, that of the original is {shape}")
        if self.others.shape[1:] != shape:
            raise UsageError(f"others: shape {self.others.shape}, that of the original is {shape}")
        if not self.mask.any():
            raise UsageError("mask: no voxel is in it")
        if not len(self.others):
            raise UsageError("one scan: at least two repeats are needed")
        if self.sigma is None and (self.rician or len(self.others) == 1):
            raise UsageError("sigma of the noise has to be given")


@dataclass(frozen=True)
class LeaveOneOut:
    """How far repeats are from the truth, judged by the mean of the other repeats.

    Attributes
    ----------
    mse_original, mse_denoised
        Mean squared error of each repeat in the mask, the noise of its reference subtracted.
    noise
        Variance of the noise of one original as it was scanned, mean over the mask and the repeats.
    psnr_original, psnr_denoised
        dB, of the mean error over the repeats; the peak is the 99.9th percentile of the originals'
        mean.
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


def leave_one_out(turns: Iterable[Turn], seed: int = 0) -> LeaveOneOut:
    """Return the errors of repeats, as they were scanned and denoised.

    The mean of the other k - 1 originals has noise of its own, which is in every squared
    difference from it and is subtracted: with three and more repeats the spread of these others
    tells it without a model, whatever interpolation left of it; with two it is taken from `sigma`.

    Parameters
    ----------
    turns
        Each repeat in turn; only one is held at a time.
    seed
        Of the bootstrap over pieces of the head, from which the intervals come.

    Raises
    ------
    UsageError
        There is no turn.
    """
    judged = [_judged(turn) for turn in turns]
    if not judged:
        raise UsageError("there is no repeat")
    places = np.unique(np.concatenate([each.places for each in judged]))
    sums = np.zeros((len(judged), len(judged[0].sums), len(places)))
    for total, each in zip(sums, judged, strict=True):
        total[:, np.searchsorted(places, each.places)] = each.sums
    return _summary(sums, float(np.mean([each.peak for each in judged])), seed)


class _Judged(NamedTuple):
    """Of one repeat: sums by place (voxels, noise, error of the original, of the denoised)."""

    places: IntArray
    sums: Precise
    peak: float


def _judged(turn: Turn) -> _Judged:
    mask, count = turn.mask, len(turn.others)
    others = turn.others[:, mask].astype(np.float64)
    sigma = None if turn.sigma is None else turn.sigma[mask].astype(np.float64)
    mean = others.mean(axis=0)
    ones = np.ones_like(mean)
    if turn.rician and sigma is not None:
        signal = rician_signal(mean, sigma)
    else:
        signal = Signal(mean, ones, ones)
    if count > 1:
        single = others.var(axis=0, ddof=1)
    elif sigma is not None:
        single = np.square(sigma) * signal.share
    scans = [each[mask].astype(np.float64) for each in (turn.original, turn.denoised)]
    own = single * signal.slope**2 / count
    parts = [ones, single]
    parts += [np.square(each - signal.value) - own for each in scans]
    places, number = np.unique(turn.places[mask], return_inverse=True)
    sums = np.array([np.bincount(number.ravel(), each) for each in parts])
    whole = (mean * count + scans[0]) / (count + 1)
    return _Judged(places, sums, float(np.percentile(whole, PEAK)))


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


def _summary(sums: Precise, peak: float, seed: int) -> LeaveOneOut:
    """Return the means of sums (repeats, what was summed, places): see `_Judged`."""
    whole = sums.sum(axis=2)
    mse = whole[:, 2:] / whole[:, :1]
    table = sums.sum(axis=0)
    drawn = weights(table.shape[1], seed) @ table.T
    noise, original, denoised = (drawn[:, 1:] / drawn[:, :1]).T
    with np.errstate(divide="ignore", invalid="ignore"):
        averages = np.where(denoised > 0, noise / denoised, np.inf)
        before, after = (
            np.where(each > 0, 10 * np.log10(peak**2 / each), np.inf)
            for each in (original, denoised)
        )
    return LeaveOneOut(
        tuple(mse[:, 0].tolist()),
        tuple(mse[:, 1].tolist()),
        estimate(noise),
        estimate(before),
        estimate(after),
        estimate(averages),
    )
