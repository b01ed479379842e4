"""Training of the network for brain masks: its heads, and from the command line to weights."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import nibabel
import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_edt
from scipy.stats import spearmanr

from bids_denoise.training import loop, validation
from bids_denoise.training.anatomies import FLUID, Head, brain_head_of, brain_of
from bids_denoise.training.bank import Bank, fill_bank, stored_bank
from bids_denoise.training.command import main
from bids_denoise.training.heads import draw_block, signals_of, view_of
from bids_denoise.training.losses import loss_of_masks
from bids_denoise.training.recipe import Heads, Recipe
from bids_denoise.weights import load_weights
from tests.training.test_anatomies import codes_of, extracted

if TYPE_CHECKING:
    from pathlib import Path

TINY = Recipe(
    "brain_mask",
    {"widths": (8, 16)},
    steps=4,
    batch=2,
    patch=24,
    pool=2,
    heads=Heads(labels=("head*.nii.gz",), held_out=("head2*",), rodents=1),
)
TOML = """
network = "brain_mask"
steps = 4
batch = 2
patch = 24
pool = 2
[sizes]
widths = [8, 16]
[heads]
labels = ["head*.nii.gz"]
held_out = ["head2*"]
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for seed in range(3):
        image = nibabel.Nifti1Image(codes_of(seed), np.eye(4))
        nibabel.save(image, folder / f"head{seed}.nii.gz")
    return folder


@pytest.fixture(scope="module")
def head() -> Head:
    codes = codes_of()
    return Head(codes, brain_of(codes, 2.0))


@pytest.mark.parametrize("animals", [0.0, 1.0])
def test_views_are_of_many_looks_and_hold_their_brain(head: Head, animals: float) -> None:
    settings = Heads(animals=animals, cut=0.0, noise=0.0, shells=0.0, share=(0.5, 0.9))
    shares = []
    for seed in range(6):
        image, brain = view_of(head, 32, settings, np.random.default_rng(seed))
        assert image.shape == brain.shape == (32, 32, 32)
        assert image.dtype == brain.dtype == np.float32
        assert 0 <= image.min() <= image.max() <= 2
        assert 0 <= brain.min() <= brain.max() <= 1.001
        spans = [
            np.ptp(np.flatnonzero((brain > 0.5).any(axis=axes))) + 1
            for axes in ((1, 2), (0, 2), (0, 1))
        ]
        assert max(spans) > 8
        shares.append(brain.mean())
    assert max(shares) > 1.3 * min(shares)


def test_a_brain_that_is_extracted_has_nothing_around_it(head: Head) -> None:
    settings = Heads(extracted=1.0, cut=0.0, noise=0.05)
    for seed in range(4):
        image, brain = view_of(head, 32, settings, np.random.default_rng(seed))
        far = brain < 0.01
        assert np.median(image[far]) == np.percentile(image[far], 25)
        assert image[brain > 0.9].mean() > image[far].mean() + 0.1


@pytest.fixture(scope="module")
def brain(tmp_path_factory: pytest.TempPathFactory) -> Head:
    path = tmp_path_factory.mktemp("brain") / "brain_T1w.nii.gz"
    extracted(path)
    return brain_head_of(path)


def test_an_extracted_brain_gets_surroundings_or_none(brain: Head) -> None:
    settings = Heads(animals=0.0, cut=0.0, noise=0.0, extracted=0.0, shells=0.0, thick=0.0)
    beyond = []
    for bare in (0.0, 1.0):
        bright = []
        for seed in range(6):
            rng = np.random.default_rng(seed)
            image, inside = view_of(brain, 32, replace(settings, bare=bare), rng)
            far = distance_transform_edt(inside < 0.01) > 4
            bright.append(np.count_nonzero(image[far] > 0.1))
        beyond.append(bright)
    assert np.median(beyond[0]) > 100
    assert max(beyond[1]) == 0


