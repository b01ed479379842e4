"""How bright the tissues of a random contrast are, and what there is within them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.simulate.fields import smooth_field
from bids_denoise.simulate.fine_structures import (
    add_lesions,
    layers,
    power_law_field,
    sheets,
    vessels,
)

if TYPE_CHECKING:
    from bids_denoise.simulate.contrasts import RandomContrast
    from bids_denoise.simulate.label_maps import Labels
    from bids_denoise.values import FloatArray


@dataclass(frozen=True)
class Tissues:
    """What labels look like: `means` (label), and `strengths` (2, label) of two textures.

    The strengths are standard deviations in the unit of the means. Label 0 is air.
    """

    means: FloatArray
    strengths: FloatArray


def draw_tissues(count: int, rng: np.random.Generator, settings: RandomContrast) -> Tissues:
    """Return the look of `count` labels: tissues of one kind often alike, air 0 or nearly."""
    means = rng.uniform(0, 1, count)
    alike = rng.uniform(0.05, 0.4) if rng.random() < 0.8 else 1
    kinds = len(settings.tissues)
    levels = (rng.permutation(kinds) + rng.uniform(0, 1, kinds)) / max(kinds, 1)
    for level, group in zip(levels, settings.tissues, strict=True):
        codes = [code for code in group if code < count]
        means[codes] = level * (1 - alike) + alike * means[codes]
    contrast = rng.uniform(0.3, 1)
    means = 1 - contrast * (1 - np.maximum(means, 0.03))
    if rng.random() < 0.4:
        means[[code for code in settings.outside if code < count]] *= rng.uniform(0.1, 0.6)
    low, high = settings.texture
    strengths = rng.uniform(low, high, (2, count)) * rng.uniform(0.2, 1, (2, 1)) * contrast
    strengths = np.minimum(strengths, 0.3 * means)
    means[0], strengths[:, 0] = (0 if rng.random() < 0.8 else rng.uniform(0, 0.01)), 0
    return Tissues(means.astype(np.float32), strengths.astype(np.float32))


TISSUES = ((2, 7, 16, 28, 85), (3, 8, 17, 18), (10, 11, 12, 13, 26), (4, 5, 14, 15, 24, 30))
"""FreeSurfer codes that are white matter, cortex, deep grey matter and fluid or vessel."""

WHITE, GREY, DEEP = (800, 75, 0.7), (1300, 95, 0.82), (1100, 85, 0.78)
FLUID, BLOOD, DURA = (4000, 1500, 1.0), (1650, 150, 0.9), (900, 40, 0.7)
BONE, MARROW, FAT = (300, 2, 0.1), (370, 60, 0.8), (330, 80, 0.9)
MUSCLE, MUCOSA = (1000, 40, 0.8), (1500, 100, 0.85)
RELAXATION = {
    **dict.fromkeys(TISSUES[0], WHITE),
    **dict.fromkeys(TISSUES[2], DEEP),
    **dict.fromkeys((*TISSUES[3], 506), FLUID),
    **dict.fromkeys((30, 62), BLOOD),
    **{507: MUSCLE, 509: MUCOSA, 511: FAT, 514: DURA, 515: BONE, 516: MARROW},
}
"""T1 and T2 in ms, about those of 1.5 to 3 T, and the density of protons, by label; the codes
outside of the brain are SynthSeg's (506: eyes). All others are as cortex."""

VARIED = 0.12
"""Standard deviation of the logarithm of each of them, from head to head."""

DEPHASING = 0.6
"""T2* over T2."""


