"""Write all results of one image: drafts first, then checked, then renamed together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise import imageio, scratch
from bids_denoise.derivatives import anatomy, connectivity, sidecar
from bids_denoise.derivatives.names import Layout, Outputs, beside
from bids_denoise.derivatives.sidecar import json_paths, record_json
from bids_denoise.derivatives.store import Store, json_text
from bids_denoise.errors import DenoiserError, storage_errors
from bids_denoise.metrics import temporal_snr
from bids_denoise.values import Denoised, Image, Noise, Record, Scan, Settings

if TYPE_CHECKING:
    from bids_denoise.anatomy.person import Anatomy
    from bids_denoise.connectome.run import Connectomes
    from bids_denoise.values import FloatArray

# A denoiser only takes away. More power than before (beyond rounding), or next to none left, is a
# failure of the method and not a result. Power, not variance: bringing Rician air down to its
# true 0 widens the contrast.
MOST_POWER = 1.02
LEAST_POWER = 0.02


@dataclass(frozen=True)
class Target:
    """One image and where its results go."""

    scan: Scan
    outputs: Outputs
    layout: Layout
    settings: Settings


@dataclass(frozen=True)
class Results:
    """What was computed for one image; `figures` are drafts by name.

    `connectomes` are of bold runs, `anatomy` is of anatomical images.
    """

    image: Image
    denoised: Denoised
    noise: Noise
    figures: Mapping[str, Path]
    connectomes: Connectomes | None = None
    anatomy: Anatomy | None = None


def check_result(image: Image, denoised: Denoised) -> None:
    """See that a result can be believed, before anything is written.

    Raises
    ------
    DenoiserError
        It has another shape, is not finite, is empty, or its power makes no sense.
    """
    before, after = image.data, denoised.data
    if after.shape != before.shape:
        raise DenoiserError(f"the result has shape {after.shape}, the image {before.shape}")
    if not all(np.isfinite(plane).all() for plane in after):
        raise DenoiserError("the result has values that are not finite")
    old, new = _power(before), _power(after)
    if not LEAST_POWER * old <= new <= MOST_POWER * old:
        raise DenoiserError(f"the result's power is {new:.4g} where the image has {old:.4g}")


def _power(data: FloatArray) -> float:
    """Return the mean square, summed plane by plane so that float32 suffices."""
    return sum(float(np.vdot(plane, plane)) for plane in data) / data.size


def publish_results(store: Store, target: Target, results: Results, record: Record) -> Record:
    """Write the image, its sidecars, maps, figures and record; the record comes last.

    Returns
    -------
    Record
        The record with the paths of what was written.

    Raises
    ------
    DenoiserError
        The result cannot be believed; nothing is written.
    StorageError
        The disk is full or the folder cannot be written to; nothing is left half-written.
    """
    check_result(results.image, results.denoised)
    outputs, layout = target.outputs, target.layout
    drafts = _Drafts(store)
    with storage_errors(outputs.image):
        _draft_image(drafts, target, results, record)
        maps = _draft_maps(drafts, target, results)
        figures = _draft_figures(drafts, target, results)
        connectome = _draft_connectomes(drafts, target, results)
        seen = _draft_anatomy(drafts, target, results)
        written = replace(
            record,
            output=json_paths({"image": outputs.image}, layout.qc)["image"],
            maps=json_paths(maps, layout.qc),
            figures=json_paths(figures, layout.qc),
            connectome={**record.connectome, **connectome},
            anatomy={**record.anatomy, **seen},
        )
        drafts.text(outputs.record, json_text(record_json(written)))
    store.publish(drafts.pairs)
    return written


class _Drafts:
    """Pairs of a private file and the final name it will get, in order."""

    def __init__(self, store: Store) -> None:
        self.pairs: list[tuple[Path, Path]] = []
        self._folder = store.draft_folder()

    def path(self, final: Path) -> Path:
        draft = self._folder / final.name
        self.pairs.append((draft, final))
        return draft

    def text(self, final: Path, text: str) -> None:
        self.path(final).write_text(text, encoding="utf-8")

    def copy(self, source: Path, final: Path) -> None:
        self.path(final).write_bytes(source.read_bytes())


def _draft_image(drafts: _Drafts, target: Target, results: Results, record: Record) -> None:
    scan, outputs, settings = target.scan, target.outputs, target.settings
    draft = drafts.path(outputs.image)
    imageio.write_like(draft, results.denoised.data, scan.path, settings.output_dtype)
    if target.layout.rawlike:
        content = sidecar.rawlike_sidecar(scan, record)
        _draft_events(drafts, target)
    else:
        content = sidecar.image_sidecar(scan, record, _skull_stripped(target, results))
    drafts.text(beside(outputs.image, ".json"), json_text(content))
    _draft_gradients(drafts, scan, outputs.image)


def _draft_gradients(drafts: _Drafts, scan: Scan, image: Path) -> None:
    """Copy the gradients byte for byte beside an image of the series."""
    for source, ending in ((scan.bval, ".bval"), (scan.bvec, ".bvec")):
        if source is not None:
            drafts.copy(source, beside(image, ending))


def _draft_events(drafts: _Drafts, target: Target) -> None:
    """Copy the events of a task, without which a raw-like run is of no use to a GLM."""
    name = target.scan.path.name.split(f"_{target.scan.suffix}.")[0] + "_events"
    for ending in (".tsv", ".json"):
        source = target.scan.path.with_name(name + ending)
        if source.is_file():
            drafts.copy(source, target.outputs.events.with_suffix(ending))


def _draft_maps(drafts: _Drafts, target: Target, results: Results) -> dict[str, Path]:
    scan, outputs, settings = target.scan, target.outputs, target.settings
    residual = _residual(results) if settings.write_residual else None
    series = scan.datatype == "func" and results.image.data.ndim == 4
    tsnr = temporal_snr(results.denoised.data) if series and settings.write_tsnr_map else None
    sigma = results.denoised.maps.get("sigma", results.noise.sigma)
    uncertainty = results.denoised.maps.get("uncertainty")
    wanted = {
        "sigma": (
            settings.write_noise_map or scan.datatype == "dwi",
            sigma,
            outputs.noise_map,
            "Standard deviation of the noise",
        ),
        "residual": (residual is not None, residual, outputs.residual, "Source minus denoised"),
        "tsnr": (tsnr is not None, tsnr, outputs.tsnr_map, "Temporal SNR after denoising"),
        "uncertainty": (
            uncertainty is not None,
            uncertainty,
            outputs.uncertainty_map,
            "Standard deviation of the draws around the denoised image",
        ),
    }
    written = {}
    for name, (asked, data, final, description) in wanted.items():
        if not asked or data is None:
            continue
        imageio.write_map(drafts.path(final), data, scan.path)
        content = sidecar.map_sidecar(
            scan, description, "arbitrary", _skull_stripped(target, results)
        )
        if name == "residual":
            content = sidecar.series_sidecar(scan, content)
            _draft_gradients(drafts, scan, final)
        drafts.text(beside(final, ".json"), json_text(content))
        written[name] = final
    return written


def _residual(results: Results) -> FloatArray:
    removed = scratch.empty_like(results.image.data)
    planes = zip(results.image.data, results.denoised.data, removed, strict=True)
    for before, after, into in planes:
        np.subtract(before, after, out=into)
    return removed


def _draft_figures(drafts: _Drafts, target: Target, results: Results) -> dict[str, Path]:
    final = {name: target.outputs.figures / path.name for name, path in results.figures.items()}
    drafts.pairs.extend((results.figures[name], final[name]) for name in final)
    return final


def _draft_connectomes(
    drafts: _Drafts, target: Target, results: Results
) -> dict[str, dict[str, str]]:
    """Draft parcels, time series and matrices; return what the record says of the files."""
    made, scan, layout = results.connectomes, target.scan, target.layout
    if made is None:
        return {}
    parcels = connectivity.parcels_path(made, scan, layout)
    imageio.write_map(drafts.path(parcels), made.parcels.labels, scan.path)
    about = sidecar.parcels_sidecar(scan, made.parcels.source, made.parcels.dropped)
    drafts.text(beside(parcels, ".json"), json_text(about))
    drafts.text(beside(parcels, ".tsv"), connectivity.parcels_table(made))
    written = {"parcels": parcels}
    for name, final, text, content in connectivity.tables(made, scan, layout):
        drafts.text(final, text)
        drafts.text(final.with_suffix(".json"), json_text(content))
        written[name] = final
    return {"files": json_paths(written, layout.qc)}


def _draft_anatomy(drafts: _Drafts, target: Target, results: Results) -> dict[str, dict[str, str]]:
    """Draft brain mask, tissues and grey matter; return what the record says of the files."""
    if results.anatomy is None:
        return {}
    written = {}
    for each in anatomy.volumes(results.anatomy, target.scan, target.layout):
        draft = drafts.path(each.path)
        if each.affine is None:
            imageio.write_map(draft, each.data, target.scan.path)
        else:
            imageio.write_new(draft, each.data, each.affine)
        drafts.text(beside(each.path, ".json"), json_text(each.sidecar))
        if each.path.name.endswith("_dseg.nii.gz"):
            drafts.text(beside(each.path, ".tsv"), anatomy.lookup_table())
        written[each.name] = each.path
    return {"files": json_paths(written, target.layout.qc)}


def _skull_stripped(target: Target, results: Results) -> bool:
    return is_skull_stripped(target.scan, results.image)


def is_skull_stripped(scan: Scan, image: Image) -> bool:
    """Say whether only the brain is in the image: from its metadata, its name, or its padding.

    A brain-extracted image has constant air all around; a head runs into the border below.
    """
    if isinstance(scan.metadata.get("SkullStripped"), bool):
        return bool(scan.metadata["SkullStripped"])
    if scan.datatype != "anat":
        return False
    mask = image.mask
    faces = (mask[[0, -1]], mask[:, [0, -1]], mask[:, :, [0, -1]])
    return not mask.all() and not any(face.any() for face in faces)
