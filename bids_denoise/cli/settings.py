"""From what the user gave to the settings of a run, with every check that needs no image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from bids_denoise.cli import folders, labels, resources
from bids_denoise.cli.config import effective_toml, read_config
from bids_denoise.cli.given import Given, Problems
from bids_denoise.cli.options import by_name, options
from bids_denoise.dataset.selection import check_filters
from bids_denoise.errors import UsageError
from bids_denoise.values import Comparison, Filters, Settings

SAME_NAME = (
    "method", "strength", "sigma_scale", "device", "nprocs", "omp_nthreads", "low_mem",
    "output_layout", "output_dtype", "write_noise_map", "write_residual", "write_tsnr_map",
    "anatomy", "keep_work",
    "skip_bids_validation", "overwrite", "dry_run", "reports_only", "boilerplate_only",
    "report_embed", "stop_on_first_crash", "sloppy", "debug", "log_format",
)  # fmt: skip


def settings_from(flags: Given, command: Sequence[str]) -> Settings:
    """Return the settings of a run.

    Parameters
    ----------
    flags
        What the command line gave. Its problems are reported with those found here.
    command
        The command line itself, for the records.

    Raises
    ------
    ExceptionGroup
        Of `BidsDenoiseError`: everything that is wrong, at once.
    """
    config = _config(flags)
    problems = Problems((*flags.problems, *config.problems))
    given = {**config.values, **flags.values}
    if not flags.problems:
        problems.check(_check_nothing_is_missing, given)
    settings = _assemble(given, problems)
    problems.check(check_filters, settings.filters)
    problems.check(_check_parameters_matter, flags.values, settings.method)
    problems.check(_check_verbosity, given)
    if "bids_dir" in given and "output_dir" in given:
        folders.check(settings, problems)
    problems.raise_any()
    folders.check_writable(settings)
    settings = replace(settings, command=("bids-denoise", *command))
    return replace(settings, effective_config=effective_toml(settings))


def _config(flags: Given) -> Given:
    path = flags.values.get("config_file")
    return read_config(Path(path)) if path is not None else Given()


def _assemble(given: Mapping[str, Any], problems: Problems) -> Settings:
    nprocs = given.get("nprocs", resources.usable_cpus())
    settings = Settings(
        bids_dir=folders.absolute(given.get("bids_dir", "")),
        output_dir=folders.absolute(given.get("output_dir", "")),
        levels=_levels(given),
        filters=_filters(given, problems),
        parameters=_parameters(given),
        memory=given.get("mem", resources.usable_memory()),
        atlas=problems.attempt(folders.named_atlas, given.get("atlas", "auto"), otherwise="auto"),
        template=problems.attempt(
            folders.named_template, given.get("template", "auto"), otherwise="auto"
        ),
        comparison=problems.attempt(_comparison, given, otherwise=Comparison()),
        derivatives=problems.attempt(
            folders.named_datasets, given.get("derivatives", ()), otherwise={}
        ),
        work_dir=_folder(given, "work_dir"),
        database_dir=_folder(given, "bids_database_dir"),
        database_wipe=given.get("bids_database_wipe", False),
        seed=given.get("random_seed", 0),
        verbosity=-1 if given.get("quiet") else given.get("verbose", 0),
    )
    same = {name: given[name] for name in SAME_NAME if name in given}
    return replace(settings, **{"nprocs": nprocs, **same})


def _levels(given: Mapping[str, Any]) -> tuple[str, ...]:
    asked = given.get("analysis_level", ())
    return tuple(each for each in by_name()["analysis_level"].choices if each in asked)


def _filters(given: Mapping[str, Any], problems: Problems) -> Filters:
    def of(name: str, prefix: str) -> tuple[str, ...]:
        return problems.attempt(
            labels.read_labels, given.get(name, ()), prefix, by_name()[name].flag, otherwise=()
        )

    return Filters(
        participants=of("participant_label", "sub-"),
        exclude_participants=of("exclude_participant_label", "sub-"),
        sessions=of("session_label", "ses-"),
        tasks=of("task_id", "task-"),
        runs=of("run_id", "run-"),
        modalities=given.get("modalities", ()),
        by_suffix=problems.attempt(
            labels.read_filter_file, given.get("bids_filter_file"), otherwise={}
        ),
    )


def _comparison(given: Mapping[str, Any]) -> Comparison:
    """Return what is asked of the group.

    Raises
    ------
    UsageError
        Options that belong together are not all there.
    MissingInputError
        A second dataset is named that is not there.
    """
    names = {each.name for each in fields(Comparison)}
    asked = {name: value for name, value in given.items() if name in names}
    if "external" in asked:
        asked["external"] = folders.named_external(asked["external"])
    if ("patient" in asked) != ("control" in asked):
        raise UsageError("--patient and --control are needed together")
    if "patient" in asked and "group_column" not in asked:
        raise UsageError("--patient and --control need --group-column")
    if "patient" in asked and asked["patient"] == asked["control"]:
        raise UsageError(f"--patient and --control are both {asked['patient']!r}")
    if ("outcome_column" in asked) != ("good_outcome" in asked):
        raise UsageError("--outcome-column and --good-outcome are needed together")
    for name in ("predictors", "score_column", "external"):
        if name in asked and "outcome_column" not in asked:
            flag = by_name()[name].flag
            raise UsageError(f"{flag}: of no effect without --outcome-column")
    return Comparison(**asked)


def _parameters(given: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for option in options():
        if option.denoiser and option.name in given:
            found.setdefault(option.denoiser, {})[option.parameter] = given[option.name]
    return found


def _folder(given: Mapping[str, Any], name: str) -> Path | None:
    return folders.absolute(given[name]) if name in given else None


def _check_nothing_is_missing(given: Mapping[str, Any]) -> None:
    missing = [each.flag for each in options() if each.positional and each.name not in given]
    if not missing:
        return
    lists = [each.flag for each in options() if each.many and not each.positional]
    swallowed = [flag for flag in lists if flag[2:].replace("-", "_") in given]
    hint = "".join(f" ({flag} takes every word up to the next option)" for flag in swallowed)
    raise UsageError(
        f"missing: {' '.join(missing)}{hint}. "
        "Usage: bids-denoise BIDS_DIR OUTPUT_DIR {participant,group} [options]"
    )


def _check_parameters_matter(flags: Mapping[str, Any], method: str) -> None:
    idle = [
        each.flag
        for each in options()
        if each.denoiser and each.name in flags and method not in {"auto", each.denoiser}
    ]
    if idle:
        raise UsageError(f"{', '.join(idle)}: of no effect with --method {method}")


def _check_verbosity(given: Mapping[str, Any]) -> None:
    if given.get("quiet") and given.get("verbose"):
        raise UsageError("--quiet and --verbose exclude each other")
