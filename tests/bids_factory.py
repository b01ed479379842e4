"""Tiny BIDS datasets for tests: heads of a dozen voxels with noise, and sidecars that validate."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bids_denoise.dataset import find_scans
from bids_denoise.imageio.fresh import write_new
from bids_denoise.values import Filters, Scan

SHAPE = (12, 13, 14)
AFFINE = np.array([[-2.0, 0, 0, 12], [0, 2.5, 0, -15], [0, 0, 3.0, -20], [0, 0, 0, 1]])
SIGMA = 20.0
TR = 2.0


def make_dataset(root: Path, *images: str, derivative: bool = False) -> Path:
    """Write a dataset with images at paths such as ``sub-01/anat/sub-01_T1w.nii.gz``."""
    description: dict[str, Any] = {
        "Name": "Tiny heads",
        "BIDSVersion": "1.10.0",
        "License": "CC0",
        "Authors": ["Nobody"],
    }
    if derivative:
        description |= {"DatasetType": "derivative", "GeneratedBy": [{"Name": "tiny"}]}
    write_json(root / "dataset_description.json", description)
    (root / "README").write_text("Tiny heads: simulated ellipsoids with Rician noise.\n" * 4)
    for image in images:
        add_image(root, image)
    return root


def add_image(
    root: Path,
    relative: str,
    data: npt.NDArray[Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Path:
    """Write one image with its sidecar, and gradients for diffusion; `metadata` comes on top."""
    path = root / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    suffix = path.name.split(".")[0].rsplit("_")[-1]
    if data is None:
        series = {"bold": 10, "cbv": 10, "dwi": 13}
        data = head_series(series[suffix]) if suffix in series else head()
    write_new(path, data, AFFINE, TR if data.ndim > 3 else None)
    stem = path.name.split(".")[0]
    write_json(path.with_name(f"{stem}.json"), sidecar_of(path) | dict(metadata or {}))
    if (path.parent.name, suffix) == ("dwi", "dwi"):
        write_gradients(path.with_name(stem), data.shape[3] if data.ndim > 3 else 1)
    return path


def add_skeleton(root: Path, *files: str) -> None:
    """Write empty files: enough where only names matter."""
    for relative in files:
        path = root / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def head(shape: tuple[int, int, int] = SHAPE, sigma: float = SIGMA, seed: int = 0) -> Any:
    """Return an int16 ellipsoid of tissue in air, with Rician noise."""
    return _rician(_ellipsoid(shape), sigma, seed)


def head_series(
    volumes: int = 10,
    shape: tuple[int, int, int] = SHAPE,
    sigma: float = SIGMA,
    seed: int = 0,
) -> Any:
    """Return an int16 series of the ellipsoid whose brightness swings by a few percent."""
    swing = 1 + 0.03 * np.sin(np.arange(volumes))
    return _rician(_ellipsoid(shape)[..., None] * swing, sigma, seed)


def _ellipsoid(shape: tuple[int, int, int]) -> npt.NDArray[np.float64]:
    axes = np.meshgrid(*(np.linspace(-1, 1, length) for length in shape), indexing="ij")
    radius = np.sqrt(sum(axis**2 for axis in axes))
    return np.where(radius < 0.45, 900.0, np.where(radius < 0.8, 600.0, 0.0))


def _rician(truth: npt.NDArray[np.float64], sigma: float, seed: int) -> npt.NDArray[np.int16]:
    rng = np.random.default_rng(seed)
    real, imaginary = rng.normal(scale=sigma, size=(2, *truth.shape))
    return np.asarray(np.rint(np.hypot(truth + real, imaginary)), dtype=np.int16)


def sidecar_of(path: Path) -> dict[str, Any]:
    """Return the fields that BIDS requires for an image of this name."""
    fields: dict[str, Any] = {"Manufacturer": "None", "MagneticFieldStrength": 3}
    stem = path.name.split(".")[0]
    pairs = dict(part.split("-", 1) for part in stem.split("_")[:-1])
    if "task" in pairs:
        fields |= {"RepetitionTime": TR, "TaskName": pairs["task"]}
    if "echo" in pairs:
        fields |= {"EchoTime": 0.012 * int(pairs["echo"])}
    if "desc" in pairs:
        fields |= {"SkullStripped": False}
    return fields


def write_gradients(stem: Path, volumes: int) -> None:
    """Write ``.bval`` and ``.bvec``: one b = 0, then b = 1000 s/mm^2 along a spiral."""
    heights = np.linspace(-0.9, 0.9, max(volumes, 2))[:volumes]
    turns = 2.4 * np.arange(volumes)
    flat = np.sqrt(1 - heights**2)
    directions = np.array([flat * np.cos(turns), flat * np.sin(turns), heights])
    directions[:, 0] = 0
    bvals = [0, *[1000] * (volumes - 1)]
    stem.with_name(f"{stem.name}.bval").write_text(" ".join(map(str, bvals)) + "\n")
    rows = [" ".join(f"{value:.6f}" for value in row) for row in directions]
    stem.with_name(f"{stem.name}.bvec").write_text("\n".join(rows) + "\n")


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def scan_at(root: Path, relative: str) -> Scan:
    """Return the scan that the app finds at this path."""
    found = find_scans(root, Filters())
    return next(scan for scan in found.scans if scan.path == root / relative)
