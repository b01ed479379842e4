"""The whole judgement, on images of every kind."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import numpy.typing as npt
import pytest

from bids_denoise.metrics import judge, temporal_snr
from bids_denoise.metrics.comparison import MOST_VOLUMES, chosen_volumes, voxel_size
from bids_denoise.metrics.glossary import PAIRED, RESIDUAL, term
from bids_denoise.simulate.noise import add_rician
from bids_denoise.simulate.phantom import head_phantom
from bids_denoise.values import Image, Noise
from tests.metrics.cases import case, denoised, image_of, noise_of, redo

SMALL = (32, 36, 24)
BVALS = np.array([0.0, *[1000.0] * 6, *[2000.0] * 5])


def series(
    volumes: int, decay: npt.NDArray[np.float64] | None = None
) -> tuple[Image, Image, Noise]:
    """Return a series, the same with half the noise, and the noise."""
    truth = head_phantom(SMALL)[..., np.newaxis] * np.ones(volumes, np.float32)
    truth = np.asarray(truth * (1 if decay is None else decay), dtype=np.float32)
    rng = np.random.default_rng(3)
    kept, removed = (rng.normal(0, 7, truth.shape).astype(np.float32) for _ in range(2))
    bvals = None if decay is None else BVALS
    noise = noise_of(7 * 2**0.5, shape=SMALL)
    return image_of(truth + kept + removed, bvals), image_of(truth + kept, bvals), noise


def test_a_record_can_hold_the_quality() -> None:
    given = case("T1w", 2.0, "gaussian")
    quality = judge(given.image, denoised(given.after), given.noise, None, 0)
    text = json.dumps(asdict(quality), allow_nan=False)
    assert json.loads(text)["light"] == quality.light
    for name in (*quality.before, *quality.residual):
        assert term(name).meaning, f"{name} is not in the glossary"


def test_the_same_seed_gives_the_same_quality() -> None:
    given = case("T1w", 2.0, "gaussian")
    half = denoised((given.image.data + given.after) / 2)
    same = [
        judge(given.image, half, given.noise, lambda image, _: image.data * np.float32(0.9), seed)
        for seed in (1, 1)
    ]
    assert same[0] == same[1]


def test_bold_has_temporal_numbers() -> None:
    before, after, noise = series(12)
    quality = judge(before, denoised(after.data), noise, None, 0)
    assert quality.after["tsnr"] == pytest.approx(2**0.5 * (quality.before["tsnr"] or 0), rel=0.05)
    assert quality.after["dvars"] == pytest.approx(
        (quality.before["dvars"] or 0) / 2**0.5, rel=0.05
    )
    assert quality.residual["volume_unevenness"] == pytest.approx(1, abs=0.1)
    assert quality.residual["sigma_check"] == pytest.approx(1, abs=0.15)
    assert quality.residual["noise_left"] == pytest.approx(2**-0.5, abs=0.1)


def test_a_volume_that_was_left_out_is_noticed() -> None:
    before, after, noise = series(12)
    result = after.data.copy()
    result[..., 7] = before.data[..., 7]
    quality = judge(before, denoised(result), noise, None, 0)
    assert quality.light != "green"
    assert any("volume" in reason for reason in quality.reasons)


def test_dwi_has_an_snr_for_each_shell() -> None:
    before, after, noise = series(12, np.exp(-BVALS / 1500))
    quality = judge(before, denoised(after.data), noise, None, 0)
    shells = [name for name in quality.before if name.startswith("snr_b")]
    assert shells == ["snr_b0", "snr_b1000", "snr_b2000"]
    gain = (quality.after["snr_b1000"] or 0) / (quality.before["snr_b1000"] or 1)
    assert gain == pytest.approx(2**0.5, rel=0.15)
    assert "tsnr" not in quality.before


@pytest.mark.parametrize(
    "shape", [(8, 8, 8), (20, 24, 1), (1, 30, 30), (40, 4, 4), (12, 12, 12, 2), (12, 12, 12, 1)]
)
def test_odd_shapes_are_judged(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    data = rng.normal(100, 5, shape).astype(np.float32)
    after = denoised((data + 100) / 2)
    quality = judge(image_of(data), after, noise_of(5.0, shape=shape[:3]), None, 0)  # type: ignore[arg-type]
    json.dumps(asdict(quality), allow_nan=False)


@pytest.mark.parametrize("level", [0.0, 5.0])
def test_constant_images_are_not_green(level: float) -> None:
    data = np.full(SMALL, 7, np.float32)
    noise = noise_of(level, shape=SMALL)
    quality = judge(image_of(data), denoised(data), noise, lambda image, _: image.data, 0)
    assert quality.light == "amber"
    json.dumps(asdict(quality), allow_nan=False)


def test_padding_is_left_out() -> None:
    truth = head_phantom(SMALL)
    noisy = add_rician(truth, 6.0, np.random.default_rng(1))
    noisy[truth == 0] = 0
    image = Image(noisy, np.eye(4), truth > 0)
    quality = judge(image, denoised((noisy + truth) / 2), noise_of(6.0, "rician", SMALL), None, 0)
    assert quality.before["fber"] is None
    assert quality.residual["std_ratio"] == pytest.approx(0.5, abs=0.1)


def test_the_judgement_writes_to_nothing() -> None:
    given = case("T1w", 2.0, "gaussian")
    for array in (given.image.data, given.after, given.noise.sigma):
        array.setflags(write=False)
    judge(given.image, denoised(given.after), given.noise, lambda image, _: image.data, 0)


def test_few_volumes_stand_for_many() -> None:
    image = image_of(np.zeros((4, 4, 4, 100), np.float32))
    chosen = chosen_volumes(image)
    assert chosen[0] == 50
    assert len(chosen) == len(set(chosen)) <= MOST_VOLUMES


def test_voxel_size_comes_from_the_affine() -> None:
    affine = np.array([[0, -2, 0, 0], [3, 0, 0, 0], [0, 0, 4, 0], [0, 0, 0, 1.0]])
    image = Image(np.zeros((2, 2, 2), np.float32), affine, np.ones((2, 2, 2), bool))
    assert voxel_size(image) == (3, 2, 4)


def test_temporal_snr_is_zero_where_nothing_varies() -> None:
    assert temporal_snr(np.ones((2, 2, 2, 5), np.float32)).max() == 0


def test_every_term_says_what_it_is() -> None:
    for each in (*PAIRED.values(), *RESIDUAL.values()):
        assert each.label
        assert each.meaning.endswith(".")


def test_a_given_head_is_where_the_image_is_judged() -> None:
    given = case("T1w", 2.0, "gaussian")
    brain = np.zeros(given.truth.shape, bool)
    brain[20:36, 20:44, 16:32] = True
    inside = given.after.copy()
    inside[~brain] = 0
    image = replace(given.image, head=brain)
    quality = judge(image, denoised(inside), given.noise, redo, 0)
    assert (quality.residual["std_ratio"] or 0) < 1
    assert quality.before["fber"] is None, "what lies around a brain is not air"


def test_the_gain_is_left_out_where_the_noise_is_not_trusted() -> None:
    given = case("T1w", 2.0, "gaussian")
    noise = replace(given.noise, trusted=False, remarks=("It was smoothed.",))
    quality = judge(given.image, denoised(given.after), noise, redo, 0)
    assert "psnr_gain" not in quality.residual
    assert "psnr" not in quality.after