def test_a_scan_has_its_own_signals_or_those_of_its_tissues(brain: Head) -> None:
    own = brain.signal[brain.brain].astype(float)
    signs = set()
    for seed in range(12):
        rng = np.random.default_rng(seed)
        signal, levels = signals_of(brain, Heads(scanned=1.0), rng)
        rank = spearmanr(signal[brain.brain], own).statistic
        assert abs(rank) == pytest.approx(1, abs=0.01)
        assert (levels.fluid < levels.grey) == (rank > 0)
        signs.add(np.sign(rank))
        signal, levels = signals_of(brain, Heads(scanned=0.0), rng)
        assert np.unique(signal[brain.brain]).size == 3
        assert signal[brain.labels == FLUID].max() == pytest.approx(levels.fluid)
    assert signs == {-1, 1}


def test_blocks_depend_on_their_number_alone(head: Head) -> None:
    bank = Bank(heads=(head,))
    one, other = (draw_block(TINY, bank, 3) for _ in range(2))
    np.testing.assert_array_equal(one.image, other.image)
    assert one.image.shape == one.brain.shape == (2, 1, 24, 24, 24)
    assert np.abs(draw_block(TINY, bank, 4).image - one.image).max() > 0.1


def test_the_loss_is_least_for_the_truth() -> None:
    brain = (torch.rand((2, 1, 8, 8, 8), generator=torch.Generator().manual_seed(1)) > 0.5).float()
    losses = []
    for odds in (20 * brain - 10, 2 * brain - 1, 0 * brain, 10 - 20 * brain):
        patches = {"image": brain, "brain": brain}
        losses.append(float(loss_of_masks(lambda _, odds=odds: odds, patches)))  # type: ignore[arg-type]
    assert losses == sorted(losses)
    assert losses[0] < 0.01


def test_it_learns(head: Head) -> None:
    settings = replace(TINY.heads or Heads(), animals=0.0, shells=0.0, cut=0.0, noise=0.02)
    recipe = replace(TINY, steps=40, batch=4, patch=16, learning_rate=4e-3, heads=settings)
    state = loop.begin(recipe, torch.device("cpu"), False)
    losses = [float(now.loss) for now in loop.train(recipe, Bank(heads=(head,)), state)]
    assert np.mean(losses[-8:]) < 0.8 * np.mean(losses[:4])


def test_the_bank_is_kept(data: Path, tmp_path: Path) -> None:
    made, kept = fill_bank(TINY, data), stored_bank(TINY, data, tmp_path / "bank.npz")
    assert len(made.heads) == len(kept.heads) == 3
    for one, other in zip(made.heads, kept.heads, strict=True):
        np.testing.assert_array_equal(one.labels, other.labels)
        np.testing.assert_array_equal(one.brain, other.brain)


def test_from_recipe_to_weights(data: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(TOML)
    out = tmp_path / "out"
    asked = [str(tmp_path / "mine.toml"), str(out), "--data", str(data), "--threads", "1"]
    assert main(asked) == 0
    card = json.loads((out / "brain_mask.json").read_text())
    weights = load_weights("brain_mask", str(out / "brain_mask.safetensors"))
    assert weights.checksum == card["checksum"]
    assert set(card["dice"]) == set(card["held_out"])
    assert card["held_out"] == ["human", "animal"]
    assert all(0 <= value <= 1 for value in card["dice"].values())


def test_brains_that_are_held_out_are_judged_and_not_trained_on(data: Path) -> None:
    for number in range(2):
        extracted(data / f"brain{number}.nii.gz")
    settings = replace(TINY.heads or Heads(), brains=("brain*",), held_out=("brain1*",), rodents=0)
    recipe = replace(TINY, heads=settings)
    assert [head.extracted for head in fill_bank(recipe, data).heads] == [*3 * [False], True]
    assert {test.name for test in validation.tests_of(recipe, data)} == {"brain"}
