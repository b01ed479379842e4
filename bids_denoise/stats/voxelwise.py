"""Maps of a group difference, voxel by voxel, with family-wise error controlled by permutation.

The general linear model is fitted at each voxel; the tested column's t is judged against what it
becomes when people are exchanged. As in Freedman & Lane (1983, doi:10.1080/07350015.1983.10509354;
for images Winkler 2014, doi:10.1016/j.neuroimage.2014.01.060) it is the residuals of the model
without the tested column that are exchanged, and the whole model is fitted to them again. The
largest value over all voxels in each exchange gives p-values that are corrected for the number of
voxels (Westfall & Young 1993; Nichols & Holmes 2002, doi:10.1002/hbm.1058). Judged are the size of
t itself and of its threshold-free cluster enhancement, both signs together: tests are two-sided.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bids_denoise.errors import UsageError
from bids_denoise.kernels.pool import in_turn
from bids_denoise.kernels.tfce import Lattice, enhance, lattice_of
from bids_denoise.kernels.tfce_reference import CONNECTIVITY
from bids_denoise.stats.design import Design, permutations

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.stats.design import IntArray, Precise
    from bids_denoise.values import BoolArray, FloatArray

    Counts = npt.NDArray[np.int32]

AT_ONCE = 4
"""Exchanges whose t-maps are made by one matrix product."""

PART = 1 << 15
"""Voxels that are fitted at once."""

ALIKE = 1 - 1e-5
"""Share of the observed value from which one is as large: the rest is rounding of float32."""

CONSTANT = 1e-6
"""What varies over people, relative to the size of the values, below which it is rounding."""

LEAST = 1e-12
"""Share of its variance that a voxel keeps when all is explained, so that t stays finite."""


@dataclass(frozen=True)
class Inference:
    """How it is judged.

    Attributes
    ----------
    permutations, seed
        How many exchanges are drawn, and what they are drawn from.
    connectivity
        Neighbours of a voxel: 6, 18 or 26.
    extent, height
        Exponents of the enhancement (Smith & Nichols 2009,
        doi:10.1016/j.neuroimage.2008.03.061).
    alpha
        Family-wise error that is allowed.
    """

    permutations: int = 5000
    seed: int = 0
    connectivity: int = 6
    extent: float = 0.5
    height: float = 2.0
    alpha: float = 0.05

    def __post_init__(self) -> None:
        if self.connectivity not in CONNECTIVITY:
            raise UsageError(f"connectivity {self.connectivity!r}: allowed are 6, 18 and 26")
        if self.permutations < 1:
            raise UsageError(f"permutations {self.permutations!r}: 1 is the least")


@dataclass(frozen=True)
class Statistic:
    """A map and how rare its values are; all (x, y, z), 0 and p = 1 where nothing was tested.

    Attributes
    ----------
    values
        float32, signed.
    p, p_corrected
        float32: of the voxel alone, and corrected for all voxels.
    significant
        Where `p_corrected` is at most `Inference.alpha`.
    largest
        float64 (permutations,): the largest size in each exchange.
    """

    values: FloatArray
    p: FloatArray
    p_corrected: FloatArray
    significant: BoolArray
    largest: Precise = field(repr=False)


@dataclass(frozen=True)
class GroupMaps:
    """What a group comparison found.

    Attributes
    ----------
    tested
        Voxels of the mask that vary over people.
    t, tfce
        The statistics.
    effect_size
        Of two groups Cohen's d: the difference, covariates accounted for, over the standard
        deviation of the residuals. Of a measured column its partial correlation.
    percent
        The difference in % of the mean of the reference group; of a measured column the change
        with one of its units, in % of the mean.
    """

    design: Design
    inference: Inference
    tested: BoolArray
    t: Statistic
    tfce: Statistic
    effect_size: FloatArray
    percent: FloatArray


def compare(
    images: Iterable[FloatArray],
    mask: BoolArray,
    design: Design,
    inference: Inference | None = None,
    threads: int = 1,
) -> GroupMaps:
    """Return the maps of the tested column of a design.

    Parameters
    ----------
    images
        One (x, y, z) a person, in the order of the design, on one grid of any voxel size.
    mask
        (x, y, z): what is tested. Voxels that are the same for all, or follow from the
        covariates, are left out.
    threads
        Any number gives the same result.

    Raises
    ------
    UsageError
        Images do not fit the mask or the design, have gaps, or vary nowhere.

    Notes
    -----
    O(permutations x voxels x (people x columns + log(voxels))). Images of the same people before
    and after denoising are judged on the same exchanges when the seed is the same.
    """
    how = inference or Inference()
    data = _gathered(images, mask, design.people)
    fit = _fit(data, design)
    if not fit.varies.any():
        raise UsageError(
            f"nothing to test for column {design.tested!r}: "
            f"none of the {len(fit.varies)} voxels in the mask varies over people"
        )
    tested = mask.copy()
    tested[mask] = fit.varies
    columns = design.nuisance
    column = design.values - columns @ (columns.T @ design.values)
    rows = np.vstack([column / np.linalg.norm(column), columns[:, 1:].T])
    lattice = lattice_of(tested, how.connectivity)
    exchange = _Exchange(rows, fit.residuals, design.freedom, lattice, how)
    orders = permutations(design, how.permutations, how.seed)
    t, tfce = _judge(exchange, fit.t[fit.varies].astype(np.float32), orders, tested, threads)
    percent, effect = (_volume(each[fit.varies], tested) for each in (fit.percent, fit.effect))
    return GroupMaps(design, how, tested, t, tfce, effect, percent)


class _Fit(NamedTuple):
    """`t`, effect and percent (voxels,); the residuals (people, varying voxels), of length 1."""

    t: Precise
    effect: Precise
    percent: Precise
    varies: BoolArray
    residuals: FloatArray


def _gathered(images: Iterable[FloatArray], mask: BoolArray, people: int) -> FloatArray:
    """Return the voxels of the mask, (people, voxels)."""
    data = np.empty((people, int(mask.sum())), np.float32)
    count = 0
    for count, image in enumerate(images, 1):
        if count > people:
            break
        if image.shape != mask.shape:
            raise UsageError(
                f"image {count}: shape {image.shape}, that of the mask is {mask.shape}"
            )
        data[count - 1] = image[mask]
        gaps = np.count_nonzero(~np.isfinite(data[count - 1]))
        if gaps:
            raise UsageError(f"image {count}: {gaps} voxels of the mask are not finite")
    if count != people:
        more = "more" if count > people else str(count)
        raise UsageError(f"the design has {people} people, there are {more} images")
    return data


def _fit(data: FloatArray, design: Design) -> _Fit:
    nuisance, column = design.nuisance, design.values
    column = column - nuisance @ (nuisance.T @ column)
    power = float(column @ column)
    compared = design.values == 0 if design.groups else np.ones(design.people, bool)
    maps = np.zeros((3, data.shape[1]))
    varies = np.zeros(data.shape[1], bool)
    residuals = np.empty_like(data)
    for start in range(0, data.shape[1], PART):
        part = slice(start, start + PART)
        values = data[:, part].astype(np.float64)
        left = values - nuisance @ (nuisance.T @ values)
        length = np.linalg.norm(left, axis=0)
        varies[part] = length > CONSTANT * np.linalg.norm(values, axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            residuals[:, part] = left / length
            slope = column @ left / power
            unexplained = np.maximum(length**2 - power * slope**2, LEAST * length**2)
            spread = np.sqrt(unexplained / design.freedom)
            t = slope / spread * np.sqrt(power)
            effect = slope / spread if design.groups else t / np.sqrt(t**2 + design.freedom)
            maps[:, part] = t, effect, 100 * slope / values[compared].mean(axis=0)
    t, effect, percent = np.where(np.isfinite(maps), maps, 0)
    return _Fit(t, effect, percent, varies, np.ascontiguousarray(residuals[:, varies]))


class _Exchange(NamedTuple):
    """What is needed to make the maps of one exchange of people after the other.

    `rows` (1 + covariates, people): what is left of the tested column without the others, and the
    others; of length 1. The constant, which no exchange changes, is not among them.
    """

    rows: Precise
    residuals: FloatArray
    freedom: int
    lattice: Lattice
    how: Inference

    def maps(self, orders: IntArray) -> list[tuple[FloatArray, FloatArray]]:
        """Return t and its enhancement, (voxels,), after each of `orders` (exchanges, people).

        The residuals stay where they are and the design is exchanged, which is the same.
        """
        exchanged = np.concatenate([self.rows[:, order] for order in orders]).astype(np.float32)
        products = (exchanged @ self.residuals).reshape(len(orders), len(self.rows), -1)
        return [self._map(each) for each in products]

    def _map(self, products: FloatArray) -> tuple[FloatArray, FloatArray]:
        left = np.maximum(1 - np.square(products).sum(axis=0), np.float32(LEAST))
        t = products[0] * np.sqrt(np.float32(self.freedom) / left)
        return t, self.enhanced(t)

    def enhanced(self, t: FloatArray) -> FloatArray:
        """Return the enhancement of t (voxels,)."""
        return enhance(t, self.lattice, self.how.extent, self.how.height)


def _judge(
    exchange: _Exchange, t: FloatArray, orders: IntArray, tested: BoolArray, threads: int
) -> tuple[Statistic, Statistic]:
    observed = (t, exchange.enhanced(t))
    bounds = [np.abs(each) * np.float32(ALIKE) for each in observed]

    def work(orders: IntArray) -> tuple[list[list[float]], list[Counts]]:
        largest, counts = [], [np.zeros(len(t), np.int32) for _ in observed]
        for maps in exchange.maps(orders):
            sizes = [np.abs(each) for each in maps]
            largest.append([float(each.max()) for each in sizes])
            for count, size, bound in zip(counts, sizes, bounds, strict=True):
                np.add(count, size >= bound, out=count)
        return largest, counts

    pieces = [orders[start : start + AT_ONCE] for start in range(0, len(orders), AT_ONCE)]
    largest: list[list[float]] = []
    counts = [np.zeros(len(t), np.int32) for _ in observed]
    for found, more in in_turn(work, pieces, threads):
        largest += found
        for count, each in zip(counts, more, strict=True):
            np.add(count, each, out=count)
    one, other = (
        _statistic(values, count, np.array(null), tested, exchange.how.alpha)
        for values, count, null in zip(observed, counts, zip(*largest, strict=True), strict=True)
    )
    return one, other


def _statistic(
    values: FloatArray, counts: Counts, largest: Precise, tested: BoolArray, alpha: float
) -> Statistic:
    """Return p-values that count the observed order as one more (doi:10.2202/1544-6115.1585)."""
    total = 1 + len(largest)
    below = np.searchsorted(np.sort(largest), np.abs(values) * ALIKE)
    corrected = (total - below) / total
    return Statistic(
        _volume(values, tested),
        _volume((1 + counts) / total, tested, 1.0),
        _volume(corrected, tested, 1.0),
        _volume(corrected <= alpha, tested) > 0,
        largest,
    )


def _volume(values: npt.NDArray[np.generic], tested: BoolArray, outside: float = 0.0) -> FloatArray:
    volume = np.full(tested.shape, outside, np.float32)
    volume[tested] = values
    return volume
