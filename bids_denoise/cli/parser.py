"""Read the command line into values by option, noting everything that is wrong with it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from bids_denoise.cli.convert import convert
from bids_denoise.cli.given import Given, Problems, near
from bids_denoise.cli.option import Option
from bids_denoise.cli.options import by_name, options
from bids_denoise.errors import UsageError

_NOTHING = object()


def parse(arguments: Sequence[str]) -> Given:
    """Return the values on a command line, by `Option.key`, and all the problems it has.

    argparse stops at the first fault; so it only cuts the line into pieces here, and lets a
    missing value pass. Everything is checked afterwards, option by option.
    """
    problems = Problems()
    cut = list(arguments).index("--") if "--" in arguments else len(arguments)
    words = [
        problems.attempt(_plain_word, each, otherwise=_flag_of(each)) for each in arguments[:cut]
    ]
    nothing: tuple[dict[str, Any], list[str]] = {}, []
    raw, rest = problems.attempt(_cut, words, otherwise=nothing)
    unknown = [_flag_of(each) for each in rest if len(each) > 1 and each.startswith("-")]
    for flag in unknown:
        problems.all.append(UsageError(f"unknown option {flag}{near(flag, _shown_flags())}"))
    # The word after an unknown option may be its value: what stands alone cannot be told then.
    if not unknown:
        raw |= _positionals([*rest, *arguments[cut + 1 :]])
    return _converted(raw, problems)


class _Cutter(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def _cut(arguments: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    pieces, rest = _cutter().parse_known_args(list(arguments))
    return vars(pieces), rest


def _cutter() -> argparse.ArgumentParser:
    parser = _Cutter(add_help=False, allow_abbrev=False, argument_default=argparse.SUPPRESS)
    for option in options():
        if not option.positional:
            parser.add_argument(*option.spellings, dest=option.name, **_shape(option))
    return parser


def _shape(option: Option) -> dict[str, Any]:
    if option.kind == "flag":
        return {"action": "store_true"}
    if option.kind == "count":
        return {"action": "count"}
    if option.many:
        return {"action": "extend", "nargs": "*"}
    return {"nargs": "?", "const": _NOTHING}


def _positionals(words: list[str]) -> dict[str, Any]:
    slots = [each.name for each in options() if each.positional]
    singles = dict(zip(slots[:2], words, strict=False))
    return singles | ({slots[2]: words[2:]} if words[2:] else {})


def _converted(raw: dict[str, Any], problems: Problems) -> Given:
    values: dict[str, Any] = {}
    seen: dict[str, str] = {}
    for name, value in raw.items():
        option = by_name()[name]
        result = problems.attempt(_value, option, value, otherwise=_NOTHING)
        if option.key in seen:
            problems.all.append(
                UsageError(f"{seen[option.key]} and {option.flag}: only one of them")
            )
        elif result is not _NOTHING:
            values[option.key] = result
        seen[option.key] = option.flag
    return Given(values, tuple(problems.all))


def _value(option: Option, value: Any) -> Any:
    if value is _NOTHING:
        raise UsageError(f"{option.flag} needs a {option.metavar}")
    return convert(option, value, option.flag)


def _plain_word(word: str) -> str:
    """Return a word of the command line, unless it gives a value to an option that takes none."""
    option = _by_flag().get(_flag_of(word))
    if option is not None and "=" in word and not option.takes_value:
        raise UsageError(f"{_flag_of(word)} takes no value: {word!r}")
    return word


def _flag_of(word: str) -> str:
    return word.partition("=")[0]


def _by_flag() -> dict[str, Option]:
    return {flag: option for option in options() for flag in option.spellings}


def _shown_flags() -> list[str]:
    return [
        flag
        for option in options()
        if not (option.hidden or option.positional)
        for flag in (option.flag, *option.aliases)
    ]
