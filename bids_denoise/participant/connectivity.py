"""The connectome of a run: which parcels it gets, or why there is none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bids_denoise import imageio
from bids_denoise.connectome.atlases import WORDS, find_atlas, label_of, lookup_table
from bids_denoise.connectome.parcels import brain_of, geometric, of_atlas, of_template, placed
from bids_denoise.connectome.run import check_volumes, connectomes
from bids_denoise.errors import ScanError
from bids_denoise.metrics.comparison import voxel_size

if TYPE_CHECKING:
    from bids_denoise.connectome.parcels import Parcels
    from bids_denoise.connectome.run import Connectomes
    from bids_denoise.values import Denoised, Image, Quality, Scan, Settings


def connect(
    image: Image, denoised: Denoised, scan: Scan, settings: Settings
) -> tuple[Connectomes | None, dict[str, Any]]:
    """Return the connectomes of a run before and after, and what the record says of them.

    Without connectomes it says why, or nothing for what is no bold run and where none is wanted.
    """
    if not _is_wanted(scan, settings):
        return None, {}
    try:
        check_volumes(image.data)
        parcels = _parcels(image, scan, settings.atlas)
        tr = imageio.describe(scan.path).repetition_time
        made = connectomes(image.data, denoised.data, parcels, tr, voxel_size(image))
    except ScanError as error:
        return None, {"atlas": settings.atlas, "reason": str(error)}
    return made, {
        "atlas": settings.atlas,
        "parcels": len(made.parcels.names),
        "dropped": list(made.parcels.dropped),
        "source": made.parcels.source,
        "cleaning": made.cleaning,
        "control_width": made.control_width,
        "control": dict(made.control.numbers) if made.control else {},
    }


def atlas_of(scan: Scan, settings: Settings) -> str:
    """Return what tells one atlas from another in the fingerprint of a run: not where it lies."""
    if not _is_wanted(scan, settings) or settings.atlas in WORDS:
        return settings.atlas if scan.suffix == "bold" else ""
    try:
        return imageio.checksum(find_atlas(settings.atlas, scan.entities.get("space")))
    except ScanError:
        return settings.atlas


def with_numbers(quality: Quality, made: Connectomes | None) -> Quality:
    """Add what the connectomes say to the numbers before and after."""
    if made is None:
        return quality
    return replace(
        quality,
        before={**quality.before, **made.before.numbers},
        after={**quality.after, **made.after.numbers},
    )


def _is_wanted(scan: Scan, settings: Settings) -> bool:
    return scan.suffix == "bold" and settings.atlas != "none"


def _parcels(image: Image, scan: Scan, atlas: str) -> Parcels:
    """Return the parcels of a run.

    Raises
    ------
    ScanError
        The atlas is not there, is none, or does not lie where the run does.
    """
    brain = brain_of(image, scan.path)
    space = scan.entities.get("space")
    if atlas == "auto":
        if space is not None and space.startswith("MNI152"):
            return of_template(brain, image.affine)
        return geometric(brain, image.affine)
    path = find_atlas(atlas, space)
    data, affine = imageio.read_placed(path)
    whole = of_atlas(data, lookup_table(path), path, label_of(path))
    found = placed(whole, affine, brain, image.affine)
    if not found.names:
        raise ScanError(
            f"atlas {path}: none of its {len(whole.names)} labels lies in the brain of "
            f"{scan.path}; it has to be in the space of the run"
        )
    return found
