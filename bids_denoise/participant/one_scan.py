"""One image, from the file to the published result."""

from __future__ import annotations

import logging
import math
import time
import traceback
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bids_denoise import imageio, scratch
from bids_denoise.dataset import find_brain_mask
from bids_denoise.denoisers import apply
from bids_denoise.denoisers.amount import Amount
from bids_denoise.denoisers.base import parameters
from bids_denoise.denoisers.choose import Choice, Kind, choose_denoiser
from bids_denoise.denoisers.inference import network_bytes
from bids_denoise.derivatives import names, records, sidecar
from bids_denoise.derivatives.publish import Results, Target, publish_results
from bids_denoise.derivatives.store import Store
from bids_denoise.errors import BidsDenoiseError, InterruptedRunError, ScanError, StorageError
from bids_denoise.metrics import judge
from bids_denoise.participant.anatomy import examine, is_examined, template_of, with_volumes
from bids_denoise.participant.connectivity import atlas_of, connect, with_numbers
from bids_denoise.participant.echoes import with_echoes
from bids_denoise.participant.noise_of import noise_file, noise_of
from bids_denoise.report.figures import draw
from bids_denoise.report.figures.connectome import draw_connectomes
from bids_denoise.report.figures.tissues import draw_tissues
from bids_denoise.values import Device, Record, Scan, Settings

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray, Image, Noise, Quality

log = logging.getLogger("bids_denoise")

# Measured peaks: what the interpreter with its packages takes, and float32 copies of the data; of a
# series, of that part of it that does not lie in a file.
BASE_BYTES = 400 * 2**20
COPIES_OF_A_VOLUME = 12
COPIES_OF_A_SERIES = 5
COPIES_OF_A_COMPLEX_SERIES = 11

CAUTION = 0.5
"""Share of sigma that is denoised for when sigma cannot be trusted. Noise that is not white looks
like anatomy to methods made for white noise: on zero-filled scans the whole of sigma takes
structure away, half of it does not, and still removes most of the finest noise."""


@dataclass(frozen=True)
class Job:
    """What all images of a run share; travels to worker processes.

    `repeated` are the anatomical images that there are several of, as `names.repeated` calls them.
    """

    settings: Settings
    layout: names.Layout
    device: Device
    repeated: frozenset[str] = frozenset()

    def of(self, scan: Scan) -> Job:
        """Return what is done for one scan: repeats keep what the group compares them by.

        The group level has no original images but the sum of the denoised ones and the residuals.
        """
        if names.repeated(scan.path.name) not in self.repeated:
            return self
        settings = replace(self.settings, write_residual=True, write_noise_map=True)
        return replace(self, settings=settings)


def denoise_scan(scan: Scan, job: Job) -> Record:
    """Denoise, judge and write one image; a failure becomes a record that says why."""
    started = time.perf_counter()
    job = job.of(scan)
    outputs = names.outputs_of(scan, job.layout)
    record = _begun(scan)
    with Store(job.settings.output_dir) as store:
        try:
            record = _identified(record, scan, job)
            current = records.current_record(outputs, **_identity(record))
            if current is not None and not job.settings.overwrite:
                return replace(current, status="skipped", reason="already done and current")
            folder = store.draft_folder()
            loaded = imageio.load(scan, folder, _uses("phase", _choices(scan, job)))
            image = _with_head(loaded, scan, job)
            noise = noise_of(image, scan, job.settings)
            choice = _choice(scan, job, noise.trusted)
            if getattr(choice.denoiser, "uses_echoes", False):
                image = with_echoes(image, scan, job.settings, noise, folder)
            record = _by(choice, record, job.settings)
            strength = job.settings.strength
            denoised = apply.denoise(choice.denoiser, image, cautious(noise), job.device, strength)
            quality = judge(image, denoised, noise, _redo(choice, job), job.settings.seed)
            connectomes, told = connect(image, denoised, scan, job.settings)
            anatomy, seen = examine(image, denoised, scan, job.settings, job.device)
            quality = with_volumes(with_numbers(quality, connectomes), anatomy)
            figures = draw(image, denoised, noise, folder, outputs.stem)
            figures |= draw_connectomes(connectomes, folder, outputs.stem)
            figures |= draw_tissues(anatomy, (image, denoised), folder, outputs.stem)
            choices = {**denoised.choices, **({} if noise.trusted else {"sigma_share": CAUTION})}
            record = _judged(record, noise, quality, choices)
            record = replace(record, connectome=told, anatomy=seen)
            remarks = (*image.remarks, *noise.remarks)
            seconds = time.perf_counter() - started
            record = replace(record, remarks=remarks, seconds=seconds)
            target = Target(scan, outputs, job.layout, job.settings)
            results = Results(image, denoised, noise, figures, connectomes, anatomy)
            return publish_results(store, target, results, record)
        except (StorageError, InterruptedRunError):
            raise
        except Exception as error:
            failed = replace(record, seconds=time.perf_counter() - started)
            return _failed(store, outputs, failed, error)


