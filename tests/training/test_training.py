"""From a recipe to a weight file: repeatable, resumable, and it learns."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import nibabel
import numpy as np
import pytest
import torch

from bids_denoise.errors import UsageError
from bids_denoise.simulate.noise import add_rician
from bids_denoise.simulate.phantom import head_labels, head_phantom
from bids_denoise.training import loop, main
from bids_denoise.training.bank import (
    Bank,
    cleaned,
    fill_bank,
    normalised,
    on_grids,
    stored_bank,
)
from bids_denoise.training.losses import energy_score, loss_of
from bids_denoise.training.pairs import pairs_of
from bids_denoise.training.patches import Patches, add_noise, cut_patches, draw_block
from bids_denoise.training.recipe import NoiseRange, Pairing, Recipe, Volumes, read_recipe
from bids_denoise.training.release import release
from bids_denoise.weights import load_weights

if TYPE_CHECKING:
    from pathlib import Path

    from bids_denoise.values import FloatArray

SIZES = {"widths": (4, 6), "blocks": 1}
TINY = Recipe("unet", SIZES, steps=6, batch=2, patch=16, region=20, reuse=2, pool=2)


def smooth(noisy: FloatArray, sigma: FloatArray) -> FloatArray:
    """Return a pilot that costs nothing."""
    return noisy - sigma * np.sign(noisy)


def tensors(patches: Patches) -> dict[str, torch.Tensor]:
    return loop.on_device(patches, torch.device("cpu"))


@pytest.fixture(scope="module")
def bank() -> Bank:
    return Bank((), tuple(normalised(head_phantom((40, 44, 36), seed=s)) for s in (0, 1)))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with three heads."""
    folder = tmp_path_factory.mktemp("data")
    for seed in range(3):
        head = head_phantom((40, 44, 36), seed=seed)
        nibabel.save(nibabel.Nifti1Image(head, np.eye(4)), folder / f"head{seed}.nii.gz")
    return folder


class TestRecipe:
    def test_it_is_read(self, tmp_path: Path) -> None:
        path = tmp_path / "r.toml"
        path.write_text(
            'network = "unet"\nsteps = 9\n[sizes]\nwidths = [4, 8]\n[volumes]\nscans = ["a"]\n'
        )
        recipe = read_recipe(path)
        assert recipe.steps == 9
        assert recipe.volumes == Volumes(scans=("a",))
        assert recipe.sizes == {"widths": (4, 8)}

    def test_it_can_name_pairs(self, tmp_path: Path) -> None:
        path = tmp_path / "r.toml"
        path.write_text('network = "unet"\nstart = "unet"\n[[pairs]]\nnoisy = "a"\ntarget = "b"\n')
        recipe = read_recipe(path)
        assert recipe.pairs == (Pairing("a", "b"),)
        assert recipe.start == "unet"

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("network = ", "cannot be read"),
            ('network = "unet"\nstep = 3', "'step'"),
            ('network = "unet"\n[noise]\nhigh = 3', "'high'"),
            ("steps = 3", "network"),
            ('network = "unet"\n[[pairs]]\nnoisy = "a"', "target"),
        ],
    )
    def test_what_is_wrong_with_it_is_told(self, tmp_path: Path, text: str, told: str) -> None:
        path = tmp_path / "wrong.toml"
        path.write_text(text)
        with pytest.raises(UsageError, match=told) as caught:
            read_recipe(path)
        assert "wrong.toml" in str(caught.value)


