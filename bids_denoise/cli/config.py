"""Config files: read one, and write the settings of a run as one."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bids_denoise.cli.convert import convert
from bids_denoise.cli.given import Given, Problems, near
from bids_denoise.cli.labels import ABSENT
from bids_denoise.cli.option import Option
from bids_denoise.cli.options import by_name, options
from bids_denoise.denoisers import DENOISERS
from bids_denoise.errors import MissingInputError, UsageError
from bids_denoise.values import Settings


def read_config(path: Path) -> Given:
    """Return the options in a TOML or JSON file, by `Option.key`.

    A key is the name of an option, in any spelling (``participant_label``,
    ``participant-label``), or its id in the Boutiques descriptor (``SubjectLabel``). Parameters
    of a denoiser may stand in a table of its name.
    """
    problems = Problems()
    nothing: dict[str, Any] = {}
    content = problems.attempt(_content, path, otherwise=nothing)
    known = _known_keys()
    values: dict[str, Any] = {}
    for key, value in _flat(content):
        where = f"{key} in {path}"
        option = known.get(_folded(key))
        if option is None:
            names = [each.name for each in known.values()]
            problems.all.append(UsageError(f"unknown option {where}{near(key, names)}"))
        elif option.key in values:
            problems.all.append(UsageError(f"{where}: {option.key} is already given another way"))
        else:
            values[option.key] = problems.attempt(_value, option, value, where, otherwise=None)
    good = {key: value for key, value in values.items() if value is not None}
    return Given(good, tuple(problems.all))


def effective_toml(settings: Settings) -> str:
    """Return a config file that makes these settings again, whatever the machine's defaults are."""
    import tomli_w

    return tomli_w.dumps(_table(settings))


def _content(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except FileNotFoundError:
        raise MissingInputError(f"--config-file: there is no file {path}") from None
    except OSError as error:
        raise MissingInputError(f"--config-file {path}: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"--config-file {path} cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise UsageError(f"--config-file {path}: options by name are expected")
    return content


def _flat(content: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if key in DENOISERS and isinstance(value, dict):
            yield from ((f"{key}_{inner}", each) for inner, each in value.items())
        else:
            yield key, value


def _known_keys() -> dict[str, Option]:
    usable = [each for each in options() if not each.only_terminal]
    names = {_folded(each.name): each for each in usable}
    return names | {_folded(each.identifier): each for each in usable if each.identifier}


def _folded(key: str) -> str:
    return key.replace("-", "").replace("_", "").lower()


def _value(option: Option, value: Any, where: str) -> Any:
    # The filters of a run are kept within its config: the file they came from may be gone by then.
    if option.name == "bids_filter_file" and isinstance(value, dict):
        return value
    return convert(option, value, where)


def _table(settings: Settings) -> dict[str, Any]:
    filters = settings.filters
    pairs = {
        "bids_dir": str(settings.bids_dir),
        "output_dir": str(settings.output_dir),
        "analysis_level": list(settings.levels),
        "participant_label": list(filters.participants),
        "exclude_participant_label": list(filters.exclude_participants),
        "session_label": list(filters.sessions),
        "task_id": list(filters.tasks),
        "run_id": list(filters.runs),
        "modalities": list(filters.modalities),
        "derivatives": [f"{name}={path}" for name, path in settings.derivatives.items()],
        "bids_database_dir": str(settings.database_dir or ""),
        "bids_database_wipe": settings.database_wipe,
        "work_dir": str(settings.work_dir or ""),
        "random_seed": settings.seed,
        "mem": f"{settings.memory}B",
        "verbose": max(settings.verbosity, 0),
        "quiet": settings.verbosity < 0,
    }
    same_name = {
        name: _listed(getattr(source, name))
        for source in (settings, settings.comparison)
        for name in by_name()
        if name not in pairs and hasattr(source, name)
    }
    tables = {"bids_filter_file": _plain(filters.by_suffix)} | {
        name: dict(values) for name, values in settings.parameters.items()
    }
    # In TOML, what follows a table's heading belongs to it: the tables come last.
    given = {**pairs, **same_name}
    plain = {key: value for key, value in given.items() if value not in ("", [], None)}
    return plain | {key: value for key, value in tables.items() if value}


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _plain(by_suffix: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        group: {entity: _written(value) for entity, value in wishes.items()}
        for group, wishes in by_suffix.items()
    }


def _written(value: Any) -> Any:
    if isinstance(value, list):
        return [_written(each) for each in value]
    return ABSENT if value is None else value
