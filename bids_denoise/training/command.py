"""The command line of ``bids-denoise-train``."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from bids_denoise import __version__
from bids_denoise.errors import BidsDenoiseError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from bids_denoise.networks.base import Network
    from bids_denoise.training.bank import Bank
    from bids_denoise.training.loop import State
    from bids_denoise.training.patches import Pilot
    from bids_denoise.training.recipe import Recipe
    from bids_denoise.training.validation import HeadTest, RunTest, Test
    from bids_denoise.values import Device, FloatArray

    Tests = Sequence[Test | RunTest | HeadTest]

ABOUT = """\
Train a denoising network from a recipe. Broken off, the same command goes on from the last
checkpoint exactly as it would have."""

RECIPES = Path(__file__).parent / "recipes"


def main(argv: Sequence[str] | None = None) -> int:
    """Train, and return the exit code."""
    given = _parser().parse_args(argv)
    try:
        _train(given)
    except BidsDenoiseError as error:
        print(f"bids-denoise-train: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    shipped = ", ".join(sorted(path.stem for path in RECIPES.glob("*.toml")))
    parser = argparse.ArgumentParser("bids-denoise-train", description=ABOUT)
    parser.add_argument("recipe", help=f"a TOML file, or one that is shipped: {shipped}")
    parser.add_argument("out", type=Path, help="folder of the checkpoint, curve and weights")
    parser.add_argument("--data", type=Path, default=Path(), help="what its patterns are below")
    parser.add_argument("--threads", type=int, default=2, help="default 2")
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    parser.add_argument("--every", type=int, default=200, help="steps between checkpoints")
    parser.add_argument("--float32", action="store_true", help="never compute in bfloat16")
    parser.add_argument("--version", action="version", version=f"bids-denoise {__version__}")
    return parser


def _train(given: argparse.Namespace) -> None:
    import torch

    from bids_denoise.denoisers.heap import freed_memory_kept
    from bids_denoise.denoisers.inference import precision
    from bids_denoise.device import choose_device
    from bids_denoise.training import loop
    from bids_denoise.training.bank import stored_bank
    from bids_denoise.training.recipe import read_recipe
    from bids_denoise.training.validation import tests_of

    shipped = RECIPES / f"{given.recipe}.toml"
    recipe = read_recipe(shipped if shipped.is_file() else Path(given.recipe))
    recipe, start = _started(recipe, given.out)
    device = choose_device(given.device, given.threads)
    given.out.mkdir(parents=True, exist_ok=True)
    _same_recipe(recipe, given.out / "recipe.json")
    torch.set_num_threads(given.threads)
    bank = stored_bank(recipe, given.data, given.out / "bank.npz", given.threads)
    low = not given.float32 and precision(device.kind) == "bfloat16"
    state = loop.begin(recipe, torch.device(device.torch_name), low, start)
    checkpoint = given.out / "checkpoint.pt"
    if checkpoint.exists():
        state = loop.restore(state, checkpoint)
        print(f"going on from step {state.step}", flush=True)
    with freed_memory_kept():
        _run(given, device, (recipe, bank, tests_of(recipe, given.data)), state, start)


def _started(recipe: Recipe, out: Path) -> tuple[Recipe, Network | None]:
    """Return `recipe` with the sizes of the network that it starts from, and that network."""
    from bids_denoise.weights import load_weights

    if not recipe.start:
        return recipe, None
    own = "" if recipe.start == recipe.network else str((out / recipe.start).resolve())
    weights = load_weights(recipe.network, own)
    return replace(recipe, sizes=weights.card["sizes"]), weights.network


def _same_recipe(recipe: Recipe, path: Path) -> None:
    """Refuse to go on in a folder that another recipe has begun."""
    text = json.dumps(asdict(recipe), indent=2) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise UsageError(f"{str(path.parent)!r} was begun with another recipe: give a new folder")
    path.write_text(text, encoding="utf-8")


def _run(
    given: argparse.Namespace,
    device: Device,
    made: tuple[Recipe, Bank, Tests],
    state: State,
    start: Network | None,
) -> None:
    from bids_denoise.training import loop
    from bids_denoise.training.release import release
    from bids_denoise.training.validation import figures_of

    recipe, bank, tests = made
    measure = "rmse" if recipe.runs else "dice" if recipe.heads else "psnr"
    recent: list[Tensor] = []
    begun, first = perf_counter(), state.step
    for now in loop.train(recipe, bank, state, _pilot_of(state.network.pilot), given.threads):
        recent.append(now.loss)
        if now.step % given.every and now.step != recipe.steps:
            continue
        loop.save(now, given.out / "checkpoint.pt")
        losses = [float(each) for each in recent]
        row: dict[str, Any] = {"step": now.step, "loss": round(sum(losses) / len(losses), 5)}
        row["highest"] = round(max(losses), 3)
        row["seconds"] = round(perf_counter() - begun, 1)
        row[measure] = figures_of(now.mean, tests, device)
        recent.clear()
        loop.append_row(given.out / "curve.jsonl", row)
        left = row["seconds"] / (now.step - first) * (recipe.steps - now.step)
        print(f"{json.dumps(row)}  {left / 60:.0f} min left", flush=True)
    if start:
        loop.blend(state.mean, start, recipe.start_kept)
    facts = {
        "held_out": list(dict.fromkeys(test.name for test in tests)),
        measure: figures_of(state.mean, tests, device),
        "precision": "bfloat16" if state.low_precision else "float32",
    }
    print(f"written: {release(state.mean, recipe, facts, given.out)}")


def _pilot_of(name: str) -> Pilot | None:
    """Return what makes the pilot of a cube; several run side by side, so one thread for each."""
    from bids_denoise.denoisers.trained import pilot_for
    from bids_denoise.values import Device

    if not name:
        return None

    def pilot(noisy: FloatArray, sigma: FloatArray) -> FloatArray:
        made = pilot_for(name, noisy, sigma, Device(threads=1))
        assert made is not None
        return made

    return pilot
