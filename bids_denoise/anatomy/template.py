"""The brain that people are brought to: its image and its tissues, on one grid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.anatomy.grids import coarser, pull
from bids_denoise.errors import MissingInputError
from bids_denoise.simulate.anatomy import Grid
from bids_denoise.template_cache import cache, entities

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from bids_denoise.values import FloatArray

    Affine = npt.NDArray[np.float64]

MNI152 = "MNI152NLin2009aSym"
"""What nilearn ships: ICBM 152 nonlinear symmetric 2009a, the same left and right to the bit."""
TISSUES = ("GM", "WM", "CSF")
IMAGES = ("T1w", "T2w", "T2star", "PDw", "UNIT1")


@dataclass(frozen=True)
class Template:
    """A brain that stands for many.

    Attributes
    ----------
    name
        The BIDS space label.
    image
        float32 (x, y, z), intensity of the brain alone, 0 elsewhere.
    tissues
        float32 (3, x, y, z): fractions of GM, WM, CSF; None where only the image is known.
    affine
        (4, 4), voxels to mm.
    source
        Where it comes from, in words.
    """

    name: str
    image: FloatArray
    tissues: FloatArray | None
    affine: Affine
    source: str

    @property
    def grid(self) -> Grid:
        """Its voxels."""
        x, y, z = self.image.shape
        return Grid((x, y, z), self.affine)


@dataclass(frozen=True)
class TemplateFiles:
    """The files of a template: `brain` is the mask where `image` shows the whole head."""

    name: str
    image: Path
    brain: Path | None
    tissues: tuple[Path, Path, Path] | None


@lru_cache(maxsize=2)
def mni152(voxel: float = 2.0) -> Template:
    """Return the MNI152 brain that nilearn ships, averaged to cubes of `voxel` mm (1 at least).

    CSF is what of the brain mask is neither grey nor white matter. ICBM 152 nonlinear symmetric
    2009a (Fonov 2011, doi:10.1016/j.neuroimage.2010.07.033).
    """
    from nilearn import datasets

    head, grey, white, mask = (
        load(1)
        for load in (
            datasets.load_mni152_template,
            datasets.load_mni152_gm_template,
            datasets.load_mni152_wm_template,
            datasets.load_mni152_brain_mask,
        )
    )
    image, gm, wm = (np.asarray(each.dataobj, dtype=np.float32) for each in (head, grey, white))
    brain = np.asarray(mask.dataobj) > 0
    total = np.maximum(gm + wm, 1)
    gm, wm = brain * gm / total, brain * wm / total
    tissues = np.stack([gm, wm, brain - gm - wm]).astype(np.float32)
    affine = np.asarray(head.affine, dtype=np.float64)
    source = "ICBM 152 nonlinear symmetric 2009a, as shipped with nilearn"
    return at_voxel(of_images(image * brain, tissues, affine, MNI152, source), voxel)


def of_images(
    image: FloatArray, tissues: FloatArray | None, affine: Affine, name: str, source: str
) -> Template:
    """Return a template given as arrays.

    Parameters
    ----------
    image
        (x, y, z), brain alone; what is not finite or below 0 counts as 0.
    tissues
        (3, x, y, z): GM, WM, CSF, scaled to anything (0 to 1, percent, 0 to 255); or None.
    affine, name, source
        See `Template`.

    Raises
    ------
    MissingInputError
        The image or a tissue is empty, or they are not on one grid.
    """
    clean = np.maximum(np.nan_to_num(image, posinf=0), 0).astype(np.float32)
    if clean.ndim != 3 or not clean.any():
        raise MissingInputError(f"template {name}: the image is empty, or not (x, y, z)")
    if tissues is None:
        return Template(name, clean, None, affine, source)
    parts = np.maximum(np.nan_to_num(tissues, posinf=0), 0).astype(np.float32)
    if parts.shape != (3, *clean.shape):
        raise MissingInputError(
            f"template {name}: tissues of shape {parts.shape} do not fit the image "
            f"{clean.shape}; (3, x, y, z) on its grid are allowed"
        )
    empty = [label for label, part in zip(TISSUES, parts, strict=True) if not part.any()]
    if empty:
        raise MissingInputError(f"template {name}: {', '.join(empty)} is empty")
    total = parts.sum(axis=0)
    whole = np.maximum(total, np.percentile(total[total > 0], 99))
    return Template(name, clean, parts / whole, affine, source)


def at_voxel(template: Template, voxel: float) -> Template:
    """Return a template averaged to voxels of `voxel` mm; it is never made finer."""
    grid = coarser(template.grid, voxel)
    if grid.shape == template.image.shape:
        return template
    image = pull(template.image, template.affine, grid)
    tissues = template.tissues
    if tissues is not None:
        tissues = pull(tissues, template.affine, grid)
    return replace(template, image=image, tissues=tissues, affine=grid.affine)


def find_template(word: str) -> TemplateFiles:
    """Return the files of a template in the local TemplateFlow folder, at its finest resolution.

    Parameters
    ----------
    word
        TemplateFlow's name, such as ``MNI152NLin2009cAsym`` or ``MNIInfant:cohort-2``.

    Raises
    ------
    MissingInputError
        There is none, with the command that fetches it.
    """
    name, _, cohort = word.partition(":")
    folder = cache() / f"tpl-{name}" / cohort
    # What is empty is only TemplateFlow's list of what there is.
    files = [path for path in sorted(folder.glob("tpl-*.nii*")) if path.stat().st_size]
    resolutions = sorted({entities(path.name).get("res", "") for path in files})
    for resolution in sorted(resolutions, key=lambda res: (len(res.lstrip("0")), res)):
        of_one = [path for path in files if entities(path.name).get("res", "") == resolution]
        found = _files_of(name, of_one)
        if found:
            return found
    call = f"api.get({name!r}, resolution=1, suffix=['T1w', 'mask', 'probseg'])"
    raise MissingInputError(
        f"template {word}: no brain image (desc-brain_T1w, or T1w and desc-brain_mask) is in "
        f"TemplateFlow's folder {folder}, and nothing is downloaded. Fetch it where there is a "
        f'network, python -c "from templateflow import api; {call}", or give image files'
    )


def _files_of(name: str, files: list[Path]) -> TemplateFiles | None:
    """Return the image and tissues among the files of one resolution."""
    known = {_description(path): path for path in files}
    tissues = [
        known.get(f"{key}-{label}_probseg") for label in TISSUES for key in ("label", "desc")
    ]
    gm, wm, csf = (one or other for one, other in zip(tissues[::2], tissues[1::2], strict=True))
    three = (gm, wm, csf) if gm and wm and csf else None
    mask = known.get("desc-brain_mask")
    for suffix in IMAGES:
        brain = known.get(f"desc-brain_{suffix}")
        if brain:
            return TemplateFiles(name, brain, None, three)
        head = known.get(suffix)
        if head and mask:
            return TemplateFiles(name, head, mask, three)
    return None


def _description(path: Path) -> str:
    """Return a file's name without template, cohort, resolution and extension."""
    parts = path.name.split(".")[0].split("_")
    return "_".join(part for part in parts if part.split("-")[0] not in {"tpl", "cohort", "res"})
