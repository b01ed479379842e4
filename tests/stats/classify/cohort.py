"""A stand-in for patients with a large-vessel occlusion: 387 to learn from, 115 elsewhere."""

from typing import Any

import numpy as np


def occlusions(derivation: int = 387, external: int = 115, seed: int = 0) -> dict[str, list[Any]]:
    rng = np.random.default_rng(seed)
    n = derivation + external
    age = rng.normal(74, 11, n).clip(35, 98)
    nihss = rng.gamma(6, 3, n).clip(2, 40).round()
    aspects = (10 - rng.poisson(2.2, n)).clip(0, 10).astype(float)
    glucose = rng.lognormal(4.85, 0.3, n)
    collaterals = rng.choice(["good", "moderate", "poor"], n, p=[0.35, 0.4, 0.25])
    onset = rng.gamma(3, 1.3, n)
    before = rng.choice([0.0, 1.0, 2.0], n, p=[0.7, 0.2, 0.1])
    good = np.select([collaterals == "good", collaterals == "poor"], [1.1, -1.3])
    logit = (
        -0.1
        - 0.05 * (age - 74)
        - 0.09 * (nihss - 18)
        + 0.45 * (aspects - 8)
        - 0.012 * (glucose - 135)
        + good
        - 0.2 * (onset - 4)
        - 0.9 * before
    )
    outcome = rng.random(n) < 1 / (1 + np.exp(-logit))
    # A SPAN-100-like score: age and severity only.
    score = age + nihss
    order = rng.permutation(n)
    glucose[rng.random(n) < 0.08] = np.nan
    collaterals = np.where(rng.random(n) < 0.05, "n/a", collaterals)
    columns = {
        "participant_id": [f"sub-{i:03d}" for i in range(n)],
        "age": age,
        "nihss": nihss,
        "aspects": aspects,
        "glucose": glucose,
        "collaterals": collaterals,
        "onset_to_groin": onset,
        "mrs_before": before,
        "score": score,
        "good": np.where(outcome, "yes", "no"),
        "cohort": np.where(np.arange(n) < derivation, "derivation", "external"),
    }
    shuffled = {name: np.array(values)[order].tolist() for name, values in columns.items()}
    shuffled["participant_id"] = columns["participant_id"]
    return shuffled
