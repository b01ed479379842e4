"""Noise of a single volume, from its tissue and its air."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from bids_denoise.intensity import foreground
from bids_denoise.noise.floor import floor, local_floor, share_at_floor
from bids_denoise.noise.magnitude import RAYLEIGH_MEAN, RAYLEIGH_VARIANCE, variance_share
from bids_denoise.noise.profile import profile_of, told_by
from bids_denoise.noise.spectrum import MANY_TILES, Spectrum, coloured_sigma, examine
from bids_denoise.noise.tiles import Tiles, coverage, cut, spread

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import BoolArray, FloatArray, Law

    DoubleArray = npt.NDArray[np.float64]
    Source = Literal["tissue", "air", "tissue and air"]

FEWEST_TILES = 48
"""With fewer tiles of tissue the spectrum is not judged; fewer tiles of air are not used."""

WIDTH = (1 / 12, 6.0, 10.0)
"""Standard deviation of the weights of the local floor: share of an axis, least and most voxels."""

RESOLUTION = 1e-6
"""Sigma relative to the largest value below which it is but rounding."""

UNEVEN = 0.07
"""Half the logarithmic range of the local floor (5th to 95th percentile), or `UNCERTAIN` standard
errors of it if that is more, up to which sigma is constant. From twice that on it is as
the local floor says; in between, in between."""

UNCERTAIN = 2.5

ABOVE_AIR = (0.8, 1.4)
"""Level of tissue relative to that of air, around the border of the head, between which both
show the same noise. The upper end leaves room for skin and skull, and for partial volume
in the air, which is taken for signal."""

PLAIN_AIR = (0.7, 1.4)
"""Mean of the air relative to its spread, in units of Rayleigh noise, if it is nothing else."""

QUIET = 0.7
"""Share of the tiles of tissue that noise alone explains, below which it may explain none."""

NEAR_AIR = 1.31
"""A tile of lower mean / sigma is taken for air: two standard errors above Rayleigh noise."""

ROUNDS = 5
LOCAL_ROUNDS = 4


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
    """Return ``gaussian`` for data with negative values in more than 0.1 % of `mask`.

    All else is taken for magnitude data.
    """
    if data.min() >= 0:
        return "rician"
    below = sum(
        int(np.count_nonzero(slab[inside] < 0)) for slab, inside in zip(data, mask, strict=True)
    )
    measured = np.count_nonzero(mask) * (data.size // mask.size)
    return "gaussian" if below > 1e-3 * measured else "rician"


def estimate_volume(data: FloatArray, mask: BoolArray, law: Law) -> VolumeNoise:
    """Estimate the noise of `data` (x, y, z) where `mask` is True.

    1. The floor of the high-frequency energies of tissue, corrected for what the magnitude does to
       noise, gives one number; mean and energies of the air, if there is air, two more.
    2. If the noise is white, sigma is the local floor of tissue and of air; of tissue alone
       where the air does not agree; of air alone where there is little tissue, and that is full
       of anatomy. It is constant unless it clearly is not (`UNEVEN`).
    3. If not, sigma is constant and comes from the spectrum (`coloured_sigma`).
    """
    head = foreground(data, mask)
    tiles = cut(data, mask)
    tissue, air = _parts(tiles, head)
    if not tissue.any():
        return _without_tiles(data, mask)
    level = _level(tiles, tissue, law)
    if level <= RESOLUTION * max(float(data.max()), -float(data.min())):
        return VolumeNoise(np.zeros(data.shape, np.float32), "none", {"tissue corner": 0.0})
    estimates = {"tissue corner": level, **_of_air(tiles, air, law)}
    share = _share(tiles.means, level, law)
    wavelet = wavelet_sigma(data, head) / np.sqrt(np.median(share[tissue]))
    estimates["wavelet"] = float(wavelet)
    source = _source(tiles, tissue, air, estimates, law)
    spectrum = None
    if np.count_nonzero(tissue) >= FEWEST_TILES:
        # Air that shares the noise of tissue shows its colour without any anatomy.
        spectrum = examine(data, tiles, tissue if source == "tissue" else air, share)
    if spectrum is not None and spectrum.doubtful and source == "tissue":
        spectrum = _judged_evenly(data, tiles, tissue, law) or spectrum
    if spectrum is not None and not spectrum.white:
        # The corner alone told too little of the noise to know how much the magnitude hides.
        share = _share(tiles.means, coloured_sigma(spectrum), law)
        seen = examine(data, tiles, air if source == "air" else tissue, share)
        least = estimates["air corner" if source == "air" else "tissue corner"]
        estimates["spectrum"] = max(coloured_sigma(seen), least)
        sigma = np.full(data.shape, estimates["spectrum"], np.float32)
        method = f"spectrum of {'air' if source == 'air' else 'tissue'}"
        causes = _causes(data, head & mask, spectrum)
        return VolumeNoise(sigma, method, estimates, spectrum, source, causes)
    if source == "air":
        sigma = np.full(data.shape, estimates["air corner"], np.float32)
    else:
        sigma = _map(tiles, tissue if source == "tissue" else tiles.inside, law)
    return VolumeNoise(sigma, f"high frequencies of {source}", estimates, spectrum, source)


def wavelet_sigma(data: FloatArray, region: BoolArray) -> float:
    """Return the median absolute deviation of the finest diagonal Haar coefficients in `region`.

    The classical estimator (Donoho & Johnstone 1994, doi:10.1093/biomet/81.3.425): quick, and
    raised by fine anatomy. 0 where `region` holds no cube of 2 x 2 x 2 voxels.
    """
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


def _share(means: FloatArray, sigma: float | DoubleArray, law: Law) -> DoubleArray:
    """Return the variance of the noise of tiles in units of sigma^2, from `means` (..., 8)."""
    if law != "rician" or not np.all(sigma):
        return np.ones(means.shape[:-1])
    relative = means / np.asarray(sigma)[..., np.newaxis]
    # The mean over an octant is too noisy to tell air from very little signal.
    air = relative.mean(axis=-1) < NEAR_AIR
    return np.where(air, RAYLEIGH_VARIANCE, variance_share(relative).mean(axis=-1))


def _level(tiles: Tiles, chosen: BoolArray, law: Law) -> float:
    energy, means = tiles.energy[chosen], tiles.means[chosen]
    sigma = float(np.sqrt(floor(energy, tiles.freedom)))
    for _ in range(ROUNDS):
        sigma = float(np.sqrt(floor(energy / _share(means, sigma, law), tiles.freedom)))
    return sigma


def _of_air(tiles: Tiles, air: BoolArray, law: Law) -> dict[str, float]:
    """Return what the air says: from its energies, and for magnitude data from its mean."""
    if np.count_nonzero(air) < FEWEST_TILES:
        return {}
    energy = floor(tiles.energy[air], tiles.freedom)
    if law != "rician":
        return {"air corner": float(np.sqrt(energy))}
    # Ghosts raise the mean of some tiles; the lower quartile is that of tiles without.
    voxels = float(np.prod(tiles.edges))
    quartile = 1 - 0.6745 * np.sqrt(RAYLEIGH_VARIANCE / voxels) / RAYLEIGH_MEAN
    mean = float(np.quantile(tiles.mean[air], 0.25) / (RAYLEIGH_MEAN * quartile))
    return {"air corner": float(np.sqrt(energy / RAYLEIGH_VARIANCE)), "air mean": mean}


def _source(
    tiles: Tiles, tissue: BoolArray, air: BoolArray, estimates: dict[str, float], law: Law
) -> Source:
    """Return which tiles show the noise of the image."""
    corner = estimates.get("air corner", 0.0)
    if corner == 0:
        return "tissue"
    if _agree(tiles, tissue, air, law):
        return "tissue and air"
    plain = PLAIN_AIR[0] < estimates.get("air mean", corner) / corner < PLAIN_AIR[1]
    if not plain or estimates["tissue corner"] < corner:
        return "tissue"
    level = estimates["tissue corner"]
    energies = tiles.energy[tissue] / _share(tiles.means[tissue], level, law)
    at_floor = share_at_floor(energies / level**2, tiles.freedom)
    busy = at_floor < QUIET and at_floor * tiles.alone(tissue) < MANY_TILES
    return "air" if busy else "tissue"


def _judged_evenly(data: FloatArray, tiles: Tiles, tissue: BoolArray, law: Law) -> Spectrum | None:
    """Return the spectrum once more, relative to the local floor, if that makes it white.

    Where the noise varies, the floor of a band is that of the quietest region with little
    anatomy in it, a different one for each band.
    """
    level, share = _local_level(tiles, tissue, law)
    middle = float(np.median(level[tissue]))
    spectrum = examine(data, tiles, tissue, share * level / middle) if middle > 0 else None
    return spectrum if spectrum is not None and spectrum.white else None


def _causes(data: FloatArray, region: BoolArray, spectrum: Spectrum) -> tuple[str, ...]:
    """Return in words what the spectrum looks like along each axis where it falls."""
    told: dict[str, list[str]] = {}
    for axis in spectrum.coloured_axes:
        profile = profile_of(data, region, axis)
        if profile is not None:
            told.setdefault(told_by(profile), []).append("xyz"[axis])
    return tuple(f"along {', '.join(axes)} {words}" for words, axes in told.items())


def _agree(tiles: Tiles, tissue: BoolArray, air: BoolArray, law: Law) -> bool:
    """Compare the air beside the head with what the tissue there lets expect.

    The local floor of tissue is extended over the border, because noise may vary over the image.
    """
    from scipy.ndimage import binary_dilation

    reach = int(max(edge / step for edge, step in zip(tiles.edges, tiles.steps, strict=True))) + 1
    border = air & binary_dilation(tissue, np.ones((3, 3, 3)), iterations=reach)
    if np.count_nonzero(border) < FEWEST_TILES:
        inner, outer = (_level(tiles, each, law) for each in (tissue, air))
    else:
        level, _ = _local_level(tiles, tissue, law)
        share = RAYLEIGH_VARIANCE if law == "rician" else 1.0
        relative = (tiles.energy / level)[border] / share
        inner, outer = 1.0, float(np.sqrt(floor(relative, tiles.freedom)))
    return ABOVE_AIR[0] * outer < inner < ABOVE_AIR[1] * outer


def _map(tiles: Tiles, used: BoolArray, law: Law) -> FloatArray:
    """Return sigma of white noise (x, y, z), constant unless it clearly varies."""
    level, _ = _local_level(tiles, used, law)
    middle = float(np.median(level[used]))
    if middle == 0:
        return np.zeros(tiles.shape, np.float32)
    logarithm = np.log(np.maximum(level, 1e-2 * middle) / middle) / 2
    low, high = np.quantile(logarithm[used], (0.05, 0.95))
    # A Gaussian of width w weighs as much as (2 sqrt(pi) w)^3 equal voxels.
    voxels = np.prod([2 * np.sqrt(np.pi) * each for each in _widths(tiles.shape)])
    freedom = tiles.freedom * max(1.0, float(voxels / np.prod(tiles.edges)))
    even = max(UNEVEN, UNCERTAIN / np.sqrt(2 * freedom))
    weight = float(np.clip((high - low) / 2 / even - 1, 0, 1))
    if weight == 0:
        return np.full(tiles.shape, np.sqrt(middle), np.float32)
    return np.float32(np.sqrt(middle)) * np.exp(spread(weight * logarithm, tiles))


def _local_level(tiles: Tiles, used: BoolArray, law: Law) -> tuple[DoubleArray, DoubleArray]:
    """Return the local sigma^2 of each tile, and the share of it that is seen."""
    pairs = zip(_widths(tiles.shape), tiles.steps, strict=True)
    width = tuple(voxels / step for voxels, step in pairs)
    level = np.full(tiles.energy.shape, _level(tiles, used, law) ** 2)
    for _ in range(LOCAL_ROUNDS):
        share = _share(tiles.means, np.sqrt(level), law)
        level = local_floor(tiles.energy / share, used, tiles.freedom, width)
    return level, share


def _widths(shape: tuple[int, ...]) -> list[float]:
    return [float(np.clip(WIDTH[0] * length, *WIDTH[1:])) for length in shape]


def _without_tiles(data: FloatArray, mask: BoolArray) -> VolumeNoise:
    """Return the wavelet estimate for a region too small for a single tile."""
    wavelet = wavelet_sigma(data, mask)
    sigma = np.full(data.shape, wavelet, np.float32)
    return VolumeNoise(sigma, "wavelet", {"wavelet": wavelet})
