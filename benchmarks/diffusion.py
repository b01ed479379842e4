"""Denoisers of diffusion series against their peers: writes docs/benchmarks/diffusion.md.

::

    python benchmarks/diffusion.py [--snr 5,10,20] [--methods pca,patch2self,mppca]
        [--dipy-python PYTHON] [--patch-denoise-python PYTHON]

A simulated head (MNI152 tissue maps of nilearn) of 57 x 69 x 17 voxels of 2.5 mm, 4 volumes of
b = 0 and 30 directions each of b = 1000 and 2500 s/mm^2, with Rician noise. Its fibres: "crossing",
three populations in each voxel of white matter with water in and between axons, and two waters in
other tissue, all varying smoothly; or "single", one tensor a voxel, which flatters methods of low
rank. SNR is that of white matter at b = 0. Ours estimate sigma and law from the noisy series,
outside the clock; of the peers, DIPY localpca and patch-denoise's optimal and hybrid are told
sigma. Windows: ours and dwidenoise's are their own; DIPY and patch-denoise get cubes of 5 voxels,
the latter every 2 voxels. Two threads each, for those that can use them.

RMSE is that to the noise-free series in the brain, in sigma; bias its mean, by b-value. FA and MD
come from a tensor fitted to b = 0 and one shell: mean error and root mean square error in white
matter (true FA above 0.3), MD in % of the truth, against the same fit to the noise-free series.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.series_peer import PEERS, run_peer  # noqa: E402
from benchmarks.tables import levels, page_parser, table, write_page  # noqa: E402
from bids_denoise.denoisers import DENOISERS  # noqa: E402
from bids_denoise.denoisers.apply import denoise  # noqa: E402
from bids_denoise.noise import estimate  # noqa: E402
from bids_denoise.simulate import anatomy, dwi, gradients, tensors  # noqa: E402
from bids_denoise.simulate.noise import add_rician  # noqa: E402
from bids_denoise.simulate.phantom import Tissue  # noqa: E402
from bids_denoise.values import Device, Image  # noqa: E402

if TYPE_CHECKING:
    from bids_denoise.simulate.dwi import DiffusionTruth
    from bids_denoise.simulate.gradients import Gradients
    from bids_denoise.values import FloatArray

SHELLS = ((1000.0, 30), (2500.0, 30))
THREADS = 2
FIBRES = 0.3
HEADS = {"crossing": dwi.crossing_series, "single": dwi.diffusion_series}
HEAD = [
    "fibres", "SNR", "method", "s", "RMSE",
    *(f"bias b {b:g}" for b in (0, *(b for b, _ in SHELLS))),
    *(f"b {b:g}: FA bias, rmse; MD bias, rmse" for b, _ in SHELLS),
]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A simulated series with noise, and what is known of it."""

    truth: DiffusionTruth
    scheme: Gradients
    affine: Any
    noisy: FloatArray
    sigma: float


def main() -> None:
    given = _arguments()
    pythons = {"dipy": given.dipy_python, "patch-denoise": given.patch_denoise_python}
    rows = []
    for fibres, snr in itertools.product(HEADS, given.snr):
        case = _case(fibres, snr)
        found = {"noisy": ("", case.noisy)}
        found |= {f"bids-denoise {name}": _ours(case, name) for name in given.methods}
        facts = {"sigma": case.sigma, "threads": THREADS, "bvals": case.scheme.bvals.tolist()}
        for name, (label, package, _) in PEERS.items():
            if name.endswith(("threshold", "nordic")):
                continue
            peer = run_peer(name, case.noisy, facts, pythons.get(package, sys.executable))
            found |= {label: (f"{peer[1]:.1f}", peer[0])} if peer else {}
        for label, (seconds, data) in found.items():
            rows.append([fibres, f"{snr:g}", label, seconds, *_judged(case, data)])
            print(rows[-1], flush=True)
    write_page(
        "Diffusion", __doc__ or "", f"{os.cpu_count()} processors", table(HEAD, rows), given.output
    )


def _case(fibres: str, snr: float) -> Case:
    rng = np.random.default_rng(0)
    grid = anatomy.centred_grid((57, 69, 17), (2.5, 2.5, 2.5), (0.0, -18.0, 12.0))
    scheme = gradients.scheme(SHELLS, 4, rng)
    truth = HEADS[fibres](anatomy.draw_individual(rng), grid, scheme, rng)
    sigma = dwi.MEANS[Tissue.WHITE] / snr
    noisy = add_rician(truth.series, sigma, np.random.default_rng(1))
    return Case(truth, scheme, grid.affine, noisy, sigma)


def _ours(case: Case, name: str) -> tuple[str, FloatArray]:
    mask = np.ones(case.truth.brain.shape, np.bool_)
    image = Image(case.noisy, case.affine, mask, bvals=case.scheme.bvals)
    noise, denoiser, device = estimate(image), DENOISERS[name](), Device(threads=THREADS)
    few = Image(case.noisy[:9, :9, :9].copy(), case.affine, mask[:9, :9, :9], image.bvals)
    denoise(denoiser, few, estimate(few), device)  # compiles
    start = time.perf_counter()
    result = denoise(denoiser, image, noise, device).data
    return f"{time.perf_counter() - start:.1f}", result


def _judged(case: Case, data: FloatArray) -> list[str]:
    truth, bvals = case.truth, case.scheme.bvals
    error = (data - truth.series)[truth.brain] / case.sigma
    cells = [f"{np.sqrt(np.mean(error**2)):.3f}"]
    cells += [
        f"{error[:, np.abs(bvals - b) < 100].mean():+.3f}" for b in (0, *(b for b, _ in SHELLS))
    ]
    where = truth.brain & (tensors.fractional_anisotropy(truth.tensors) > FIBRES)
    for b, _ in SHELLS:
        used = (bvals < 100) | (np.abs(bvals - b) < 100)
        some = gradients.Gradients(bvals[used], case.scheme.directions[used])
        found, true = (
            tensors.fit(np.ascontiguousarray(series[..., used]), some, where, np.inf)[where]
            for series in (data, truth.series)
        )
        fa = tensors.fractional_anisotropy(found) - tensors.fractional_anisotropy(true)
        md = 100 * (tensors.mean_diffusivity(found) / tensors.mean_diffusivity(true) - 1)
        cells.append(
            f"{fa.mean():+.3f}, {np.sqrt(np.mean(fa**2)):.3f}; "
            f"{md.mean():+.1f} %, {np.sqrt(np.mean(md**2)):.1f} %"
        )
    return cells


def _arguments() -> argparse.Namespace:
    parser = page_parser(__doc__ or "", "diffusion.md", "pca,patch2self,mppca")
    parser.add_argument("--snr", type=levels, default="5,10,20", help="of white matter at b = 0")
    for peer in ("dipy", "patch-denoise"):
        parser.add_argument(
            f"--{peer}-python", default=sys.executable, help=f"a Python that has {peer}"
        )
    return parser.parse_args()


if __name__ == "__main__":
    main()
