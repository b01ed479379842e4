"""The app as a platform runs it: ``bosh exec launch`` with the shipped descriptor."""

import contextlib
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from boutiques import bosh

from bids_denoise.errors import DatasetError
from tests.bids_factory import make_dataset

SHIPPED = Path(__file__).parents[2] / "boutiques.json"


@pytest.fixture
def launch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that launches an invocation, with the app on the path of programs."""
    program = tmp_path / "bin" / "bids-denoise"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m bids_denoise "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(SHIPPED.parent))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def run(**inputs: Any) -> Any:
        invocation = tmp_path / "invocation.json"
        invocation.write_text(json.dumps({"Sloppy": True, "Method": "gaussian", **inputs}))
        words = ["--no-container", "--skip-data-collection", str(SHIPPED), str(invocation)]
        with contextlib.redirect_stdout(io.StringIO()):
            return bosh(["exec", "launch", *words])

    return run


def test_a_dataset_goes_through(launch: Any, tmp_path: Path) -> None:
    make_dataset(tmp_path / "raw data", "sub-01/anat/sub-01_T1w.nii.gz")
    result = launch(
        InputDataset="raw data", OutputLocation="results", AnalysisLevel=["participant", "group"]
    )
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "results" / "group.html").is_file()
    assert not result.missing_files


def test_the_exit_code_and_its_meaning_arrive(launch: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = launch(InputDataset="empty", OutputLocation="results", AnalysisLevel=["participant"])
    assert result.exit_code == DatasetError.exit_code
    assert "not a BIDS dataset" in str(result.stderr)
    assert result.error_message == "The input folder is not a BIDS dataset."
