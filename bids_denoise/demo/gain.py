"""How much nearer to the truth each image came: the table at the end of the demo."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise import imageio
from bids_denoise.demo import scans
from bids_denoise.derivatives.records import read_records
from bids_denoise.derivatives.store import read_table
from bids_denoise.simulate import bold, tensors
from bids_denoise.simulate.gradients import Gradients

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from bids_denoise.values import BoolArray, FloatArray, Record

FITTED_UP_TO = 1200.0
"""s/mm^2: the tensor is fitted to the inner shell, as is common."""


@dataclass(frozen=True)
class Gain:
    """What denoising did to one image.

    Attributes
    ----------
    image
        ``sub-01_run-1_T1w``.
    method, light
        The denoiser, and the traffic light of the report.
    sigma_true, sigma
        Median noise within the region, true and estimated, in image units.
    psnr_before, psnr_after
        dB within the region against the noise-free image; peak is its 99.9th percentile there.
    more
        What counts for this kind of image, as a sentence.
    """

    image: str
    method: str
    light: str
    sigma_true: float
    sigma: float
    psnr_before: float
    psnr_after: float
    more: str = ""


@dataclass(frozen=True)
class Triple:
    """The same image three times: `truth`, `before`, `after`; and its region (x, y, z)."""

    truth: FloatArray
    before: FloatArray
    after: FloatArray
    region: BoolArray


def gains(root: Path) -> list[Gain]:
    """Compare every denoised image of a demo in `root` with its truth."""
    records = read_records(root / "denoised")
    return [_gain(root, record) for record in records if record.status == "ok"]


def psnr(image: FloatArray, truth: FloatArray, region: BoolArray) -> float:
    """Return the peak signal-to-noise ratio of `image` in dB within `region` (x, y, z).

    The peak is the 99.9th percentile of `truth` there; infinite for equal images.
    """
    error = np.mean(np.square(image[region].astype(np.float64) - truth[region]))
    peak = float(np.percentile(truth[region], 99.9))
    return float(10 * np.log10(peak**2 / error)) if error > 0 else float("inf")


def _gain(root: Path, record: Record) -> Gain:
    source = root / "dataset" / record.source
    triple = Triple(
        truth=imageio.read(truth_path(root, source, f"desc-truth_{record.suffix}")),
        before=imageio.read(source),
        after=imageio.read(root / "denoised" / record.output),
        region=imageio.read(truth_path(root, source, f"desc-region{record.suffix}_mask")) > 0,
    )
    sigma = imageio.read(truth_path(root, source, f"stat-std_desc-noise_{record.suffix}map"))
    estimated = imageio.read(root / "denoised" / record.maps["sigma"])
    more = {"bold": _bold_facts, "dwi": _dwi_facts}.get(record.suffix, _no_facts)
    return Gain(
        image=source.name.removesuffix(".nii.gz"),
        method=record.method,
        light=str(record.quality.get("light", "")),
        sigma_true=float(np.median(sigma[triple.region])),
        sigma=float(np.median(estimated[triple.region])),
        psnr_before=psnr(triple.before, triple.truth, triple.region),
        psnr_after=psnr(triple.after, triple.truth, triple.region),
        more=more(root, source, triple),
    )


def _bold_facts(root: Path, source: Path, triple: Triple) -> str:
    """Say what became of temporal SNR and of the activation."""
    events = read_table(source.with_name(source.name.replace("_bold.nii.gz", "_events.tsv")))
    design = _design(events, triple.truth.shape[-1])
    amplitudes = [
        imageio.read(truth_path(root, source, f"desc-{name}_boldmap"))
        for name in scans.PARADIGM.regions
    ]
    active = [values > 0.5 * values.max() for values in amplitudes]
    true, _ = _activation(triple.truth, active, design)
    change, t = _activation(triple.before, active, design)
    new_change, new_t = _activation(triple.after, active, design)
    snr, new_snr = (_temporal_snr(each, triple.region) for each in (triple.before, triple.after))
    return (
        f"tSNR {snr:.0f} -> {new_snr:.0f}; activation {change:.2f} -> {new_change:.2f} % "
        f"(true {true:.2f} %), t {t:.1f} -> {new_t:.1f}"
    )


def _dwi_facts(root: Path, source: Path, triple: Triple) -> str:
    """Say how far FA is from the truth."""
    stem = source.name.removesuffix(".nii.gz")
    # FA does not depend on the frame, so the directions can stay along the voxel axes.
    gradients = Gradients(
        bvals=np.loadtxt(source.with_name(f"{stem}.bval")),
        directions=np.loadtxt(source.with_name(f"{stem}.bvec")).T,
    )
    true = imageio.read(truth_path(root, source, "desc-FA_dwimap"))[triple.region]
    errors, biases = [], []
    for series in (triple.before, triple.after):
        fitted = tensors.fit(series, gradients, triple.region, FITTED_UP_TO)[triple.region]
        error = tensors.fractional_anisotropy(fitted) - true
        errors.append(float(np.sqrt(np.mean(error**2))))
        biases.append(float(error.mean()))
    return (
        f"FA error {errors[0]:.3f} -> {errors[1]:.3f} (rms), "
        f"{biases[0]:+.3f} -> {biases[1]:+.3f} (mean)"
    )


def _no_facts(*_: object) -> str:
    return ""


def _design(events: list[dict[str, str]], volumes: int) -> npt.NDArray[np.float64]:
    """Return the responses to each trial type, a constant and a slow trend: (t, columns)."""
    columns = [
        bold.response(
            [
                bold.Event(float(row["onset"]), float(row["duration"]), name)
                for row in events
                if row["trial_type"] == name
            ],
            scans.REPETITION_TIME,
            volumes,
        )
        for name in scans.PARADIGM.regions
    ]
    trend = np.linspace(-1, 1, volumes)
    return np.column_stack([*columns, np.ones(volumes), trend, trend**2])


def _activation(
    series: FloatArray, active: list[BoolArray], design: npt.NDArray[np.float64]
) -> tuple[float, float]:
    """Return mean signal change in % and mean t where each response is known to be."""
    fits = [_fit(series[where], design) for where in active]
    changes = [change[:, index].mean() for index, (change, _) in enumerate(fits)]
    scores = [t[:, index].mean() for index, (_, t) in enumerate(fits)]
    return 100 * float(np.mean(changes)), float(np.mean(scores))


def _fit(
    series: FloatArray, design: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return relative amplitude and t of each response in each voxel, (voxel, response)."""
    responses = design.shape[1] - 3
    weights, *_ = np.linalg.lstsq(design, series.T.astype(np.float64), rcond=None)
    left = series.T - design @ weights
    variance = np.square(left).sum(axis=0) / (design.shape[0] - design.shape[1])
    spread = np.sqrt(np.outer(np.diag(np.linalg.inv(design.T @ design)), variance))
    return (weights / weights[responses])[:responses].T, (weights / spread)[:responses].T