def draw_weighting(count: int, rng: np.random.Generator) -> FloatArray:
    """Return the signals (label) of a scanner's sequence, the brain's brightest 1, air 0.

    A spin echo, an inversion recovery (magnitude) or a spoiled gradient echo of random timing,
    by their textbook equations (Bernstein 2004, Handbook of MRI Pulse Sequences); fat is
    saturated, or the signal of blood lost to its flow, now and then.
    """
    table = np.array([RELAXATION.get(code, GREY) for code in range(count)])
    t1, t2, density = (table * np.exp(VARIED * rng.standard_normal(table.shape))).T
    sequence = rng.integers(3)
    if sequence == 0:
        tr, te = _spaced(400, 8000, rng), _spaced(8, 130, rng)
        signal = (1 - np.exp(-tr / t1)) * np.exp(-te / t2)
    elif sequence == 1:
        ti, te = _spaced(150, 2800, rng), _spaced(3, 120, rng)
        tr = ti + _spaced(500, 7000, rng)
        signal = np.abs(1 - 2 * np.exp(-ti / t1) + np.exp(-tr / t1)) * np.exp(-te / t2)
    else:
        tr, te = _spaced(5, 2000, rng), _spaced(2, 45, rng)
        flip, left = np.radians(rng.uniform(5, 80)), np.exp(-tr / t1)
        signal = np.sin(flip) * (1 - left) / (1 - np.cos(flip) * left)
        signal *= np.exp(-te / (DEPHASING * t2))
    signal *= density
    if rng.random() < 0.25:
        signal[[code for code in (511, 516) if code < count]] *= rng.uniform(0, 0.3)
    if rng.random() < 0.3:
        signal[[code for code in (30, 62) if code < count]] *= rng.uniform(0, 1)
    signal[0] = 0
    brain = [code for code in (2, 3, 10, 24) if code < count]
    return np.asarray(signal / max(float(signal[brain].max()), 1e-6), dtype=np.float32)


def _spaced(low: float, high: float, rng: np.random.Generator) -> float:
    """Return a number between two, evenly in its logarithm."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def add_structures(
    volume: FloatArray,
    codes: Labels,
    tissues: Tissues,
    rng: np.random.Generator,
    settings: RandomContrast,
) -> None:
    """Put texture, thin structures and lesions into a volume of label means, in place."""
    tissue, shape = codes > 0, volume.shape
    width = float(np.exp(rng.uniform(*np.log(settings.texture_width))))
    fields = (
        power_law_field(shape, rng.uniform(1.1, 2), rng),
        # Tissue varies little from voxel to voxel: what does is taken for noise.
        np.float32(min(width / 2, 1)) * _patchy(smooth_field(shape, width, rng), rng),
    )
    for strength, field in zip(tissues.strengths, fields, strict=True):
        volume += strength[codes] * field
    if rng.random() < settings.layer_share:
        outside = np.isin(codes, settings.outside)
        volume *= np.where(outside, layers(codes, rng), 1)
    for filled in _thin_structures(shape, rng, settings):
        volume += filled * tissue * (_other_value(tissues.means, rng) - volume)
    if rng.random() < settings.lesion_share:
        low, high = np.log(settings.lesion_size)
        radii = 0.5 * np.exp(rng.uniform(low, high, int(rng.integers(1, 9))))
        add_lesions(volume, tissue, _other_value(tissues.means, rng), radii, rng)


def _patchy(field: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Give a field plateaus with borders, such as nuclei and fibre bundles have, or leave it."""
    if rng.random() < 0.6:
        return field
    gain = np.float32(rng.uniform(1, 5))
    return np.asarray(np.tanh(gain * (field - np.float32(rng.uniform(-1, 1)))))


def _thin_structures(
    shape: tuple[int, ...], rng: np.random.Generator, settings: RandomContrast
) -> list[FloatArray]:
    """Return how much of each voxel is vessel, and how much septum, where there are any."""
    found = []
    if rng.random() < settings.vessel_share:
        found.append(vessels(shape, int(rng.integers(1, 16)), rng))
    if rng.random() < settings.sheet_share:
        strength = np.float32(rng.uniform(0.1, 0.8))
        found.append(strength * sheets(shape, rng.uniform(3, 12), rng))
    return found


def _other_value(means: FloatArray, rng: np.random.Generator) -> float:
    """Return a signal that is brighter than most tissue or dark."""
    bright = rng.random() < 0.5
    return float(rng.uniform(0.9, 1.6) * means.max() if bright else rng.uniform(0, 0.4))
