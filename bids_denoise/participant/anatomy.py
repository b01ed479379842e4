"""The anatomy of a scan: whether it gets one, by which template, or why not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bids_denoise import imageio
from bids_denoise.anatomy import SEGMENTED
from bids_denoise.errors import ScanError

if TYPE_CHECKING:
    from bids_denoise.anatomy.person import Anatomy
    from bids_denoise.anatomy.template import Template
    from bids_denoise.values import Denoised, Device, Image, Quality, Scan, Settings


def examine(
    image: Image, denoised: Denoised, scan: Scan, settings: Settings, device: Device
) -> tuple[Anatomy | None, dict[str, Any]]:
    """Return the anatomy before and after, and what the record says of it.

    Without one it says why, or nothing where none is wanted.
    """
    if not is_examined(scan, settings):
        return None, {}
    # With them comes SimpleITK, which other runs need not wait for.
    from bids_denoise.anatomy.person import LEAST_HUMAN, anatomy_of
    from bids_denoise.participant.templates import chosen

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