class TestVolumes:
    def test_a_scan_is_seen_on_finer_and_coarser_grids(self) -> None:
        head = head_phantom((64, 64, 64)) * (head_phantom((64, 64, 64)) > 0)
        made = on_grids(head, 16, np.random.default_rng(0))
        edges = [max(volume.shape) for volume in made]
        assert edges[:2] == [64, 64]
        assert edges[2] > edges[3] > 64 > edges[4] > edges[5]
        for volume in made:
            assert np.percentile(volume[volume > 0], 99) == pytest.approx(1, abs=0.01)

    def test_a_scan_loses_its_noise_first(self) -> None:
        head = head_phantom((48, 52, 44))
        noisy = np.maximum(head + np.random.default_rng(0).normal(0, 8, head.shape), 0)
        error = cleaned(noisy.astype(np.float32)) - head
        assert np.std(error[head > 50]) < 0.8 * np.std((noisy - head)[head > 50])

    def test_thin_volumes_are_continued_to_a_patch(self) -> None:
        for volume in on_grids(head_phantom((40, 44, 9)), 16, np.random.default_rng(0)):
            assert min(volume.shape) >= 16

    def test_thick_slices_are_seen_on_isotropic_grids_too(self) -> None:
        head, voxel = head_phantom((64, 64, 16)), np.array([1.0, 1.0, 4.0])
        made = on_grids(head, 8, np.random.default_rng(0), tuple(voxel))
        assert len(made) == 8
        for volume in made[-2:]:
            sides = voxel * head.shape / volume.shape
            assert max(sides) < 1.1 * min(sides)

    def test_the_number_of_workers_makes_no_difference(self, data: Path) -> None:
        recipe = replace(TINY, volumes=Volumes(scans=("head[01]*",)))
        one, two = (fill_bank(recipe, data, workers).scans for workers in (1, 2))
        for first, second in zip(one, two, strict=True):
            np.testing.assert_array_equal(first, second)

    def test_label_maps_become_volumes_of_random_contrast(self, tmp_path: Path) -> None:
        labels = head_labels((40, 44, 36)).astype(np.int16)
        nibabel.save(nibabel.Nifti1Image(labels, np.eye(4)), tmp_path / "labels.nii.gz")
        wanted = Volumes(labels=("labels*",), synthetic=3, heads=2, edge=24)
        made = fill_bank(replace(TINY, volumes=wanted), tmp_path).synthetic
        assert [volume.shape for volume in made] == [(24, 24, 24)] * 5
        assert not np.array_equal(made[0], made[1])
        bank = Bank(made, ())
        assert draw_block(TINY, bank, 0, None).truth.shape == (2, 1, 20, 20, 20)

    def test_what_is_held_out_is_not_in_the_bank(self, data: Path, tmp_path: Path) -> None:
        wanted = Volumes(scans=("head*.nii.gz",), held_out=("head2*",), share=0)
        recipe = replace(TINY, volumes=wanted)
        made = stored_bank(recipe, data, tmp_path / "bank.npz")
        again = stored_bank(recipe, data, tmp_path / "bank.npz")
        assert len(made.scans) == len(again.scans) == 12
        for one, other in zip(made.scans, again.scans, strict=True):
            np.testing.assert_array_equal(one, other)

    def test_a_pattern_that_fits_nothing_is_told(self, data: Path, tmp_path: Path) -> None:
        recipe = replace(TINY, volumes=Volumes(scans=("brain*.nii",)))
        with pytest.raises(UsageError, match=r"brain\*\.nii"):
            stored_bank(recipe, data, tmp_path / "bank.npz")


