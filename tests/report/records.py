"""Records and pictures for the tests of the pages."""

import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from bids_denoise.values import Record

METRICS = {"snr": 10.0, "cnr": 2.0, "efc": 0.41, "fber": 900.0, "edge_width": 3.1, "psnr": 30.0}
RESIDUAL = {"std_ratio": 0.93, "edge_width_ratio": 1.02, "psnr_gain": 4.13, "largest_clump": None}
FIGURES = ("image_before", "image_after", "removed", "sigma", "histogram", "new_idea")


def make_record(source: str = "sub-01/anat/sub-01_T1w.nii.gz", **changes: Any) -> Record:
    """Return the record of a denoised image, as it comes from its file: lists, no tuples."""
    parts = source.split("/")
    session = parts[1].removeprefix("ses-") if parts[1].startswith("ses-") else None
    name = parts[-1].split(".")[0]
    record = Record(
        source=source,
        participant=parts[0].removeprefix("sub-"),
        session=session,
        datatype=parts[-2],
        suffix=name.rsplit("_", 1)[-1],
        status="ok",
        output=source.replace("_T1w", "_desc-denoised_T1w"),
        image={"shape": [64, 64, 30], "voxel_size": [1.0, 1.0, 1.5], "dtype": "int16",
               "slope": 1.0, "inter": 0.0, "orientation": "RAS", "repetition_time": None,
               "qform_code": 1, "sform_code": 1},
        method="nlm",
        why="auto: a single volume (anat)",
        parameters={"search_radius": 3, "h": 0.5, "passes": 0},
        choices={"passes": 2},
        noise={"law": "rician", "method": "high frequencies of tissue", "sigma_median": 21.43,
               "sigma_range": [20.0, 23.0], "estimates": {"tissue corner": 21.4, "wavelet": 29.1},
               "trusted": True, "remarks": ["The estimators of sigma disagree."]},
        quality={"before": METRICS, "after": {k: 1.1 * v for k, v in METRICS.items()},
                 "residual": RESIDUAL, "light": "green", "reasons": []},
        remarks=("The header has no units.", "The estimators of sigma disagree."),
        provenance={"versions": {"bids-denoise": "0.1.0", "numpy": "2.0.0"}, "device": "cpu",
                    "seed": 0, "container": {}},
        seconds=8.24,
    )  # fmt: skip
    return replace(record, **changes)


def with_figures(record: Record, folder: Path, names: tuple[str, ...] = FIGURES) -> Record:
    """Write pictures below `folder`, and return the record with their paths."""
    figures = {name: f"sub-{record.participant}/figures/{name}.png" for name in names}
    for path in figures.values():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(png(4, 3))
    return replace(record, figures=figures)


def png(width: int, height: int) -> bytes:
    """Return a black picture."""
    rows = (b"\0" + bytes(width)) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
