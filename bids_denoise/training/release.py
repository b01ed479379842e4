"""Write a trained network as a weight file with its model card."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch

from bids_denoise import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bids_denoise.networks.base import Network
    from bids_denoise.training.recipe import Recipe


def release(network: Network, recipe: Recipe, facts: Mapping[str, Any], folder: Path) -> Path:
    """Write ``<network>.safetensors`` and the card ``<network>.json`` into `folder`.

    Weights are stored in half precision, which costs less than the precision they are run in.

    Parameters
    ----------
    facts
        What the training adds to the card: seconds, threads, precision, figures, data.
    """
    from safetensors.torch import save

    made = {"network": recipe.network, "sizes": dict(recipe.sizes), "version": __version__}
    values = {
        key: value.detach().cpu().to(torch.float16).contiguous()
        for key, value in network.state_dict().items()
    }
    packed = save(values, metadata={"bids_denoise": json.dumps(made)})
    path = folder / f"{recipe.network}.safetensors"
    _write(path, packed)
    card = {
        **made,
        "checksum": hashlib.sha256(packed).hexdigest(),
        "parameters": sum(value.numel() for value in values.values()),
        "recipe": asdict(recipe),
        **facts,
    }
    text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
    _write(path.with_suffix(".json"), text.encode())
    return path


def _write(path: Path, data: bytes) -> None:
    draft = path.with_name(path.name + ".partial")
    draft.write_bytes(data)
    draft.replace(path)
