"""Small things in a volume: texture of real tissue, vessels, lesions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bids_denoise.simulate.fields import smooth_field

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import FloatArray

STEP = 0.35


def power_law_field(
    shape: tuple[int, ...], exponent: float, rng: np.random.Generator
) -> FloatArray:
    """Return a field of mean 0 and standard deviation 1 with structure of every size.

    Its amplitude spectrum falls with the frequency to the power of `exponent`. At 1.5, that of
    a slice falls as 1/f, as natural images do (Field 1987, doi:10.1364/JOSAA.4.002379).

    Returns
    -------
    numpy.ndarray
        float32 of `shape`.
    """
    from scipy.fft import irfftn, rfftn

    spectrum = rfftn(rng.standard_normal(shape, dtype=np.float32))
    lines = [np.fft.fftfreq(length) for length in shape[:-1]] + [np.fft.rfftfreq(shape[-1])]
    squares = np.ix_(*(np.square(line).astype(np.float32) for line in lines))
    squared = squares[0] + squares[1] + squares[2]
    squared[0, 0, 0] = np.inf
    spectrum *= squared ** np.float32(-exponent / 2)
    field = irfftn(spectrum, shape)
    return np.asarray(field / max(float(field.std()), 1e-12), dtype=np.float32)


def vessels(shape: tuple[int, ...], count: int, rng: np.random.Generator) -> FloatArray:
    """Return how much of each voxel winding tubes fill, about one voxel wide.

    Returns
    -------
    numpy.ndarray
        float32 of `shape`, in [0, 1].
    """
    total = np.zeros(int(np.prod(shape)), dtype=np.float32)
    for _ in range(count):
        course = _course(shape, rng)
        filled = _splat(course, shape) * np.float32(rng.uniform(0.5, 1.5) * STEP)
        total += filled
    return np.minimum(total, 1).reshape(shape)


def sheets(shape: tuple[int, ...], width: float, rng: np.random.Generator) -> FloatArray:
    """Return how much of each voxel thin curved walls fill, such as sulci or septa.

    `width` is the distance in voxels over which they turn; they are about one voxel thick and
    end here and there.

    Returns
    -------
    numpy.ndarray
        float32 of `shape`, in [0, 1].
    """
    # The field is 0 on a surface and has a slope of about 1.2 / width across it.
    distance = smooth_field(shape, width, rng) * np.float32(width / 1.2)
    present = np.clip(smooth_field(shape, width, rng), 0, 1)
    return np.asarray(np.exp(-np.square(distance) / np.float32(0.4)) * present)


def layers(codes: npt.NDArray[np.integer[Any]], rng: np.random.Generator) -> FloatArray:
    """Return by what factor each voxel of labels (x, y, z) is brighter, for its depth in its label.

    Each label has layers of its own along its border, of 1.5 to 6 voxels and uneven, as skin, fat
    and muscle lie one under another, and marrow within bone.

    Returns
    -------
    numpy.ndarray
        float32 (x, y, z), 0.3 to 2.
    """
    from scipy.ndimage import distance_transform_edt, generic_gradient_magnitude, sobel

    border = generic_gradient_magnitude(codes.astype(np.float32), sobel) > 0
    if not border.any():
        return np.ones(codes.shape, np.float32)
    depth = distance_transform_edt(~border).astype(np.float32)
    uneven = rng.uniform(0, 1.5) * smooth_field(codes.shape, rng.uniform(2, 8), rng)
    factors = np.ones(codes.shape, np.float32)
    for code in np.unique(codes):
        strength, width = rng.uniform(0, 1), rng.uniform(1.5, 6)
        profile = rng.uniform(0.3, 2, 16) ** strength
        where = codes == code
        inside = (depth + uneven)[where] / width
        factors[where] = np.interp(inside, np.arange(16), profile)
    return factors


def lesion(shape: tuple[int, ...], radius: float, rng: np.random.Generator) -> FloatArray:
    """Return how much of each voxel of a box a blob fills, with a ragged or soft edge.

    Parameters
    ----------
    shape
        The box, in voxels; the blob is in its middle.
    radius
        In voxels.
    rng
        Where form and edge are drawn from.

    Returns
    -------
    numpy.ndarray
        float32 of `shape`, in [0, 1].
    """
    lines = [
        (np.arange(length) - (length - 1) / 2) * scale
        for length, scale in zip(shape, rng.uniform(0.7, 1.4, 3), strict=True)
    ]
    x, y, z = np.ix_(*lines)
    rough = rng.uniform(0, 0.35) * radius * smooth_field(shape, max(radius / 3, 0.7), rng)
    outside = np.sqrt(x**2 + y**2 + z**2) + rough - radius
    return np.asarray(np.clip(0.5 - outside / rng.uniform(1, 1 + radius), 0, 1), dtype=np.float32)


def add_lesions(
    volume: FloatArray,
    tissue: npt.NDArray[np.bool_],
    value: float,
    radii: npt.NDArray[np.float64],
    rng: np.random.Generator,
) -> None:
    """Put blobs of signal `value` and `radii` voxels into the `tissue` of a volume, in place."""
    places = np.flatnonzero(tissue)
    for radius in radii if places.size else ():
        centre = np.unravel_index(rng.choice(places), volume.shape)
        reach = int(np.ceil(2 * radius)) + 1
        box = tuple(
            slice(max(c - reach, 0), min(c + reach + 1, length))
            for c, length in zip(centre, volume.shape, strict=True)
        )
        near = volume[box]
        filled = lesion(near.shape, float(radius), rng) * tissue[box]
        near += filled * (np.float32(value) - near)


def _course(shape: tuple[int, ...], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return points (n, 3) along a curve that turns slowly, `STEP` voxels apart."""
    from scipy.ndimage import gaussian_filter1d

    count = int(rng.uniform(0.3, 1.5) * max(shape) / STEP)
    turns = gaussian_filter1d(rng.standard_normal((count, 3)), rng.uniform(8, 40), axis=0)
    turns += rng.uniform(0, 1) * turns.std() * rng.standard_normal(3)
    steps = turns / np.maximum(np.linalg.norm(turns, axis=1, keepdims=True), 1e-12)
    return np.asarray(rng.uniform(0, 1, 3) * shape + STEP * np.cumsum(steps, axis=0))


def _splat(points: npt.NDArray[np.float64], shape: tuple[int, ...]) -> FloatArray:
    """Share each point out between the eight voxels around it; flat, float32."""
    low = np.floor(points).astype(int)
    inside = np.all((low >= 0) & (low < np.asarray(shape) - 1), axis=1)
    low, part = low[inside], (points - low)[inside]
    total = np.zeros(int(np.prod(shape)), dtype=np.float32)
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(corner, part, 1 - part), axis=1)
        np.add.at(total, np.ravel_multi_index(tuple((low + corner).T), shape), weight)
    return total
