"""The model of a group: one column that is tested, columns that are accounted for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.errors import UsageError

if TYPE_CHECKING:
    import numpy.typing as npt

    Precise = npt.NDArray[np.float64]
    IntArray = npt.NDArray[np.int64]

    Column = Sequence[str | float]

LEAST_GROUP = 2
FEWEST_REARRANGEMENTS = 40
"""Below, no two-sided p-value can reach 0.05: of two groups of a size, each two are alike."""

SAME = 1e-9
"""What is left of a column, relative to its size, that is rounding."""


@dataclass(frozen=True)
class Design:
    """Who is compared with whom, and what is accounted for.

    Attributes
    ----------
    tested
        Name of the tested column.
    values
        (people,) of it; of two groups 0 for the reference and 1 for the other.
    groups
        Names of the reference and of the other group; None for a measured column.
    covariates, names
        (people, columns), without a constant, and what each column is.
    blocks
        (people,) codes; people are exchanged within a block only. None for all with all.
    """

    tested: str
    values: Precise
    groups: tuple[str, str] | None
    covariates: Precise
    names: tuple[str, ...]
    blocks: IntArray | None = None

    @property
    def people(self) -> int:
        """How many there are."""
        return len(self.values)

    @property
    def nuisance(self) -> Precise:
        """Orthonormal columns (people, 1 + columns) of what is accounted for, a constant first."""
        constant = np.ones((self.people, 1))
        return np.linalg.qr(np.hstack([constant, _standardised(self.covariates)]))[0]

    @property
    def freedom(self) -> int:
        """Degrees of freedom of the residuals."""
        return self.people - 2 - len(self.names)


def make_design(
    table: Mapping[str, Column],
    tested: str,
    covariates: Sequence[str] = (),
    blocks: str | None = None,
    reference: str | None = None,
) -> Design:
    """Return the design, or say which column does not fit.

    Parameters
    ----------
    table
        Columns by name, one entry a person, as in ``participants.tsv``. A column of which each
        entry is a number is taken as measured, all others as categories: of two groups, or coded
        as one column for each but the first.
    tested
        Of two groups, or measured.
    covariates
        Are accounted for: age, sex, total volume, site.
    blocks
        Column (site, say) within whose values people may be exchanged. It should be among the
        covariates too, unless the blocks cannot differ; there it counts as categories, also where
        each is called by a number.
    reference
        The group that the other is compared with; by default the first by name.

    Raises
    ------
    UsageError
        A column is not there, has gaps, is the same for all or follows from others; a group of
        one; too few people; too few ways to exchange them. The message names the column.

    Examples
    --------
    >>> design = make_design({"group": ["a", "b"] * 4, "age": range(30, 38)}, "group", ["age"])
    >>> design.groups, design.names, design.freedom
    (('a', 'b'), ('age',), 5)
    """
    if tested in covariates:
        raise UsageError(f"column {tested!r} is tested and cannot be a covariate as well")
    values, groups = _tested(table, tested, reference)
    coded = [_coded(table, name, category=name == blocks) for name in covariates]
    names = tuple(name for columns in coded for name in columns)
    columns = [column for each in coded for column in each.values()]
    matrix = np.column_stack(columns) if columns else np.empty((len(values), 0))
    codes = None if blocks is None else np.unique(_entries(table, blocks), return_inverse=True)[1]
    design = Design(tested, values, groups, matrix, names, codes)
    _check_rank(design)
    _check_rearrangements(design)
    return design


def rearrangements(design: Design) -> float:
    """Return in how many ways people can be exchanged so that the design differs.

    >>> round(rearrangements(make_design({"group": ["a", "b"] * 4}, "group")))
    70
    """
    rows = np.column_stack([design.values, design.covariates])
    blocks = np.zeros(design.people, int) if design.blocks is None else design.blocks
    ways = 0.0
    for block in np.unique(blocks):
        _, counts = np.unique(rows[blocks == block], axis=0, return_counts=True)
        ways += math.lgamma(counts.sum() + 1) - sum(math.lgamma(count + 1) for count in counts)
    return math.exp(min(ways, 700))


def permutations(design: Design, count: int, seed: int) -> IntArray:
    """Return `count` random orders of the people (count, people), within blocks if there are any.

    They depend on the seed, the number of people and the blocks alone, so that two sets of images
    of the same people are judged on the same orders.
    """
    rng = np.random.default_rng(seed)
    orders = np.tile(np.arange(design.people), (count, 1))
    if design.blocks is None:
        return rng.permuted(orders, axis=1)
    for block in np.unique(design.blocks):
        own = np.flatnonzero(design.blocks == block)
        orders[:, own] = rng.permuted(orders[:, own], axis=1)
    return orders


def _entries(table: Mapping[str, Column], name: str) -> list[str]:
    if name not in table:
        raise UsageError(f"column {name!r} is not in the table; there are {', '.join(table)}")
    entries = [str(each).strip() for each in table[name]]
    gaps = sum(each.lower() in {"", "n/a", "nan", "none"} for each in entries)
    if gaps:
        raise UsageError(
            f"column {name!r} has no value for {gaps} of {len(entries)} people; leave them out"
        )
    if len(set(entries)) < 2:
        raise UsageError(f"column {name!r} is the same for all {len(entries)} people")
    return entries


def _numbers(entries: Sequence[str]) -> Precise | None:
    try:
        numbers = np.array([float(each) for each in entries])
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).all() else None


def _tested(
    table: Mapping[str, Column], name: str, reference: str | None
) -> tuple[Precise, tuple[str, str] | None]:
    entries = _entries(table, name)
    kinds = sorted(set(entries))
    numbers = _numbers(entries)
    if len(kinds) > 2:
        if numbers is None:
            raise UsageError(
                f"column {name!r} has {len(kinds)} groups ({', '.join(kinds)}); choose two of them"
            )
        return numbers, None
    if reference is not None and reference not in kinds:
        raise UsageError(
            f"{reference!r} is not in column {name!r}, which has {' and '.join(kinds)}"
        )
    first = reference or kinds[0]
    other = next(kind for kind in kinds if kind != first)
    for kind in kinds:
        if entries.count(kind) < LEAST_GROUP:
            raise UsageError(f"column {name!r}: the group {kind!r} has one person, 2 are the least")
    return np.array([float(entry == other) for entry in entries]), (first, other)


def _coded(table: Mapping[str, Column], name: str, category: bool) -> dict[str, Precise]:
    entries = _entries(table, name)
    numbers = _numbers(entries)
    if numbers is not None and not category:
        return {name: numbers}
    kinds = sorted(set(entries))[1:]
    return {
        f"{name} {kind}": np.array([float(entry == kind) for entry in entries]) for kind in kinds
    }


def _standardised(columns: Precise) -> Precise:
    apart = columns - columns.mean(axis=0)
    return np.asarray(apart / np.maximum(np.linalg.norm(apart, axis=0), np.finfo(float).tiny))


def _check_rank(design: Design) -> None:
    columns = _standardised(np.column_stack([design.covariates, design.values]))
    for place, name in enumerate((*design.names, design.tested)):
        before, column = columns[:, :place], columns[:, place]
        left = column - before @ np.linalg.lstsq(before, column, rcond=None)[0]
        if np.linalg.norm(left) < SAME:
            what = ", ".join(design.names[:place])
            raise UsageError(f"column {name!r} follows from {what}; leave one of them out")
    if design.freedom < 1:
        raise UsageError(
            f"{design.people} people are too few for column {design.tested!r} "
            f"with {len(design.names)} columns of covariates"
        )


def _check_rearrangements(design: Design) -> None:
    ways = rearrangements(design)
    if ways < FEWEST_REARRANGEMENTS:
        raise UsageError(
            f"column {design.tested!r}: the people can be exchanged in {ways:.0f} ways only, "
            f"{FEWEST_REARRANGEMENTS} are the least for p < 0.05"
        )
