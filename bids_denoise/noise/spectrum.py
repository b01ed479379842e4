"""The spectrum of the noise: whether it is white, and how strong it is when it is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.noise.floor import floor
from bids_denoise.noise.tiles import HIGH, coefficients_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.noise.tiles import Tiles
    from bids_denoise.values import BoolArray, FloatArray

    DoubleArray = npt.NDArray[np.float64]

MOST_TILES = 4096
"""Tiles that the spectrum is taken from, evenly spaced."""

MANY_TILES = 400
"""With fewer tiles, overlap discounted, there may be none without anatomy: then a steady floor
proves nothing."""

BANDS = (0.45, 0.6, 0.75, 0.9, 1.05, 1.2)
"""Inner edges of the frequency bands: distance from the centre of k-space, in units of the
Nyquist frequency; its corner lies at sqrt(3)."""

COLOURED = 1.15
"""White noise has the same level in all bands from 0.9 on, where anatomy, seen through its floor,
adds a twentieth at 1 % of noise. A Gaussian filter of 1 voxel FWHM makes 1.2 or more."""

FLOODED = 2.0
"""Further in, from 0.6 on, anatomy may add to white noise up to this ratio; beyond, the
outermost bands are but what a filter left over."""

SLOPED = 1.15
"""Ratio of the levels at 5/8 and 7/8 of the Nyquist frequency of one axis, in the corner of
the others. Anatomy without noise makes up to 1.4, zero-filling from 0.85 on 2.1, a shift by
linear interpolation 2.8."""

STEADY = 1.25
"""The lowest 5 % of the energies of a band exceed the lowest 1 % by less than this (in amplitude)
where noise sets the lower end. Anatomy of noise-free images gives 1.4 to 3."""

CLIFF = 3.0
"""Anatomy falls with frequency f as 1/f^2; where a spectrum falls faster than 1/f^3, it was cut."""


@dataclass(frozen=True)
class Spectrum:
    """The lower envelope of the power spectra of many tiles.

    Attributes
    ----------
    frequencies
        (b,) mean distance of each band from the centre of k-space.
    shares
        (b,) share of k-space; they add up to 1.
    levels
        (b,) amplitude of the floor, in image units: sigma where the noise is white.
    steady
        (b,) False where anatomy, not noise, sets the floor.
    slopes
        By axis, the level at 5/8 over that at 7/8 of the Nyquist frequency; 1 for white noise
        and for axes too thin to tell.
    slope_errors
        Standard error of each of `slopes`.
    tiles
        How many tiles side by side would tell as much.
    """

    frequencies: DoubleArray
    shares: DoubleArray
    levels: DoubleArray
    steady: BoolArray
    slopes: tuple[float, ...]
    slope_errors: tuple[float, ...]
    tiles: float

    @property
    def colour(self) -> float:
        """Highest level of the bands from 0.6 on over that of the outermost; 1 for white noise."""
        return self._ratio(BANDS[1])

    @property
    def edge_colour(self) -> float:
        """The same of the bands from 0.9 on."""
        return self._ratio(BANDS[3])

    def _ratio(self, inner: float) -> float:
        outer = self.levels[self.frequencies > inner]
        return float(outer.max() / outer[-1]) if outer.size and outer[-1] > 0 else 1.0

    @property
    def coloured_axes(self) -> tuple[int, ...]:
        """The axes along which the noise falls off."""
        return tuple(
            axis
            for axis, (slope, error) in enumerate(zip(self.slopes, self.slope_errors, strict=True))
            if slope > SLOPED + 3 * error
        )

    @property
    def white(self) -> bool:
        """Whether no loss of power towards the edges of k-space was seen."""
        even = self.edge_colour < COLOURED and self.colour < FLOODED
        return even and not self.coloured_axes

    @property
    def doubtful(self) -> bool:
        """Whether what looks coloured could also be white noise that varies over the image."""
        return not self.white and self.colour < FLOODED and not self.coloured_axes


def examine(data: FloatArray, tiles: Tiles, chosen: BoolArray, share: DoubleArray) -> Spectrum:
    """Return the spectrum of the tiles `chosen` (i, j, k); at least one.

    Parameters
    ----------
    data
        (x, y, z).
    tiles
        Those of `data`.
    chosen
        The tiles to look at: tissue.
    share
        (i, j, k): variance of the noise in units of sigma^2, below 1 for magnitude data.
    """
    where = np.argwhere(chosen)
    if len(where) > MOST_TILES:
        where = where[np.linspace(0, len(where) - 1, MOST_TILES).astype(int)]
    coefficients = coefficients_of(data, tiles, where)
    coefficients /= np.sqrt(share[tuple(where.T)]).astype(np.float32)[:, None, None, None]
    band = np.digitize(_distance(tiles.edges), BANDS)
    rows = [_band_facts(coefficients[:, band == each]) for each in np.unique(band)]
    distance = _distance(tiles.edges)
    slopes = [_slope(coefficients, axis) for axis in range(3)]
    return Spectrum(
        frequencies=np.array([distance[band == each].mean() for each in np.unique(band)]),
        shares=np.array([(band == each).mean() for each in np.unique(band)]),
        levels=np.array([level for level, _ in rows]),
        steady=np.array([steady for _, steady in rows]),
        slopes=tuple(slope for slope, _ in slopes),
        slope_errors=tuple(error for _, error in slopes),
        tiles=tiles.alone(chosen),
    )


def coloured_sigma(spectrum: Spectrum) -> float:
    """Return sigma of noise that is not white: the root mean square level of all of k-space.

    Towards the centre, where anatomy covers the noise, the level is that of the innermost band
    which noise still sets: a `steady` band, or the upper edge of a cliff. Where there are too
    few tiles to know that, it is the level of the outermost band, a lower bound.
    """
    steady = spectrum.steady & (spectrum.frequencies > BANDS[0])
    edge = (_falls(spectrum) > CLIFF) & (spectrum.frequencies > BANDS[1])
    inner = np.flatnonzero((steady | edge) & (spectrum.tiles >= MANY_TILES))
    first = int(inner[0]) if inner.size else len(spectrum.levels) - 1
    levels = spectrum.levels.copy()
    levels[:first] = levels[first]
    return float(np.sqrt(np.sum(spectrum.shares * levels**2)))


def _falls(spectrum: Spectrum) -> DoubleArray:
    """Return p where the level falls as 1/f^p from each band to the next; 0 for the last."""
    levels = np.log(np.maximum(spectrum.levels, np.finfo(float).tiny))
    falls = np.diff(levels) / np.diff(np.log(np.maximum(spectrum.frequencies, 1e-3)))
    return np.append(-falls, 0.0)


def _band_facts(coefficients: FloatArray) -> tuple[float, bool]:
    energies = np.square(coefficients, dtype=np.float64).mean(axis=1)
    lowest, low = np.sqrt(np.quantile(energies, (0.01, 0.05)))
    return float(np.sqrt(floor(energies, coefficients.shape[1]))), bool(low < STEADY * lowest)


def _slope(coefficients: FloatArray, axis: int) -> tuple[float, float]:
    """Return the ratio of two levels along an axis, and its standard error."""
    if coefficients.shape[axis + 1] < 8:
        return 1.0, 0.0
    moved = np.moveaxis(coefficients, axis + 1, 1)
    corner = [slice(min(int(np.ceil(HIGH * n)), n - 1), None) for n in moved.shape[2:]]
    inner, outer = (np.abs(moved[:, index][:, *corner]).ravel() for index in (5, 7))
    ratio = float(np.median(inner) / max(float(np.median(outer)), np.finfo(np.float32).tiny))
    # The median of n absolute normal values has a relative standard error of 1.17 / sqrt(n).
    return ratio, ratio * 1.17 * np.sqrt(2 / inner.size)


def _distance(edges: tuple[int, ...]) -> DoubleArray:
    """Return the distance of each coefficient from zero frequency.

    Scaled so that the corner of two-dimensional k-space lies where that of three is.
    """
    squares = [np.square(np.arange(edge) / edge) for edge in edges]
    total = squares[0][:, None, None] + squares[1][None, :, None] + squares[2][None, None]
    axes = sum(edge > 1 for edge in edges)
    return np.asarray(np.sqrt(total * 3 / max(axes, 1)))
