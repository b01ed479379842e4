"""The files of the classifiers: numbers, predictions, figures and weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bids_denoise import imageio
from bids_denoise.derivatives.names import predictions_table
from bids_denoise.derivatives.store import Store
from bids_denoise.group.estimates import ends, judged
from bids_denoise.group.features import Features
from bids_denoise.group.study import LABELS, Study
from bids_denoise.report.figures.curves import Curve, curve_chart, null_chart
from bids_denoise.report.figures.maps import glass_brains
from bids_denoise.report.figures.style import save_drawing, save_picture
from bids_denoise.report.section import Drawing
from bids_denoise.stats.classify.question import LINEAR, Question

if TYPE_CHECKING:
    from bids_denoise.group.grey import Grey
    from bids_denoise.stats.classify.run import Answer, Classified
    from bids_denoise.values import BoolArray

FOLDER = Path("group", "classification")
WORDS = {
    "vbm": "grey matter maps",
    "volumes": "volumes",
    "connectome": "connectomes",
    "qc": "image quality",
}
"""What each kind of features is called."""

FIGURES = {
    "roc": ("ROC", "Linear SVM, held-out participants, with 95 % bands."),
    "calibration": ("Calibration", "How often those were patients who got a probability."),
    "learning": ("Learning curve", "AUC over the share of the participants learnt from."),
    "null": ("Chance", "The same procedure on permuted labels, and the AUC that was observed."),
    "weights": (
        "What speaks for a patient",
        "Pattern of the linear SVM after Haufe: more or less grey matter in those that it takes "
        "for patients. Not a test of single voxels.",
    ),
}


def write_answers(
    name: str,
    one: tuple[Features, Question, Classified],
    grey: Grey | None,
    where: tuple[Study, Store],
) -> Iterator[Drawing]:
    """Write numbers, predictions, figures and weights; yield the figures."""
    study, store = where
    seen, question, answers = one
    folder = study.layout.qc / FOLDER
    store.write_table(folder / f"{name}.tsv", list(_rows(name, answers)))
    column = study.settings.comparison.group_column
    asked = f"{_word(column)}_{name}"
    table = predictions_table(asked, question.participants, study.layout.qc)
    store.write_table(table, _predictions(question, answers))
    store.write_json(table.with_suffix(".json"), _dictionary(study, name))
    linear = {each.features: each for each in answers.answers if each.model == LINEAR}
    drafts = store.draft_folder()
    figures = {
        "roc": save_drawing(_roc(linear), drafts / f"{name}_roc.svg"),
        "calibration": save_drawing(_calibration(linear), drafts / f"{name}_calibration.svg"),
        "learning": save_drawing(_learning(linear), drafts / f"{name}_learning.svg"),
        "null": save_drawing(_null(linear), drafts / f"{name}_null.svg"),
    }
    if seen.where is not None and grey is not None:
        figures["weights"] = _weights(linear, (seen.where, grey), drafts, name)
    else:
        store.write_table(folder / f"{name}_weights.tsv", _listed_weights(seen, linear))
    store.publish([(path, folder / path.name) for path in sorted(drafts.iterdir())])
    for key, path in figures.items():
        title, caption = FIGURES[key]
        drawn = (FOLDER / path.name).as_posix()
        yield Drawing(f"{title}, {WORDS[name]}", caption, drawn)


def _curve(one: Any) -> Curve:
    return Curve(one.x, one.y, one.low, one.high)


def _roc(linear: Mapping[str, Answer]) -> Any:
    curves = {name: _curve(each.roc) for name, each in linear.items()}
    return curve_chart(curves, ("1 - specificity", "sensitivity"), diagonal=True)


def _calibration(linear: Mapping[str, Answer]) -> Any:
    shown = {name: each for name, each in linear.items() if name in LABELS}
    curves = {name: _curve(each.calibration.curve) for name, each in shown.items()}
    return curve_chart(curves, ("predicted probability", "share of patients"), diagonal=True)


def _learning(linear: Mapping[str, Answer]) -> Any:
    curves = {name: _curve(each.learning) for name, each in linear.items() if name in LABELS}
    return curve_chart(curves, ("share of the participants", "AUC"))


def _null(linear: Mapping[str, Answer]) -> Any:
    tested = {name: each.permutation for name, each in linear.items() if each.permutation}
    return null_chart(
        {name: each.null for name, each in tested.items()},
        {name: each.observed for name, each in tested.items()},
        "AUC",
    )


def _weights(
    linear: Mapping[str, Answer], of: tuple[BoolArray, Grey], drafts: Path, name: str
) -> Path:
    """Write the patterns in template space; return the figure of them."""
    where, grey = of
    maps = {}
    for label in LABELS:
        volume = np.zeros(where.shape, dtype=np.float32)
        volume[where] = linear[label].pattern
        file = f"space-{grey.template}_desc-{label}_stat-haufe_statmap.nii.gz"
        imageio.write_new(drafts / file, volume, grey.affine)
        maps[label] = volume
    figure = glass_brains(maps, where, grey.affine, "pattern")
    return save_picture(figure, drafts / f"{name}_weights.png")


def _listed_weights(seen: Features, linear: Mapping[str, Answer]) -> list[dict[str, Any]]:
    return [
        {
            "feature": feature,
            **{f"pattern_{label}": float(linear[label].pattern[index]) for label in LABELS},
            **{f"error_{label}": float(linear[label].pattern_error[index]) for label in LABELS},
        }
        for index, feature in enumerate(seen.names)
    ]


def _rows(name: str, answers: Classified) -> Iterator[dict[str, Any]]:
    """Yield every number: one row an image and model, then the differences."""
    for each in answers.answers:
        row: dict[str, Any] = {"features": name, "image": each.features, "model": each.model}
        row |= judged(each)
        if each.permutation:
            row |= ends("p_permutation", each.permutation.p)
            row |= ends("auc_shuffled", each.permutation.shuffled)
        yield row
    for pair in answers.comparisons:
        yield {
            "features": name,
            "image": f"{pair.second} minus {pair.first}",
            "model": pair.model,
            **ends("auc", pair.auc.estimate),
            "p_delong": pair.auc.p,
            "p_corrected_t": pair.corrected_p,
        }


def _predictions(question: Question, answers: Classified) -> list[dict[str, Any]]:
    """Return what was predicted of each held-out participant, means over repeats."""
    rows = []
    for index, person in enumerate(question.participants):
        row: dict[str, Any] = {
            "participant_id": person,
            "patient": int(question.labels[index]),
            "fold": int(answers.folds[0, index]),
        }
        for each in answers.answers:
            key = f"{each.features}_{each.model}".replace(" ", "_").lower()
            row[f"p_{key}"] = float(each.probability[:, index].mean())
            row[f"decision_{key}"] = float(each.decision[:, index].mean())
        rows.append(row)
    return rows


def _dictionary(study: Study, name: str) -> dict[str, Any]:
    asked = study.settings.comparison
    return {
        "MeasurementToolMetadata": {
            "Description": f"Predicted from {WORDS[name]} by bids-denoise: {asked.group_column} is "
            f"{asked.patient} (1) or {asked.control} (0), always by models that had not seen the "
            "participant"
        }
    }


def _word(text: str) -> str:
    return "".join(each for each in text if each.isalnum())
