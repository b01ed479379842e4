from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bids_denoise.demo import cohort
from bids_denoise.demo.dataset import write_demo

COARSE = 3.0
SIZE = 3
"""Patients, and controls."""


@pytest.fixture(scope="package", autouse=True)
def small_cohort() -> Iterator[None]:
    """Let few people be scanned, two of them twice."""
    with pytest.MonkeyPatch.context() as patched:
        groups = tuple(replace(group, size=SIZE) for group in cohort.DESIGN.groups)
        patched.setattr(cohort, "DESIGN", replace(cohort.DESIGN, groups=groups))
        patched.setattr(cohort, "REPEATS", 2)
        yield


@pytest.fixture(scope="package")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's scans and truth, coarse and therefore quick; nobody writes into it."""
    root = tmp_path_factory.mktemp("demo")
    write_demo(root, seed=3, coarseness=COARSE)
    return root
