"""What is shipped: small, with cards that say what it is, and the recipes that make it again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

import pytest

from bids_denoise.denoisers import DENOISERS
from bids_denoise.training.command import RECIPES
from bids_denoise.training.recipe import read_recipe
from bids_denoise.weights import FOLDER, load_weights

NAMES = sorted(path.stem for path in FOLDER.glob("*.safetensors"))


def test_every_trained_denoiser_has_its_weights() -> None:
    assert set(NAMES) == {"brain_mask", "cnn4d", "generative", "srcnn", "srcnn2d", "unet"}
    assert set(NAMES) - {"brain_mask"} <= set(DENOISERS)


def test_all_are_small_together() -> None:
    assert sum(path.stat().st_size for path in FOLDER.glob("*.safetensors")) < 15e6


@pytest.mark.parametrize("name", NAMES)
class TestEveryWeightFile:
    def test_its_card_is_its_own(self, name: str) -> None:
        card = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
        weights = load_weights(name)
        packed = weights.path.read_bytes()
        assert card["checksum"] == weights.checksum == hashlib.sha256(packed).hexdigest()
        parameters = sum(value.numel() for value in weights.network.state_dict().values())
        assert card["parameters"] == parameters
        assert card["sizes"] == weights.card["sizes"]
        assert any(
            each in " ".join(card["recipe"]["sources"]) for each in ("CC0", "PDDL", "Apache-2.0")
        )
        assert card["recipe"]["limits"]

    def test_its_recipe_is_shipped(self, name: str) -> None:
        card = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
        recipe = json.loads(json.dumps(asdict(read_recipe(RECIPES / f"{name}.toml"))))
        assert card["recipe"] == recipe
