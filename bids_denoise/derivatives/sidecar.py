"""The JSON beside each image, and the fingerprint that tells whether a result is current."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bids_denoise import __version__
from bids_denoise.derivatives.store import json_text, plain
from bids_denoise.values import Record, Scan, Settings

LINK = "input"
RECORDED_PACKAGES = ("numpy", "scipy", "numba", "nibabel", "nilearn", "pybids")


def fingerprint(
    scan: Scan,
    methods: Mapping[str, Mapping[str, Any]],
    companions: Sequence[str],
    settings: Settings,
) -> str:
    """Return a hash of all that decides a result besides the voxels: ``sha256:...``.

    The methods in question with their parameters, the version of the app, the form of the output,
    the source's metadata and the checksums of its gradient and noise files and of the atlas are in
    it; the device, the number of workers and where files lie are not.
    """
    decisive = {
        "version": __version__,
        "methods": methods,
        "seed": settings.seed,
        "dtype": settings.output_dtype,
        "layout": settings.output_layout,
        "maps": [settings.write_noise_map, settings.write_residual, settings.write_tsnr_map],
        "sloppy": settings.sloppy,
        "metadata": scan.metadata,
        "companions": companions,
    }
    return "sha256:" + hashlib.sha256(json_text(decisive).encode()).hexdigest()


def versions() -> dict[str, str]:
    """Return the version of the app and of the packages that results depend on."""
    found = {name: importlib.metadata.version(name) for name in RECORDED_PACKAGES}
    return {"bids-denoise": __version__, **found}


def container() -> dict[str, str]:
    """Return what the image's environment says of the container, empty outside one."""
    keys = {"Type": "TYPE", "Tag": "TAG", "URI": "URI"}
    found = {key: os.environ.get(f"BIDS_DENOISE_CONTAINER_{name}") for key, name in keys.items()}
    return {key: value for key, value in found.items() if value}


def image_sidecar(scan: Scan, record: Record, skull_stripped: bool) -> dict[str, Any]:
    """Return the sidecar of the denoised image: what stays true of the source, and our block."""
    return {
        **scan.metadata,
        "Description": f"Denoised with {record.method}",
        "Sources": [bids_uri(scan)],
        "SkullStripped": skull_stripped,
        **_spatial_reference(scan),
        "Denoising": denoising_block(record),
    }


def rawlike_sidecar(scan: Scan, record: Record) -> dict[str, Any]:
    """Return the source's sidecar as it is, with a note on the denoising."""
    return {**scan.metadata, "Denoising": {"Sources": [bids_uri(scan)], **denoising_block(record)}}


def map_sidecar(scan: Scan, description: str, units: str, skull_stripped: bool) -> dict[str, Any]:
    """Return the sidecar of a map or residual."""
    return {
        "Description": description,
        "Units": units,
        "Sources": [bids_uri(scan)],
        "SkullStripped": skull_stripped,
        **_spatial_reference(scan),
    }


def parcels_sidecar(scan: Scan, source: str, dropped: Sequence[str]) -> dict[str, Any]:
    """Return the sidecar of a label image of parcels."""
    return {
        "Description": f"Parcels of the connectome: {source}",
        "Sources": [bids_uri(scan)],
        "ParcelsDropped": dropped,
        **_spatial_reference(scan),
        **{key: scan.metadata[key] for key in ("Resolution", "Density") if key in scan.metadata},
    }


def series_sidecar(scan: Scan, sidecar: Mapping[str, Any]) -> dict[str, Any]:
    """Add the source's metadata to the sidecar of a residual, which has its suffix and axes."""
    return {**scan.metadata, **sidecar}


def denoising_block(record: Record) -> dict[str, Any]:
    """Return all that is needed to make the image again."""
    return {
        "Method": record.method,
        "MethodReason": record.why,
        "Parameters": record.parameters,
        "Choices": record.choices,
        "NoiseLevel": record.noise.get("sigma_median"),
        "NoiseLaw": record.noise.get("law"),
        "NoiseEstimator": record.noise.get("method"),
        "NoiseTrusted": record.noise.get("trusted"),
        **{
            key: record.provenance[name]
            for key, name in {
                "Device": "device",
                "Seed": "seed",
                "InputChecksum": "checksum",
                "Fingerprint": "fingerprint",
                "SoftwareVersions": "versions",
            }.items()
        },
    }


def bids_uri(scan: Scan) -> str:
    """Return the BIDS URI of the source in the dataset linked as ``input``."""
    return f"bids:{LINK}:{relative_source(scan)}"


def relative_source(scan: Scan) -> str:
    """Return the source's path relative to its dataset, with forward slashes."""
    return scan.path.relative_to(scan.dataset).as_posix()


def _spatial_reference(scan: Scan) -> dict[str, Any]:
    given = scan.metadata.get("SpatialReference")
    return {"SpatialReference": given if given is not None else "orig"}


def json_paths(paths: Mapping[str, Path], base: Path) -> dict[str, str]:
    """Return paths relative to `base`, with forward slashes, for a record."""
    return {name: Path(os.path.relpath(path, base)).as_posix() for name, path in paths.items()}


def record_json(record: Record) -> dict[str, Any]:
    """Return a record as the plain values that its file holds."""
    value: dict[str, Any] = plain(vars(record))
    return value