class TestPatches:
    def test_cubes_depend_on_seed_and_block_alone(self, bank: Bank) -> None:
        one, again = (draw_block(TINY, bank, 5, smooth) for _ in range(2))
        for name, array in one.arrays().items():
            assert array.shape == (2, 1, 20, 20, 20)
            assert array.dtype == np.float32
            np.testing.assert_array_equal(array, again.arrays()[name])
        assert not np.array_equal(one.noisy, draw_block(TINY, bank, 6, smooth).noisy)
        other = draw_block(replace(TINY, seed=1), bank, 5, smooth)
        assert not np.array_equal(one.noisy, other.noisy)

    def test_patches_depend_on_seed_and_step_alone(self, bank: Bank) -> None:
        blocks = [tensors(draw_block(TINY, bank, block, smooth)) for block in range(3)]
        one, again, other = (cut_patches(TINY, blocks, step)["noisy"] for step in (5, 5, 6))
        assert one.shape == (2, 1, 16, 16, 16)
        assert torch.equal(one, again)
        assert not torch.equal(one, other)

    def test_all_arrays_of_a_patch_are_turned_alike(self, bank: Bank) -> None:
        blocks = [tensors(draw_block(TINY, bank, 1, smooth))]
        for step in range(4):
            noisy, sigma, truth, pilot = (
                cut_patches(TINY, blocks, step)[name].numpy()
                for name in ("noisy", "sigma", "truth", "pilot")
            )
            np.testing.assert_array_equal(pilot, smooth(noisy, sigma))
            assert np.std(noisy - truth) < 1.2 * sigma.max()

    def test_no_two_patches_of_a_step_are_of_one_cube(self) -> None:
        cubes = torch.arange(6.0).repeat_interleave(20**3).reshape(3, 2, 1, 20, 20, 20)
        blocks = [{"noisy": each} for each in cubes]
        seen = set()
        for step in range(30):
            kinds = cut_patches(TINY, blocks, step)["noisy"].mean((1, 2, 3, 4)).tolist()
            assert len(set(kinds)) == 2
            seen.update(kinds)
        assert seen == set(range(6))

    def test_without_a_pilot_there_is_none(self, bank: Bank) -> None:
        assert set(draw_block(TINY, bank, 0, None).arrays()) == {"noisy", "sigma", "truth"}

    @pytest.mark.parametrize("rician", [0.0, 1.0])
    def test_the_noise_has_its_sigma_and_no_bias(self, rician: float) -> None:
        truth = np.full((40, 40, 40), 0.8, np.float32)
        noise = NoiseRange(0.1, 0.1001, rician=rician, uneven=0, extracted=0)
        patches = add_noise(truth, noise, np.random.default_rng(0))
        error = patches.noisy - patches.truth
        assert error.std() == pytest.approx(0.1, rel=0.03)
        assert error.mean() == pytest.approx(0, abs=0.002)

    def test_sigma_is_misjudged_by_as_much_as_the_recipe_says(self) -> None:
        truth = np.full((8, 8, 8), 0.8, np.float32)
        noise = NoiseRange(0.1, 0.1001, rician=0, uneven=0, extracted=0, misjudged=0.2)
        rng = np.random.default_rng(0)
        told = [add_noise(truth, noise, rng).sigma.mean() / 0.1 for _ in range(400)]
        assert np.log(told).std() == pytest.approx(0.2, rel=0.1)

    def test_rician_truth_is_what_the_way_back_expects(self) -> None:
        truth = np.full((30, 30, 30), 0.1, np.float32)
        noise = NoiseRange(0.1, 0.1001, rician=1, uneven=0, extracted=0)
        rng = np.random.default_rng(0)
        patches = add_noise(truth, noise, rng)
        rng = np.random.default_rng(0)
        offset = patches.truth.mean() - add_noise(truth, noise, rng).truth.mean()
        assert offset == 0
        level = patches.truth - patches.truth.min() + 0  # constant truth stays constant
        assert np.ptp(level) < 1e-6
        assert (patches.noisy - patches.truth).mean() == pytest.approx(0, abs=0.002)


