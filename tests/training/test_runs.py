"""Training on series: the runs, the stretches, and a network trained from the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import nibabel
import numpy as np
import pytest
import torch

from bids_denoise.denoisers.by_volumes import denoise_series, seen_of
from bids_denoise.simulate.noise import add_rician
from bids_denoise.training.bank import fill_bank
from bids_denoise.training.command import main
from bids_denoise.training.loop import on_device
from bids_denoise.training.recipe import Recipe, Runs
from bids_denoise.training.runs import simulated_run
from bids_denoise.training.stretches import cut_patches, draw_block
from bids_denoise.training.validation import SIGNALS, RunTest
from bids_denoise.training.validation import tests_of as judged_on
from bids_denoise.values import Device
from bids_denoise.weights import load_weights

if TYPE_CHECKING:
    from pathlib import Path

SMALL = Runs(
    scans=("*_bold.nii",),
    first=24,
    share=0.5,
    edges=(14, 18),
    slices=(12, 14),
    volumes=(20, 26),
    patch=(12, 12, 10, 8),
)
TINY = Recipe("cnn4d", {"width": 4, "times": (3, 1)}, steps=4, batch=2, runs=SMALL)
TOML = """
network = "cnn4d"
steps = 4
batch = 2
pool = 2
[sizes]
width = 4
times = [3, 1]
[runs]
edges = [14, 18]
slices = [12, 14]
volumes = [20, 26]
patch = [12, 12, 10, 8]
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a run of 30 volumes."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(1)
    run = simulated_run(replace(SMALL, volumes=(30, 30), snr=(80, 81)), rng)
    noisy = add_rician(run.truth, float(run.sigma.mean()), rng)
    nibabel.save(nibabel.Nifti1Image(noisy, np.eye(4)), folder / "rest_bold.nii")
    return folder


def test_simulated_runs_are_of_many_kinds_and_have_the_noise_they_should() -> None:
    runs = [simulated_run(SMALL, np.random.default_rng(seed)) for seed in range(3)]
    assert len({run.truth.shape for run in runs}) > 1
    for run in runs:
        assert 20 <= run.truth.shape[3] <= 26
        noise = (run.noisy - run.truth) / run.sigma[..., np.newaxis]
        assert noise.std() == pytest.approx(1, abs=0.12)
        assert abs(noise.mean()) < 0.02


def test_of_a_real_run_the_first_volumes_are_taken_and_lose_their_noise(data: Path) -> None:
    (run,) = fill_bank(TINY, data).runs
    assert run.series.shape[3] == 24
    raw = nibabel.load(data / "rest_bold.nii").get_fdata()[..., :24]
    unit = np.percentile(raw, 99)
    within = run.series.astype(float)[run.series[..., 0] > 0.5]
    assert within.mean() * unit == pytest.approx(raw[raw[..., 0] > 0.5 * unit].mean(), rel=0.05)
    step = np.abs(np.diff(within)).mean() * unit
    assert step < 0.7 * np.abs(np.diff(raw[raw[..., 0] > 0.5 * unit])).mean()


def test_blocks_and_patches_depend_on_seed_block_and_step_alone(data: Path) -> None:
    bank = fill_bank(TINY, data)
    one, again, other = (draw_block(TINY, bank, block) for block in (3, 3, 4))
    for name, array in one.arrays().items():
        assert array.dtype == np.float16
        np.testing.assert_array_equal(array, again.arrays()[name])
    assert one.series.shape != other.series.shape or not np.array_equal(one.series, other.series)
    blocks = [on_device(each, torch.device("cpu")) for each in (one, other)]
    first, same, later = (cut_patches(TINY, blocks, step) for step in (5, 5, 6))
    assert first["seen"].shape == (2, 8, 6, 12, 12, 10)
    assert first["truth"].shape == (2, 8, 1, 12, 12, 10)
    assert torch.equal(first["seen"], same["seen"])
    assert not torch.equal(first["seen"], later["seen"])


def test_what_is_seen_and_the_truth_of_a_patch_are_turned_alike(data: Path) -> None:
    blocks = [on_device(draw_block(TINY, fill_bank(TINY, data), 0), torch.device("cpu"))]
    for step in range(4):
        patch = cut_patches(replace(TINY, batch=1), blocks, step)
        noisy = patch["seen"][:, :, 0] + patch["seen"][:, :, 1]
        left = (noisy - patch["truth"][:, :, 0]).std()
        assert 0.7 < float(left) < 1.3


def test_it_trains_from_the_command_line(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text(TOML)
    assert main([str(recipe), str(tmp_path / "out"), "--every", "4", "--threads", "1"]) == 0
    row = json.loads((tmp_path / "out" / "curve.jsonl").read_text())
    assert set(row["rmse"]) == {f"SNR {snr}" for snr in SIGNALS}
    card = json.loads((tmp_path / "out" / "cnn4d.json").read_text())
    assert card["recipe"]["runs"]["edges"] == [14, 18]
    load_weights("cnn4d", str(tmp_path / "out" / "cnn4d.safetensors"))


def test_the_shipped_network_is_better_than_its_pilots(tmp_path: Path) -> None:
    test = judged_on(TINY, tmp_path)[1]
    assert isinstance(test, RunTest)
    crop = np.s_[8:32, 4:28, 2:16, :50]
    noisy, truth = (np.ascontiguousarray(each[crop]) for each in test.run[:2])
    sigma = np.ones(noisy.shape[:3], np.float32)
    seen = seen_of(noisy, sigma, Device(threads=2))
    made = denoise_series(load_weights("cnn4d").network, noisy, sigma, Device(threads=2))
    truth = truth - truth.mean(axis=-1, keepdims=True)
    brain = test.brain[crop[:3]]
    errors = [
        np.square(each - each.mean(axis=-1, keepdims=True) - truth)[brain].mean()
        for each in (made, seen.wide, seen.narrow)
    ]
    assert errors[0] < 0.82 * min(errors[1:])
