import contextlib
import io
import json
import random
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from boutiques import bosh
from boutiques.validator import DescriptorValidationError
from hypothesis import given, settings
from hypothesis import strategies as st

from bids_denoise.cli.descriptor import descriptor, descriptor_text, identifier
from bids_denoise.cli.option import Option
from bids_denoise.cli.options import by_name, options
from bids_denoise.cli.parser import parse

SHIPPED = Path(__file__).parents[2] / "boutiques.json"
IN_DESCRIPTOR = [
    option
    for option in options()
    if identifier(option) in {entry["id"] for entry in descriptor()["inputs"]}
]


@pytest.fixture(autouse=True, scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Boutiques keeps a cache in the home folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        yield


def simulated(*arguments: str) -> list[str]:
    """Return the command line that ``bosh exec simulate`` makes."""
    with contextlib.redirect_stdout(io.StringIO()):
        result = bosh(["exec", "simulate", str(SHIPPED), *arguments])
    program, *words = shlex.split(result.stdout)
    assert program == "bids-denoise"
    return words


def test_the_shipped_descriptor_is_current() -> None:
    """If this fails: ``python -m bids_denoise --bids-exec-spec > boutiques.json``."""
    assert SHIPPED.read_text(encoding="utf-8") == descriptor_text() + "\n"


def test_bosh_finds_it_valid() -> None:
    bosh(["validate", str(SHIPPED)])
    broken = {**descriptor(), "command-line": "bids-denoise"}
    with pytest.raises(DescriptorValidationError):
        bosh(["validate", json.dumps(broken)])


def test_every_option_is_there_but_the_hidden_and_those_with_a_better_twin() -> None:
    missing = {each.name for each in options()} - {each.name for each in IN_DESCRIPTOR}
    assert missing == {"notrack", "mem", "mem_mb"}


def test_ids_of_the_execution_specification() -> None:
    ids = {entry["id"] for entry in descriptor()["inputs"]}
    assert {"InputDataset", "OutputLocation", "AnalysisLevel", "Help", "ToolVersion"} <= ids
    assert {"SubjectLabel", "SessionLabel", "TaskLabel", "RunIndex"} <= ids


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("complete", [[], ["-c"]])
def test_what_bosh_makes_up_can_be_parsed(seed: int, complete: list[str]) -> None:
    random.seed(seed)
    words = simulated(*complete)
    parsed = parse(words)
    assert not parsed.problems
    given = {word.partition("=")[0] for word in words if re.match(r"--[a-z]", word)}
    assert given <= {by_name()[name].flag for name in parsed.values} | {"--mem-gb"}


def value(option: Option) -> st.SearchStrategy[Any]:
    """Return values of an option as an invocation holds them."""
    strategies: dict[str, st.SearchStrategy[Any]] = {
        "flag": st.just(True),
        "count": st.just(True),
        "switch": st.sampled_from(["true", "false"]),
        "device": st.sampled_from(["auto", "cpu", "cuda"]),
        "integer": st.integers(int(max(option.minimum, 0)), int(min(option.maximum, 99))),
        "number": st.floats(max(option.minimum, 0.01), min(option.maximum, 99)),
        "text": st.sampled_from(option.choices) if option.choices else words(),
        "path": words(),
    }
    one = strategies[option.kind]
    return st.lists(one, min_size=1, max_size=2) if option.many else one


def words() -> st.SearchStrategy[str]:
    return st.text("abcXYZ019 _.'\"$é/*", min_size=1).filter(lambda word: not word.isspace())


INVOCATIONS = st.fixed_dictionaries(
    {identifier(each): value(each) for each in IN_DESCRIPTOR if each.positional},
    optional={
        identifier(each): value(each)
        for each in IN_DESCRIPTOR
        if not each.positional and each.name != "quiet"
    },
)


@settings(max_examples=20, deadline=None)
@given(invocation=INVOCATIONS)
def test_an_invocation_arrives_as_it_was_meant(
    tmp_path_factory: pytest.TempPathFactory, invocation: dict[str, Any]
) -> None:
    path = tmp_path_factory.mktemp("invocation") / "invocation.json"
    path.write_text(json.dumps(invocation))
    parsed = parse(simulated("-i", str(path)))
    assert not parsed.problems
    for option in IN_DESCRIPTOR:
        if identifier(option) in invocation:
            meant = invocation[identifier(option)]
            assert parsed.values[option.key] == expected(option, meant)


def expected(option: Option, meant: Any) -> Any:
    if option.many:
        return tuple(meant)
    if option.kind == "switch":
        return meant == "true"
    if option.name == "mem_gb":
        return round(meant * 1024**3)
    return meant
