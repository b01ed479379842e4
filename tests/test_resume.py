"""Killed, repeated and simultaneous runs end in the very same files as an undisturbed one."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from bids_denoise.cli import main
from bids_denoise.derivatives.store import read_table
from tests.bids_factory import add_image, make_dataset

IMAGES = [
    *(f"sub-0{n}/anat/sub-0{n}_T1w.nii.gz" for n in (1, 2, 3)),
    "sub-01/func/sub-01_task-rest_bold.nii.gz",
    "sub-01/dwi/sub-01_dwi.nii.gz",
]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("data") / "raw", *IMAGES)


@pytest.fixture(scope="module")
def undisturbed(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    output = tmp_path_factory.mktemp("undisturbed")
    assert main([str(dataset), str(output), "participant"]) == 0
    return digests(output)


def digests(output: Path) -> dict[str, str]:
    """Return what images, sidecars, maps and gradient files hold; no time of day is in them."""
    files = [
        path
        for ending in (".nii.gz", ".json", ".bval", ".bvec", "_scans.tsv")
        for path in output.glob(f"sub-*/**/*{ending}")
        if not path.name.endswith("_qc.json")
    ]
    return {
        path.relative_to(output).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def start(dataset: Path, output: Path, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "bids_denoise", str(dataset), str(output), "participant"]
    return subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, start_new_session=True)


def test_kill_and_repeat(dataset: Path, undisturbed: dict[str, str], tmp_path: Path) -> None:
    """Killed without warning while the n-th image is being made, at a moment that varies."""
    rng = np.random.default_rng(0)
    for wanted in (1, 3):
        process = start(dataset, tmp_path)
        while len(list(tmp_path.glob("sub-*/*/*_qc.json"))) < wanted and process.poll() is None:
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert start(dataset, tmp_path).wait() == 0
    assert digests(tmp_path) == undisturbed
    assert not (tmp_path / "logs" / "partial").exists()


def test_a_polite_stop_is_75_and_goes_on(
    dataset: Path, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    process = start(dataset, tmp_path)
    while not list(tmp_path.glob("sub-*/*/*_qc.json")) and process.poll() is None:
        time.sleep(0.005)
    process.terminate()
    assert process.wait() == 75
    assert not (tmp_path / "logs" / "partial").exists()
    assert start(dataset, tmp_path).wait() == 0
    assert digests(tmp_path) == undisturbed


def test_two_runs_at_once(dataset: Path, undisturbed: dict[str, str], tmp_path: Path) -> None:
    both = [start(dataset, tmp_path), start(dataset, tmp_path)]
    assert [process.wait() for process in both] == [0, 0]
    assert digests(tmp_path) == undisturbed


def test_several_workers_give_the_same(
    dataset: Path, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    options = ["--nprocs", "2", "--omp-nthreads", "1"]
    assert start(dataset, tmp_path, *options).wait() == 0
    assert digests(tmp_path) == undisturbed


def test_a_second_run_skips_what_is_current_and_overwrite_does_not(
    dataset: Path, tmp_path: Path
) -> None:
    run = [str(dataset), str(tmp_path), "participant", "--sloppy", "--participant-label", "02"]
    states = []
    for more in ([], [], ["--overwrite"], ["--method", "gaussian"]):
        assert main([*run, *more]) == 0
        states.append(read_table(tmp_path / "logs" / "status.tsv")[0]["status"])
    assert states == ["ok", "skipped", "ok", "ok"]


def test_a_changed_input_is_done_again(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "raw", IMAGES[0], IMAGES[1])
    run = [str(dataset), str(tmp_path / "out"), "participant", "--sloppy"]
    assert main(run) == 0
    add_image(dataset, IMAGES[0], metadata={"EchoTime": 0.003})
    assert main(run) == 0
    states = [row["status"] for row in read_table(tmp_path / "out" / "logs" / "status.tsv")]
    assert states == ["ok", "skipped"]
