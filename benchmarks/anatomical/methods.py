"""The methods that are compared, and how one is run."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bids_denoise import __version__
from bids_denoise.denoisers import DENOISERS
from bids_denoise.denoisers.generative import Generative
from bids_denoise.noise import estimate
from bids_denoise.values import Image, Noise

if TYPE_CHECKING:
    from benchmarks.anatomical.cases import Noisy
    from bids_denoise.denoisers.base import Denoiser
    from bids_denoise.values import FloatArray

ROOT = Path(__file__).parents[2]
SOURCES = ("denoisers", "kernels", "networks", "noise", "stabilisation.py", "intensity.py")
"""Of the package: what our results come from."""

AFFORDABLE = 8_000_000
"""Voxels beyond which the slow peers are not run."""


TOLD = "-told"
"""Ends the name of one of ours that is given sigma, as peers are."""

WHOLE = "-whole"
"""Ends the name of a peer that is told all noise there is: what was added and the truth's own."""


@dataclass(frozen=True)
class Method:
    """A method; `package` is what a peer is known by, empty for ours."""

    name: str
    label: str
    python: str
    package: str = ""
    slow: bool = False
    laws: tuple[str, ...] = ("gaussian", "rician")

    @cached_property
    def version(self) -> str:
        """Return what the results depend on; empty for a peer that is not installed."""
        if not self.package:
            return _our_version(self.denoiser)
        asked = f"import importlib.metadata as m; print(m.version({self.package!r}))"
        done = subprocess.run(
            [self.python, "-c", asked], capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    @property
    def denoiser(self) -> str:
        """Return which of ours, or which peer, it is."""
        return self.name.removesuffix(TOLD).removesuffix(WHOLE)

    @property
    def told(self) -> bool:
        """Say whether it is one of ours that is given sigma."""
        return self.name.endswith(TOLD)

    def sigma_for(self, noisy: Noisy) -> float:
        """Return the one number that a peer is told."""
        own = noisy.case.own_noise if self.name.endswith(WHOLE) else 0.0
        return float(np.hypot(noisy.sigma, own))

    def fits(self, noisy: Noisy) -> bool:
        """Say whether the method is meant for such an image."""
        if self.package and float(noisy.level.removesuffix("g")) == 0:
            return False
        if self.name.endswith(WHOLE) and not noisy.case.own_noise:
            return False
        affordable = not self.slow or noisy.data.size <= AFFORDABLE
        return noisy.law in self.laws and affordable and bool(self.version)


def denoiser_of(name: str) -> Denoiser:
    """Return one of ours as it is by default; ``draw`` is a single draw of `generative`."""
    return Generative(result="sample") if name == "draw" else DENOISERS[name]()


def all_methods(ants_python: str, bm4d_python: str, dipy_python: str) -> list[Method]:
    """Return ours that are meant for single anatomical volumes, and the peers."""
    names = [
        name
        for name, each in DENOISERS.items()
        if each.dimensions == 3 and "anat" in each.datatypes
    ]
    return [
        *(Method(name, f"bids-denoise {name}", sys.executable) for name in names),
        Method(f"unet{TOLD}", "bids-denoise unet, told sigma", sys.executable),
        Method("dipy", "DIPY nlmeans", dipy_python, "dipy"),
        Method("dipy5", "DIPY nlmeans, patch_radius=5", dipy_python, "dipy", slow=True),
        Method("ants", "ANTs DenoiseImage", ants_python, "antspyx"),
        *(
            Method(f"bm4d{end}", f"bm4d{told}", bm4d_python, "bm4d", True, ("gaussian",))
            for end, told in (("", ""), (WHOLE, ", told own noise too"))
        ),
    ]


class Runner:
    """Runs methods on one noisy volume; sigma is estimated once, when it is needed first."""

    def __init__(self, noisy: Noisy, threads: int) -> None:
        self.noisy = noisy
        self.threads = threads

    @cached_property
    def noise(self) -> Noise:
        """What is estimated from the noisy voxels alone."""
        return estimate(Image(self.noisy.data, self.noisy.case.affine, self.noisy.case.measured))

    @property
    def true_noise(self) -> Noise:
        """The one number that peers are told."""
        noisy = self.noisy
        sigma = np.full(noisy.data.shape, noisy.sigma, np.float32)
        return Noise(sigma, noisy.law, "known")  # type: ignore[arg-type]

    def run(self, method: Method) -> tuple[FloatArray, dict[str, Any]] | None:
        """Return the result and its cost; None, with a line on stderr, where it failed."""
        noisy, sigma = self.noisy, method.sigma_for(self.noisy)
        cost: dict[str, Any] = {"sigma": sigma, "assumed": noisy.law}
        with tempfile.TemporaryDirectory() as folder:
            np.save(Path(folder) / "noisy.npy", noisy.data)
            if not method.package:
                found = self.true_noise if method.told else self.noise
                np.savez(
                    Path(folder) / "noise.npz", sigma=found.sigma, law=np.asarray(found.law),
                    mask=noisy.case.measured, affine=noisy.case.affine,
                )  # fmt: skip
                middle = float(np.median(found.sigma[noisy.case.inside]))
                cost = {"sigma": middle, "assumed": found.law}
            job = {
                "method": method.denoiser, "folder": folder, "sigma": sigma,
                "law": noisy.law, "threads": self.threads,
            }  # fmt: skip
            outcome = _run_apart(job, method.python)
            if outcome is None:
                return None
            return np.load(Path(folder) / "result.npy"), outcome | cost


def _run_apart(job: dict[str, Any], python: str) -> dict[str, Any] | None:
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    env |= {name: str(job["threads"]) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    script = str(Path(__file__).with_name("job.py"))
    done = subprocess.run(
        [python, script, json.dumps(job)], capture_output=True, text=True, check=False, env=env
    )
    if done.returncode:
        why = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        print(f"{job['method']}: {why}", file=sys.stderr)
        return None
    outcome: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return outcome


def _our_version(name: str) -> str:
    weights = ROOT / "bids_denoise" / "weights" / f"{name}.safetensors"
    found = hashlib.sha256(_sources())
    if weights.exists():
        found.update(weights.read_bytes())
    return f"{__version__}-{found.hexdigest()[:12]}"


@cache
def _sources() -> bytes:
    whole = b""
    for place in SOURCES:
        path = ROOT / "bids_denoise" / place
        for each in [path] if path.is_file() else sorted(path.rglob("*.py")):
            whole += each.read_bytes()
    return whole