def _temporal_snr(series: FloatArray, region: BoolArray) -> float:
    voxels = series[region]
    return float(np.median(voxels.mean(axis=1) / np.maximum(voxels.std(axis=1), 1e-6)))


def truth_path(root: Path, source: Path, ending: str) -> Path:
    """Return the truth beside a scan: the same name, `ending` in place of the suffix."""
    folder = root / "truth" / source.parent.relative_to(root / "dataset")
    return folder / f"{source.name.rsplit('_', 1)[0]}_{ending}.nii.gz"


def table(found: Sequence[Gain]) -> str:
    """Return the gains as text, one line an image, and one for all of the cohort."""
    own = tuple(f"sub-{label}_" for label in scans.PARTICIPANTS)
    cohort = [gain for gain in found if not gain.image.startswith(own)]
    rows = [gain for gain in found if gain.image.startswith(own)]
    rows += [_median(cohort)] if cohort else []
    width = max(len(gain.image) for gain in rows)
    head = (
        f"{'image':{width}}  method      sigma true  estimated  PSNR before  after   gain  report"
    )
    lines = [head, "-" * len(head)]
    for gain in rows:
        lines.append(
            f"{gain.image:{width}}  {gain.method:10}  {gain.sigma_true:10.1f}  {gain.sigma:9.1f}  "
            f"{gain.psnr_before:8.1f} dB  {gain.psnr_after:5.1f}  "
            f"{gain.psnr_after - gain.psnr_before:+5.1f}  {gain.light}"
        )
        if gain.more:
            lines.append(f"{'':{width}}  {gain.more}")
    return "\n".join(lines)


def _median(some: Sequence[Gain]) -> Gain:
    """Return the medians of some images as if they were those of one."""
    lights = Counter(gain.light for gain in some)
    return Gain(
        image=f"cohort: median of {len(some)} T1w",
        method="/".join(sorted({gain.method for gain in some})),
        light=", ".join(f"{count} {light}" for light, count in sorted(lights.items())),
        sigma_true=float(np.median([gain.sigma_true for gain in some])),
        sigma=float(np.median([gain.sigma for gain in some])),
        psnr_before=float(np.median([gain.psnr_before for gain in some])),
        psnr_after=float(np.median([gain.psnr_after for gain in some])),
    )
