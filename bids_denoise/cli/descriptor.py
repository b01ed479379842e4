"""The Boutiques descriptor of the app, made from the option table.

It follows the schema 0.5 and the draft of the BIDS execution specification.
"""

from __future__ import annotations

import json
import math
from typing import Any

from bids_denoise import __version__
from bids_denoise.cli.option import Option
from bids_denoise.cli.options import options
from bids_denoise.cli.text import ABOUT, exit_codes

TYPES = {
    "text": "String",
    "device": "String",
    "switch": "String",
    "path": "File",
    "integer": "Number",
    "number": "Number",
    "flag": "Flag",
    "count": "Flag",
}
# A free text cannot tell a platform's form what is allowed; the number in GB beside it can.
LEFT_OUT = {"mem", "mem_mb"}
CHOICES = {"switch": ("true", "false"), "device": ("auto", "cpu", "cuda")}
EXECUTION_SPECIFICATION = "0.1.0-draft"


def descriptor() -> dict[str, Any]:
    """Return the descriptor."""
    described = [each for each in options() if not each.hidden and each.name not in LEFT_OUT]
    return {
        "name": "bids-denoise",
        "tool-version": __version__,
        "description": ABOUT,
        "schema-version": "0.5",
        "command-line": " ".join(["bids-denoise", *(_key(each) for each in described)]),
        "inputs": [_input(each) for each in described],
        "groups": [_verbosity_group()],
        "output-files": [
            {
                "id": "Results",
                "name": "Results",
                "description": "The BIDS derivative dataset with images, records and reports.",
                "path-template": _key_of("output_dir"),
                "optional": True,
            }
        ],
        "error-codes": [
            {"code": code, "description": meaning} for code, meaning in exit_codes().items()
        ],
        "suggested-resources": {"cpu-cores": 4, "ram": 8, "walltime-estimate": 3600},
        "tags": {"domain": ["neuroinformatics", "mri"], "toolType": "BIDS App"},
        # The page of the draft names the first key and its example the second.
        "custom": {
            "BIDSAppSpecVersion": EXECUTION_SPECIFICATION,
            "BIDSApplicationVersion": EXECUTION_SPECIFICATION,
            "OutputDataSpecification": ["BIDS-Derivatives"],
        },
    }


def descriptor_text() -> str:
    """Return the descriptor as the text of ``boutiques.json``."""
    return json.dumps(descriptor(), indent=2, ensure_ascii=False)


def identifier(option: Option) -> str:
    """Return the id of an option in the descriptor.

    >>> from bids_denoise.cli.options import by_name
    >>> identifier(by_name()["work_dir"]), identifier(by_name()["bids_dir"])
    ('WorkDir', 'InputDataset')
    """
    return option.identifier or "".join(part.capitalize() for part in option.name.split("_"))


def _input(option: Option) -> dict[str, Any]:
    kind = TYPES[option.kind]
    # The output folder need not be there yet; as a File, bosh would ask for it and mount it.
    entry: dict[str, Any] = {
        "id": identifier(option),
        "name": option.name.replace("_", " ").capitalize(),
        "description": option.help + (f" Default: {option.default}." if option.default else ""),
        "type": "String" if option.name == "output_dir" else kind,
        "value-key": _key(option),
        "optional": not option.positional,
    }
    if not option.positional:
        entry["command-line-flag"] = option.flag
    if option.many:
        entry |= {"list": True, "min-list-entries": 1}
        if option.positional:
            entry["max-list-entries"] = len(option.choices)
    choices = option.choices or CHOICES.get(option.kind)
    if choices:
        entry["value-choices"] = list(choices)
    return entry | (_numbers(option) if kind == "Number" else {})


def _numbers(option: Option) -> dict[str, Any]:
    facts: dict[str, Any] = {"integer": True} if option.kind == "integer" else {}
    if math.isfinite(option.minimum):
        facts["minimum"] = option.minimum
    if math.isfinite(option.maximum):
        facts["maximum"] = option.maximum
    return facts


def _verbosity_group() -> dict[str, Any]:
    return {
        "id": "Verbosity",
        "name": "Verbosity",
        "members": ["Verbose", "Quiet"],
        "mutually-exclusive": True,
    }


def _key(option: Option) -> str:
    return _key_of(option.name)


def _key_of(name: str) -> str:
    return f"[{name.upper()}]"
