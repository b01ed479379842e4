"""The files of a scan's anatomy: brain mask, tissues, and grey matter in template space."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bids_denoise.derivatives import sidecar
from bids_denoise.derivatives.names import Layout, derived_file
from bids_denoise.derivatives.store import table_text

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.anatomy.person import Anatomy, Segmented
    from bids_denoise.values import Scan

TISSUES = {"GM": "grey matter", "WM": "white matter", "CSF": "cerebrospinal fluid"}
OF = {"original": "the original image", "denoised": "the denoised image"}


@dataclass(frozen=True)
class Volume:
    """One file: `name` in the record; `affine` where it is not on the grid of the scan."""

    name: str
    path: Path
    data: npt.NDArray[Any]
    sidecar: dict[str, Any]
    affine: npt.NDArray[np.float64] | None = None


def lookup_table() -> str:
    """Return what the labels of a segmentation are, as BIDS numbers them."""
    rows = enumerate(TISSUES.items(), start=1)
    return table_text([{"index": i, "name": name, "abbreviation": key} for i, (key, name) in rows])


def volumes(made: Anatomy, scan: Scan, layout: Layout) -> Iterator[Volume]:
    """Yield every volume that is written of a scan's anatomy."""
    suffix = "" if scan.suffix == "T1w" else scan.suffix
    mask = derived_file(scan, layout, {}, "mask.nii.gz", f"brain{suffix}")
    about = {"Type": "Brain", "Description": f"Brain mask ({made.brain.source})"}
    yield Volume("brain", mask, made.brain.mask.astype(np.uint8), _sidecar(scan, about))
    for label, one in (("original", made.before), ("denoised", made.after)):
        yield from _tissues(one, scan, layout, (label, f"{label}{suffix}"))
    if made.template is None:
        return
    for label, one in (("original", made.before), ("denoised", made.after)):
        if one.grey is not None:
            space = (made.template.name, made.template.source)
            path = grey_path(scan, layout, space[0], label)
            told = grey_sidecar(scan, space, label)
            yield Volume(f"grey_{label}", path, one.grey, told, made.template.affine)


def grey_path(scan: Scan, layout: Layout, space: str, label: str) -> Path:
    """Return the path of the modulated grey matter in template space."""
    suffix = "" if scan.suffix == "T1w" else scan.suffix
    added = {"space": space, "label": "GM"}
    return derived_file(scan, layout, added, "probseg.nii.gz", f"{label}{suffix}Modulated")


def grey_sidecar(scan: Scan, space: tuple[str, str], label: str) -> dict[str, Any]:
    """Return what stands beside it; `space` is name and source of the template."""
    source = Path(space[1])
    return {
        "Description": f"Grey matter of {OF[label]} in template space, times the Jacobian "
        "determinant of the way there: its sum is the volume of grey matter",
        "Sources": [sidecar.bids_uri(scan)],
        "SpatialReference": source.as_uri() if source.is_absolute() else space[1],
        "Modulated": True,
    }


def _tissues(
    one: Segmented, scan: Scan, layout: Layout, label: tuple[str, str]
) -> Iterator[Volume]:
    kind, desc = label
    told = {"Description": f"Tissues of {OF[kind]}: {', '.join(TISSUES.values())}"}
    path = derived_file(scan, layout, {}, "dseg.nii.gz", desc)
    yield Volume(f"tissues_{kind}", path, one.tissues.labels, _sidecar(scan, told))
    for (key, name), data in zip(TISSUES.items(), one.tissues.probabilities, strict=True):
        path = derived_file(scan, layout, {"label": key}, "probseg.nii.gz", desc)
        told = {"Description": f"Share of {name} in {OF[kind]}"}
        yield Volume(f"{key}_{kind}", path, data, _sidecar(scan, told))


def _sidecar(scan: Scan, told: dict[str, Any]) -> dict[str, Any]:
    reference = scan.metadata.get("SpatialReference", "orig")
    return {**told, "Sources": [sidecar.bids_uri(scan)], "SpatialReference": reference}