class TestLosses:
    def test_the_energy_score_is_least_for_the_law_of_the_truth(self) -> None:
        """A proper score: neither draws that are too narrow nor too wide come off better."""
        generator = torch.Generator().manual_seed(0)
        truth = torch.randn((64, 1, 8, 8, 8), generator=generator)
        draws = torch.randn((4, *truth.shape), generator=generator)
        weight = torch.ones(64, 1, 1, 1, 1)
        scores = {
            spread: float(energy_score(spread * draws, truth, weight)) for spread in (0.5, 1, 1.5)
        }
        assert min(scores, key=scores.__getitem__) == 1

    def test_it_tells_the_texture_of_the_draws(self) -> None:
        """Draws as wide as the truth, but smooth, come off worse."""
        generator = torch.Generator().manual_seed(0)
        truth = torch.randn((64, 1, 8, 8, 8), generator=generator)
        draws = torch.randn((4, *truth.shape), generator=generator)
        smoothed = torch.nn.functional.avg_pool3d(draws.flatten(0, 1), 3, 1, 1)
        smoothed = (smoothed / smoothed.std()).reshape(draws.shape)
        weight = torch.ones(64, 1, 1, 1, 1)
        assert energy_score(smoothed, truth, weight) > energy_score(draws, truth, weight)

    def test_a_decibel_counts_the_same_at_all_levels(self) -> None:
        class Halfway(torch.nn.Module):
            """Leaves noise as the root of its level, as denoisers do."""

            def forward(self, noisy: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
                return noisy * (0.05 / sigma).sqrt()

        losses = []
        for level in (0.05, 0.2):
            truth = torch.zeros(2, 1, 20, 20, 20)
            sigma = torch.full_like(truth, level)
            noisy = sigma * torch.randn(truth.shape, generator=torch.Generator().manual_seed(1))
            given = {"noisy": noisy, "sigma": sigma, "truth": truth}
            losses.append(float(loss_of(Halfway(), given, 1, 0)))  # type: ignore[arg-type]
        assert losses[1] == pytest.approx(losses[0], rel=0.2)


def weights_after(recipe: Recipe, bank: Bank, state: loop.State) -> list[torch.Tensor]:
    for _ in loop.train(recipe, bank, state, smooth):
        pass
    return [each.detach().clone() for each in state.mean.parameters()]


class TestLoop:
    @pytest.mark.parametrize("network", ["unet", "generative"])
    def test_broken_off_it_goes_on_to_the_same_bits(
        self, bank: Bank, tmp_path: Path, network: str
    ) -> None:
        recipe = replace(TINY, network=network, samples=2 if network == "generative" else 1)
        device = torch.device("cpu")
        whole = weights_after(recipe, bank, loop.begin(recipe, device, False))
        broken = loop.begin(recipe, device, False)
        for state in loop.train(recipe, bank, broken, smooth):
            if state.step == 3:
                loop.save(state, tmp_path / "c.pt")
                break
        again = loop.restore(loop.begin(recipe, device, False), tmp_path / "c.pt")
        assert again.step == 3
        for one, other in zip(whole, weights_after(recipe, bank, again), strict=True):
            assert torch.equal(one, other)

    def test_it_learns(self, bank: Bank) -> None:
        recipe = replace(TINY, steps=60, learning_rate=4e-3)
        state = loop.begin(recipe, torch.device("cpu"), False)
        losses = [float(now.loss) for now in loop.train(recipe, bank, state, smooth, threads=2)]
        assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[:5])

    def test_the_rate_rises_and_falls(self) -> None:
        recipe = replace(TINY, steps=1000)
        rates = [loop.rate(recipe, step) for step in range(1000)]
        assert np.argmax(rates) in range(28, 33)
        assert rates[-1] < 1e-3 * max(rates)


