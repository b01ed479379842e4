"""The one table of options. Parser, help, config file, Boutiques descriptor and docs read it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from bids_denoise.cli.group_options import GROUP_OPTIONS
from bids_denoise.cli.option import DATA, METHOD, SELECT, WRITE, Kind, Option
from bids_denoise.cli.running_options import INFORMATION_OPTIONS, MACHINE_OPTIONS, RUN_OPTIONS
from bids_denoise.denoisers import DENOISERS
from bids_denoise.denoisers.amount import Amount
from bids_denoise.denoisers.base import Parameter, parameters

LEVELS = ("participant", "group")

_INPUT = (
    Option(
        "bids_dir",
        "Folder of the BIDS dataset: raw data, or derivatives such as those of fMRIPrep.",
        DATA,
        kind="path",
        positional=True,
        metavar="BIDS_DIR",
        identifier="InputDataset",
    ),
    Option(
        "output_dir",
        "Folder for the results. It is made if it is not there.",
        DATA,
        kind="path",
        positional=True,
        metavar="OUTPUT_DIR",
        identifier="OutputLocation",
    ),
    Option(
        "analysis_level",
        "participant: denoise and report each image. group: compare the participants, from the "
        "results alone. Both may be given.",
        DATA,
        positional=True,
        many=True,
        metavar="LEVEL",
        choices=LEVELS,
        identifier="AnalysisLevel",
    ),
    Option(
        "derivatives",
        "Other derivative datasets; an image is judged inside the brain mask that one of them has "
        "for it, and denoised by its noise map. A bare path is named after its folder.",
        DATA,
        short="-d",
        many=True,
        metavar="NAME=PATH",
    ),
    Option(
        "config_file",
        "TOML or JSON file with options by name (participant_label, [nlm] search_radius, ...). A "
        "Boutiques invocation is one too. Flags win over it.",
        DATA,
        kind="path",
        metavar="FILE",
        only_terminal=True,
    ),
    Option(
        "bids_database_dir",
        "Folder of a PyBIDS index to use and to keep. It is made anew when it does not fit the "
        "dataset.",
        DATA,
        kind="path",
        metavar="FOLDER",
    ),
    Option("bids_database_wipe", "Make the PyBIDS index anew.", DATA, kind="flag"),
    Option(
        "skip_bids_validation",
        "Do not check the dataset's description and comment on it.",
        DATA,
        kind="flag",
        aliases=("--skip-bids-validator",),
    ),
)

_SELECTION = (
    Option(
        "participant_label",
        "Participants to denoise, with or without sub-; or a text file of labels (@labels.txt).",
        SELECT,
        aliases=("--participant-labels", "--participants", "--subject-label"),
        many=True,
        metavar="LABEL",
        default="all",
        identifier="SubjectLabel",
    ),
    Option(
        "exclude_participant_label",
        "Participants to leave out, given in the same ways.",
        SELECT,
        aliases=("--exclude-participant-labels",),
        many=True,
        metavar="LABEL",
    ),
    Option(
        "session_label",
        "Sessions, with or without ses-; or a text file.",
        SELECT,
        aliases=("--session-labels", "--session-id", "--session-ids"),
        many=True,
        metavar="LABEL",
        default="all",
        identifier="SessionLabel",
    ),
    Option(
        "task_id",
        "Tasks, with or without task-.",
        SELECT,
        short="-t",
        aliases=("--task-ids", "--task-label"),
        many=True,
        metavar="LABEL",
        default="all",
        identifier="TaskLabel",
    ),
    Option(
        "run_id",
        "Runs, by number: 1 is also 01.",
        SELECT,
        aliases=("--run-ids", "--run-label"),
        many=True,
        metavar="INDEX",
        default="all",
        identifier="RunIndex",
    ),
    Option(
        "modalities",
        "Kinds of image by BIDS suffix, such as T1w T2w FLAIR bold sbref dwi.",
        SELECT,
        short="-m",
        aliases=("--modality",),
        many=True,
        metavar="SUFFIX",
        default="all",
    ),
    Option(
        "bids_filter_file",
        'JSON file with entities by suffix, {"t1w": {"acquisition": "mprage", "run": [1, 2]}}: '
        "only images with these values are taken.",
        SELECT,
        kind="path",
        metavar="FILE",
    ),
)

_METHODS = (
    Option(
        "method",
        "The denoiser. auto takes unet for anatomical images, pca for BOLD and patch2self for "
        "diffusion where sigma can be trusted, mppca for other series of enough volumes and nlm "
        "for the rest.",
        METHOD,
        metavar="NAME",
        choices=("auto", *DENOISERS),
        default="auto",
    ),
    Option(
        "device",
        "auto, cpu, cuda or cuda:N. auto takes a CUDA device when there is one; cuda without one "
        "is an error.",
        METHOD,
        kind="device",
        metavar="DEVICE",
        default="auto",
    ),
    Option(
        "random_seed",
        "Seed of everything random. It is always recorded.",
        METHOD,
        kind="integer",
        aliases=("--seed",),
        metavar="N",
        minimum=0,
        maximum=2**32 - 1,
        default="0",
    ),
    Option("sloppy", "Faster and worse: for tests, never for results.", METHOD, kind="flag"),
)

_OUTPUTS = (
    Option(
        "output_layout",
        "derivatives: a BIDS derivative dataset. rawlike: named like raw data, so that fMRIPrep "
        "or QSIPrep take it as their input.",
        WRITE,
        metavar="LAYOUT",
        choices=("derivatives", "rawlike"),
        default="derivatives",
    ),
    Option(
        "output_dtype",
        "float32, or the integer type of the source with a scale that keeps the values.",
        WRITE,
        metavar="TYPE",
        choices=("float32", "source"),
        default="float32",
    ),
    Option("write_noise_map", "Write the noise map (always for dwi).", WRITE, kind="flag"),
    Option("write_residual", "Write what was removed.", WRITE, kind="flag"),
    Option("write_tsnr_map", "Write the temporal SNR map of bold runs.", WRITE, kind="flag"),
    Option(
        "atlas",
        "Parcels of the connectome that is made of each bold run before and after. auto: geometric "
        "parcels of its brain, in an MNI152 space of the MNI152 brain; none: no connectome; else a "
        "label image in the space of the runs (a .tsv beside it names the labels), or an atlas in "
        "the local TemplateFlow folder, such as Schaefer2018:100Parcels7Networks.",
        WRITE,
        metavar="ATLAS",
        default="auto",
    ),
    Option(
        "anatomy",
        "Find brain, tissues and their volumes in anatomical images, in the original and in the "
        "denoised one, and bring the grey matter of both to a template.",
        WRITE,
        kind="flag",
    ),
    Option(
        "template",
        "The template of --anatomy. auto: MNI152NLin2009cAsym of the local TemplateFlow folder, "
        "without it the MNI152 brain that comes along; cohort: a mean of the participants, made "
        "at the group level, as auto takes for rodents; none: no template; else a brain in a file, "
        "or a template in the local TemplateFlow folder.",
        WRITE,
        metavar="TEMPLATE",
        default="auto",
    ),
    Option(
        "report_embed",
        "Put the figures into the report page, which is then a single file.",
        WRITE,
        kind="flag",
    ),
)


@cache
def options() -> tuple[Option, ...]:
    """Return every option of the app, those of the denoisers included."""
    amount = tuple(_amount_option(each) for each in parameters(Amount))
    science = (*_INPUT, *_SELECTION, *_METHODS, *amount, *_OUTPUTS, *GROUP_OPTIONS)
    running = (*MACHINE_OPTIONS, *RUN_OPTIONS, *INFORMATION_OPTIONS)
    own = tuple(
        _denoiser_option(name, each)
        for name, kind in DENOISERS.items()
        for each in parameters(kind)
    )
    return (*science, *running, *own)


@cache
def by_name() -> dict[str, Option]:
    """Return the options by name."""
    return {each.name: each for each in options()}


def _amount_option(parameter: Parameter) -> Option:
    """Return the option of a parameter that all denoisers share."""
    return _parameter_option(parameter, parameter.name, METHOD)


def _denoiser_option(denoiser: str, parameter: Parameter) -> Option:
    group = f"Parameters of {denoiser} ({DENOISERS[denoiser].summary})"
    option = _parameter_option(parameter, f"{denoiser}_{parameter.name}", group)
    return replace(option, denoiser=denoiser)


def _parameter_option(parameter: Parameter, name: str, group: str) -> Option:
    kinds: dict[type, Kind] = {int: "integer", float: "number", bool: "switch", str: "text"}
    metavars: dict[type, str] = {int: "N", float: "X", bool: "true|false", str: "NAME"}
    text = parameter.help[:1].upper() + parameter.help[1:]
    unit = f", in {parameter.unit}" if parameter.unit else ""
    return Option(
        name=name,
        help=f"{text.rstrip('.')}{unit}.",
        group=group,
        kind=kinds[parameter.kind],
        metavar=metavars[parameter.kind],
        choices=parameter.choices,
        minimum=parameter.minimum,
        maximum=parameter.maximum,
        default=_default_text(parameter.default),
    )


def _default_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
