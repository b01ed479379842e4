"""The nouns of the app: values that travel from room to room. Nobody writes to their arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float32]
    BoolArray = npt.NDArray[np.bool_]

Law = Literal["gaussian", "rician", "nc-chi"]
Status = Literal["ok", "skipped", "failed"]
Light = Literal["green", "amber", "red"]

FEATURES = ("vbm", "volumes", "connectome", "qc")
"""What a classifier can see of a person."""


@dataclass(frozen=True)
class Filters:
    """Which images of a dataset are wanted. An empty tuple means all.

    Labels have no prefix (``01``, not ``sub-01``). Runs are compared as numbers: ``1`` is ``01``.
    """

    participants: tuple[str, ...] = ()
    exclude_participants: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()
    by_suffix: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """Who is compared, and by what; `smoothing` in mm, `external` COLUMN=VALUE or a path."""

    group_column: str = ""
    patient: str = ""
    control: str = ""
    covariates: tuple[str, ...] = ()
    site_column: str = ""
    features: tuple[str, ...] = FEATURES
    permutations: int = 5000
    smoothing: float | None = None
    outcome_column: str = ""
    good_outcome: tuple[str, ...] = ()
    predictors: tuple[str, ...] = ()
    score_column: str = ""
    high_score: Literal["bad", "good"] = "bad"
    external: str = ""


@dataclass(frozen=True)
class Settings:
    """One run of the app, as asked for on the command line and in the config file.

    `parameters` holds, by denoiser name, only the values that were given. `memory` is in bytes.
    `levels` are of ``participant`` and ``group``. `effective_config` is a TOML text that makes
    these settings again. `atlas` is ``auto``, ``none``, a path, or a name of TemplateFlow;
    `template` is the same, or ``cohort``.
    """

    bids_dir: Path
    output_dir: Path
    levels: tuple[str, ...]
    filters: Filters = Filters()
    method: str = "auto"
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    strength: float = 1.0
    sigma_scale: float = 1.0
    device: str = "auto"
    nprocs: int = 1
    omp_nthreads: int = 1
    memory: int = 8 * 1024**3
    low_mem: bool = False
    output_layout: Literal["derivatives", "rawlike"] = "derivatives"
    output_dtype: Literal["float32", "source"] = "float32"
    write_noise_map: bool = False
    write_residual: bool = False
    write_tsnr_map: bool = False
    atlas: str = "auto"
    anatomy: bool = False
    template: str = "auto"
    comparison: Comparison = Comparison()
    derivatives: Mapping[str, Path] = field(default_factory=dict)
    work_dir: Path | None = None
    keep_work: bool = False
    database_dir: Path | None = None
    database_wipe: bool = False
    skip_bids_validation: bool = False
    seed: int = 0
    overwrite: bool = False
    dry_run: bool = False
    reports_only: bool = False
    boilerplate_only: bool = False
    report_embed: bool = False
    stop_on_first_crash: bool = False
    sloppy: bool = False
    debug: bool = False
    verbosity: int = 0
    log_format: Literal["text", "json"] = "text"
    command: tuple[str, ...] = ()
    effective_config: str = ""


@dataclass(frozen=True)
class Scan:
    """One image file of a dataset, without its voxels.

    Attributes
    ----------
    path
        Absolute path as found in the dataset; links are not resolved.
    dataset
        Root of the dataset that `path` lies in.
    datatype
        ``anat``, ``func`` or ``dwi``.
    suffix
        BIDS suffix such as ``T1w`` or ``bold``.
    entities
        Short BIDS entity keys in the order of the file name, e.g.
        ``{"sub": "01", "ses": "a", "run": "1"}``. Values are strings as written.
    metadata
        Sidecar fields after inheritance.
    bval, bvec
        The diffusion gradient files, after inheritance.
    phase
        The phase image of the same acquisition (``part-phase``).
    echoes
        The other echoes of the same acquisition, which have none themselves.
    """

    path: Path
    dataset: Path
    datatype: str
    suffix: str
    entities: Mapping[str, str]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    bval: Path | None = None
    bvec: Path | None = None
    phase: Path | None = None
    echoes: tuple[Scan, ...] = ()


@dataclass(frozen=True)
class Dropped:
    """A file that is not denoised, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Found:
    """What a dataset holds: the images to denoise, and every other image with the reason."""

    scans: tuple[Scan, ...]
    dropped: tuple[Dropped, ...]


