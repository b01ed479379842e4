"""Group maps with permutation inference: writes docs/benchmarks/voxelwise.md.

::

    python benchmarks/voxelwise.py [--permutations 1000] [--nilearn 2] [--nulls 200] [--cohorts 2]

Time: 20 against 20 people, three covariates, the MNI152 brain at 2 mm, two-sided t and exact
threshold-free cluster enhancement. ``permuted_ols`` of nilearn is timed over few permutations, and
multiplied. CPU seconds are those of all threads together.

False alarms: cohorts of two times ten people without a difference, smooth random fields in a ball;
a cohort counts when any voxel is significant at a family-wise error of 5 %. The interval is that in
which 95 % of such counts lie when the error is 5 %. Settings: fields that are smooth over 1 or 2
voxels (standard deviation of the kernel); age that differs by group and drives the image, in the
model; squared fields, which are skewed; two sites with unequal groups, of which one is brighter and
noisier, people exchanged within sites.

Planted: 20 against 20 simulated T1-weighted heads (20 slices of 3 mm) with a person's own smooth
change of signal (2 %) and Rician noise in % of white matter; patients have a weaker signal in a
ball of 9 mm radius in deep grey matter. Shown is the share of the ball's voxels that are found
(enhanced, at a family-wise error of 5 %), and in brackets the same of the brain further than 6 mm
from the ball, as measured and denoised, on the same people, the same noise and the same
permutations.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.tables import page_parser, table, write_page  # noqa: E402
from bids_denoise.denoisers import DENOISERS  # noqa: E402
from bids_denoise.denoisers.apply import denoise  # noqa: E402
from bids_denoise.noise import estimate  # noqa: E402
from bids_denoise.simulate import anatomy  # noqa: E402
from bids_denoise.simulate.fields import smooth_field  # noqa: E402
from bids_denoise.simulate.noise import add_rician  # noqa: E402
from bids_denoise.simulate.phantom import CONTRASTS, Tissue  # noqa: E402
from bids_denoise.stats.design import make_design  # noqa: E402
from bids_denoise.stats.voxelwise import GroupMaps, Inference, compare  # noqa: E402
from bids_denoise.values import Device, Image  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bids_denoise.values import BoolArray, FloatArray

THREADS = 2
SIDE = 20
SETTINGS = ("1 voxel", "2 voxels", "age differs by group", "skewed", "two sites")
NULL_PERMUTATIONS = 199

GRID = anatomy.centred_grid((54, 66, 20), (3.0, 3.0, 3.0), (0.0, -18.0, 2.0))
NUCLEUS, RADIUS, APART = (-26.0, 2.0, 2.0), 9.0, 15.0
WHITE = CONTRASTS["T1w"][Tissue.WHITE]
OWN = 0.02


def main() -> None:
    given = _arguments()
    parts = [
        f"## Time\n\n{given.permutations} permutations.\n\n"
        + table(["", "CPU seconds"], _timed(given)),
        f"## False alarms\n\n{_false_alarms(given.nulls)}",
        f"## Planted\n\n{_planted(given)}",
    ]
    said = f"{os.cpu_count()} processors"
    write_page("Group maps", __doc__ or "", said, "\n\n".join(parts), given.output)


def _timed(given: argparse.Namespace) -> list[list[str]]:
    from nilearn import datasets
    from nilearn.maskers import NiftiMasker
    from nilearn.mass_univariate import permuted_ols

    rng = np.random.default_rng(0)
    brain = datasets.load_mni152_brain_mask(2)
    mask = np.asarray(brain.dataobj) > 0
    images = [smooth_field(mask.shape, 1.7, rng) for _ in range(40)]
    extra = {name: list(rng.standard_normal(40)) for name in ("age", "volume", "motion")}
    design = make_design({"group": ["a", "b"] * 20, **extra}, "group", list(extra))
    compare(images, mask, design, Inference(permutations=4), THREADS)
    start = time.process_time()
    compare(images, mask, design, Inference(permutations=given.permutations), THREADS)
    rows = [["bids-denoise", f"{time.process_time() - start:.0f}"]]
    print(rows[-1], flush=True)
    data = np.array([image[mask] for image in images], np.float64)
    masker = NiftiMasker(brain, standardize=None).fit()

    def theirs(count: int) -> float:
        start = time.process_time()
        permuted_ols(
            design.values[:, np.newaxis], data, design.covariates, n_perm=count, random_state=0,
            masker=masker, tfce=True,
        )  # fmt: skip
        return time.process_time() - start

    each = (theirs(2 + given.nilearn) - theirs(2)) / given.nilearn
    rows.append(["nilearn", f"{each * given.permutations:.0f} (from {given.nilearn})"])
    print(rows[-1], flush=True)
    return rows


def _false_alarms(count: int) -> str:
    from scipy.stats import binom

    low, high = (each / count for each in binom.interval(0.95, count, 0.05))
    rows = []
    for setting in SETTINGS:
        found = np.zeros(2)
        for seed in range(count):
            maps = null_cohort(setting, seed)
            found += [maps.t.significant.any(), maps.tfce.significant.any()]
        rows.append([setting, *(f"{100 * each / count:.1f} %" for each in found)])
        rows[-1].append(f"{100 * low:.1f} - {100 * high:.1f} %")
        print(rows[-1], flush=True)
    head = ["setting", "largest t", "enhanced", f"interval, {count} cohorts"]
    return table(head, rows)


def null_cohort(setting: str, seed: int) -> GroupMaps:
    """Return the maps of a cohort whose groups do not differ beyond what is in the model."""
    rng = np.random.default_rng([SETTINGS.index(setting), seed])
    shape = (SIDE,) * 3
    mask = np.square(np.indices(shape) - (SIDE - 1) / 2).sum(axis=0) < (SIDE / 2 - 1) ** 2
    group = np.repeat([0.0, 1.0], 10)
    site = np.array([0, 1, 1] * 6 + [0, 0]) if setting == "two sites" else None
    age = rng.uniform(20, 70, 20) + (20 * group if setting == "age differs by group" else 0)
    width = 1.0 if setting == "1 voxel" else 2.0
    images = [smooth_field(shape, width, rng) for _ in group]
    if setting == "age differs by group":
        images = [image + np.float32(years / 20) for image, years in zip(images, age, strict=True)]
    if setting == "skewed":
        images = [image**2 for image in images]
    table_of: dict[str, Sequence[float]] = {"group": list(group), "age": list(age)}
    covariates = ["age"]
    if site is not None:
        images = [image * (1 + place) + place for image, place in zip(images, site, strict=True)]
        table_of["site"] = [float(place) for place in site]
        covariates.append("site")
    design = make_design(table_of, "group", covariates, blocks="site" if site is not None else None)
    return compare(images, mask, design, Inference(permutations=NULL_PERMUTATIONS, seed=seed))


def _planted(given: argparse.Namespace) -> str:
    head = ["noise", "weaker by", "as measured", *given.methods]
    rows = []
    for percent in (3, 5):
        for drop in (0.04, 0.06):
            shares = np.zeros((1 + len(given.methods), 2))
            for seed in range(given.cohorts):
                shares += _found(percent * WHITE / 100, drop, seed, given.methods)
            rows.append([f"{percent} %", f"{100 * drop:.0f} %"])
            rows[-1] += [f"{100 * a:.0f} % ({100 * b:.2f} %)" for a, b in shares / given.cohorts]
            print(rows[-1], flush=True)
    return f"{given.cohorts} cohorts each.\n\n{table(head, rows)}"


def _found(sigma: float, drop: float, seed: int, methods: Sequence[str]) -> np.ndarray:
    """Return of each version the shares found in the ball and away from it."""
    rng = np.random.default_rng([seed, 7])
    head, brain, distance = _head()
    ball, away = distance <= RADIUS, brain & (distance > APART)
    design = make_design({"group": ["control", "patient"] * 20}, "group")
    noisy = []
    for patient in design.values > 0:
        image = head * (1 + np.float32(OWN) * smooth_field(GRID.shape, 2.0, rng))
        image[ball] *= np.float32(1 - drop if patient else 1)
        noisy.append(add_rician(image, sigma, rng))
    versions = [noisy, *([_denoised(image, name) for image in noisy] for name in methods)]
    how = Inference(permutations=NULL_PERMUTATIONS, seed=seed)
    maps = [compare(images, brain, design, how, THREADS) for images in versions]
    return np.array(
        [[each.tfce.significant[where].mean() for where in (ball, away)] for each in maps]
    )


def _head() -> tuple[FloatArray, BoolArray, FloatArray]:
    """Return a T1-weighted head, its brain, and the distance from the nucleus in mm."""
    person = anatomy.draw_individual(np.random.default_rng(1))
    parts = anatomy.fractions(person, GRID)
    brain = parts[[Tissue.GREY, Tissue.WHITE, Tissue.DEEP_GREY]].sum(axis=0) > 0.5
    centre = np.array(NUCLEUS, np.float32).reshape(3, 1, 1, 1)
    distance = np.linalg.norm(anatomy.points_of(GRID) - centre, axis=0)
    return anatomy.signal(parts, CONTRASTS["T1w"]), brain, distance


def _denoised(data: FloatArray, name: str) -> FloatArray:
    image = Image(data, GRID.affine, np.ones(data.shape, bool))
    return denoise(DENOISERS[name](), image, estimate(image), Device(threads=THREADS)).data


def _arguments() -> argparse.Namespace:
    parser = page_parser(__doc__ or "", "voxelwise.md", "nlm")
    parser.add_argument("--permutations", type=int, default=1000)
    parser.add_argument("--nilearn", type=int, default=2, help="permutations to time nilearn on")
    parser.add_argument("--nulls", type=int, default=200, help="null cohorts a setting")
    parser.add_argument("--cohorts", type=int, default=2, help="cohorts with a planted effect")
    return parser.parse_args()


if __name__ == "__main__":
    main()
