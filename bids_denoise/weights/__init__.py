"""The trained weights that the package ships, each with its model card."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bids_denoise.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bids_denoise.networks.base import Network

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Weights:
    """A network that is ready, and what is known of it.

    Attributes
    ----------
    network
        In evaluation mode, float32.
    card
        The model card: data, recipe, training, figures, limits.
    checksum
        SHA-256 of the weight file.
    path
        Of the weight file; the model card lies beside it.
    """

    network: Network
    card: Mapping[str, Any]
    checksum: str
    path: Path


def load_weights(name: str, given: str = "") -> Weights:
    """Return the shipped weights of a denoiser, or those of the file `given`.

    Raises
    ------
    UsageError
        The file is missing, or holds no weights of this kind of network.
    """
    path = Path(given) if given else FOLDER / f"{name}.safetensors"
    if not path.is_file():
        raise UsageError(f"weights {str(path)!r}: there is no such file (a .safetensors file)")
    return _load(name, path)


@cache
def _load(name: str, path: Path) -> Weights:
    from safetensors import SafetensorError, safe_open

    from bids_denoise.networks import build_network
    from bids_denoise.networks.base import laid_out

    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {}).get("bids_denoise", "{}"))
            values = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise UsageError(f"weights {str(path)!r} cannot be read: {error}") from error
    if facts.get("network") != name:
        raise UsageError(f"weights {str(path)!r} are of {facts.get('network')!r}, not of {name!r}")
    network = build_network(name, facts["sizes"])
    network.load_state_dict(values)
    laid_out(network.eval().requires_grad_(False))
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    return Weights(network, facts, checksum, path)
