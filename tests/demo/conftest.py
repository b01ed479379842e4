import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bids_denoise.demo import cohort
from bids_denoise.demo.dataset import write_demo

COARSE = 3.0
SIZE = 5
"""Patients, and controls."""


@pytest.fixture(scope="package", autouse=True)
def small_cohort() -> Iterator[None]:
    """Let few people be scanned, one of them twice."""
    with pytest.MonkeyPatch.context() as patched:
        groups = tuple(replace(group, size=SIZE) for group in cohort.DESIGN.groups)
        patched.setattr(cohort, "DESIGN", replace(cohort.DESIGN, groups=groups))
        patched.setattr(cohort, "REPEATS", 2)
        yield


def errors_of(dataset: Path) -> list[Any]:
    """Return what the BIDS validator calls an error."""
    validator = Path(sys.executable).with_name("bids-validator-deno")
    assert validator.is_file(), "bids-validator-deno belongs to the test extra"
    done = subprocess.run(
        [str(validator), str(dataset), "--format", "json"],
        capture_output=True,
        text=True,
        check=False,
    )
    issues = json.loads(done.stdout)["issues"]["issues"]
    return [each for each in issues if each["severity"] == "error"]


@pytest.fixture(scope="package")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's scans and truth, coarse and therefore quick; nobody writes into it."""
    root = tmp_path_factory.mktemp("demo")
    write_demo(root, seed=3, coarseness=COARSE)
    return root