class TestCommand:
    RECIPE = """network = "unet"
steps = 4
batch = 1
patch = 16
region = 16
[sizes]
widths = [4, 6]
blocks = 1
[volumes]
share = 0.0
scans = ["head*.nii.gz"]
held_out = ["head2*"]
"""

    def test_from_recipe_to_weights(self, data: Path, tmp_path: Path) -> None:
        recipe = tmp_path / "mine.toml"
        recipe.write_text(self.RECIPE)
        out = tmp_path / "out"
        asked = [str(recipe), str(out), "--data", str(data), "--threads", "1", "--every", "2"]
        assert main(asked) == 0
        weights = load_weights("unet", str(out / "unet.safetensors"))
        card = json.loads((out / "unet.json").read_text())
        assert weights.checksum == card["checksum"]
        assert card["recipe"]["steps"] == 4
        assert card["held_out"] == ["head2.nii.gz"]
        curve = [json.loads(line) for line in (out / "curve.jsonl").read_text().splitlines()]
        assert [row["step"] for row in curve] == [2, 4]

    def test_killed_it_goes_on_to_the_same_bits(self, data: Path, tmp_path: Path) -> None:
        recipe = tmp_path / "mine.toml"
        recipe.write_text(self.RECIPE.replace("steps = 4", "steps = 20"))
        asked = ["--data", str(data), "--threads", "1", "--every", "1"]
        assert main([str(recipe), str(tmp_path / "whole"), *asked]) == 0
        command = [
            sys.executable,
            "-c",
            "import sys; from bids_denoise.training import main; main()",
        ]
        command += [str(recipe), str(tmp_path / "killed"), *asked]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            for _ in range(3):
                assert process.stdout.readline()
            process.kill()
        assert process.returncode == -signal.SIGKILL
        assert not (tmp_path / "killed" / "unet.safetensors").exists()
        again = subprocess.run(command, capture_output=True, text=True, check=True)
        assert again.stdout.startswith("going on from step")
        one, other = (tmp_path / name / "unet.safetensors" for name in ("whole", "killed"))
        assert one.read_bytes() == other.read_bytes()

    def test_weights_of_one_training_are_the_start_of_another(
        self, data: Path, tmp_path: Path
    ) -> None:
        recipe = tmp_path / "mine.toml"
        recipe.write_text(self.RECIPE)
        asked = ["--data", str(data), "--threads", "1"]
        assert main([str(recipe), str(tmp_path / "one"), *asked]) == 0
        tuned = self.RECIPE.replace("steps = 4", 'steps = 0\nstart = "../one/unet.safetensors"')
        recipe.write_text(tuned.replace("[4, 6]", "[9, 9]"))
        assert main([str(recipe), str(tmp_path / "two"), *asked]) == 0
        one, two = (
            load_weights("unet", str(tmp_path / n / "unet.safetensors")) for n in ("one", "two")
        )
        for name, value in one.network.state_dict().items():
            assert torch.equal(value, two.network.state_dict()[name])

    def test_a_share_of_what_was_known_before_is_kept(self, data: Path, tmp_path: Path) -> None:
        recipe = tmp_path / "mine.toml"
        recipe.write_text(self.RECIPE)
        asked = ["--data", str(data), "--threads", "1"]
        assert main([str(recipe), str(tmp_path / "start"), *asked]) == 0
        found = {"start": load_weights("unet", str(tmp_path / "start" / "unet.safetensors"))}
        for kept in ("0.0", "0.25"):
            text = (
                f'start = "../start/unet.safetensors"\nstart_kept = {kept}\nlearning_rate = 0.1\n'
            )
            recipe.write_text(text + self.RECIPE)
            assert main([str(recipe), str(tmp_path / kept), *asked]) == 0
            found[kept] = load_weights("unet", str(tmp_path / kept / "unet.safetensors"))
        start, anew, blended = (each.network.state_dict() for each in found.values())
        for name, value in blended.items():
            expected = 0.75 * anew[name] + 0.25 * start[name]
            torch.testing.assert_close(value, expected, rtol=2e-3, atol=1e-4)
        assert max(float((anew[name] - start[name]).abs().max()) for name in anew) > 0.01

    def test_another_recipe_is_refused_in_the_same_folder(
        self, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        recipe = tmp_path / "mine.toml"
        asked = [str(recipe), str(tmp_path / "out"), "--data", str(data), "--threads", "1"]
        recipe.write_text(self.RECIPE)
        assert main(asked) == 0
        recipe.write_text(self.RECIPE.replace("steps = 4", "steps = 5"))
        assert main(asked) == UsageError.exit_code
        assert "another recipe" in capsys.readouterr().err

    def test_an_error_is_a_sentence_and_a_code(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["nothing.toml", str(tmp_path)]) == UsageError.exit_code
        assert "nothing.toml" in capsys.readouterr().err

    def test_weights_of_another_kind_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="no such file"):
            load_weights("unet", str(tmp_path / "none.safetensors"))
        (tmp_path / "torn.safetensors").write_bytes(b"torn")
        with pytest.raises(UsageError, match=r"torn\.safetensors"):
            load_weights("unet", str(tmp_path / "torn.safetensors"))


