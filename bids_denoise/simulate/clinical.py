"""Patients with a large-vessel occlusion: what is known before treatment, and how they fare.

A cohort in the shape of Nishi 2019 (doi:10.1161/STROKEAHA.119.025411): 387 patients to derive a
prediction from and 115 of other hospitals to test it on, good outcome a modified Rankin scale of
0 to 2 after 90 days. The patients are simulated; marginal distributions are about those of trials
of thrombectomy (Goyal 2016, doi:10.1016/S0140-6736(16)00163-X). The probability of a good outcome
is a known function, not linear in age, severity and glucose, so that the best possible AUC is
known. No model was fitted to choose it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]
    Table = dict[str, npt.NDArray[Any]]

DERIVATION, EXTERNAL = 387, 115
POPULATION = 50_000

LATENT = ("age", "nihss", "mrs", "glucose", "aspects", "delay", "pressure", "vascular")
"""Continuous causes that variables come of. `vascular` stands for risk factors at large."""

CORRELATION = {
    ("age", "mrs"): 0.35,
    ("age", "nihss"): 0.12,
    ("age", "vascular"): 0.3,
    ("age", "pressure"): 0.1,
    ("nihss", "aspects"): -0.4,
    ("nihss", "delay"): -0.15,
    ("nihss", "glucose"): 0.12,
    ("delay", "aspects"): -0.25,
    ("glucose", "vascular"): 0.35,
    ("pressure", "vascular"): 0.25,
    ("mrs", "vascular"): 0.15,
}

MISSING = {
    "glucose": 0.03,
    "aspects": 0.06,
    "systolic_blood_pressure": 0.02,
    "onset_to_door": 0.08,
    "pre_mrs": 0.02,
    "smoking": 0.1,
}
"""Share of values that were not recorded."""

OCCLUSIONS = ("ICA", "M1", "M2")


@dataclass(frozen=True)
class Hospitals:
    """Where patients come from, and how those differ from the first hospitals'.

    Attributes
    ----------
    name
        Of the set.
    older, later, severer
        Shift of mean age in years, of onset to door in minutes, and of the NIHSS.
    effect
        Log odds added to a good outcome for causes that nobody recorded.
    """

    name: str = "derivation"
    older: float = 0.0
    later: float = 0.0
    severer: float = 0.0
    effect: float = 0.0


OTHERS = Hospitals("external", older=2.0, later=20.0, severer=1.0, effect=-0.2)


@dataclass(frozen=True)
class Patients:
    """A set of patients.

    Attributes
    ----------
    table
        One array (patient,) by variable, float64 with NaN where a value is missing; `sex`,
        `occlusion_site` and `side` are text. Numbers are in the units that the names of
        `draw_patients` give.
    good
        bool (patient,): modified Rankin scale of 0 to 2 after 90 days.
    probability
        float64 (patient,): the true probability of that, given everything before values went
        missing.
    thrive, span
        int64 (patient,): the published scores, from complete values.
    """

    table: Table
    good: npt.NDArray[np.bool_]
    probability: Array
    thrive: npt.NDArray[np.int64]
    span: npt.NDArray[np.int64]


def nishi_cohort(seed: int) -> tuple[Patients, Patients]:
    """Return `DERIVATION` patients and `EXTERNAL` ones of `OTHERS`."""
    first, second = np.random.SeedSequence(seed).spawn(2)
    return (
        draw_patients(DERIVATION, Hospitals(), np.random.default_rng(first)),
        draw_patients(EXTERNAL, OTHERS, np.random.default_rng(second)),
    )


def draw_patients(count: int, hospitals: Hospitals, rng: np.random.Generator) -> Patients:
    """Draw patients.

    Parameters
    ----------
    count
        How many.
    hospitals
        Where from.
    rng
        Draws patients, outcomes, and what is missing.

    Returns
    -------
    Patients
        With the variables `age` (years), `sex`, `nihss` (0-42), `pre_mrs` (0-4), `glucose`
        (mg/dl), `aspects` (0-10), `onset_to_door` (minutes), `systolic_blood_pressure` (mmHg),
        `occlusion_site`, `side`, and 0 or 1 for `atrial_fibrillation`, `diabetes`,
        `hypertension`, `dyslipidaemia`, `smoking` and `tpa`.
    """
    table = _complete(count, hospitals, rng)
    probability = good_probability(table, hospitals)
    good = rng.random(count) < probability
    thrive, span = thrive_score(table), span_100(table)
    for name, share in MISSING.items():
        table[name] = np.where(rng.random(count) < share, np.nan, table[name])
    return Patients(table, good, probability, thrive, span)


def good_probability(table: Table, hospitals: Hospitals) -> Array:
    """Return the true probability of a modified Rankin scale of 0 to 2, (patient,).

    Age acts more and more beyond 60; severity saturates; glucose harms beyond 120 mg/dl; a small
    ASPECTS is worst where reperfusion comes late; thrombolysis helps those who come early.
    """
    age, nihss, aspects = table["age"], table["nihss"], table["aspects"]
    late = np.maximum(table["onset_to_door"] - 60, 0) / 120
    odds = 3.3 + hospitals.effect
    odds = odds - 0.0022 * np.maximum(age - 55, 0) ** 2
    odds = odds - 3.4 / (1 + np.exp(-(nihss - 15) / 4))
    odds = odds - 0.9 * table["pre_mrs"]
    odds = odds - 0.9 * np.tanh(np.maximum(table["glucose"] - 120, 0) / 80)
    odds = odds - 0.16 * (10 - aspects) * (0.6 + 0.5 * np.minimum(late, 3))
    odds = odds - 0.5 * (table["occlusion_site"] == "ICA")
    odds = odds + 0.5 * table["tpa"] * np.exp(-late)
    odds = odds - 0.3 * table["atrial_fibrillation"] * (age > 75)
    odds = odds - 0.25 * (table["side"] == "left") * (nihss > 12)
    return np.asarray(1 / (1 + np.exp(-odds)))


def best_auc(hospitals: Hospitals, seed: int = 0) -> float:
    """Return the AUC that no prediction from complete values exceeds: that of the truth.

    Over `POPULATION` patients, each good with her probability and bad with the rest, which
    leaves a standard error of about 0.001.
    """
    drawn = draw_patients(POPULATION, hospitals, np.random.default_rng(seed))
    return expected_auc(drawn.probability, drawn.probability)


def expected_auc(score: npt.NDArray[Any], probability: Array) -> float:
    """Return the AUC of `score` over patients of known `probability`, equal scores half right.

    Every patient counts as good with weight `probability` and as bad with the rest: the
    area without the chance of a single draw of outcomes.

    >>> expected_auc(np.array([0, 1]), np.array([0.0, 1.0]))
    1.0
    """
    values, place = np.unique(score, return_inverse=True)
    good = np.bincount(place, probability, len(values))
    bad = np.bincount(place, 1 - probability, len(values))
    below = np.cumsum(bad) - bad / 2
    return float((good * below).sum() / (good.sum() * bad.sum()))


def thrive_score(table: Table) -> npt.NDArray[np.int64]:
    """Return THRIVE, 0 (best) to 9: age, NIHSS and three chronic diseases.

    Age 60-79 counts 1, from 80 on 2; NIHSS 11-20 counts 2, from 21 on 4; hypertension,
    diabetes and atrial fibrillation 1 each (Flint 2010, doi:10.3174/ajnr.A2050).
    """
    age, nihss = table["age"], table["nihss"]
    points = (age >= 60) * 1 + (age >= 80) * 1 + (nihss >= 11) * 2 + (nihss >= 21) * 2
    diseases = sum(table[name] for name in ("hypertension", "diabetes", "atrial_fibrillation"))
    return np.asarray(points + diseases, dtype=np.int64)


def span_100(table: Table) -> npt.NDArray[np.int64]:
    """Return SPAN-100: 1 where age and NIHSS add to 100 or more, else 0.

    Saposnik 2013, doi:10.1212/WNL.0b013e31827b1ace.
    """
    return np.asarray(table["age"] + table["nihss"] >= 100, dtype=np.int64)


def _complete(count: int, hospitals: Hospitals, rng: np.random.Generator) -> Table:
    """Draw all variables, none missing."""
    cause = _causes(count, rng)
    age = np.clip(72 + hospitals.older + 12 * _skewed(cause["age"]), 25, 98)
    nihss = np.clip(np.rint(17 + hospitals.severer + 6.5 * cause["nihss"]), 2, 38)
    fibrillation = _happens(-0.4 + 0.05 * (age - 72), rng)
    diabetes = _happens(-1.4 + 0.8 * cause["vascular"] + 0.5 * cause["glucose"], rng)
    glucose = 125 * np.exp(0.25 * cause["glucose"] + 0.22 * diabetes)
    delay = 110 * np.exp(0.7 * cause["delay"]) + hospitals.later
    place = cause["nihss"] + rng.logistic(size=count)
    site = np.select([place > 1.2, place > -1.8], OCCLUSIONS[:2], OCCLUSIONS[2])
    return {
        "age": np.rint(age),
        "sex": np.where(_happens(-0.1 + 0.03 * (age - 72), rng) > 0, "F", "M"),
        "nihss": nihss,
        "pre_mrs": np.digitize(cause["mrs"], (0.55, 1.1, 1.6, 2.1)).astype(np.float64),
        "glucose": np.rint(np.clip(glucose, 60, 450)),
        "aspects": np.clip(np.rint(8.2 + 1.7 * cause["aspects"]), 0, 10),
        "onset_to_door": np.rint(np.clip(delay, 10, 960)),
        "systolic_blood_pressure": np.rint(np.clip(152 + 25 * cause["pressure"], 80, 260)),
        "occlusion_site": site,
        "side": np.where(rng.random(count) < 0.52, "left", "right"),
        "atrial_fibrillation": fibrillation,
        "diabetes": diabetes,
        "hypertension": _happens(0.5 + 0.9 * cause["vascular"] + 0.3 * cause["pressure"], rng),
        "dyslipidaemia": _happens(-0.7 + 0.8 * cause["vascular"], rng),
        "smoking": _happens(-1.1 - 0.04 * (age - 72), rng),
        "tpa": _happens(1.6 - 0.012 * delay, rng),
    }


def _causes(count: int, rng: np.random.Generator) -> dict[str, Array]:
    """Draw the latent causes: standard normal, correlated as `CORRELATION` says."""
    matrix = np.eye(len(LATENT))
    for (one, other), value in CORRELATION.items():
        pair = [LATENT.index(one), LATENT.index(other)]
        matrix[pair, pair[::-1]] = value
    drawn = rng.standard_normal((count, len(LATENT))) @ np.linalg.cholesky(matrix).T
    return dict(zip(LATENT, drawn.T, strict=True))


def _skewed(normal: Array) -> Array:
    """Return values with a longer tail below, as ages of stroke have; mean 0, about unit spread."""
    return np.asarray((1 - np.exp(-0.35 * normal) + (np.exp(0.35**2 / 2) - 1)) / 0.38)


def _happens(odds: Array, rng: np.random.Generator) -> Array:
    """Return 1.0 where something with these log odds happens, else 0.0."""
    return (rng.random(len(odds)) < 1 / (1 + np.exp(-odds))).astype(np.float64)
