"""What becomes of patients: models of clinical data against a simple score."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bids_denoise.derivatives.names import PREDICTIONS
from bids_denoise.derivatives.store import Store, read_table
from bids_denoise.errors import UsageError
from bids_denoise.group.classified import ends, interval
from bids_denoise.group.study import MISSING, Row, Study, people_of
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
GOOD, BAD, OUTCOME = "good", "bad", "outcome"
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
    second = Path(asked.external) if asked.external and not equals else None
    here, left_out = _table(study.people, study)
    there = _table(_second(second), study)[0] if second else None
    plan = OutcomePlan(
        OUTCOME,
        GOOD,
        BAD,
        score=asked.score_column or None,
        score_rises=asked.high_score == GOOD,
        external=(name, value) if equals else None,
        seed=study.settings.seed,
        workers=study.settings.nprocs,
    )
    found = predict_outcome(here, plan, there)
    parts = {HELD_OUT: found.derivation, EXTERNAL: found.external}
    parts = {title: part for title, part in parts.items() if part}
    drawings = _write(parts, study, store)
    remarks = (*left_out, *(flag.sentence for flag in found.flags))
    return _section(found, parts, (drawings, remarks), study)


Columns = dict[str, list[Any]]


def _table(people: Mapping[str, Row], study: Study) -> tuple[Columns, tuple[str, ...]]:
    """Return the outcome and what it is predicted from, and how many have none."""
    asked = study.settings.comparison
    study.values(asked.outcome_column, "--outcome-column")
    known = {p: r for p, r in people.items() if r.get(asked.outcome_column, "") not in MISSING}
    columns = list(asked.predictors) or study.columns()
    given = {"--predictors": asked.predictors, "--score-column": (asked.score_column,)}
    for flag, names in given.items():
        for name in filter(None, names):
            study.values(name, flag)
    wanted = [name for name in columns if name != asked.outcome_column]
    if asked.predictors and asked.outcome_column in asked.predictors:
        raise UsageError(f"--predictors: {asked.outcome_column!r} is the outcome itself")
    wanted += [asked.score_column] if asked.score_column else []
    wanted += [asked.external.partition("=")[0]] if "=" in asked.external else []
    table: Columns = {
        name: [_cell(row.get(name, "")) for row in known.values()] for name in dict.fromkeys(wanted)
    }
    good = [row[asked.outcome_column] in asked.good_outcome for row in known.values()]
    table[OUTCOME] = [GOOD if each else BAD for each in good]
    table["participant_id"] = list(known)
    missing = len(people) - len(known)
    told = (f"{missing} participants have no {asked.outcome_column} and are left out.",)
    return table, told if missing else ()


def _cell(text: str) -> str | float | None:
    if text in MISSING:
        return None
    try:
        return float(text)
    except ValueError:
        return text


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
        stem = study.layout.qc / "phenotype" / f"{PREDICTIONS}_outcome_{kind}"
        store.write_table(stem.with_name(stem.name + ".tsv"), _predictions(part))
        store.write_json(stem.with_name(stem.name + ".json"), _dictionary(title, study))
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
            row |= ends("auc", each.auc)
            for rate, value in each.rates.items():
                row |= ends(rate, value)
            for number in ("slope", "intercept", "brier"):
                row |= ends(number, getattr(each.calibration, number))
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
