"""What gives the answer away, and designs that cannot answer: refused by name, or flagged.

Refused is what makes every number worthless; flagged is what a reader has to know. A chance
agreement is not refused: the bounds take the number of features and of rows into account.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bids_denoise.errors import LeakError, UsageError
from bids_denoise.stats.classify import signs
from bids_denoise.stats.classify.designs import check_design, check_shapes
from bids_denoise.stats.classify.question import Plan, Question, codes

Booleans = NDArray[np.bool_]


@dataclass(frozen=True)
class Flag:
    """Something to know about the data, by its name, in a sentence."""

    name: str
    sentence: str


def check(question: Question, plan: Plan) -> tuple[Flag, ...]:
    """Return what is to be known about a question.

    Raises
    ------
    LeakError
        The answer is in the data: the message begins with the name of the leak.
    UsageError
        Shapes disagree, or the design cannot answer.
    """
    check_shapes(question)
    check_people(question.participants, question.labels)
    check_design(question, plan)
    flags = list(_row_order(question.labels, question.participants))
    for name, features in question.features.items():
        names = question.feature_names.get(name, ())
        flags += check_columns(name, features, names, question, plan.trusted)
    if question.confounds is not None:
        flags += check_columns(
            "confounds", question.confounds, question.confound_names, question, plan.trusted
        )
    flags += _pure_sites(question)
    return tuple(flags)


def check_people(participants: Sequence[str], labels: Booleans) -> None:
    """Raise where one participant has several ids or several labels."""
    spelt: dict[str, str] = {}
    label_of: dict[str, bool] = {}
    for name, label in zip(map(str, participants), labels, strict=True):
        person = person_of(name)
        if spelt.setdefault(person, name) != name:
            raise LeakError(
                f"one participant, two ids: {spelt[person]!r} and {name!r} would fall into"
                " different folds; allowed: one id in all rows of a participant, without session"
            )
        if label_of.setdefault(person, bool(label)) != bool(label):
            raise UsageError(f"participant {name!r} has both labels; allowed: one label each")


def person_of(name: str) -> str:
    """Return who an id means.

    >>> person_of("sub-01_ses-02"), person_of("01"), person_of("SUB-1")
    ('1', '1', '1')
    """
    bare = re.sub(r"^sub-?", "", name.strip().lower())
    bare = re.split(r"[_/]|ses-", bare)[0]
    return bare.lstrip("0") or bare


def check_external(
    participants: Sequence[str], others: Sequence[str], rows: NDArray[Any], other_rows: NDArray[Any]
) -> None:
    """Raise where an external row belongs to someone the model learnt from."""
    known = {person_of(str(name)) for name in participants}
    again = [str(name) for name in others if person_of(str(name)) in known]
    if again:
        raise LeakError(
            f"external participant in derivation: {again[0]!r} and {len(again) - 1} more;"
            " allowed: participants that are in one of the two only"
        )
    same = signs.equal_rows(rows, other_rows)
    if same is not None:
        raise LeakError(
            f"external row in derivation: row {same[1]} of the external data equals row {same[0]}"
            " under another id; allowed: each person once"
        )


def check_columns(
    where: str,
    features: NDArray[Any],
    names: Sequence[str],
    question: Question,
    trusted: Sequence[str] = (),
) -> Iterator[Flag]:
    """Yield flags of one set of columns (n, p); raise LeakError or UsageError by name."""
    x, labels = np.asarray(features), question.labels

    def called(column: int) -> str:
        return f"{names[column]!r} of {where!r}" if len(names) else f"{column} of {where!r}"

    _finite(x, called)
    constant = np.flatnonzero(signs.constant(x))
    if len(constant) == x.shape[1]:
        raise UsageError(f"constant features: all {x.shape[1]} of {where!r}; nothing to learn from")
    if len(constant):
        yield Flag(
            "constant features",
            f"{len(constant)} of {x.shape[1]} in {where!r} do not vary, such as feature"
            f" {called(int(constant[0]))}; they are without effect",
        )
    if where != "confounds":
        _duplicates(where, x, question)
    free = np.array([not len(names) or names[c] not in trusted for c in range(x.shape[1])])
    found = np.flatnonzero(signs.recodes(x, labels) & free)
    if len(found):
        raise LeakError(
            f"label in the {where if where == 'confounds' else 'features'}:"
            f" {called(int(found[0]))} is the label or a code for it, every value of it belongs to"
            " one label only; allowed: what is known without the label (or name it in `trusted`)"
        )
    yield from _near_perfect(x, labels, free, called)
    yield from _indices(x, labels, free, called)
    yield from _missing(where, x, labels, called)
    if signs.standardised(x):
        yield Flag(
            "standardised beforehand",
            f"all features of {where!r} have mean 0 and variance 1 over all rows: held-out rows"
            " took part in it; pass them as they were measured, scaling is done inside the folds",
        )


def _near_perfect(x: Any, labels: Booleans, free: Booleans, called: Any) -> Iterator[Flag]:
    aucs = 0.5 + np.abs(signs.aucs(x, labels) - 0.5)
    if signs.chance_of_perfect(labels) * x.shape[1] > signs.UNLIKELY:
        return
    found = np.flatnonzero((aucs >= signs.NEAR_PERFECT) & free)
    if len(found):
        best = int(found[np.argmax(aucs[found])])
        yield Flag(
            "derived from the label",
            f"{len(found)} features each tell the labels apart almost perfectly, {called(best)}"
            f" with an AUC of {aucs[best]:.3f}; check that it was known before the label was",
        )


def _indices(x: Any, labels: Booleans, free: Booleans, called: Any) -> Iterator[Flag]:
    if len(labels) < 10:
        return
    index = np.arange(len(labels))
    found = np.flatnonzero(signs.same_order(x, index) & free)
    for column in found[:1]:
        auc = signs.aucs(index[:, None], labels)[0]
        sentence = f"{called(int(column))} counts the rows (AUC of the row number {auc:.2f})"
        if signs.rank_p(index, labels) < signs.SURPRISING:
            raise LeakError(f"row number in the features: {sentence}; allowed: measurements")
        yield Flag("row number in the features", sentence)


def _missing(where: str, x: Any, labels: Booleans, called: Any) -> Iterator[Flag]:
    alone = list(signs.missing_by_label(x, labels))
    for column, p in alone:
        yield Flag(
            "missing by label",
            f"whether {called(column)} is missing goes with the label (Fisher's p {p:.1g}): models"
            " may learn how data were taken, not what was measured",
        )
    count = np.isnan(x).sum(axis=1)
    if np.ptp(count) and not alone and signs.rank_p(count, labels) < signs.SURPRISING:
        yield Flag("missing by label", f"rows of one label miss more values of {where!r}")


def _duplicates(where: str, x: Any, question: Question) -> None:
    pair = signs.twin_rows(x, codes(question.participants))
    if pair is not None:
        one, two = (question.participants[row] for row in pair)
        raise LeakError(
            f"duplicated rows: {one!r} and {two!r} have the same values in {where!r} (rows"
            f" {pair[0]} and {pair[1]}); allowed: each image under one id"
        )


def _finite(x: Any, called: Any) -> None:
    empty = np.flatnonzero(np.isnan(x).all(axis=0))
    if len(empty):
        raise UsageError(f"no value at all: {called(int(empty[0]))}; leave it out")
    infinite = np.flatnonzero(np.isinf(x).any(axis=0))
    if len(infinite):
        raise UsageError(f"infinite value: {called(int(infinite[0]))}; allowed: numbers or NaN")


def _row_order(labels: Booleans, participants: Sequence[str]) -> Iterator[Flag]:
    digits = [re.sub(r"\D", "", person_of(str(name))) for name in participants]
    orders = {"row order": np.arange(len(labels))}
    if all(digits):
        orders["participant number"] = np.array([int(each[:15]) for each in digits])
    for name, values in orders.items():
        if signs.rank_p(values, labels) < signs.SURPRISING:
            yield Flag(
                f"{name} predicts the label",
                f"the {name} alone has an AUC of {signs.aucs(values[:, None], labels)[0]:.2f}:"
                " scanner drift or order of recruitment may be learnt instead of the disease",
            )


def _pure_sites(question: Question) -> Iterator[Flag]:
    if question.sites is None:
        return
    sites = np.asarray(question.sites, dtype=str)
    for site in np.unique(sites).tolist():
        if len(set(question.labels[sites == site])) == 1:
            group = "patients" if question.labels[sites == site][0] else "controls"
            yield Flag("site of one label", f"site {site!r} has only {group}")
