"""How well brains are segmented: prints tables, writes docs/benchmarks/segmentation.md.

::

    python benchmarks/segmentation.py [--people 1] [--cases 5:40,9:20] [--labels FOLDER]
        [--ants-python PYTHON] [--dipy-python PYTHON] [--ants-priors] [--output FILE]

Truth
    Simulated heads at 1 mm (181 x 217 x 181), T1w: people who differ from the template, with
    partial volume, texture and deep grey matter that is brighter than cortex. The label of a voxel
    is the tissue that fills most of it. With `--labels`, heads of label maps (hard labels at 1 mm)
    as well, segmented without a template.

Noise and field
    Rician, in % of white matter. A field of 40 % goes smoothly from 0.8 to 1.2 over the brain.

Methods and peers
    All are given the true brain mask. The template's maps lie where the mean person's head is,
    unregistered. Peers: N4 and Atropos of ANTs (k-means, MRF of 0.1 in a radius of one voxel), and
    the HMRF classifier of DIPY (beta 0.1, on the image as it is: it has no field). Where it says
    unet, the image was denoised first, by the noise that was estimated from it.

Measures
    Dice of the labels; error of the volumes (of the fractions); mean error of the fractions,
    relative to the volume of the tissue. Seconds on one core, of a busy machine.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.tables import page_parser, table, write_page
from bids_denoise.anatomy.tissues import segment
from bids_denoise.denoisers import apply
from bids_denoise.denoisers.unet import UNet
from bids_denoise.noise import estimate
from bids_denoise.simulate.anatomy import (
    Grid,
    Maps,
    centred_grid,
    draw_individual,
    fractions,
    points_of,
    sample,
    signal,
    template,
    texture,
)
from bids_denoise.simulate.fields import smooth_field
from bids_denoise.simulate.noise import add_rician
from bids_denoise.simulate.phantom import CONTRASTS, Tissue
from bids_denoise.values import Device, Image

if TYPE_CHECKING:
    from bids_denoise.values import BoolArray, FloatArray

    Row = list[str]

WHITE = CONTRASTS["T1w"][Tissue.WHITE]
HEAD = ["head", "noise", "field", "method", "Dice GM", "Dice WM", "Dice CSF"]
HEAD += ["volume GM", "volume WM", "volume CSF", "error GM", "error WM", "seconds"]
CODES = (
    (3, 8, 17, 18, 10, 11, 12, 13, 26, 42, 47, 49, 50, 51, 52, 53, 54, 58),
    (2, 7, 16, 28, 41, 46, 60, 85),
    (4, 5, 14, 15, 24, 43, 44),
)
"""FreeSurfer codes of grey matter, white matter and CSF."""


@dataclass(frozen=True)
class Head:
    """What is known: `clean` and `shade` (-1/2 to 1/2) (x, y, z), `truth`, `prior` (3, x, y, z)."""

    name: str
    clean: FloatArray
    shade: FloatArray
    brain: BoolArray
    truth: FloatArray
    prior: FloatArray | None


def simulated(seed: int) -> Head:
    grid = centred_grid((181, 217, 181), (1, 1, 1))
    rng = np.random.default_rng(100 + seed)
    person = draw_individual(rng)
    parts = fractions(person, grid)
    truth = np.stack(
        [parts[Tissue.GREY] + parts[Tissue.DEEP_GREY], parts[Tissue.WHITE], parts[Tissue.CSF]]
    )
    brain = largest(truth.sum(axis=0) > 0.5)
    clean = signal(parts, CONTRASTS["T1w"]) * texture(person, grid)
    shade = shading(brain, rng)
    return Head(f"simulated {seed}", clean, shade, brain, truth * brain, prior_on(grid) * brain)


def of_labels(path: Path) -> Head:
    loaded: Any = nibabel.load(path)
    codes = np.asarray(loaded.dataobj)
    means = dict(zip(Tissue, (CONTRASTS["T1w"][tissue] for tissue in Tissue), strict=True))
    inside = np.stack([np.isin(codes, of_tissue) for of_tissue in CODES]).astype(np.float32)
    values = np.array([means[Tissue.GREY], means[Tissue.WHITE], means[Tissue.CSF]], np.float32)
    clean = np.tensordot(values, inside, axes=1) + (codes >= 500) * np.float32(60)
    clean = ndimage.gaussian_filter(clean.astype(np.float32), 0.4)
    brain = largest(np.asarray(inside.any(axis=0)))
    shade = shading(brain, np.random.default_rng(int(path.name[13:15])))
    return Head(f"labels {path.name[13:15]}", clean, shade, brain, inside * brain, None)


def largest(mask: BoolArray) -> BoolArray:
    regions, _ = ndimage.label(mask)
    return np.asarray(regions == 1 + np.argmax(np.bincount(regions.ravel())[1:]))


def shading(brain: BoolArray, rng: np.random.Generator) -> FloatArray:
    field = smooth_field(brain.shape, tuple(length / 3 for length in brain.shape), rng)
    low, high = field[brain].min(), field[brain].max()
    return np.asarray((field - low) / (high - low) - 0.5, dtype=np.float32)


def prior_on(grid: Grid) -> FloatArray:
    maps = template()
    grey, white = sample(Maps(maps.volumes[:2], maps.affine), points_of(grid))
    return np.stack([grey, white, np.clip(1 - grey - white, 0, 1)])


def measured(head: Head, labels: Any, maps: Any) -> Row:
    true = np.where(head.brain, 1 + head.truth.argmax(axis=0), 0)
    dice = [
        2 * np.sum((labels == k) & (true == k)) / (np.sum(labels == k) + np.sum(true == k))
        for k in (1, 2, 3)
    ]
    sizes = [float(each.sum(dtype=float)) for each in head.truth]
    change = [maps[k].sum(dtype=float) / sizes[k] - 1 for k in range(3)]
    wrong = [np.abs(maps[k] - head.truth[k]).sum(dtype=float) / sizes[k] for k in range(2)]
    return [
        *(f"{each:.4f}" for each in dice),
        *(f"{100 * each:+.1f} %" for each in change),
        *(f"{each:.3f}" for each in wrong),
    ]


def ours(head: Head, noisy: FloatArray, prior: FloatArray | None) -> Row:
    begin = time.process_time()
    found = segment(noisy, head.brain, np.eye(4), prior)
    seconds = time.process_time() - begin
    return [*measured(head, found.labels, found.probabilities), f"{seconds:.0f}"]


def peer(head: Head, noisy: FloatArray, method: str, python: str) -> Row:
    """Run a peer in its interpreter; the processor's time counts, not the clock."""
    script = Path(__file__).with_name("segmentation_peer.py")
    one = {name: "1" for name in ("OMP_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written = {"image": noisy, "brain": head.brain.astype(np.float32)}
        if head.prior is not None:
            written |= {f"prior{k + 1}": head.prior[k] for k in range(3)}
        for what, data in written.items():
            nibabel.save(nibabel.Nifti1Image(data, np.eye(4)), folder / f"{what}.nii")
        before = os.times()
        subprocess.run([python, script, method, folder], check=True, env=os.environ | one)
        after = os.times()
        spent = sum(after[2:4]) - sum(before[2:4])
        found = [np.load(folder / f"{what}.npy") for what in ("labels", "probabilities")]
    return [*measured(head, *found), f"{spent:.0f}"]


def denoised(noisy: FloatArray) -> FloatArray:
    image = Image(noisy, np.eye(4), np.ones(noisy.shape, dtype=bool))
    return apply.denoise(UNet(), image, estimate(image), Device()).data


def rows_of(head: Head, noise: float, field: float, given: argparse.Namespace) -> list[Row]:
    rng = np.random.default_rng(round(10 * noise + field))
    even = (head.clean * (1 + field / 100 * head.shade)).astype(np.float32)
    noisy = add_rician(even, noise / 100 * WHITE, rng)
    rows = []

    def add(method: str, row: Row) -> None:
        rows.append([head.name, f"{noise:g} %", f"{field:g} %", method, *row])
        print(*rows[-1], sep=" | ", flush=True)

    images = {"": noisy}
    if noise >= given.denoise_from and head.prior is not None:
        images[", unet"] = denoised(noisy)
    for name, image in images.items():
        if head.prior is not None:
            add("bids-denoise" + name, ours(head, image, head.prior))
        add("bids-denoise, no template" + name, ours(head, image, None))
    if given.ants_python:
        add("N4 + Atropos", peer(head, noisy, "ants", given.ants_python))
    if given.ants_python and given.ants_priors and head.prior is not None:
        add("N4 + Atropos, template", peer(head, noisy, "ants-priors", given.ants_python))
    if given.dipy_python:
        add("DIPY HMRF", peer(head, noisy, "dipy", given.dipy_python))
    return rows


def main() -> None:
    parser = page_parser(__doc__ or "", "segmentation.md", "")
    parser.add_argument("--people", type=int, default=1)
    parser.add_argument("--cases", default="0:20,3:40,5:20,5:40,9:20")
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--label-heads", type=int, default=1)
    parser.add_argument("--denoise-from", type=float, default=9)
    parser.add_argument("--ants-python")
    parser.add_argument("--ants-priors", action="store_true")
    parser.add_argument("--dipy-python")
    given = parser.parse_args()
    pairs = (case.split(":") for case in given.cases.split(","))
    cases = [(float(noise), float(field)) for noise, field in pairs]
    # Compile first, so that it is not timed.
    small = np.random.default_rng(0).random((20, 20, 20), dtype=np.float32)
    segment(small, np.ones(small.shape, dtype=bool), np.eye(4))
    rows: list[Row] = []
    for seed in range(given.people):
        head = simulated(seed)
        for noise, field in cases:
            rows += rows_of(head, noise, field, given)
    found = sorted(given.labels.glob("training_seg_*.nii.gz")) if given.labels else []
    for path in found[: given.label_heads]:
        head = of_labels(path)
        rows += rows_of(head, *cases[0], given)
    doc = (__doc__ or "").split("::")[0] + "Truth" + (__doc__ or "").split("\nTruth", 1)[1]
    write_page(
        "Segmentation", doc, "by `benchmarks/segmentation.py`", table(HEAD, rows), given.output
    )


if __name__ == "__main__":
    main()
