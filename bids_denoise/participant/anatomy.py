"""The anatomy of a scan: whether it gets one, by which template, or why not."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bids_denoise import imageio
from bids_denoise.anatomy.person import LEAST_HUMAN, anatomy_of
from bids_denoise.anatomy.template import (
    TemplateFiles,
    at_voxel,
    find_template,
    mni152,
    of_images,
)
from bids_denoise.anatomy.tissues import segment
from bids_denoise.connectome.atlases import label_of
from bids_denoise.errors import MissingInputError, ScanError

if TYPE_CHECKING:
    from bids_denoise.anatomy.person import Anatomy
    from bids_denoise.anatomy.template import Template
    from bids_denoise.values import Denoised, Device, Image, Quality, Scan, Settings

STANDARD = "MNI152NLin2009cAsym"
VOXEL = 2.0
"""mm, of human templates."""

SEGMENTED = ("T1w", "T2w")
"""Suffixes that tissues are found in; a T2w only where its session has no T1w."""


def examine(
    image: Image, denoised: Denoised, scan: Scan, settings: Settings, device: Device
) -> tuple[Anatomy | None, dict[str, Any]]:
    """Return the anatomy before and after, and what the record says of it.

    Without one it says why, or nothing where none is wanted.
    """
    if not is_examined(scan, settings):
        return None, {}

    def template_for(millilitres: float) -> Template | None:
        return chosen(settings.template, human=millilitres >= LEAST_HUMAN)

    try:
        made = anatomy_of(image, denoised.data, template_for, device)
    except ScanError as error:
        return None, {"template": settings.template, "reason": str(error)}
    later = "none" if settings.template == "none" else "cohort"
    return made, {
        "template": made.template.name if made.template else later,
        "template_source": made.template.source if made.template else "",
        "brain": made.brain.source,
        "remarks": list(made.remarks),
        "volumes": {"original": dict(made.before.volumes), "denoised": dict(made.after.volumes)},
    }


def is_examined(scan: Scan, settings: Settings) -> bool:
    """Say whether a scan gets an anatomy."""
    if not settings.anatomy or scan.suffix not in SEGMENTED or "part" in scan.entities:
        return False
    return scan.suffix == "T1w" or not any(scan.path.parent.glob("*_T1w.nii*"))


def template_of(word: str) -> str:
    """Return what tells one template from another in the fingerprint of a scan."""
    return imageio.checksum(Path(word)) if Path(word).is_absolute() else word


def with_volumes(quality: Quality, made: Anatomy | None) -> Quality:
    """Add the volumes to the numbers before and after."""
    if made is None:
        return quality
    return replace(
        quality,
        before={**quality.before, **_numbers(made.before.volumes)},
        after={**quality.after, **_numbers(made.after.volumes)},
    )


def _numbers(volumes: Any) -> dict[str, float]:
    return {f"{name.lower()}_volume": value for name, value in volumes.items()}


def chosen(word: str, human: bool) -> Template | None:
    """Return the template that ``--template`` stands for, None for that of the cohort, or none.

    Raises
    ------
    ScanError
        The file holds no template.
    """
    if word in {"cohort", "none"} or (word == "auto" and not human):
        return None
    if word == "auto":
        try:
            return _read(find_template(STANDARD))
        except MissingInputError:
            return mni152()
    if Path(word).is_absolute():
        return _read(TemplateFiles(label_of(Path(word)), Path(word), None, None))
    return _read(find_template(word))


@lru_cache(maxsize=2)
def _read(files: TemplateFiles) -> Template:
    """Return a template from its files, in voxels of `VOXEL` mm or its own where those are larger.

    A brain in a file has no tissues; they are found in it as in a scan.
    """
    image, affine = imageio.read_placed(files.image)
    if files.brain is not None:
        image = image * (imageio.read(files.brain) > 0)
    if files.tissues is not None:
        maps = np.stack([imageio.read(path) for path in files.tissues])
    else:
        maps = segment(image, image > 0, affine).probabilities
    whole = of_images(image, maps, affine, files.name, str(files.image))
    small = (image > 0).sum() * abs(np.linalg.det(affine[:3, :3])) < 1000 * LEAST_HUMAN
    return whole if small else at_voxel(whole, VOXEL)
