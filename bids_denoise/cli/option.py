"""What an option is, and the headings they stand under."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "path", "integer", "number", "switch", "flag", "count", "memory", "device"]


@dataclass(frozen=True)
class Option:
    """One option, with everything that is known of it.

    Attributes
    ----------
    name
        Its key in a config file. The flag and the id in the descriptor are made from it.
    help
        What it does: one or two sentences.
    group
        The heading that it stands under in ``--help``.
    kind
        How its value is read.
    short
        A one-letter flag, such as ``-w``.
    aliases
        Further spellings, accepted but not shown. Each flag with dashes is also accepted with
        underscores.
    positional
        True for the arguments without a flag.
    many
        True if it takes a list.
    metavar
        What stands for the value in help.
    choices
        The only values allowed.
    minimum, maximum
        The range allowed, both ends included.
    default
        What holds without the option, for help. Empty when there is nothing to say.
    target
        Name of the option that it is another way to give (``--mem-gb`` for ``--mem``).
    identifier
        Its id in the Boutiques descriptor, where the execution specification fixes one.
    denoiser
        The denoiser whose parameter it is.
    hidden
        True if accepted but shown nowhere.
    only_terminal
        True if it makes no sense in a config file or an invocation.
    """

    name: str
    help: str
    group: str
    kind: Kind = "text"
    short: str = ""
    aliases: tuple[str, ...] = ()
    positional: bool = False
    many: bool = False
    metavar: str = ""
    choices: tuple[str, ...] = ()
    minimum: float = -math.inf
    maximum: float = math.inf
    default: str = ""
    target: str = ""
    identifier: str = ""
    denoiser: str = ""
    hidden: bool = False
    only_terminal: bool = False

    @property
    def flag(self) -> str:
        """The long flag, or the metavar of a positional argument."""
        return self.metavar if self.positional else "--" + self.name.replace("_", "-")

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every flag it answers to, the one shown in help first."""
        if self.positional:
            return ()
        dashed = (self.flag, *self.aliases)
        underscored = ("--" + each[2:].replace("-", "_") for each in dashed)
        return tuple(filter(None, dict.fromkeys((*dashed, *underscored, self.short))))

    @property
    def key(self) -> str:
        """The name under which its value is kept."""
        return self.target or self.name

    @property
    def parameter(self) -> str:
        """The field of the denoiser that it sets."""
        return self.name.removeprefix(self.denoiser + "_")

    @property
    def takes_value(self) -> bool:
        """False for an option that is either there or not."""
        return self.kind not in {"flag", "count"}


DATA = "Input and output"
SELECT = "Which images"
METHOD = "How to denoise"
WRITE = "What is written"
GROUP = "How the group is compared"
MACHINE = "Processors, memory and folders"
RUN = "How the run goes"
INFO = "Information"
