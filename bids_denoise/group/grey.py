"""Grey matter of everybody on one grid, before and after denoising."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise import imageio
from bids_denoise.anatomy import SEGMENTED
from bids_denoise.anatomy.normalise import smoothed
from bids_denoise.derivatives.store import Store
from bids_denoise.errors import UsageError
from bids_denoise.group.cohort import COHORT, SOURCE, Files, in_cohort
from bids_denoise.group.study import LABELS, Study, first_images

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from bids_denoise.values import FloatArray, Record


SMOOTHING = 3.0
"""Full width at half maximum of the Gaussian that maps are smoothed by, in voxels."""


@dataclass(frozen=True)
class Grey:
    """Modulated grey matter in template space.

    Attributes
    ----------
    participants
        ``participant_id`` of each row.
    original, denoised
        float32 (participant, x, y, z).
    affine
        (4, 4), voxel to RAS mm.
    template
        Its name; `source` says where it comes from.
    fwhm
        Full width at half maximum in mm of the smoothing that was asked for.
    remarks
        Who is not among them, and why.
    """

    participants: tuple[str, ...]
    original: FloatArray
    denoised: FloatArray
    affine: npt.NDArray[np.float64]
    template: str
    source: str
    fwhm: float
    remarks: tuple[str, ...] = ()

    def of(self, label: str) -> FloatArray:
        """Return ``original`` or ``denoised``."""
        return self.original if label == "original" else self.denoised

    def smooth(self, label: str, person: str) -> FloatArray:
        """Return the smoothed grey matter of a participant, (x, y, z)."""
        return smoothed(self.of(label)[self.participants.index(person)], self.affine, self.fwhm)

    @property
    def voxel(self) -> float:
        """Length of a voxel in mm."""
        return voxel_of(self.affine)


def grey_matter(study: Study, store: Store) -> Grey | None:
    """Return the grey matter of everybody; None where no anatomy was asked for.

    The first image of each participant counts. Where there is no template, one is made of the
    participants; that is kept, and made again when they change.

    Raises
    ------
    UsageError
        Nobody has an anatomy though it was asked for, or it is in no template.
    """
    images = first_images(study, SEGMENTED)
    examined = {person: record for person, record in images.items() if record.anatomy}
    if not examined:
        return None
    good = {person: record for person, record in examined.items() if "files" in record.anatomy}
    spaces = [record.anatomy["template"] for record in good.values()]
    space = max(sorted(set(spaces)), key=spaces.count) if spaces else "none"
    chosen = {p: record for p, record in good.items() if record.anatomy["template"] == space}
    if space == "none":
        raise UsageError("no participant has grey matter in a template: give --template another")
    remarks = [
        f"{person} is left out: {record.anatomy.get('reason', 'in another template')}"
        for person, record in examined.items()
        if person not in chosen
    ]
    files = in_cohort(chosen, study, store) if space == COHORT else _recorded(chosen, study)
    source = next(iter(chosen.values())).anatomy["template_source"] or SOURCE
    return _read(files, (space, source), study.settings.comparison.smoothing, tuple(remarks))


def _recorded(chosen: Mapping[str, Record], study: Study) -> Files:
    return {
        person: {
            label: study.layout.qc / record.anatomy["files"][f"grey_{label}"] for label in LABELS
        }
        for person, record in chosen.items()
    }


def _read(
    files: Files, space: tuple[str, str], fwhm: float | None, remarks: tuple[str, ...]
) -> Grey:
    affine = imageio.read_placed(next(iter(files.values()))[LABELS[0]])[1]
    stacks = [
        np.stack([imageio.read(paths[label]) for paths in files.values()]) for label in LABELS
    ]
    width = SMOOTHING * voxel_of(affine) if fwhm is None else fwhm
    return Grey(tuple(files), stacks[0], stacks[1], affine, *space, width, remarks)


def voxel_of(affine: npt.NDArray[np.float64]) -> float:
    """Return the length of a voxel in mm."""
    return float(abs(np.linalg.det(affine[:3, :3])) ** (1 / 3))
