"""Who is a patient: classifiers on original and denoised images, on the same folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from bids_denoise.derivatives.store import Store
from bids_denoise.errors import LeakError, UsageError
from bids_denoise.group.classified import FOLDER, WORDS, write_answers
from bids_denoise.group.covariates import Sample, sample_of
from bids_denoise.group.estimates import interval
from bids_denoise.group.features import ANATOMICAL, Features, features_of
from bids_denoise.group.grey import grey_matter
from bids_denoise.group.study import ALPHA, LABELS, Study, first_images
from bids_denoise.report.section import Drawing, Section, Table
from bids_denoise.stats.classify.question import CONFOUNDS_ONLY, LINEAR, Plan, Question
from bids_denoise.stats.classify.run import classify

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.group.grey import Grey
    from bids_denoise.stats.classify.run import Answer, Classified

TITLE = "Patients against controls"
MOST_PERMUTATIONS = 1000
MOST_FOLDS = 5
REPEATS = 10
CITED = ("varoquaux2018", "delong1988", "haufe2014", "johnson2007", "nadeau2003", "abraham2014")


def classification(study: Study, store: Store) -> Section | None:
    """Tell patients from controls by every kind of features, before and after.

    A kind that cannot be used is remarked on, and the others are.

    Raises
    ------
    LeakError, UsageError
        The answer lies in the data, nobody has such values, or no kind can be used.
    """
    asked = study.settings.comparison
    if not asked.patient:
        return None
    labels = study.labels()
    found: dict[str, tuple[Features, Question, Classified]] = {}
    grey, remarks = _grey(study, store)
    for name in asked.features:
        seen = features_of(name, study, grey)
        if seen is None:
            remarks.append(f"No {WORDS[name]} are in the output for all to be compared by.")
            continue
        sample = sample_of(seen.participants, study, total=False)
        question = _question(seen, sample, labels, study)
        try:
            found[name] = (seen, question, classify(question, _plan(question, study)))
        except LeakError:
            raise
        except UsageError as error:
            remarks.append(f"Not by {WORDS[name]}: {error}.")
        remarks += [*seen.remarks, *sample.left_out]
    if not found:
        raise UsageError("nothing to tell patients from controls by: " + " ".join(remarks))
    drawings = [
        each
        for name, one in found.items()
        for each in write_answers(name, one, grey, (study, store))
    ]
    answers = {name: one[2] for name, one in found.items()}
    remarks += [flag.sentence for each in answers.values() for flag in each.flags]
    question = next(iter(found.values()))[1]
    return _section(answers, question, (drawings, list(dict.fromkeys(remarks))), study)


def _grey(study: Study, store: Store) -> tuple[Grey | None, list[str]]:
    """Return the grey matter of everybody, or why there is none; volumes can be had without."""
    try:
        return grey_matter(study, store), []
    except UsageError as error:
        return None, [f"Without a template: {error}."]


def _question(seen: Features, sample: Sample, labels: Mapping[str, bool], study: Study) -> Question:
    """Return what is asked of one kind of features."""
    rows = [seen.participants.index(person) for person in sample.people]
    names, values = _confounds(sample, study)
    return Question(
        sample.people,
        np.array([labels[person] for person in sample.people], dtype=bool),
        {label: np.ascontiguousarray(seen.values[label][rows]) for label in LABELS},
        {label: seen.names for label in LABELS},
        values if names else None,
        names,
        sample.sites or None,
    )


def _confounds(sample: Sample, study: Study) -> tuple[tuple[str, ...], npt.NDArray[np.float64]]:
    """Return covariates as numbers, categories as one column for each but the first.

    The noise level of the original images, where it is known of all, is always among them: what a
    scanner does must not pass for a disease.
    """
    found: dict[str, list[float]] = {}
    for name, cells in sample.covariates.items():
        try:
            found[name] = [float(cell) for cell in cells]
        except ValueError:
            for value in sorted(set(cells))[1:]:
                found[f"{name} {value}"] = [float(cell == value) for cell in cells]
    images = first_images(study, dict.fromkeys((*ANATOMICAL, *study.suffixes())))
    sigma = [images[person].noise.get("sigma_median") or 0.0 for person in sample.people]
    if all(sigma):
        found["noise level"] = list(np.log(sigma))
    varying = {name: values for name, values in found.items() if len(set(values)) > 1}
    if not varying:
        return (), np.zeros((len(sample.people), 0))
    return tuple(varying), np.array(list(varying.values())).T


def _plan(question: Question, study: Study) -> Plan:
    """Return how it is answered: no more folds than the smaller group has people."""
    settings = study.settings
    smaller = int(min(question.labels.sum(), (~question.labels).sum()))
    return Plan(
        folds=max(2, min(MOST_FOLDS, smaller)),
        repeats=REPEATS,
        permutations=min(MOST_PERMUTATIONS, settings.comparison.permutations),
        seed=settings.seed,
        workers=settings.nprocs,
    )


def _section(
    found: Mapping[str, Classified],
    question: Question,
    shown: tuple[Sequence[Drawing], Sequence[str]],
    study: Study,
) -> Section:
    asked = study.settings.comparison
    drawings, remarks = shown
    patients = int(question.labels.sum())
    tables = tuple(
        Table(
            WORDS[name].capitalize(),
            ("", "AUC", "Balanced accuracy", "Sensitivity", "Specificity", "p"),
            tuple(_shown(each) for each in answers.answers),
            (FOLDER / f"{name}.tsv").as_posix(),
        )
        for name, answers in found.items()
    )
    return Section(
        anchor="classification",
        title=TITLE,
        answer=" ".join([_sure(found), *(_answer(name, each) for name, each in found.items())]),
        paragraphs=(
            f"{patients} participants with {asked.group_column} {asked.patient} against "
            f"{len(question.labels) - patients} with {asked.control}. Original and denoised images "
            "are judged on the same folds; the model of the confounds alone "
            f"({', '.join(question.confound_names) or 'none'}) and the shuffled labels show what "
            "comes for free.",
        ),
        tables=tables,
        drawings=tuple(drawings),
        remarks=tuple(remarks),
        methods=METHODS,
        cited=CITED,
    )


METHODS = (
    "Support vector machines (linear and RBF) were trained in nested, repeated, stratified "
    "cross-validation; imputation, site harmonisation, confound regression, scaling and the choice "
    "of parameters took place inside the training folds. AUCs are means over repeats with DeLong "
    "intervals, p-values come from permuted labels, and original and denoised images were compared "
    "by DeLong's paired test on identical folds."
)


def _shown(one: Answer) -> tuple[str, ...]:
    model = "linear SVM" if one.model == LINEAR else "RBF SVM"
    p = f"{one.permutation.p.value:.3f}" if one.permutation else ""
    rates = [one.rates[key] for key in ("balanced_accuracy", "sensitivity", "specificity")]
    return (f"{one.features}, {model}", *(interval(each) for each in (one.auc, *rates)), p)


def _sure(found: Mapping[str, Classified]) -> str:
    """Say by what patients are told from controls with confidence, if by anything."""
    level = ALPHA / len(found)
    before, after = (
        ", ".join(WORDS[name] for name, each in found.items() if _p(each, label) <= level)
        for label in LABELS
    )
    told = f"p of at most {level:.2g}"
    if len(found) > 1:
        told += f": {ALPHA:g} shared by {len(found)} kinds of features"
    if not before and not after:
        return f"No confident separation, neither before nor after denoising ({told})."
    return (
        f"Patients are told from controls with confidence by {before or 'nothing'} before, "
        f"and by {after or 'nothing'} after denoising ({told})."
    )


def _p(answers: Classified, label: str) -> float:
    test = answers.answer(label, LINEAR).permutation
    return test.p.value if test else 1.0


def _answer(name: str, answers: Classified) -> str:
    """Say what denoising did to the linear SVM, and how sure that is."""
    before, after = (answers.answer(label, LINEAR) for label in LABELS)
    change = next(
        each
        for each in answers.comparisons
        if (each.first, each.second, each.model) == (*LABELS, LINEAR)
    ).auc
    chance = next((each for each in answers.answers if each.features == CONFOUNDS_ONLY), None)
    ps = " and ".join(f"{_p(answers, label):.3f}" for label in LABELS)
    beside = f"; confounds alone {interval(chance.auc)}" if chance else ""
    return (
        f"By {WORDS[name]}: AUC {interval(before.auc)} before and {interval(after.auc)} after "
        f"denoising (p = {ps}); difference {interval(change.estimate, signed=True)}, "
        f"p = {change.p:.2f}{beside}."
    )