@dataclass(frozen=True)
class Image:
    """Voxels in scanner space.

    Attributes
    ----------
    data
        float32, (x, y, z) or (x, y, z, t), C-contiguous, finite, in the units of the file. A large
        series is a mapped file (`scratch`): to be gone through in parts, never copied whole.
    affine
        (4, 4) float64, voxel indices to RAS mm.
    mask
        bool (x, y, z): False where the file holds no measurement (air that was set to
        one constant value, such as the exact zeros of a brain-extracted scan, and voxels that
        were not finite). Those voxels come back as they went in.
    bvals
        (t,) in s/mm^2, for diffusion data.
    head
        bool (x, y, z): where the image is judged, such as a brain mask from another dataset;
        None for the foreground that is found in the image itself.
    phase
        float32, the shape of `data`, in radians: of the complex image whose magnitude `data` is.
    echoes
        The other echoes of the same acquisition, of the same shape and noise.
    groups
        (t,): the number of the echo each volume is of, where they are joined in one series.
    """

    data: FloatArray
    affine: npt.NDArray[np.float64]
    mask: BoolArray
    bvals: npt.NDArray[np.float64] | None = None
    head: BoolArray | None = None
    phase: FloatArray | None = None
    echoes: tuple[Image, ...] = ()
    groups: npt.NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Noise:
    """How strong the noise is, voxel by voxel, and by which law it falls.

    Attributes
    ----------
    sigma
        float32 (x, y, z), standard deviation of the underlying Gaussian (of each
        channel, for magnitude data), in image units. Always a map.
    law
        ``gaussian``, ``rician`` or ``nc-chi``.
    method
        The estimator that `sigma` was taken from.
    estimates
        Every estimator's single number for the same image, in image units.
    trusted
        False when the image breaks the assumptions of the estimators.
    remarks
        Plain sentences: why not trusted, and where the estimators disagree.
    """

    sigma: FloatArray
    law: Law
    method: str
    estimates: Mapping[str, float] = field(default_factory=dict)
    trusted: bool = True
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Device:
    """Where the work is done: ``cpu`` with a number of threads, or one CUDA device.

    `memory` is what one image may take of the machine's, in bytes; None for no bound.
    """

    kind: Literal["cpu", "cuda"] = "cpu"
    index: int = 0
    name: str = "cpu"
    threads: int = 1
    memory: int | None = None

    @property
    def torch_name(self) -> str:
        """What torch calls it: ``cpu`` or ``cuda:0``."""
        return "cpu" if self.kind == "cpu" else f"cuda:{self.index}"


@dataclass(frozen=True)
class Denoised:
    """The result of a denoiser.

    Attributes
    ----------
    data
        float32, the shape of the input.
    maps
        Named float32 maps (x, y, z), e.g. ``sigma``, ``rank``, ``uncertainty``.
    choices
        What the denoiser settled on by itself, e.g. ``{"passes": 2}``; plain values.
    """

    data: FloatArray
    maps: Mapping[str, FloatArray] = field(default_factory=dict)
    choices: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Quality:
    """What was measured on an image before and after, and the verdict on it.

    ``None`` stands for a number that cannot be computed here.
    """

    before: Mapping[str, float | None]
    after: Mapping[str, float | None]
    residual: Mapping[str, float | None]
    light: Light
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Record:
    """Everything that is known of one processed image: plain values, one JSON file.

    `code` is the exit code of the error that a failed image met. Paths are POSIX strings:
    `source` relative to the input dataset, the others to the folder that holds the QC pages.
    `connectome` and `anatomy` are empty where none is made, or hold the `reason`.
    """

    source: str
    participant: str
    session: str | None
    datatype: str
    suffix: str
    status: Status
    reason: str = ""
    hint: str = ""
    code: int = 0
    output: str = ""
    maps: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, str] = field(default_factory=dict)
    image: Mapping[str, Any] = field(default_factory=dict)
    method: str = ""
    why: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    choices: Mapping[str, Any] = field(default_factory=dict)
    noise: Mapping[str, Any] = field(default_factory=dict)
    quality: Mapping[str, Any] = field(default_factory=dict)
    connectome: Mapping[str, Any] = field(default_factory=dict)
    anatomy: Mapping[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