def cautious(noise: Noise) -> Noise:
    """Return the noise to denoise for: less than was estimated when that cannot be trusted."""
    return noise if noise.trusted else replace(noise, sigma=noise.sigma * np.float32(CAUTION))


def _with_head(image: imageio.Loaded, scan: Scan, job: Job) -> imageio.Loaded:
    """Add the brain mask that a dataset given with ``--derivatives`` holds for the scan."""
    path = find_brain_mask(scan, job.settings.derivatives.values())
    if path is None:
        return image
    mask = imageio.read(path)
    if mask.shape != image.mask.shape:
        remark = f"The brain mask {path.name} is not on the grid of the image and was not used."
        return replace(image, remarks=(*image.remarks, remark))
    remark = f"Judged inside the brain mask {path.name}."
    return replace(image, head=mask > 0, remarks=(*image.remarks, remark))


def _choice(scan: Scan, job: Job, trusted: bool = True) -> Choice:
    settings = job.settings
    shape, phase = imageio.describe(scan.path).shape, scan.phase is not None
    kind = Kind(scan.datatype, shape, trusted, phase)
    return choose_denoiser(settings.method, settings.parameters, kind, settings.sloppy)


def _choices(scan: Scan, job: Job) -> list[Choice]:
    """Return what can become of `_choice`, which depends on the noise."""
    return [_choice(scan, job, trusted) for trusted in (True, False)]


def _uses(what: str, choices: list[Choice]) -> bool:
    """Say whether the method, whichever it will be, looks at the ``phase`` or the ``echoes``."""
    return any(getattr(each.denoiser, f"uses_{what}", False) for each in choices)


def _values(choice: Choice, settings: Settings) -> dict[str, Any]:
    """Return the parameters of a method, with those of all methods where they are not at rest."""
    denoiser = choice.denoiser
    own = {each.name: getattr(denoiser, each.name) for each in parameters(denoiser)}
    shared = {each.name: getattr(settings, each.name) for each in parameters(Amount)}
    return own | {name: value for name, value in shared.items() if value != 1}


def _by(choice: Choice, record: Record, settings: Settings) -> Record:
    """Add the method and its parameters."""
    values = _values(choice, settings)
    return replace(record, method=choice.denoiser.name, why=choice.why, parameters=values)


def _begun(scan: Scan) -> Record:
    return Record(
        source=sidecar.relative_source(scan),
        participant=scan.entities["sub"],
        session=scan.entities.get("ses"),
        datatype=scan.datatype,
        suffix=scan.suffix,
        status="failed",
    )


def _identified(record: Record, scan: Scan, job: Job) -> Record:
    """Add what decides the result: method, parameters, the checksum of the input.

    Which method ``auto`` takes can depend on the noise, which is not known yet: the fingerprint
    covers both.
    """
    choices = _choices(scan, job)
    values = {each.denoiser.name: _values(each, job.settings) for each in choices}
    echoes = scan.echoes if _uses("echoes", choices) else ()
    others = [path for each in echoes for path in (each.path, each.phase)]
    beside = (scan.bval, scan.bvec, scan.phase, noise_file(scan, job.settings), *others)
    companions = [imageio.checksum(path) for path in beside if path is not None]
    companions.append(atlas_of(scan, job.settings))
    if is_examined(scan, job.settings):
        companions.append(template_of(job.settings.template))
    provenance = {
        "checksum": imageio.checksum(scan.path),
        "fingerprint": sidecar.fingerprint(scan, values, companions, job.settings),
        "versions": sidecar.versions(),
        "device": job.device.name,
        "seed": job.settings.seed,
        "container": sidecar.container(),
    }
    record = replace(record, image=vars(imageio.describe(scan.path)), provenance=provenance)
    return _by(choices[0], record, job.settings)


def _identity(record: Record) -> dict[str, str]:
    return {name: record.provenance[name] for name in ("checksum", "fingerprint")}


