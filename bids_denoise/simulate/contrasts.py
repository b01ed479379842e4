"""Noise-free volumes of random contrast and anatomy from label maps.

Networks that are trained on them meet every contrast, resolution and orientation, not those
of one scanner: domain randomisation (Billot 2023, doi:10.1016/j.media.2023.102789).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.simulate.fields import smooth_field
from bids_denoise.simulate.label_maps import (
    BLOCK,
    centre_labels,
    crop,
    elastic,
    partial_volume,
    scan_view,
    smooth_borders,
)
from bids_denoise.simulate.tissue_contrast import TISSUES, add_structures, draw_tissues

if TYPE_CHECKING:
    from bids_denoise.simulate.label_maps import Labels, Matrix, View
    from bids_denoise.values import BoolArray, FloatArray

RIGHT_TO_LEFT = {
    41: 2, 42: 3, 43: 4, 44: 5, 46: 7, 47: 8, 49: 10, 50: 11, 51: 12, 52: 13, 53: 17, 54: 18,
    57: 25, 58: 26, 60: 28, 62: 30, 137: 136, 164: 163,
}  # fmt: skip
"""FreeSurfer codes of the right hemisphere and of the same structure in the left."""

MOST_DRAWS = 20
LEAST_TISSUE = 0.02
"""Share of a volume that is not air, else another is drawn."""


@dataclass(frozen=True)
class RandomContrast:
    """What volumes of random contrast may look like. A pair is a range, a share a probability.

    Attributes
    ----------
    resolution
        Size of the scan's voxels in voxels of the label map.
    anisotropy
        Largest ratio of the voxel's sides, thick slices left aside.
    thick_share, thickness
        How often slices are thick, and how many times thicker than the voxel is wide.
    rotation
        Largest angle about each axis, in degrees.
    stretch
        Largest standard deviation of the slope of the elastic deformation.
    smooth_share
        How often anatomy has no folds, as a rodent's.
    texture, texture_width
        Standard deviation within a label, relative to the contrast, and correlation length
        in voxels. Texture finer than two voxels is weaker in proportion.
    layer_share
        How often what is outside the brain is layered, as fat over muscle and marrow in bone.
    vessel_share, sheet_share, lesion_share, lesion_size
        How often there are vessels, thin walls and lesions, and the lesions' diameter in voxels.
    shading, gamma
        Largest relative change by the bias field, and largest logarithm of gamma.
    blur_share, blur
        How often the point spread is wide, and its standard deviation in voxels.
    extracted_share, outside
        How often the brain is extracted, and the codes that this removes.
    same, tissues
        Codes that become another one, and groups of codes that often look alike.
    """

    resolution: tuple[float, float] = (0.1, 4.0)
    anisotropy: float = 1.4
    thick_share: float = 0.25
    thickness: tuple[float, float] = (1.5, 5.0)
    rotation: float = 20.0
    stretch: float = 0.2
    smooth_share: float = 0.25
    texture: tuple[float, float] = (0.0, 0.08)
    texture_width: tuple[float, float] = (0.5, 5.0)
    layer_share: float = 0.5
    vessel_share: float = 0.4
    sheet_share: float = 0.2
    lesion_share: float = 0.4
    lesion_size: tuple[float, float] = (1.0, 12.0)
    shading: float = 0.4
    gamma: float = 0.3
    blur_share: float = 0.5
    blur: tuple[float, float] = (0.3, 0.8)
    extracted_share: float = 0.35
    outside: tuple[int, ...] = tuple(range(500, 600))
    same: tuple[tuple[int, int], ...] = tuple(RIGHT_TO_LEFT.items())
    tissues: tuple[tuple[int, ...], ...] = TISSUES

    def __post_init__(self) -> None:
        for name in ("resolution", "thickness", "texture_width", "lesion_size"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(f"{name} {(low, high)!r} is not a range of positive numbers")


DEFAULT = RandomContrast()

WHOLE_HEAD = RandomContrast(
    resolution=(0.6, 1.6),
    thick_share=0.1,
    smooth_share=0.0,
    texture=(0.0, 0.06),
    layer_share=0.9,
    blur_share=1.0,
    blur=(0.5, 1.3),
    extracted_share=0.0,
)
"""Heads with skull and scalp at the resolution and smoothness of usual scans, in any contrast."""


def random_contrast(
    labels: Labels,
    shape: tuple[int, int, int],
    rng: np.random.Generator,
    settings: RandomContrast = DEFAULT,
) -> FloatArray:
    """Return a noise-free volume of random contrast and anatomy.

    Parameters
    ----------
    labels
        Integer codes (x, y, z), air 0.
    shape
        (x, y, z) of the volume, each at least 8.
    rng
        Where everything is drawn from.
    settings
        The ranges.

    Returns
    -------
    numpy.ndarray
        float32 of `shape`, not negative, the 99th percentile of what is not 0 is 1.

    Raises
    ------
    ValueError
        `labels` or `shape` is not as described, or there is next to nothing in `labels`.
    """
    _check(labels, shape)
    for _ in range(MOST_DRAWS):
        volume, tissue = _draw(labels, shape, rng, settings)
        if tissue.mean() > LEAST_TISSUE:
            volume /= np.percentile(volume[volume > 0], 99)
            return volume
    raise ValueError(f"labels hold too little: {np.count_nonzero(labels)} voxels that are not 0")


def _check(labels: Labels, shape: tuple[int, int, int]) -> None:
    if labels.ndim != 3 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels are {labels.dtype} {labels.shape}, not integers (x, y, z)")
    if labels.size == 0 or labels.min() < 0:
        raise ValueError(f"labels {labels.shape} hold nothing or a negative code")
    if len(shape) != 3 or min(shape) < 8:
        raise ValueError(f"shape {shape!r} is not three lengths of at least 8")


def _draw(
    labels: Labels, shape: tuple[int, int, int], rng: np.random.Generator, settings: RandomContrast
) -> tuple[FloatArray, BoolArray]:
    """Return a volume before it is normalised, and where tissue is."""
    labels = _turned(labels, rng)
    extracted = rng.random() < settings.extracted_share
    inside = extracted or rng.random() < 0.5
    anchor = _anchor(labels, shape, rng, settings.outside if inside else ())
    displacement = elastic(
        shape, rng.uniform(0, settings.stretch), min(shape) * rng.uniform(0.08, 0.25), rng
    )
    part, view = crop(labels, scan_view(anchor, random_matrix(rng, settings), displacement))
    part = _merged(part, settings)
    tissues = draw_tissues(int(part.max()) + 1, rng, settings)
    part, values, view = _mapped(part, tissues.means, view, rng, settings)
    volume = partial_volume(values, view, float(tissues.means[0]))
    codes = centre_labels(part, view)
    add_structures(volume, codes, tissues, rng, settings)
    volume = _scanned(np.maximum(volume, 0), rng, settings)
    tissue = _brain(codes, rng, settings) if extracted else codes > 0
    return volume * tissue if extracted else volume, tissue


def _brain(codes: Labels, rng: np.random.Generator, settings: RandomContrast) -> BoolArray:
    """Return what a brain extraction keeps: what is not outside, smoothed more or less."""
    from scipy.ndimage import gaussian_filter

    kept = ~np.isin(codes, (0, *settings.outside))
    smoothed = gaussian_filter(kept.astype(np.float32), rng.uniform(0.1, 1.5), truncate=2)
    return np.asarray(kept & (smoothed > 0.5))


def _turned(labels: Labels, rng: np.random.Generator) -> Labels:
    """Exchange the axes and mirror them at random."""
    ways = tuple(slice(None, None, way) for way in rng.choice([-1, 1], 3))
    return labels.transpose(rng.permutation(3))[ways]


def _anchor(
    labels: Labels, shape: tuple[int, int, int], rng: np.random.Generator, outside: tuple[int, ...]
) -> tuple[Matrix, Matrix]:
    """Return a voxel of the scan and the voxel of the head, none of `outside`, it looks at."""
    for step in (4, 1):
        thinned = labels[::step, ::step, ::step]
        tissue = np.flatnonzero(~np.isin(thinned, (0, *outside)))
        if tissue.size:
            break
    else:
        raise ValueError(f"labels {labels.shape} hold only air and the codes outside the brain")
    where = np.unravel_index(rng.choice(tissue), thinned.shape)
    place = rng.triangular(0.15, 0.5, 0.85, 3) * (np.asarray(shape) - 1)
    return place, step * np.array(where, dtype=float)


def random_matrix(rng: np.random.Generator, settings: RandomContrast = DEFAULT) -> Matrix:
    """Return the steps (3, 3) of a scan grid in voxels of the label map.

    Voxel sizes in the middle of the range are the most frequent.
    """
    low, high = np.log(settings.resolution)
    sides = np.full(3, np.exp(low + (high - low) * rng.triangular(0, 0.6, 1, 2).mean()))
    sides *= settings.anisotropy ** rng.uniform(-0.5, 0.5, 3)
    if rng.random() < settings.thick_share:
        sides[rng.integers(3)] *= rng.uniform(*settings.thickness)
    sides = np.clip(sides, *settings.resolution)
    turn = np.eye(3)
    for axis, angle in enumerate(np.deg2rad(rng.uniform(-1, 1, 3) * settings.rotation)):
        turn = turn @ np.roll(_rotation(angle), (axis, axis), (0, 1))
    return np.asarray(turn * sides)


def _rotation(angle: float) -> Matrix:
    """Return the rotation by `angle` about the first axis."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])


