"""Can classifiers be fooled, do their intervals hold: writes docs/benchmarks/classifiers.md.

::

    python benchmarks/classifiers.py [--datasets 50] [--tested 50] [--coverage 200] [--workers 2]

No effect: 80 participants, 500 features without any effect of disease, two sites that differ in the
mean (by 0.7 standard deviations) and the scale (by half) of every feature, with 75 % patients at
one site and 25 % at the other. The AUC must be 0.50. Linear SVM, RBF SVM in brackets. "Over all
rows" is done before the folds are drawn, as naive pipelines do. Rejected: how often the
permutation test finds an effect at 5 % when labels are exchanged freely, or within sites.

Coverage: 10 features of 200 carry an effect, of both of two feature sets, which are two noisy
readings of one truth, equally good. How often do 95 % intervals hold the expected AUC of models
trained on as many participants (mean over all data sets of 800 others each), and 0 as the
difference of the sets? "Across folds" is the standard error of fold-wise AUC, as often reported.

Time: 40 participants, 150,000 features, 2 sites, 2 confounds; all steps, both models, 10 repeats,
learning curves and 1000 permutations.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.tables import table, write_page  # noqa: E402
from bids_denoise.stats.classify.estimates import (  # noqa: E402
    Sample,
    auc_difference,
    auc_estimate,
    auc_parts,
    corrected_t,
    variance,
)
from bids_denoise.stats.classify.jobs import Job, do  # noqa: E402
from bids_denoise.stats.classify.question import (  # noqa: E402
    LINEAR,
    MODELS,
    Plan,
    Question,
    rows_of,
)
from bids_denoise.stats.classify.run import classify  # noqa: E402
from bids_denoise.workers import map_in_order  # noqa: E402

PAGE = ROOT / "docs" / "benchmarks" / "classifiers.md"
SHUFFLES = 39


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--datasets", type=int, default=50)
    parser.add_argument("--tested", type=int, default=50)
    parser.add_argument("--coverage", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--output", type=Path, default=PAGE)
    options = parser.parse_args()
    parts = [
        "## No effect, sites confounded\n\n"
        + null_table(options.datasets, options.tested, options.workers),
        "## Coverage\n\n" + coverage_table(options.coverage, options.workers),
        "## Time\n\n" + time_table(options.workers),
    ]
    said = (
        f"{options.datasets} data sets without effect, {options.tested} of them tested by"
        f" {SHUFFLES} shuffles, {options.coverage} for coverage"
    )
    write_page("Classifiers", str(__doc__), said, "\n\n".join(parts), options.output)


def without_effect(seed: int) -> Question:
    """Return features that know the site and nothing of the label."""
    rng = np.random.default_rng([seed, 11])
    n, p = 80, 500
    at = np.arange(n) % 2
    share = np.where(at == 1, 0.75, 0.25)
    labels = np.zeros(n, dtype=bool)
    for site in (0, 1):
        members = np.flatnonzero(at == site)
        number = round(share[members[0]] * len(members))
        labels[rng.permutation(members)[:number]] = True
    x = rng.normal(size=(n, p)) * (1 + 0.5 * at[:, None])
    x += at[:, None] * rng.normal(0, 0.7, p)
    names = [f"sub-{i:03d}" for i in rng.permutation(n)]
    sites = np.array(["A", "B"])[at].tolist()
    return Question(names, labels, {"x": x.astype(np.float32)}, sites=sites)


@dataclass(frozen=True)
class Trial:
    """One data set answered in one way, and how many shuffles test it."""

    way: str
    seed: int
    shuffles: int


def no_effect(trial: Trial) -> tuple[float, float, float]:
    """Return the AUC of both models, and the p-value of the linear one; NaN without shuffles."""
    question = without_effect(trial.seed)
    plan = Plan(repeats=2, learning=(), seed=trial.seed, harmonise=False, regress=False)
    x, y = question.features["x"], question.labels
    dummies = np.array(question.sites)[:, None] == ["A"]
    free = trial.way.endswith("freely")
    if "harmonised in the folds" in trial.way:
        plan = replace(plan, harmonise=True)
    elif "regressed in the folds" in trial.way:
        plan = replace(plan, regress=True)
        question = replace(question, confounds=dummies.astype(float))
    elif "with labels" in trial.way:
        question = replace(question, features={"x": combat_with_labels(x, dummies, y)})
    elif "best features" in trial.way:
        best = np.argsort(-np.abs(x[y].mean(axis=0) - x[~y].mean(axis=0)))[:50]
        question = replace(question, features={"x": x[:, best]})
    rows = rows_of(question, plan, "x")
    if free:
        rows = replace(rows, sites=np.zeros_like(rows.sites))
    done = [do(Job(rows, plan, repeat)) for repeat in range(plan.repeats)]
    aucs = [np.mean([pooled(y, each[model].decision) for each in done]) for model in MODELS]
    p = np.nan
    if trial.shuffles:
        alone = replace(plan, models=(LINEAR,))
        null = do(Job(rows, alone, shuffles=range(trial.shuffles)))[LINEAR]
        p = (1 + np.sum(null >= pooled(y, done[0][LINEAR].decision))) / (1 + trial.shuffles)
    return float(aucs[0]), float(aucs[1]), float(p)


def combat_with_labels(x: Any, dummies: Any, labels: Any) -> Any:
    """Return what ComBat over all rows with the label as a covariate gives: the well-known leak."""
    from bids_denoise.stats.classify.transformers import SiteHarmoniser

    sites, kept = dummies[:, 0].astype(int), labels[:, None].astype(float)
    return (
        SiteHarmoniser()
        .fit(x, sites=sites, covariates=kept)
        .transform(x, sites=sites, covariates=kept)
    )


def null_table(datasets: int, tested: int, workers: int) -> str:
    ways = [
        "nothing done about sites; labels exchanged freely",
        "nothing done about sites; within sites",
        "harmonised over all rows with labels (naive ComBat); within sites",
        "best features of all rows (naive selection); within sites",
        "harmonised in the folds; within sites",
        "site regressed in the folds; within sites",
    ]
    rows = []
    for way in ways:
        trials = [Trial(way, seed, SHUFFLES if seed < tested else 0) for seed in range(datasets)]
        done = np.array(list(map_in_order(no_effect, trials, workers, failed)), dtype=float)
        found = np.mean(done[:tested, 2] <= 0.05)
        mean, error = done.mean(axis=0), done.std(axis=0, ddof=1) / np.sqrt(datasets)
        linear, rbf = (f"{m:.3f} +- {1.96 * e:.3f}" for m, e in zip(mean[:2], error, strict=False))
        rows.append([*way.split("; "), linear, f"({rbf})", f"{100 * found:.0f} %"])
    return table(["features", "labels", "AUC, 95 % interval", "RBF", "rejected"], rows)


def with_effect(n: int, rng: np.random.Generator, labels: Any) -> list[Any]:
    """Return two equally noisy readings of 200 features, 10 of which know the label."""
    truth = rng.normal(size=(n, 200))
    truth[labels, :10] += 0.75
    return [(truth + 0.5 * rng.normal(size=truth.shape)).astype(np.float32) for _ in range(2)]


@dataclass(frozen=True)
class Covered:
    """What is needed of one data set, for every n."""

    expected: float
    auc: float
    spread: tuple[float, float]
    interval: tuple[float, float]
    across_folds: tuple[float, float]
    p: tuple[float, float]


def one_coverage(trial: tuple[int, int]) -> Covered:
    n, seed = trial
    rng = np.random.default_rng([seed, n])
    y = rng.permutation(np.arange(n) % 2 == 0)
    sets = with_effect(n, rng, y)
    others = np.arange(800) % 2 == 0
    plan = Plan(models=(LINEAR,), repeats=5, learning=(), seed=seed)
    names = [str(i) for i in range(n)]
    found = []
    for x in sets:
        rows = rows_of(Question(names, y, {"x": x}), plan, "x")
        done = [do(Job(rows, plan, repeat))[LINEAR] for repeat in range(plan.repeats)]
        found.append(done)
    scores = [np.stack([each.decision for each in done]) for done in found]
    folds = [np.concatenate([each.fold_aucs for each in done]) for done in found]
    sample = Sample(y, np.arange(n), retrained=plan.folds)
    auc, parts = auc_parts(sample, scores[0])
    plain = variance(replace(sample, retrained=0), parts)
    estimate = auc_estimate(sample, scores[0])
    expected = expected_auc(sets[0], y, with_effect(len(others), rng, others)[0], others, plan)
    one = folds[0][: plan.folds]
    half = 1.96 * one.std(ddof=1) / np.sqrt(len(one))
    tests = (
        auc_difference(sample, *scores).p,
        corrected_t(folds[1] - folds[0], plan.folds),
    )
    return Covered(
        expected,
        auc,
        (plain, variance(sample, parts)),
        (estimate.low, estimate.high),
        (one.mean() - half, one.mean() + half),
        tests,
    )


def expected_auc(x: Any, y: Any, other: Any, others: Any, plan: Plan) -> float:
    """Return the AUC on others of a model of the first fold's training participants."""
    from bids_denoise.stats.classify.folds import splits
    from bids_denoise.stats.classify.jobs import folds_of
    from bids_denoise.stats.classify.kernels import fit, gram, one_thread, prepared

    both = Question([str(i) for i in range(len(y))], y, {"x": x})
    train, _ = next(splits(folds_of(rows_of(both, plan, "x"), plan, 0)))
    everyone = np.concatenate([y[train], others])
    question = Question(
        [str(i) for i in range(len(everyone))], everyone, {"x": np.vstack([x[train], other])}
    )
    rows = rows_of(question, plan, "x")
    # Codes follow names; people are not repeated here and the order is that of the rows.
    first = np.arange(len(everyone)) < train.sum()
    with one_thread():
        fitted = fit(gram(prepared(rows, first, plan), first), rows, first, LINEAR, plan, False)
    return pooled(others, fitted.decision[~first])


