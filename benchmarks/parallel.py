"""Fast scans by parallel imaging, denoised, against slow ones: writes docs/benchmarks/parallel.md.

::

    python benchmarks/parallel.py [--slices 40] [--methods nlm,unet,draw] [--noise 1,2,3]

Colin27 (Debian package ``mricron-data``), received by 8 simulated coils, GRAPPA with 24 calibration
lines; the noise of each coil, in % of 255, is the same for all R. R = 1 is fully sampled, takes R
times as long, and has about that noise in the image: the T1w and T2w scans of ``held-out`` have 0.2
to 1.6 %. All is measured against the truth without noise; methods estimate sigma from the image
alone, or are given the map that the reconstruction knows (``map``). ``draw`` is a single draw of
``generative``. Jaccard: overlap of grey and of white matter, three classes of intensity by two
thresholds (Otsu), with those of the truth.
"""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import measures  # noqa: E402
from benchmarks.anatomical.cases import Case, cases  # noqa: E402
from benchmarks.anatomical.methods import denoiser_of  # noqa: E402
from benchmarks.tables import levels, page_parser, table, write_page  # noqa: E402
from bids_denoise.denoisers.apply import denoise  # noqa: E402
from bids_denoise.noise import estimate  # noqa: E402
from bids_denoise.simulate.coils import sensitivities  # noqa: E402
from bids_denoise.simulate.parallel import Protocol, acquire  # noqa: E402
from bids_denoise.values import Device, Image, Noise  # noqa: E402

if TYPE_CHECKING:
    import argparse

    from bids_denoise.values import BoolArray, FloatArray

HEAD = ["coil noise", "R", "method", "PSNR dB", "SSIM", "edges", "Jaccard GM", "Jaccard WM"]


def main() -> None:
    given = _arguments()
    (whole,) = cases(None, ["colin27"], 0, True)
    case = _middle(whole, given.slices)
    maps = sensitivities(case.truth.shape)
    rows = []
    for level, factor in product(given.noise, (1, 2, 3, 4)):
        rng = np.random.default_rng(0)
        scan = acquire(case.truth, Protocol(factor), level / 100 * case.peak, rng, maps)
        image = Image(scan.magnitude, case.affine, case.measured)
        setting = [f"{level:g} %", str(factor)]
        rows.append([*setting, "as acquired", *_measured(scan.magnitude, case)])
        known = Noise(np.maximum(scan.sigma, 1e-6), "rician", "known")
        found = estimate(image)
        for name in given.methods:
            for label, noise in ((name, found), (f"{name}, map", known)):
                result = denoise(denoiser_of(name), image, noise, Device(threads=2)).data
                rows.append([*setting, label, *_measured(result, case)])
                print(rows[-1], flush=True)
    write_page(
        "Parallel imaging", __doc__ or "", f"{given.slices} slices", table(HEAD, rows), given.output
    )


def _middle(case: Case, slices: int) -> Case:
    start = (case.truth.shape[2] - slices) // 2
    planes = np.s_[:, :, start : start + slices]
    parts = {
        name: np.ascontiguousarray(getattr(case, name)[planes])
        for name in ("truth", "measured", "inside", "tissue")
    }
    return Case(case.name, case.group, affine=case.affine, peak=case.peak, **parts)


def _measured(data: FloatArray, case: Case) -> list[str]:
    judged = (data, case.truth, case.inside, case.peak)
    edges = measures.edge_widening(*judged, case.spacing)
    found, true = _classes(data, case.tissue), _classes(case.truth, case.tissue)
    overlap = [
        np.count_nonzero((found == each) & (true == each) & case.tissue)
        / np.count_nonzero(((found == each) | (true == each)) & case.tissue)
        for each in (1, 2)
    ]
    return [
        f"{measures.psnr(*judged):.2f}",
        f"{measures.ssim(*judged):.3f}",
        f"{100 * edges:+.2f} %" if edges is not None else "-",
        *(f"{each:.3f}" for each in overlap),
    ]


def _classes(data: FloatArray, tissue: BoolArray) -> FloatArray:
    """Return 0, 1 or 2 for each voxel, by the two thresholds that part the classes best."""
    counts, edges = np.histogram(data[tissue], 128)
    share = counts / counts.sum()
    middle = (edges[1:] + edges[:-1]) / 2
    weight, moment = np.cumsum(share), np.cumsum(share * middle)
    total = moment[-1]

    def between(low: int, high: int) -> float:
        parts = (
            (weight[low], moment[low]),
            (weight[high] - weight[low], moment[high] - moment[low]),
            (1 - weight[high], total - moment[high]),
        )
        return float(sum(m * m / w for w, m in parts if w > 0))

    pairs = ((low, high) for low in range(126) for high in range(low + 1, 127))
    low, high = max(pairs, key=lambda pair: between(*pair))
    return np.digitize(data, [edges[low + 1], edges[high + 1]]).astype(np.float32)


def _arguments() -> argparse.Namespace:
    parser = page_parser(__doc__ or "", "parallel.md", "nlm,unet,draw")
    parser.add_argument("--slices", type=int, default=40)
    parser.add_argument("--noise", type=levels, default="1,2,3", help="of a coil, %% of the peak")
    return parser.parse_args()


if __name__ == "__main__":
    main()