def _redo(choice: Choice, job: Job) -> Callable[[Image, Noise], FloatArray] | None:
    """Return how SURE denoises a perturbed copy; not in a sloppy run."""
    if job.settings.sloppy:
        return None

    def redo(image: Image, noise: Noise) -> FloatArray:
        denoiser, strength = choice.denoiser, job.settings.strength
        return apply.denoise(denoiser, image, noise, job.device, strength).data

    return redo


def _judged(record: Record, noise: Noise, quality: Quality, choices: Mapping[str, Any]) -> Record:
    inside = noise.sigma[noise.sigma > 0]
    summary = {
        "law": noise.law,
        "method": noise.method,
        "sigma_median": float(np.median(inside)) if inside.size else 0.0,
        "sigma_range": [float(each) for each in np.percentile(noise.sigma, (5, 95))],
        "estimates": noise.estimates,
        "trusted": noise.trusted,
        "remarks": noise.remarks,
    }
    return replace(record, status="ok", noise=summary, quality=vars(quality), choices=choices)


def _failed(store: Store, outputs: names.Outputs, record: Record, error: Exception) -> Record:
    """Return the record of a failure, kept on disk with a crash file beside the logs."""
    known = isinstance(error, BidsDenoiseError | MemoryError)
    reason = str(error) if known else f"unexpected {type(error).__name__}: {error}"
    code = error.exit_code if isinstance(error, BidsDenoiseError) else BidsDenoiseError.exit_code
    failed = replace(record, status="failed", reason=reason, hint=_hint(error), code=code)
    crash = {
        "record": sidecar.record_json(failed),
        "error": type(error).__name__,
        "traceback": traceback.format_exception(error),
    }
    log.debug("%s", "".join(crash["traceback"]))
    root = store.root / "logs"
    store.write_json(root / f"crash-{uuid.uuid4().hex[:8]}-{outputs.stem}.json", crash)
    store.write_json(outputs.record, sidecar.record_json(failed))
    return failed


def _hint(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "give the run more memory, or fewer images at once (--nprocs, --mem)"
    if isinstance(error, ScanError):
        return "the image itself needs mending; all others went on"
    return "this is a fault of the app: please report it with the crash file in logs/"


def lost_record(scan: Scan) -> Record:
    """Return the record of an image whose worker process died."""
    return replace(
        _begun(scan),
        code=BidsDenoiseError.exit_code,
        reason="the worker process was killed, most likely for its memory",
        hint="give the run more memory, or fewer images at once (--nprocs, --mem)",
    )


def planned_record(scan: Scan, job: Job) -> Record:
    """Return the record that an image would get, without any result: for the methods text."""
    try:
        return replace(_identified(_begun(scan), scan, job), status="ok")
    except BidsDenoiseError as error:
        return replace(_begun(scan), reason=str(error), code=error.exit_code)


def planned(scan: Scan, job: Job) -> dict[str, str]:
    """Return a row of the ``--dry-run`` table: what would be read, done and written."""
    outputs = names.outputs_of(scan, job.layout)
    row = {
        "source": sidecar.relative_source(scan),
        "output": outputs.image.relative_to(job.layout.images).as_posix(),
    }
    job = job.of(scan)
    record = planned_record(scan, job)
    if record.status == "failed":
        return {**row, "method": "-", "memory": "-", "state": f"will fail: {record.reason}"}
    current = records.current_record(outputs, **_identity(record))
    redo = current is None or job.settings.overwrite
    memory = f"{working_bytes(scan) / 2**20:.0f} MiB"
    state = "to do" if redo else "current"
    return {**row, "method": record.method, "memory": memory, "state": state}


def working_bytes(scan: Scan) -> int:
    """Return about how much memory an image takes meanwhile; 0 if its header is broken."""
    try:
        shape = imageio.describe(scan.path).shape
    except BidsDenoiseError:
        return 0
    data = imageio.voxels_bytes(shape)
    if len(shape) > 3 and shape[3] > 1:
        copies = COPIES_OF_A_COMPLEX_SERIES if scan.phase else COPIES_OF_A_SERIES
        copies *= 1 + len(scan.echoes)
        return BASE_BYTES + copies * min(data, scratch.LARGEST_IN_MEMORY)
    network = network_bytes(math.prod(shape)) if scan.datatype == "anat" else 0
    return BASE_BYTES + COPIES_OF_A_VOLUME * data + network
