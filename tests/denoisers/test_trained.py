"""The trained denoisers around their networks, with weights made for the test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from bids_denoise import weights
from bids_denoise.denoisers import inference
from bids_denoise.denoisers.apply import denoise
from bids_denoise.denoisers.generative import Generative
from bids_denoise.denoisers.nlm import NonLocalMeans
from bids_denoise.denoisers.trained import run
from bids_denoise.denoisers.unet import UNet
from bids_denoise.errors import UsageError
from bids_denoise.simulate.noise import add_rician
from bids_denoise.simulate.phantom import head_phantom
from bids_denoise.training.recipe import Recipe
from bids_denoise.training.release import release
from bids_denoise.values import Device, Image, Noise

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = (28, 32, 24)


@pytest.fixture(autouse=True)
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ship weights of a small network that does nothing."""
    import torch

    from bids_denoise.networks import build_network

    torch.manual_seed(0)
    recipe = Recipe("unet", {"widths": (4, 6), "blocks": 1, "pilot": ""})
    network = build_network("unet", recipe.sizes)
    torch.nn.init.zeros_(network.get_parameter("correction.leave.weight"))
    release(network, recipe, {}, tmp_path)
    drawing = Recipe("generative", {"widths": (4, 6), "blocks": 1})
    network = build_network("generative", drawing.sizes)
    torch.nn.init.normal_(network.get_parameter("spread.leave.weight"), std=0.05)
    release(network, drawing, {}, tmp_path)
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    monkeypatch.setattr(inference, "precision", lambda _: "float32")
    return tmp_path / "unet.safetensors"


def noisy_head() -> tuple[Image, Noise]:
    sigma = np.linspace(2, 9, SHAPE[0], dtype=np.float32)[:, None, None] * np.ones(SHAPE, "f4")
    data = add_rician(head_phantom(SHAPE), sigma, np.random.default_rng(0))
    return Image(data, np.eye(4), np.ones(SHAPE, bool)), Noise(sigma, "rician", "known")


def test_the_way_through_the_network_keeps_the_signal() -> None:
    """A network that does nothing gives the magnitude without its bias."""
    image, noise = noisy_head()
    result = denoise(UNet(), image, noise, Device()).data
    strong = image.data > 8 * noise.sigma
    assert strong.sum() > 1000
    bias = noise.sigma**2 / (2 * image.data.clip(1))
    error = (result - image.data + bias)[strong]
    assert error.mean() == pytest.approx(0, abs=0.05)
    assert error.std() < 0.5


def test_from_non_local_means_the_result_is_the_mean_of_two(tmp_path: Path) -> None:
    """A network that does nothing gives back what it starts from."""
    import torch

    from bids_denoise.networks import build_network

    recipe = Recipe("unet", {"widths": (4, 6), "blocks": 1})
    network = build_network("unet", recipe.sizes)
    torch.nn.init.zeros_(network.get_parameter("correction.leave.weight"))
    own = weights.load_weights("unet", str(release(network, recipe, {}, tmp_path)))
    image, noise = noisy_head()
    gaussian = Noise(noise.sigma, "gaussian", "known")
    result = run(own, image.data, noise.sigma, Device())
    pilots = [
        denoise(each, image, gaussian, Device()).data
        for each in (NonLocalMeans(), NonLocalMeans(patch_radius=2, passes=1))
    ]
    assert abs(pilots[0] - pilots[1]).max() > 1
    np.testing.assert_allclose(result, np.mean(pilots, axis=0), atol=1e-3)


def test_the_record_names_the_weights(shipped: Path) -> None:
    choices = denoise(UNet(), *noisy_head(), Device()).choices
    checksum = weights.load_weights("unet", str(shipped)).checksum
    assert choices["weights"] == checksum[:12]
    assert choices["precision"] in {"bfloat16", "float32"}


def test_without_its_weights_it_says_so(shipped: Path) -> None:
    shipped.unlink()
    with pytest.raises(UsageError, match=r"unet\.safetensors"):
        denoise(UNet(), *noisy_head(), Device())


def test_the_mean_of_the_draws_is_the_result_of_the_unet() -> None:
    image, noise = noisy_head()
    result = denoise(Generative(), image, noise, Device())
    np.testing.assert_array_equal(result.data, denoise(UNet(), image, noise, Device()).data)


def test_draws_follow_the_seed_and_spread_by_the_uncertainty() -> None:
    image, noise = noisy_head()
    gaussian = Noise(noise.sigma, "gaussian", "known")
    mean = denoise(Generative(samples=8), image, gaussian, Device())
    one, again, other = (
        denoise(Generative(seed=seed, result="sample"), image, gaussian, Device()).data
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, again)
    spread = mean.maps["uncertainty"]
    assert spread.min() >= 0
    for draw in (one, other):
        assert 0.7 < np.std(draw - mean.data) / np.sqrt(np.mean(spread**2)) < 1.4


def test_an_odd_number_of_draws_is_refused() -> None:
    with pytest.raises(UsageError, match="samples: 3 is not even"):
        Generative(samples=3)
