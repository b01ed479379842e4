"""The template that ``--template`` stands for."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from bids_denoise import imageio
from bids_denoise.anatomy.person import LEAST_HUMAN
from bids_denoise.anatomy.template import (
    Template,
    TemplateFiles,
    at_voxel,
    find_template,
    mni152,
    of_images,
)
from bids_denoise.anatomy.tissues import segment
from bids_denoise.connectome.atlases import label_of
from bids_denoise.errors import MissingInputError

STANDARD = "MNI152NLin2009cAsym"
VOXEL = 2.0
"""mm, of human templates."""


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
