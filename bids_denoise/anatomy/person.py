"""The anatomy of one scan, of the original and of the denoised image, by the same steps.

Brain mask and prior come from the denoised image and serve both, so that nothing but the noise
makes a difference between the two.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.anatomy.align import align
from bids_denoise.anatomy.brain import find_brain
from bids_denoise.anatomy.normalise import modulated, normalise, prior_for
from bids_denoise.anatomy.template import TISSUES
from bids_denoise.anatomy.tissues import segment, volumes
from bids_denoise.simulate.anatomy import Grid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from bids_denoise.anatomy.brain import Brain
    from bids_denoise.anatomy.normalise import Normalised
    from bids_denoise.anatomy.template import Template
    from bids_denoise.anatomy.tissues import Tissues
    from bids_denoise.values import Device, FloatArray, Image

GREY = TISSUES.index("GM")

LEAST_HUMAN = 300.0
"""mL: a smaller brain is none of a human; a macaque has 90, a newborn 350."""


@dataclass(frozen=True)
class Segmented:
    """What one image says.

    Attributes
    ----------
    tissues
        On the grid of the scan.
    volumes
        mL of each tissue, and of GM and WM together (``brain``).
    normalised, grey
        The way to the template, and grey matter there, times how much it was compressed to fit:
        float32 (x, y, z). None without a template.
    """

    tissues: Tissues
    volumes: Mapping[str, float]
    normalised: Normalised | None = None
    grey: FloatArray | None = None


@dataclass(frozen=True)
class Anatomy:
    """A scan before and after denoising, with the same `brain` and in the same `template`."""

    brain: Brain
    template: Template | None
    before: Segmented
    after: Segmented
    remarks: tuple[str, ...] = ()


def anatomy_of(
    image: Image,
    denoised: FloatArray,
    template_for: Callable[[float], Template | None],
    device: Device,
) -> Anatomy:
    """Return brain, tissues, volumes and grey matter in template space, before and after.

    Parameters
    ----------
    image
        The scan (x, y, z).
    denoised
        float32 (x, y, z).
    template_for
        Returns the template for a brain of so many mL; None for a brain that has none.

    Raises
    ------
    ScanError
        No brain is found, or no tissues in it.
    """
    clean = replace(image, data=denoised)
    brain = find_brain(clean, device)
    millilitres = float(brain.mask.sum() * abs(np.linalg.det(image.affine[:3, :3])) / 1000)
    template = template_for(millilitres)
    guide = _guide(clean, brain, template) if template else None
    before, after = (
        _segmented(data, image.affine, brain, guide) for data in (image.data, denoised)
    )
    return Anatomy(brain, template, before, after, (*brain.remarks, *after.tissues.remarks))


@dataclass(frozen=True)
class _Guide:
    """The template, the affine to it, and its tissues on the grid of the scan."""

    template: Template
    linear: npt.NDArray[np.float64]
    prior: FloatArray


def _guide(image: Image, brain: Brain, template: Template) -> _Guide:
    linear = align(np.where(brain.mask, image.data, np.float32(0)), image.affine, template)
    x, y, z = image.data.shape
    return _Guide(template, linear, prior_for(Grid((x, y, z), image.affine), template, linear))


def _segmented(
    data: FloatArray, affine: npt.NDArray[np.float64], brain: Brain, guide: _Guide | None
) -> Segmented:
    tissues = segment(data, brain.mask, affine, guide.prior if guide else None)
    found = volumes(tissues, affine)
    measured = {"GM": found.grey, "WM": found.white, "CSF": found.csf, "brain": found.brain}
    if guide is None:
        return Segmented(tissues, measured)
    way = normalise(tissues.probabilities, affine, guide.template, guide.linear)
    grey = modulated(tissues.probabilities[GREY], affine, way)
    return Segmented(tissues, measured, way, grey)