def two_runs(folder: Path, sigma: float = 12.0, seeds: range = range(2)) -> list[FloatArray]:
    """Write two noisy runs of each of some heads; return the heads."""
    heads = []
    for seed in seeds:
        head = head_phantom((44, 48, 40), seed=seed)
        for run in (1, 2):
            noise = np.random.default_rng((seed, run)).normal(0, sigma, head.shape)
            noisy = (head + noise).astype(np.float32)
            image = nibabel.Nifti1Image(noisy, np.eye(4))
            nibabel.save(image, folder / f"sub-{seed}_run-{run}_T1w.nii.gz")
        heads.append(head)
    return heads


class TestPairs:
    def test_repeated_runs_are_used_both_ways(self, tmp_path: Path) -> None:
        heads = two_runs(tmp_path)
        pairing = Pairing("*run-1*", "*run-2*", repeats=True)
        pairs = pairs_of(pairing, tmp_path)
        assert len(pairs) == 4
        np.testing.assert_allclose(pairs[0].noisy, pairs[1].target, rtol=0.02, atol=1e-3)
        peak = 12 / float(pairs[0].sigma.mean())
        assert peak == pytest.approx(np.percentile(heads[0], 99), rel=0.1)

    def test_a_cleaner_target_is_what_the_way_back_expects(self, tmp_path: Path) -> None:
        head = head_phantom((44, 48, 40))
        noisy = add_rician(head, 10, np.random.default_rng(0))
        for name, data in (("noisy", noisy), ("clean", head + 0.01)):
            nibabel.save(nibabel.Nifti1Image(data, np.eye(4)), tmp_path / f"{name}.nii.gz")
        (pair,) = pairs_of(Pairing("noisy*", "clean*"), tmp_path)
        error = ((pair.noisy - pair.target).astype(np.float32) / pair.sigma)[head > 20]
        assert error.mean() == pytest.approx(0, abs=0.03)
        assert error.std() == pytest.approx(1, abs=0.15)  # sigma is estimated on a small head

    def test_patterns_that_do_not_match_are_told(self, tmp_path: Path) -> None:
        two_runs(tmp_path)
        with pytest.raises(UsageError, match=r"'\*run-1\*' fits 2 file.*'\*run-3\*' fits 0"):
            pairs_of(Pairing("*run-1*", "*run-3*"), tmp_path)
        other = nibabel.Nifti1Image(np.ones((8, 8, 8), np.float32), np.eye(4))
        nibabel.save(other, tmp_path / "sub-1_run-2_T1w.nii.gz")
        with pytest.raises(UsageError, match=r"sub-1_run-2_T1w.*one grid"):
            pairs_of(Pairing("*run-1*", "*run-2*"), tmp_path)

    def test_two_runs_improve_a_network_that_does_not_fit(self, bank: Bank, tmp_path: Path) -> None:
        """It was trained to leave half of the noise; two noisy runs and no truth teach it."""
        from bids_denoise.denoisers.inference import apply_network
        from bids_denoise.values import Device

        recipe = Recipe("srcnn", {"widths": (12, 8)}, steps=120, batch=4, patch=16, region=20)
        recipe = replace(recipe, learning_rate=1e-3, noise=NoiseRange(0.02, 0.03, rician=0))
        state = loop.begin(recipe, torch.device("cpu"), False)
        for _ in loop.train(recipe, bank, state):
            pass
        release(state.mean, recipe, {}, tmp_path)
        folder = tmp_path / "runs"
        folder.mkdir()
        two_runs(folder, sigma=40)
        pairs = (Pairing("*run-1*", "*run-2*", repeats=True),)
        start = load_weights("srcnn", str(tmp_path / "srcnn.safetensors")).network
        tuned = replace(recipe, pairs=pairs, learning_rate=1e-3, seed=3)
        runs = fill_bank(tuned, folder)
        after = loop.begin(tuned, torch.device("cpu"), False, start)
        for _ in loop.train(tuned, runs, after):
            pass
        head = head_phantom((44, 48, 40), seed=7)
        sigma = np.full(head.shape, 40, np.float32)
        noisy = (head + np.random.default_rng(9).normal(0, 40, head.shape)).astype(np.float32)
        errors = [
            np.square(apply_network(each, noisy, sigma, Device()) - head)[head > 10].mean()
            for each in (state.mean, after.mean)
        ]
        assert errors[1] < 0.8 * errors[0]
