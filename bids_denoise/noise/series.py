"""Noise of a series of volumes, from how much of it is redundant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bids_denoise import scratch
from bids_denoise.intensity import foreground
from bids_denoise.noise.air import FEWEST_TILES
from bids_denoise.noise.floor import floor
from bids_denoise.noise.magnitude import variance_share
from bids_denoise.noise.remarks import Remark, on_disagreement, remarks_on, told
from bids_denoise.noise.spectrum import Spectrum, examine
from bids_denoise.noise.tiles import cut, interpolate
from bids_denoise.noise.volume import RESOLUTION, estimate_volume
from bids_denoise.stabilisation import stabilise
from bids_denoise.values import Noise

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.noise.volume import VolumeNoise
    from bids_denoise.values import BoolArray, FloatArray, Image, Law

    IntArray = npt.NDArray[np.intp]
    DoubleArray = npt.NDArray[np.float64]

FEWEST_VOLUMES = 10
"""Below this the noise part of the Marchenko-Pastur law has too few singular values."""

MOST_VOLUMES = 96
"""Volumes that patches are made of, evenly spaced: fewer than the voxels of a patch."""

WINDOW = 5
"""Edge of a patch in voxels."""

THINNED = 20
"""Axes of at least so many voxels can be thinned out by two."""

MOST_PATCHES = 2000
FEWEST_PATCHES = 50

FULL = 0.7
"""Share of a patch that lies in the head, if there are enough such patches."""

SPATIAL_VOLUMES = 3
"""Volumes that are looked at one by one where the series is too short."""

MOST_VOXELS = 20_000
"""Voxels whose change in time is looked at, evenly spaced."""

ROUNDS = 3

FILTERED = 3.0
"""Colour of the noise (`Spectrum.colour`) from which thinning out does not help any more."""


def estimate_series(image: Image, law: Law) -> Noise:
    """Estimate the noise of a series (x, y, z, t).

    From `FEWEST_VOLUMES` on, sigma is a smooth map by the Marchenko-Pastur law of patches
    (Veraart 2016, doi:10.1016/j.neuroimage.2016.08.016). Shorter series are
    treated volume by volume.
    """
    count = image.data.shape[-1]
    if count < FEWEST_VOLUMES:
        return _volume_by_volume(image, law, f"The series has only {count} volumes")
    head = _head_of(image)
    spectrum = None if image.bvals is not None else _spectrum_of_change(image.data, head)
    filtered = spectrum is not None and not spectrum.white
    sigma = marchenko_pastur_map(image.data, head, law, filtered)
    if not sigma.any():
        return _volume_by_volume(image, law, "The series holds no noise by its singular values")
    estimates = {"Marchenko-Pastur": float(np.median(sigma[head]))}
    middle = np.ascontiguousarray(image.data[..., count // 2])
    single = estimate_volume(middle, image.mask, law).estimates
    estimates["single volume"] = single.get("tissue corner", single["wavelet"])
    if image.bvals is None:
        estimates["differences in time"] = difference_sigma(image.data, head)
    remarks = _on_colour(spectrum) + on_disagreement(estimates)
    return _noise(sigma, law, "Marchenko-Pastur", estimates, remarks)


def marchenko_pastur_map(
    data: FloatArray, head: BoolArray, law: Law, filtered: bool = False
) -> FloatArray:
    """Return sigma (x, y, z) of a series by the Marchenko-Pastur law, smooth, > 0 everywhere.

    Patches lie on a coarse grid. The median of neighbours in the head is taken, and what lies
    between and outside is interpolated. 0 everywhere if no patch holds noise.

    In magnitude data weak signal has less noise. What is missing is added, and then the map is
    made again from the data that it stabilises, until nothing is left to correct: with
    the right sigma their noise is 1 whatever the signal (Ma 2020,
    doi:10.1016/j.neuroimage.2020.116852).

    Parameters
    ----------
    data
        (x, y, z, t).
    head
        bool (x, y, z).
    law
        ``rician`` corrects for the magnitude.
    filtered
        Take every other voxel into a patch, because the noise of neighbours is correlated; the
        law would see less noise than there is.
    """
    from scipy.ndimage import uniform_filter

    from bids_denoise.kernels.mppca_cpu import noise_map

    thin = tuple(
        slice(None, None, 2 if filtered and length >= THINNED else 1) for length in head.shape
    )
    volumes = _evenly(data.shape[-1], MOST_VOLUMES)
    inside = head[thin]
    thinned = scratch.empty_like(data, (*inside.shape, len(volumes)))
    for into, plane in zip(thinned, data[thin], strict=True):
        into[...] = plane[..., volumes]
    step = max(1, int(np.ceil((inside.size / MOST_PATCHES) ** (1 / 3))))
    nodes = tuple(
        np.minimum(np.arange(0, length, step) + step // 2, length - 1) for length in inside.shape
    )
    at = np.ix_(*nodes)
    everywhere = np.ones_like(inside)

    def levels(series: FloatArray) -> DoubleArray:
        return noise_map(series, everywhere, WINDOW, step)[at].astype(np.float64)

    level = levels(thinned)
    good = inside[at] & (level > RESOLUTION * float(thinned.max()))
    if not good.any():
        return np.zeros(head.shape, np.float32)
    # Patches that reach into the air hold noise of two strengths, which the law does not expect.
    full = good & (uniform_filter(inside.astype(np.float32), WINDOW)[at] > FULL)
    good = full if np.count_nonzero(full) >= FEWEST_PATCHES else good
    if law == "rician":
        level = _whole(level, good, thinned, at)
        for _ in range(ROUNDS):
            sigma = interpolate(_regular(level, good), nodes, inside.shape)
            level = sigma[at] * levels(stabilise(thinned, sigma))
    centres = tuple(node * (each.step or 1) * 1.0 for node, each in zip(nodes, thin, strict=True))
    return interpolate(_regular(level, good), centres, head.shape)


def _whole(level: DoubleArray, good: BoolArray, series: FloatArray, at: Any) -> DoubleArray:
    """Return sigma at the nodes of a magnitude series from the noise that is seen there."""
    sigma, whole = float(np.median(level[good])), level
    for _ in range(ROUNDS):
        whole = level / np.sqrt(_visible(sigma, series)[at])
        sigma = float(np.median(whole[good]))
    return whole


def difference_sigma(data: FloatArray, head: BoolArray) -> float:
    """Return sigma of a time series (x, y, z, t) from pairs of volumes that follow one another.

    The floor of the energies of many voxels of the head: physiology only adds to it.
    """
    where = np.flatnonzero(head)
    series = data.reshape(head.size, -1)[where[:: max(1, where.size // MOST_VOXELS)]]
    pairs = series.shape[1] // 2
    change = series[:, 0 : 2 * pairs : 2] - series[:, 1 : 2 * pairs : 2]
    return float(np.sqrt(floor(np.square(change, dtype=np.float64).mean(axis=1) / 2, pairs)))


def _visible(sigma: float, series: FloatArray) -> DoubleArray:
    """Return which share of the noise variance is seen in the patch around each voxel."""
    from scipy.ndimage import uniform_filter

    share = np.zeros(series.shape[:3])
    for volume in scratch.volumes(series):
        share += variance_share(uniform_filter(volume, 3) / sigma) / series.shape[3]
    return np.asarray(uniform_filter(share, WINDOW, mode="nearest"))


def _regular(level: DoubleArray, good: BoolArray) -> DoubleArray:
    """Return the median of 3 x 3 x 3 good nodes, the nearest of them elsewhere, smoothed."""
    from scipy.ndimage import distance_transform_edt, gaussian_filter, generic_filter

    holed = np.where(good, level, np.nan)
    middle = generic_filter(holed, _median, size=3, mode="constant", cval=np.nan)
    nearest = distance_transform_edt(~good, return_distances=False, return_indices=True)
    filled = middle[tuple(nearest)]
    return np.asarray(np.exp(gaussian_filter(np.log(filled), 0.7, mode="nearest")))


def _median(values: DoubleArray) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if known.size else np.nan


def _spectrum_of_change(data: FloatArray, head: BoolArray) -> Spectrum | None:
    """Return the spectrum of the change from one volume to the next, which has no anatomy."""
    middle = data.shape[-1] // 2
    change = (data[..., middle] - data[..., middle - 1]) / np.float32(np.sqrt(2))
    tiles = cut(change, head)
    if np.count_nonzero(tiles.inside) < FEWEST_TILES:
        return None
    return examine(change, tiles, tiles.inside, np.ones(tiles.inside.shape))


def _on_colour(spectrum: Spectrum | None) -> list[Remark]:
    if spectrum is None or spectrum.white:
        return []
    text = (
        "The noise of neighbouring voxels is correlated, as after filtering, interpolation or "
        f"smoothing: at the edge of k-space its level is 1/{spectrum.colour:.1f} of that inside."
    )
    return [Remark(text, serious=spectrum.colour > FILTERED)]


def _volume_by_volume(image: Image, law: Law, why: str) -> Noise:
    """Return the median of the estimates of some volumes."""
    chosen = _evenly(image.data.shape[-1], SPATIAL_VOLUMES)
    found: list[VolumeNoise] = []
    remarks = [
        Remark(f"{why}, so that its singular values cannot tell; single volumes were looked at.")
    ]
    for index in chosen:
        volume = np.ascontiguousarray(image.data[..., index])
        found.append(estimate_volume(volume, image.mask, law))
        remarks += remarks_on(found[-1], volume, image.mask)
    sigma = np.median([each.sigma for each in found], axis=0).astype(np.float32)
    names = [name for name in found[0].estimates if all(name in each.estimates for each in found)]
    estimates = {name: float(np.median([each.estimates[name] for each in found])) for name in names}
    remarks += on_disagreement(estimates)
    return _noise(sigma, law, f"{found[0].method} of single volumes", estimates, remarks)


def _noise(
    sigma: FloatArray, law: Law, method: str, estimates: dict[str, float], remarks: list[Remark]
) -> Noise:
    return Noise(
        sigma=sigma,
        law=law,
        method=method,
        estimates=estimates,
        trusted=not any(remark.serious for remark in remarks),
        remarks=told(remarks),
    )


def _head_of(image: Image) -> BoolArray:
    chosen = _evenly(image.data.shape[-1], MOST_VOLUMES)
    total = np.zeros(image.mask.shape)
    for x, plane in enumerate(image.data):
        for index in chosen:
            total[x] += plane[..., index]
    return foreground(np.asarray(total / len(chosen), dtype=np.float32), image.mask)


def _evenly(length: int, most: int) -> IntArray:
    return np.unique(np.linspace(0, length - 1, min(length, most)).astype(np.intp))
