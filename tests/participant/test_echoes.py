"""Echoes of one acquisition, denoised together."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bids_denoise.cli import main
from bids_denoise.denoisers.apply import denoise
from bids_denoise.denoisers.local_pca import LocalPca
from bids_denoise.denoisers.nordic import Nordic
from bids_denoise.simulate.noise import add_gaussian, add_rician
from bids_denoise.simulate.phantom import head_phantom
from bids_denoise.values import Device, Image, Noise
from tests.bids_factory import add_image, make_dataset, scan_at

if TYPE_CHECKING:
    from pathlib import Path

    from bids_denoise.values import FloatArray

SHAPE, VOLUMES, SIGMA = (24, 26, 14), 30, 10.0
TIMES = np.array([14.0, 30.0, 46.0])


def echoes(strength: float = 0.02) -> list[FloatArray]:
    """Return three noise-free echoes (x, y, z, t): a weak response that grows with echo time."""
    head = head_phantom(SHAPE)[..., np.newaxis]
    course = np.sin(np.arange(VOLUMES) / 3)
    region = np.zeros((*SHAPE, 1))
    region[6:18, 8:18, 4:10] = 1
    return [
        np.asarray(head * np.exp(-time / 60) * (1 + strength * time / 30 * region * course), "f4")
        for time in TIMES
    ]


def image_of(data: FloatArray) -> Image:
    return Image(data, np.eye(4), np.ones(SHAPE, np.bool_))


def test_weak_signal_is_found_by_all_echoes_that_one_alone_does_not_show() -> None:
    rng = np.random.default_rng(0)
    truths = echoes()
    first, *others = (image_of(add_gaussian(each, SIGMA, rng)) for each in truths)
    noise = Noise(np.full(SHAPE, SIGMA, np.float32), "gaussian", "known")
    course = np.sin(np.arange(VOLUMES) / 3)
    course -= course.mean()
    found = {}
    for name, image in (("alone", first), ("joined", replace(first, echoes=tuple(others)))):
        result = denoise(LocalPca(), image, noise, Device())
        assert result.data.shape == first.data.shape
        assert result.data.flags.c_contiguous
        amplitude = (result.data[8:16, 10:16, 5:9] @ course).mean()
        found[name] = amplitude / (truths[0][8:16, 10:16, 5:9] @ course).mean()
        assert result.choices.get("echoes") == (3 if name == "joined" else None)
    assert found["joined"] > 1.3 * found["alone"]
    assert found["joined"] < 1.1


def test_complex_echoes_are_joined_with_their_phase() -> None:
    rng = np.random.default_rng(1)
    images = []
    for truth in echoes():
        noisy = truth + SIGMA * (
            rng.standard_normal(truth.shape) + 1j * rng.standard_normal(truth.shape)
        )
        image = image_of(np.abs(noisy).astype(np.float32))
        images.append(replace(image, phase=np.angle(noisy).astype(np.float32)))
    noise = Noise(np.full(SHAPE, SIGMA, np.float32), "rician", "known")
    whole = replace(images[0], echoes=tuple(images[1:]))
    result = denoise(Nordic(), whole, noise, Device())
    assert result.choices["input"] == "complex"
    assert result.choices["echoes"] == 3
    without = replace(images[1], phase=None)
    mixed = replace(images[0], echoes=(without, images[2]))
    assert denoise(Nordic(), mixed, noise, Device()).choices["input"] == "magnitude only"


class TestFromADataset:
    NAME = "sub-01/func/sub-01_task-rest_echo-{}_bold.nii.gz"

    def run(self, folder: Path, *scales: float) -> list[dict[str, Any]]:
        rng = np.random.default_rng(2)
        data = make_dataset(folder / "raw")
        for number, (truth, scale) in enumerate(zip(echoes(), scales, strict=False), 1):
            noisy = scale * add_rician(truth, SIGMA, rng)
            meta = {"EchoTime": TIMES[number - 1] / 1000, "RepetitionTime": 2.0}
            add_image(data, self.NAME.format(number), noisy, meta)
        assert main([str(data), str(folder / "out"), "participant", "--method", "pca"]) == 0
        found = sorted((folder / "out").glob("sub-01/func/*echo-*_qc.json"))
        return [json.loads(path.read_text()) for path in found]

    def test_each_echo_is_denoised_with_the_others(self, tmp_path: Path) -> None:
        records = self.run(tmp_path, 1.0, 1.0, 1.0)
        assert [each["choices"]["echoes"] for each in records] == [3, 3, 3]
        assert "echo-1_bold.nii.gz, sub-01_task-rest_echo-3" in " ".join(records[1]["remarks"])

    def test_one_of_another_noise_is_denoised_alone(self, tmp_path: Path) -> None:
        records = self.run(tmp_path, 1.0, 3.0)
        assert all("echoes" not in each["choices"] for each in records)
        assert "another noise level" in " ".join(records[0]["remarks"])

    @pytest.mark.parametrize("ending", [".nii.gz", ".nii"])
    def test_echoes_are_found_by_their_names(self, tmp_path: Path, ending: str) -> None:
        name = "sub-01/func/sub-01_task-rest_echo-{}_part-mag_bold" + ending
        names = [name.format(each) for each in ("1", "2", "10")]
        other = "sub-01/func/sub-01_task-nback_echo-3_part-mag_bold.nii.gz"
        root = make_dataset(tmp_path, *names, other)
        found = scan_at(root, names[1]).echoes
        assert [each.path for each in found] == [root / names[0], root / names[2]]
        assert [each.entities["echo"] for each in found] == ["1", "10"]
        assert all(not each.echoes for each in found)
        assert scan_at(root, other).echoes == ()
