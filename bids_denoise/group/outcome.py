"""What becomes of patients: models of clinical data against a simple score."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bids_denoise.derivatives.names import predictions_table
from bids_denoise.derivatives.store import Store, read_table
from bids_denoise.errors import UsageError
from bids_denoise.group.estimates import ends, interval, judged
from bids_denoise.group.study import (
    Row,
    Study,
    check_column,
    columns_of,
    is_known,
    people_of,
)
from bids_denoise.report.figures.curves import Curve, curve_chart
from bids_denoise.report.figures.style import save_drawing
from bids_denoise.report.section import Drawing, Section, Table
from bids_denoise.stats.classify.outcome import SCORE, predict_outcome
from bids_denoise.stats.classify.prediction import OutcomePlan

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from bids_denoise.stats.classify.prediction import Outcome, Prediction

TITLE = "Outcome"
FOLDER = Path("group", "outcome")
GOOD, BAD = "good", "bad"
HELD_OUT, EXTERNAL = "held-out participants", "external validation"
RATES = ("balanced_accuracy", "sensitivity", "specificity")


def outcome(study: Study, store: Store) -> Section | None:
    """Predict the outcome, held-out and in the external participants.

    Raises
    ------
    LeakError, UsageError
        A column is not there, gives the outcome away, or too few participants have one.
    """
    asked = study.settings.comparison
    if not asked.outcome_column:
        return None
    name, equals, value = asked.external.partition("=")
    within = bool(equals) and not Path(asked.external).is_absolute()
    here, left_out = _table(study.people, study, name if within else "")
    there = None
    if asked.external and not within:
        there = _table(_second(Path(asked.external)), study, where=f" of {asked.external}")[0]
    plan = OutcomePlan(
        asked.outcome_column,
        GOOD,
        BAD,
        score=asked.score_column or None,
        score_rises=asked.high_score == GOOD,
        external=(name, value) if within else None,
        seed=study.settings.seed,
        workers=study.settings.nprocs,
    )
    found = predict_outcome(here, plan, there)
    parts = {HELD_OUT: found.derivation, EXTERNAL: found.external}
    parts = {title: part for title, part in parts.items() if part}
    drawings = _write(parts, study, store)
    remarks = (*left_out, *(flag.sentence for flag in found.flags))
    return _section(found, parts, (drawings, remarks), study)


Columns = dict[str, list[str]]


def _table(
    people: Mapping[str, Row], study: Study, apart: str = "", where: str = ""
) -> tuple[Columns, tuple[str, ...]]:
    """Return the outcome and what it is predicted from, and how many have none.

    Of `people`, whose tables are those of participants.tsv or `where`; the column `apart` says who
    is external.
    """
    asked = study.settings.comparison
    if asked.outcome_column in asked.predictors:
        raise UsageError(f"--predictors: {asked.outcome_column!r} is the outcome itself")
    given = {
        "--outcome-column": (asked.outcome_column,),
        "--predictors": asked.predictors,
        "--score-column": filter(None, (asked.score_column,)),
        "--external": filter(None, (apart,)),
    }
    named = [name for flag, names in given.items() for name in _there(names, people, flag + where)]
    if not asked.predictors:
        named += study.columns()
    outcome = asked.outcome_column
    known = {person: row for person, row in people.items() if is_known(row, outcome)}
    table = {name: [row.get(name, "") for row in known.values()] for name in dict.fromkeys(named)}
    table[outcome] = [GOOD if each in asked.good_outcome else BAD for each in table[outcome]]
    table["participant_id"] = list(known)
    missing = len(people) - len(known)
    told = (f"{missing} of {len(people)} participants have no {outcome} and are left out.",)
    return table, told if missing else ()


def _there(names: Iterable[str], people: Mapping[str, Row], flag: str) -> Iterator[str]:
    """Yield the names of columns, all of which have to be there."""
    columns = columns_of(people)
    for name in names:
        check_column(name, columns, flag)
        yield name


def _second(path: Path) -> Mapping[str, Row]:
    """Return the participants of a second dataset, or of a table."""
    if path.is_dir():
        return people_of(path)
    return {row.get("participant_id", ""): row for row in read_table(path)}


def _write(
    parts: Mapping[str, Mapping[str, Prediction]], study: Study, store: Store
) -> list[Drawing]:
    """Write numbers, predictions and figures; return the figures."""
    folder = study.layout.qc / FOLDER
    store.write_table(folder / "models.tsv", list(_rows(parts)))
    store.write_table(folder / "importance.tsv", list(_importance(parts[HELD_OUT])))
    for title, part in parts.items():
        kind = "derivation" if title == HELD_OUT else "external"
        people = next(iter(part.values())).participants
        table = predictions_table(f"outcome_{kind}", people, study.layout.qc)
        store.write_table(table, _predictions(part))
        store.write_json(table.with_suffix(".json"), _dictionary(title, study))
    drafts, drawings = store.draft_folder(), []
    for title, part in parts.items():
        for kind, figure in _figures(part).items():
            name = f"{title.split(' ', maxsplit=1)[0]}_{kind}.svg"
            save_drawing(figure, drafts / name)
            heading, caption = CAPTIONS[kind]
            drawn = (FOLDER / name).as_posix()
            drawings.append(Drawing(f"{heading}, {title}", caption, drawn))
    store.publish([(path, folder / path.name) for path in sorted(drafts.iterdir())])
    return drawings


CAPTIONS = {
    "roc": ("ROC", "Of a good outcome, by each model and by the score alone."),
    "calibration": ("Calibration", "How often the outcome was good at a predicted probability."),
    "decision": (
        "Decision curve",
        "Net benefit of acting on the prediction, over the probability from which one would act; "
        "beside it, to treat all as if their outcome were good.",
    ),
}


def _figures(part: Mapping[str, Prediction]) -> dict[str, Figure]:
    rocs = {name: _bare(each.roc) for name, each in part.items()}
    calibrations = {name: _bare(each.calibration.curve) for name, each in part.items()}
    decisions = {name: _bare(each.decision) for name, each in part.items()}
    decisions["all"] = _bare(next(iter(part.values())).treat_all)
    predicted = ("predicted probability", "share of good outcomes")
    return {
        "roc": curve_chart(rocs, ("1 - specificity", "sensitivity"), diagonal=True),
        "calibration": curve_chart(calibrations, predicted, diagonal=True),
        "decision": curve_chart(decisions, ("threshold", "net benefit")),
    }


def _bare(curve: Any) -> Curve:
    """Return a curve without its band, of which there would be too many."""
    return Curve(curve.x, curve.y)


def _rows(parts: Mapping[str, Mapping[str, Prediction]]) -> Iterator[dict[str, Any]]:
    for title, part in parts.items():
        for name, each in part.items():
            row: dict[str, Any] = {"participants": title, "model": name, "n": len(each.labels)}
            row |= judged(each)
            if each.against_score:
                row |= ends("auc_above_score", each.against_score.estimate)
                row["p_above_score"] = each.against_score.p
            yield row


def _importance(part: Mapping[str, Prediction]) -> Iterator[dict[str, Any]]:
    for name, each in part.items():
        for column, drop in each.importance.items():
            yield {"model": name, "column": column, **ends("auc_drop", drop)}


def _predictions(part: Mapping[str, Prediction]) -> list[dict[str, Any]]:
    first = next(iter(part.values()))
    return [
        {
            "participant_id": person,
            "good_outcome": int(first.labels[index]),
            **{
                "p_" + name.replace(" ", "_"): float(each.probability[:, index].mean())
                for name, each in part.items()
            },
        }
        for index, person in enumerate(first.participants)
    ]


def _dictionary(title: str, study: Study) -> dict[str, Any]:
    asked = study.settings.comparison
    good = ", ".join(asked.good_outcome)
    return {
        "MeasurementToolMetadata": {
            "Description": f"Probability that {asked.outcome_column} is one of {good}, "
            f"predicted by bids-denoise; {title}"
        }
    }


def _section(
    found: Outcome,
    parts: Mapping[str, Mapping[str, Prediction]],
    shown: tuple[list[Drawing], tuple[str, ...]],
    study: Study,
) -> Section:
    asked = study.settings.comparison
    tables = tuple(
        Table(
            f"{title.capitalize()} ({len(next(iter(part.values())).labels)})",
            ("", "AUC", "Above the score", "Slope", "Brier", *(e.replace("_", " ") for e in RATES)),
            tuple(_shown(name, each) for name, each in part.items()),
            (FOLDER / "models.tsv").as_posix(),
        )
        for title, part in parts.items()
    )
    return Section(
        anchor="outcome",
        title=TITLE,
        answer=" ".join(_answer(title, part) for title, part in parts.items()),
        paragraphs=(
            f"A good outcome is {asked.outcome_column} {', '.join(asked.good_outcome)}. It was "
            f"predicted from {', '.join(found.predictors)}.",
        ),
        tables=tables,
        drawings=tuple(shown[0]),
        remarks=shown[1],
        methods=METHODS,
        cited=("delong1988", "vickers2006", "varoquaux2018"),
        files=(("importance of each column", (FOLDER / "importance.tsv").as_posix()),),
    )


METHODS = (
    "Regularised logistic regression, a linear support vector machine, a random forest and "
    "gradient boosting were trained in nested cross-validation, with imputation, encoding and the "
    "choice of parameters inside the training folds, and compared with a simple score by DeLong's "
    "paired test. External participants were predicted by models of all others. Importance is the "
    "loss of held-out AUC when a column is shuffled; net benefit is that of decision curves."
)


def _shown(name: str, one: Prediction) -> tuple[str, ...]:
    above = interval(one.against_score.estimate, signed=True) if one.against_score else ""
    numbers = (one.calibration.slope, one.calibration.brier, *(one.rates[each] for each in RATES))
    return (name, interval(one.auc), above, *(interval(each) for each in numbers))


def _answer(title: str, part: Mapping[str, Prediction]) -> str:
    models = {name: each for name, each in part.items() if name != SCORE}
    best = max(models, key=lambda name: models[name].auc.value)
    one = models[best]
    told = f"{title.capitalize()}: best is {best}, AUC {interval(one.auc)}"
    if one.against_score:
        difference = interval(one.against_score.estimate, signed=True)
        told += f", {difference} above the score (p = {one.against_score.p:.3f})"
    return told + "."