def _merged(labels: Labels, settings: RandomContrast) -> Labels:
    """Give codes that shall look the same one code, in the smallest integers (for speed)."""
    table = np.arange(int(labels.max()) + 1)
    for code, other in settings.same:
        if code < len(table):
            table[code] = other
    return table.astype(np.min_scalar_type(table.max()))[labels]


def _mapped(
    labels: Labels,
    means: FloatArray,
    view: View,
    rng: np.random.Generator,
    settings: RandomContrast,
) -> tuple[Labels, FloatArray, View]:
    """Return labels, their means and the view; borders are smooth where stairs would show."""
    from scipy.ndimage import gaussian_filter

    smooth, width = rng.random() < settings.smooth_share, rng.uniform(0.6, 1.0)
    step = int(rng.integers(2, 5)) if smooth else 1
    if step > view.spacing.min():
        return smooth_borders(labels, means, view, step, width)
    if view.spacing.min() > BLOCK:
        return labels, means[labels], view
    return labels, gaussian_filter(means[labels], 0.5, truncate=2), view


def _scanned(volume: FloatArray, rng: np.random.Generator, settings: RandomContrast) -> FloatArray:
    """Apply gamma, the bias field and the point spread."""
    from scipy.ndimage import gaussian_filter

    if rng.random() < 0.3:
        volume = volume ** np.float32(np.exp(rng.uniform(-1, 1) * settings.gamma))
    bias = smooth_field(volume.shape, min(volume.shape) * rng.uniform(0.25, 0.6), rng)
    largest = np.log1p(settings.shading) * rng.uniform(0, 1)
    volume *= np.exp(np.float32(largest / max(float(np.abs(bias).max()), 1e-12)) * bias)
    if rng.random() < settings.blur_share:
        volume = gaussian_filter(volume, rng.uniform(*settings.blur), truncate=3)
    return volume