def coverage_table(datasets: int, workers: int) -> str:
    rows = []
    for n in (40, 80):
        trials = [(n, seed) for seed in range(datasets)]
        done = list(map_in_order(one_coverage, trials, workers, failed))
        truth = float(np.mean([each.expected for each in done]))
        spread = np.array([each.spread for each in done])
        auc = np.array([each.auc for each in done])
        half = 1.96 * np.sqrt(spread) / (auc * (1 - auc))[:, None]
        logit = np.log(auc / (1 - auc)) - np.log(truth / (1 - truth))
        shares = (np.abs(logit)[:, None] <= half).mean(axis=0)
        held = np.mean([each.interval[0] <= truth <= each.interval[1] for each in done])
        across = np.mean([each.across_folds[0] <= truth <= each.across_folds[1] for each in done])
        wrong = np.mean(np.array([each.p for each in done]) < 0.05, axis=0)
        numbers = [across, *shares, held, *wrong]
        rows.append(
            [str(n), f"{truth:.3f}", f"{auc.mean():.3f}", *(f"{100 * v:.1f} %" for v in numbers)]
        )
    head = ["n", "expected AUC", "mean estimate", "across folds", "DeLong", "corrected"]
    head += ["as reported", "difference found: corrected DeLong", "corrected t"]
    return table(head, rows)


def time_table(workers: int) -> str:
    rng = np.random.default_rng(0)
    n, p = 40, 150_000
    y = rng.permutation(np.arange(n) % 2 == 0)
    x = rng.normal(size=(n, p)).astype(np.float32)
    sites = np.array(["A", "B"])[rng.permutation(np.arange(n) % 2)].tolist()
    names = [f"sub-{i:02d}" for i in rng.permutation(n)]
    question = Question(names, y, {"x": x}, confounds=rng.normal(size=(n, 2)), sites=sites)
    rows = []
    for models in ((LINEAR,), MODELS):
        start = time.perf_counter()
        found = classify(question, Plan(models=models, workers=workers))
        seconds = time.perf_counter() - start
        permutation = found.answer("x", LINEAR).permutation
        p_value = permutation.p.value if permutation else np.nan
        rows.append([" and ".join(models), str(workers), f"{seconds:.0f}", f"{p_value:.2f}"])
    return table(["models", "processes", "seconds", "p (no effect)"], rows)


def pooled(labels: Any, values: Any) -> float:
    return auc_parts(Sample(labels, np.arange(len(labels))), values)[0]


def failed(item: Any) -> Any:
    raise RuntimeError(f"lost {item}")


if __name__ == "__main__":
    main()
