"""Noise of a single volume, from its tissue and its air."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise import scratch
from bids_denoise.intensity import foreground
from bids_denoise.noise.air import FEWEST_TILES, Source, air_estimates, source_of
from bids_denoise.noise.levels import level_of, local_level, seen_share, sigma_map
from bids_denoise.noise.profile import profile_of, told_by
from bids_denoise.noise.spectrum import Spectrum, coloured_sigma, examine
from bids_denoise.noise.tiles import Tiles, coverage, cut

if TYPE_CHECKING:
    from bids_denoise.values import BoolArray, FloatArray, Law

RESOLUTION = 1e-6
"""Sigma relative to the largest value below which it is but rounding."""

STEEP = 1.5
"""Slope (`Spectrum.slopes`) that anatomy alone does not reach."""

LARGEST_SHARE_OF_RINGING = 1e-3
LARGEST_RATIO_OF_RINGING = 0.05
FEWEST_NEGATIVES = 10
"""What decides whether negative values mean that the noise is not that of magnitudes: `law_of`."""


@dataclass(frozen=True)
class VolumeNoise:
    """What is known of the noise of one volume.

    Attributes
    ----------
    sigma
        float32 (x, y, z).
    method
        What `sigma` was taken from.
    estimates
        Every estimator's single number.
    spectrum
        None where the volume holds too few tiles of tissue.
    source
        What shows the noise: tissue, air or both.
    causes
        In words, why the noise is not white.
    """

    sigma: FloatArray
    method: str
    estimates: dict[str, float]
    spectrum: Spectrum | None = None
    source: Source = "tissue"
    causes: tuple[str, ...] = ()


def law_of(data: FloatArray, mask: BoolArray) -> Law:
    """Return ``gaussian`` for data with negative values in `mask`, unless they are few.

    More than 0.1 % of the voxels are not few; nor is, in a scan without air, where little is near
    0, a twentieth of the positive values that are as near to 0. What is less can be the
    ringing of an interpolation. All else is taken for magnitude data.
    """
    lowest, _ = scratch.extremes(data)
    if lowest >= 0:
        return "rician"
    below, near = 0, 0
    for slab, inside in zip(data, mask, strict=True):
        values = slab[inside]
        below += int(np.count_nonzero(values < 0))
        near += int(np.count_nonzero((values > 0) & (values < -lowest)))
    measured = np.count_nonzero(mask) * (data.size // mask.size)
    many = below > LARGEST_SHARE_OF_RINGING * measured
    alike = below >= FEWEST_NEGATIVES and below > LARGEST_RATIO_OF_RINGING * near
    return "gaussian" if many or alike else "rician"


def estimate_volume(data: FloatArray, mask: BoolArray, law: Law) -> VolumeNoise:
    """Estimate the noise of `data` (x, y, z) where `mask` is True.

    1. The floor of the high-frequency energies of tissue, corrected for what the magnitude does to
       noise, gives one number; mean and energies of the air, if there is air, two more.
    2. If the noise is white, sigma is the local floor of tissue and of air, or of one of them
       (`air.source_of`); constant unless it clearly is not (`levels.UNEVEN`).
    3. If not, sigma is constant and comes from the spectrum (`spectrum.coloured_sigma`).
    """
    head = foreground(data, mask)
    tiles = cut(data, mask)
    tissue, air = _parts(tiles, head)
    if not tissue.any() or data.size == 1:
        return _without_tiles(data, mask)
    level = level_of(tiles, tissue, law)
    if level <= RESOLUTION * max(float(data.max()), -float(data.min())):
        return VolumeNoise(np.zeros(data.shape, np.float32), "none", {"tissue corner": 0.0})
    estimates = {"tissue corner": level, **air_estimates(tiles, air, law)}
    share = seen_share(tiles.means, level, law)
    estimates["wavelet"] = wavelet_sigma(data, head) / float(np.sqrt(np.median(share[tissue])))
    source = source_of(tiles, tissue, air, estimates, law)
    spectrum = None
    if np.count_nonzero(tissue) >= FEWEST_TILES:
        spectrum = _spectrum(data, tiles, tissue, air, law, source)
    if spectrum is None or spectrum.white:
        sigma = _white(tiles, tissue, estimates, law, source)
        return VolumeNoise(sigma, f"high frequencies of {source}", estimates, spectrum, source)
    shown = "air" if source == "air" else "tissue"
    region = air if source == "air" else tissue
    estimates["spectrum"] = _coloured(data, tiles, region, spectrum, law)
    sigma = np.full(data.shape, estimates["spectrum"], np.float32)
    causes = _causes(data, head & mask, spectrum)
    return VolumeNoise(sigma, f"spectrum of {shown}", estimates, spectrum, source, causes)


def wavelet_sigma(data: FloatArray, region: BoolArray) -> float:
    """Return the median absolute deviation of the finest diagonal Haar coefficients in `region`.

    The classical estimator (Donoho & Johnstone 1994, doi:10.1093/biomet/81.3.425): quick, and
    raised by fine anatomy. 0 where `region` holds no cube of 2 x 2 x 2 voxels.
    """
    if data.size == 1:
        return 0.0
    for axis in range(3):
        if data.shape[axis] > 1:
            even = data.shape[axis] // 2 * 2
            first = tuple(slice(0, even, 2) if axis == other else slice(None) for other in range(3))
            second = tuple(
                slice(1, even, 2) if axis == other else slice(None) for other in range(3)
            )
            data = (data[first] - data[second]) / np.float32(np.sqrt(2))
            region = region[first] & region[second]
    return float(np.median(np.abs(data[region]))) / 0.6745 if region.any() else 0.0


def _parts(tiles: Tiles, head: BoolArray) -> tuple[BoolArray, BoolArray]:
    """Return which tiles are all tissue and which are all air."""
    covered = coverage(head, tiles)
    tissue, air = tiles.inside & (covered == 1), tiles.inside & (covered == 0)
    if np.count_nonzero(tissue) < FEWEST_TILES:
        tissue = tiles.inside & ~air
    return tissue, air


def _spectrum(
    data: FloatArray, tiles: Tiles, tissue: BoolArray, air: BoolArray, law: Law, source: Source
) -> Spectrum:
    """Return the spectrum of what shows the noise.

    Air that shares the noise of tissue shows its colour without any anatomy; but the magnitude
    makes zero-filled air look white, so tissue is looked at, too. In tissue, where the noise
    varies, the floor of a band is that of the quietest region with little anatomy in it, a
    different one for each band; so a doubtful spectrum is taken again, relative to the
    local floor, and believed if that makes it white.
    """
    share = seen_share(tiles.means, level_of(tiles, tissue, law), law)
    spectrum = examine(data, tiles, tissue, share)
    if source != "tissue":
        share = seen_share(tiles.means, level_of(tiles, air, law), law)
        return spectrum if max(spectrum.slopes) > STEEP else examine(data, tiles, air, share)
    if not spectrum.doubtful:
        return spectrum
    level, share = local_level(tiles, tissue, law)
    again = examine(data, tiles, tissue, share * level / np.median(level[tissue]))
    return again if again.white else spectrum


def _white(
    tiles: Tiles, tissue: BoolArray, estimates: dict[str, float], law: Law, source: Source
) -> FloatArray:
    if source == "air":
        # Air does not surround the head evenly enough to be continued into it.
        return np.full(tiles.shape, estimates["air corner"], np.float32)
    return sigma_map(tiles, tissue if source == "tissue" else tiles.inside, law)


def _coloured(
    data: FloatArray, tiles: Tiles, region: BoolArray, spectrum: Spectrum, law: Law
) -> float:
    """Return sigma from the spectrum of the tiles of `region`."""
    # The corner alone told too little of the noise to know how much the magnitude hides.
    share = seen_share(tiles.means, coloured_sigma(spectrum), law)
    seen = examine(data, tiles, region, share)
    return max(coloured_sigma(seen), level_of(tiles, region, law))


def _causes(data: FloatArray, region: BoolArray, spectrum: Spectrum) -> tuple[str, ...]:
    """Return in words what the spectrum looks like along each axis where it falls."""
    told: dict[str, list[str]] = {}
    for axis in spectrum.coloured_axes:
        profile = profile_of(data, region, axis)
        if profile is not None:
            told.setdefault(told_by(profile), []).append("xyz"[axis])
    return tuple(f"along {', '.join(axes)} {words}" for words, axes in told.items())


def _without_tiles(data: FloatArray, mask: BoolArray) -> VolumeNoise:
    """Return the wavelet estimate for a region too small for a single tile."""
    wavelet = wavelet_sigma(data, mask)
    sigma = np.full(data.shape, wavelet, np.float32)
    return VolumeNoise(sigma, "wavelet", {"wavelet": wavelet})
