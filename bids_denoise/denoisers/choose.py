"""Which denoiser an image gets, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bids_denoise.denoisers import DENOISERS
from bids_denoise.denoisers.base import Denoiser, build
from bids_denoise.errors import ScanError

# Below these numbers of volumes too little is shared by them, or the noise part of the
# Marchenko-Pastur spectrum is too short to be told from the signal's, and a volume-wise method does
# better.
MIN_VOLUMES = {"patch2self": 7, "pca": 10, "mppca": 20}


# What --sloppy trades for speed, for a first look and for tests of the plumbing.
SLOPPY: Mapping[str, Mapping[str, Any]] = {"nlm": {"search_radius": 1, "passes": 1}}


@dataclass(frozen=True)
class Choice:
    """A denoiser with its parameters, and the reason it was taken."""

    denoiser: Denoiser
    why: str


@dataclass(frozen=True)
class Kind:
    """What a choice depends on: the datatype, the shape, whether sigma can be trusted, phase."""

    datatype: str
    shape: tuple[int, ...]
    trusted: bool = True
    phase: bool = False

    @property
    def volumes(self) -> int:
        """Return the number of volumes."""
        return self.shape[3] if len(self.shape) > 3 else 1


def choose_denoiser(
    method: str,
    given: Mapping[str, Mapping[str, Any]],
    kind: Kind,
    sloppy: bool = False,
) -> Choice:
    """Return the denoiser for an image of `kind`.

    ``auto`` takes the trained U-Net for anatomical images of trusted sigma, held-out regression for
    diffusion and the PCA of patches for other series of trusted sigma, as the tables of
    docs/benchmarks have it, MP-PCA, which does not need it, for other series, each from
    `MIN_VOLUMES` on, and non-local means for the rest. A phase is no reason for NORDIC, whose wide
    patches carry an activation to voxels that have none (docs/benchmarks/functional.md), and which
    has more error in diffusion. A named method is taken as it is, if it can treat such an image.

    Raises
    ------
    ScanError
        The named method needs a series of volumes, or is not meant for this datatype.
    UsageError
        A parameter's value is out of range.
    """
    why = "asked for by --method"
    if method == "auto":
        method, why = _automatic(kind, sloppy)
    wanted = DENOISERS[method]
    if kind.datatype not in wanted.datatypes or (wanted.dimensions == 4 and kind.volumes == 1):
        fitting = [name for name, each in DENOISERS.items() if kind.datatype in each.datatypes]
        raise ScanError(
            f"method {method!r} cannot denoise {kind.datatype} data with {kind.volumes} volume(s); "
            f"for {kind.datatype} there are: auto, {', '.join(fitting)}"
        )
    values = {**(SLOPPY.get(method, {}) if sloppy else {}), **given.get(method, {})}
    return Choice(denoiser=build(wanted, values), why=why)


def _automatic(kind: Kind, sloppy: bool) -> tuple[str, str]:
    """Return the method that ``auto`` takes, and why."""
    if kind.datatype == "anat":
        if sloppy:
            return "nlm", "auto: the quicker method, as the run is sloppy"
        if kind.trusted:
            return "unet", "auto: the best method for a single volume (anat)"
        return "nlm", "auto: sigma cannot be trusted, and the trained U-Net depends on it more"
    if kind.volumes > 1:
        return _for_series(kind)
    return "nlm", f"auto: a single volume ({kind.datatype}), where similar patches help each other"


def _for_series(kind: Kind) -> tuple[str, str]:
    best = "patch2self" if kind.datatype == "dwi" else "pca"
    if kind.trusted and kind.volumes >= MIN_VOLUMES[best]:
        why = f"auto: {kind.volumes} volumes share their signal, but not their noise"
        if kind.phase:
            than = "has more error" if kind.datatype == "dwi" else "spreads signal"
            why += f"; the phase is left alone, as nordic {than}"
        return best, why
    if kind.volumes >= MIN_VOLUMES["mppca"]:
        return "mppca", "auto: sigma cannot be trusted, and MP-PCA finds it by itself"
    least = MIN_VOLUMES[best if kind.trusted else "mppca"]
    return (
        "nlm",
        f"auto: {kind.volumes} volumes are too few to learn from each other (needs {least})",
    )
