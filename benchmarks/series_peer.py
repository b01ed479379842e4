"""Peers for series, each run in a process and a Python of its own. Shared by the benchmarks.

The process reads ``noisy.npy`` in a folder and writes ``result.npy``. It needs numpy and the peer's
own package.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Array = npt.NDArray[Any]
    Facts = dict[str, Any]

EDGE, OVERLAP = 5, 3
"""Of the cubes that DIPY and patch-denoise are given, in voxels."""


def dwidenoise(noisy: Array, facts: Facts) -> Array:
    import nibabel

    source, result = (Path(facts["folder"], name) for name in ("in.nii", "out.nii"))
    nibabel.save(nibabel.Nifti1Image(noisy, np.eye(4)), source)
    threads = str(facts["threads"])
    subprocess.run(["dwidenoise", source, result, "-quiet", "-nthreads", threads], check=True)
    image: Any = nibabel.load(result)
    return np.asarray(image.dataobj, dtype=np.float32)


def dipy_mppca(noisy: Array, _: Facts) -> Array:
    from dipy.denoise.localpca import mppca

    return np.asarray(mppca(noisy, patch_radius=EDGE // 2, suppress_warning=True))


def dipy_localpca(noisy: Array, facts: Facts) -> Array:
    from dipy.denoise.localpca import localpca

    sigma = np.full(noisy.shape[:3], facts["sigma"], np.float32)
    return np.asarray(localpca(noisy, sigma=sigma, patch_radius=EDGE // 2, suppress_warning=True))


def dipy_patch2self(noisy: Array, facts: Facts) -> Array:
    from dipy.denoise.patch2self import patch2self

    return np.asarray(patch2self(noisy, np.array(facts["bvals"]), verbose=False))


def patch_denoise(noisy: Array, facts: Facts) -> Array:
    from patch_denoise import denoise

    kind = facts["method"].removeprefix("patch-denoise-")
    shape = {
        "patch_shape": facts.get("edge", EDGE), "patch_overlap": facts.get("overlap", OVERLAP)
    }  # fmt: skip
    # Of a complex number: its two channels have sigma each.
    sigma = {"noise_std": float(facts["sigma"]) * (2**0.5 if np.iscomplexobj(noisy) else 1)}

    def of_noise() -> float:
        rng, voxels = np.random.default_rng(0), shape["patch_shape"] ** 3
        random = (rng.standard_normal((voxels, noisy.shape[-1])) for _ in range(10))
        return float(np.mean([np.linalg.norm(each, 2) for each in random]))

    work: dict[str, Callable[[], Any]] = {
        "mppca": lambda: denoise.mp_pca(noisy, **shape),
        "optimal": lambda: denoise.optimal_thresholding(noisy, **shape, **sigma),
        "hybrid": lambda: denoise.hybrid_pca(noisy, **shape, **sigma),
        "nordic": lambda: denoise.nordic(noisy, recombination="average", **shape, **sigma),
        "threshold": lambda: denoise.raw_svt(
            noisy,
            recombination="average",
            threshold=sigma["noise_std"] * of_noise(),
            **shape,
        ),
    }
    return np.asarray(work[kind]()[0])


PEERS: dict[str, tuple[str, str, Callable[[Array, Facts], Array]]] = {
    "dwidenoise": ("MRtrix3 dwidenoise", "nibabel", dwidenoise),
    "dipy-mppca": ("DIPY mppca", "dipy", dipy_mppca),
    "dipy-localpca": ("DIPY localpca", "dipy", dipy_localpca),
    "dipy-patch2self": ("DIPY patch2self", "dipy", dipy_patch2self),
    "patch-denoise-mppca": ("patch-denoise MP-PCA", "patch-denoise", patch_denoise),
    "patch-denoise-optimal": ("patch-denoise optimal", "patch-denoise", patch_denoise),
    "patch-denoise-hybrid": ("patch-denoise hybrid", "patch-denoise", patch_denoise),
    "patch-denoise-nordic": ("patch-denoise NORDIC", "patch-denoise", patch_denoise),
    "patch-denoise-threshold": ("patch-denoise threshold", "patch-denoise", patch_denoise),
}
"""Label, package and function of each."""


def run_peer(
    name: str, noisy: Array, facts: Facts, python: str
) -> tuple[npt.NDArray[np.float32], float] | None:
    """Return result and seconds of a peer in its own Python; None, with a line, where it fails.

    `facts` are ``sigma``, ``threads``, and for diffusion ``bvals``.
    """
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "noisy.npy", noisy)
        told = json.dumps({**facts, "method": name, "folder": folder})
        start = time.perf_counter()
        done = subprocess.run([python, __file__, told], capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - start
        if done.returncode:
            print(f"{name}: {(done.stderr.strip().splitlines() or ['?'])[-1]}", file=sys.stderr)
            return None
        return np.load(Path(folder) / "result.npy"), seconds


def main() -> None:
    facts = json.loads(sys.argv[1])
    noisy = np.load(Path(facts["folder"]) / "noisy.npy")
    result = PEERS[facts["method"]][2](noisy, facts)
    kind = np.complex64 if np.iscomplexobj(result) else np.float32
    np.save(Path(facts["folder"]) / "result.npy", result.astype(kind))


if __name__ == "__main__":
    main()
