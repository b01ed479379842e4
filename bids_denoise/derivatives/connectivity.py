"""The files of a run's connectomes: parcels, time series and matrices, before and after.

Named after BEP017.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bids_denoise.derivatives import sidecar
from bids_denoise.derivatives.names import Layout, derived_file
from bids_denoise.derivatives.store import table_text

if TYPE_CHECKING:
    from bids_denoise.connectome.edges import Precise
    from bids_denoise.connectome.run import Connectome, Connectomes
    from bids_denoise.values import Scan

LABELS = {
    "original": "the original image",
    "denoised": "the denoised image",
    "smoothed": "the original image, smoothed as much as the denoised one",
}
MEASURES = {
    "pearsoncorrelation": "Pearson correlation",
    "partialcorrelation": "Partial correlation, from the covariance shrunk as by Ledoit & Wolf",
}


def parcels_path(made: Connectomes, scan: Scan, layout: Layout) -> Path:
    """Return the path of the label image of the parcels."""
    return derived_file(scan, layout, {"seg": made.parcels.name}, "dseg.nii.gz")


def parcels_table(made: Connectomes) -> str:
    """Return the lookup table of the label image."""
    names = enumerate(made.parcels.names, start=1)
    return table_text([{"index": index, "name": name} for index, name in names])


def tables(made: Connectomes, scan: Scan, layout: Layout) -> Iterator[tuple[str, Path, str, Any]]:
    """Yield what is written of a run: what it is, its path, the table, and its sidecar."""
    seg = {"seg": made.parcels.name}
    about: dict[str, Any] = {
        "Sources": [sidecar.bids_uri(scan)],
        "Parcels": made.parcels.source,
        "ParcelsDropped": list(made.parcels.dropped),
        "Cleaning": made.cleaning,
    }
    made_of = {"original": made.before, "denoised": made.after, "smoothed": made.control}
    for label, one in made_of.items():
        if one is None:
            continue
        of = LABELS[label]
        path = derived_file(scan, layout, seg, "timeseries.tsv", label)
        text = _courses(one, made.parcels.names)
        told = {"Description": f"Mean of each parcel of {of}", "Units": "arbitrary", **about}
        yield f"timeseries_{label}", path, text, told
        matrices = dict(zip(MEASURES, (one.correlation, one.partial), strict=True))
        for measure, matrix in matrices.items():
            path = derived_file(scan, layout, {**seg, "meas": measure}, "relmat.tsv", label)
            told = {
                "Description": f"Connectome of {of}",
                "RelationshipMeasure": MEASURES[measure],
                "Weighted": True,
                "Directed": False,
                **about,
            }
            yield f"{measure}_{label}", path, _square(matrix, made.parcels.names), told


def _courses(one: Connectome, names: tuple[str, ...]) -> str:
    return table_text([dict(zip(names, volume, strict=True)) for volume in one.courses.tolist()])


def _square(matrix: Precise, names: tuple[str, ...]) -> str:
    rows = np.round(matrix, 6).tolist()
    return table_text(
        [
            {"Node": name, **dict(zip(names, row, strict=True))}
            for name, row in zip(names, rows, strict=True)
        ]
    )
