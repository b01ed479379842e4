"""Brain masks against known ones and against peers: writes docs/benchmarks/brain_mask.md.

::

    python benchmarks/brain_mask.py [--data FOLDER] [--heads 3] [--brains 6]
        [--dipy-python PYTHON] [--colin HEAD.nii.gz BRAIN.nii.gz]

Dice overlap with the true mask: the mean over images, and the least. ours: ``find_brain`` as it
chooses; how often it fell back from the network to thresholds and morphology stands beside it.
denoised: the same in the image as ``unet`` denoised it, by the sigma that was estimated: where
``--anatomy`` looks for the brain. classical: thresholds and morphology alone. nilearn:
``compute_brain_mask``, the template's mask in the image's space. DIPY: ``median_otsu`` (median
radius 4, 4 passes), made for b = 0 volumes, on every n-th voxel along each axis so that there are
about 100,000.

- label maps: heads that the network never saw (SynthSeg's, doi:10.1016/j.media.2023.102789), at
  2 mm in contrasts drawn at random or of sequences of random timing, or in slices of 6 mm; the
  true mask is the brain's tissue, closed over ventricles and sulci, with a rim of 1 mm of fluid.
- template heads: individuals of ``simulate/anatomy.py`` at 2 mm, T1w, T2w, FLAIR, PDw; skull and
  scalp are built around the brain. True: grey and white matter, closed like that.
- brains in heads: scans whose brain was extracted, in fluid, skull, muscle and fat of random
  thickness (``simulate/shells.py``), with the signals that they have in such a scan, or with any;
  true is what was extracted. The T1w of ds002748 at half their resolution, of six people whom the
  network never saw (it saw 14 others of that study); in-vivo T2w of mice, of which it saw none.
- Colin27: a real head, and the brain that was extracted from it, whose outline goes into sulci and
  between the hemispheres as the others' do not.

Noise is Rician, in % of the brain's bright tissue (95th percentile). How large the brain is in the
network's closer views, and how much of its weights is kept of those before the last training, was
chosen on the first four to six of the brains in heads.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.memory import reset_peak, status  # noqa: E402
from benchmarks.tables import table, write_page  # noqa: E402
from bids_denoise import imageio  # noqa: E402
from bids_denoise.anatomy.brain import find_brain  # noqa: E402
from bids_denoise.denoisers import apply  # noqa: E402
from bids_denoise.denoisers.unet import UNet  # noqa: E402
from bids_denoise.errors import ScanError  # noqa: E402
from bids_denoise.imageio.padding import padding  # noqa: E402
from bids_denoise.noise import estimate  # noqa: E402
from bids_denoise.simulate import anatomy  # noqa: E402
from bids_denoise.simulate.contrasts import RIGHT_TO_LEFT, WHOLE_HEAD  # noqa: E402
from bids_denoise.simulate.noise import add_rician  # noqa: E402
from bids_denoise.simulate.phantom import CONTRASTS, Tissue  # noqa: E402
from bids_denoise.simulate.shells import Surroundings, surrounded  # noqa: E402
from bids_denoise.simulate.tissue_contrast import draw_tissues, draw_weighting  # noqa: E402
from bids_denoise.training.anatomies import brain_of  # noqa: E402
from bids_denoise.values import Device, Image  # noqa: E402

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import BoolArray, FloatArray

NOISE = (3, 9)
T1W = Surroundings(fluid=0.28, bone=0.12, marrow=0.9, soft=(0.53, 1.19), scalp=(0.03, 0.12))
T2W = Surroundings(fluid=1.6, bone=0.08, marrow=0.08, soft=(0.4, 0.8))
"""Of humans in T1w and of mice in T2w, over the signal of bright tissue of the brain."""

HELD_OUT = ("18", "19", "20")
DIPY_VOXELS = 100_000
DIPY = (
    "import sys, numpy as np\nfrom dipy.segment.mask import median_otsu\n"
    "d = np.load(sys.argv[1])\n"
    "np.save(sys.argv[2], median_otsu(d, median_radius=4, numpass=4)[1])\n"
)


class Case(NamedTuple):
    """A head without noise, its affine, and where its brain is."""

    kind: str
    data: FloatArray
    affine: npt.NDArray[np.float64]
    brain: BoolArray


def main() -> None:
    """Measure, and write the page."""
    given = _arguments()
    cost = _cost()  # first: what others have used would not count as more
    rows: dict[tuple[str, int], list[dict[str, float | None]]] = {}
    for number, case in enumerate(_cases(given)):
        for noise in (0,) if case.kind == "Colin27" else NOISE:
            row = _measured(case, noise, number, given)
            print(case.kind, noise, row, flush=True)
            rows.setdefault((case.kind, noise), []).append(row)
    names = ("ours", "denoised", "classical", "nilearn", "DIPY")
    body = []
    for (kind, noise), found in rows.items():
        line = [
            kind,
            f"{noise} %",
            str(len(found)),
            str(int(sum(r["fallback"] or 0 for r in found))),
        ]
        for name in names:
            values = [value for r in found if (value := r[name]) is not None]
            line.append(f"{np.mean(values):.3f} ({min(values):.3f})" if values else "-")
        body.append(line)
    text = table(["images", "noise", "n", "fell back", *names], body)
    text += "\n\n" + cost
    write_page("Brain masks", __doc__ or "", f"{os.cpu_count()} processors", text, given.output)


def _measured(
    case: Case, noise: int, number: int, given: argparse.Namespace
) -> dict[str, float | None]:
    sigma = noise / 100 * float(np.percentile(case.data[case.brain], 95))
    data = add_rician(case.data, sigma, np.random.default_rng((number, noise)))
    image = Image(data, case.affine, np.ones(data.shape, np.bool_))
    row: dict[str, float | None] = {"fallback": 0.0}
    ways = (("ours", image, "auto"), ("denoised", _denoised(image), "auto"))
    for name, given_image, method in (*ways, ("classical", image, "classical")):
        try:
            found = find_brain(given_image, Device(), method)  # type: ignore[arg-type]
        except ScanError as error:
            print(error)
            row[name] = 0.0
            continue
        row[name] = _dice(found.mask, case.brain)
        if name == "ours" and found.source != "network":
            row["fallback"] = 1.0
    row["nilearn"] = _dice(_nilearn(image), case.brain)
    row["DIPY"] = _dice(_dipy(image, given.dipy_python), case.brain) if given.dipy_python else None
    return row


def _denoised(image: Image) -> Image:
    return replace(image, data=apply.denoise(UNet(), image, estimate(image), Device()).data)


def _dice(one: BoolArray, other: BoolArray) -> float:
    total = float(np.count_nonzero(one) + np.count_nonzero(other))
    return 2 * float(np.count_nonzero(one & other)) / max(total, 1.0)


def _nilearn(image: Image) -> BoolArray:
    import warnings

    from nibabel import Nifti1Image
    from nilearn.masking import compute_brain_mask

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = compute_brain_mask(Nifti1Image(image.data, image.affine))
    return np.asarray(found.dataobj) > 0


def _dipy(image: Image, python: str) -> BoolArray:
    with tempfile.TemporaryDirectory() as folder:
        given, made = f"{folder}/in.npy", f"{folder}/out.npy"
        step = int(np.ceil(np.cbrt(image.data.size / DIPY_VOXELS)))
        np.save(given, image.data[::step, ::step, ::step])
        subprocess.run([python, "-c", DIPY, given, made], check=True, capture_output=True)
        found = np.asarray(np.load(made), np.bool_)
    for axis, length in enumerate(image.data.shape):
        found = np.repeat(found, step, axis).take(range(length), axis)
    return found


def _cases(given: argparse.Namespace) -> Iterator[Case]:
    yield from _template_heads(given.heads)
    if given.colin:
        head, affine = imageio.read_placed(given.colin[0])
        yield Case("Colin27", head, affine, _filled(imageio.read(given.colin[1])))
    if given.data:
        yield from _label_maps(given.data, given.heads)
        humans = sorted(given.data.glob("human-depression/sub-*/anat/*_T1w.nii.gz"))
        yield from _brains("human brains in heads, T1w", humans[: given.brains], 2, T1W)
        mice = sorted(given.data.glob("mouse-rtg4510/sub-*/anat/*_T2w.nii.gz"))
        yield from _brains("mouse brains in heads, T2w", mice[: given.brains], 1, T2W)


def _template_heads(most: int) -> Iterator[Case]:
    grid, fine = (
        anatomy.centred_grid((96 * n, 112 * n, 94 * n), (2 / n, 2 / n, 2 / n), (0.0, -18.0, 0.0))
        for n in (1, 2)
    )
    for number in range(most):
        head = anatomy.draw_individual(np.random.default_rng((0, number)))
        parts = anatomy.fractions(head, fine)
        tissue = (Tissue.GREY, Tissue.WHITE, Tissue.DEEP_GREY, Tissue.VESSEL)
        matter = sum(parts[each] for each in tissue) > 0.5
        codes = np.where(matter, 2, np.where(parts[Tissue.CSF] > 0.5, 24, 0)).astype(np.int16)
        brain = _halved(brain_of(codes).astype(np.float32)) > 0.5
        parts = anatomy.fractions(head, grid)
        for contrast in ("T1w", "T2w", "FLAIR", "PDw"):
            yield Case(
                "template heads", anatomy.signal(parts, CONTRASTS[contrast]), grid.affine, brain
            )


def _label_maps(data: Path, most: int) -> Iterator[Case]:
    for number, name in enumerate(HELD_OUT[:most]):
        path = data / "labels" / "head-tissue" / f"training_seg_{name}.nii.gz"
        labels, affine = imageio.read_placed(path)
        codes = labels.astype(np.int16)
        brain = brain_of(codes)[::2, ::2, ::2]
        codes, affine = codes[::2, ::2, ::2], affine @ np.diag([2.0, 2.0, 2.0, 1.0])
        for code, other in RIGHT_TO_LEFT.items():  # both hemispheres look alike
            codes[codes == code] = other
        for contrast in range(3):
            rng = np.random.default_rng((number, contrast))
            looks = {
                "any contrast": draw_tissues(int(codes.max()) + 1, rng, WHOLE_HEAD).means[codes],
                "sequences": draw_weighting(int(codes.max()) + 1, rng)[codes],
            }
            for look, volume in looks.items():
                yield Case(f"label maps, {look}, 2 mm", volume, affine, brain)
                thick = [_blocks(each.astype(np.float32), 3, contrast) for each in (volume, brain)]
                coarse = affine.copy()
                coarse[:3, contrast] *= 3
                coarse[:3, 3] += affine[:3, contrast]
                yield Case(f"label maps, {look}, 6 mm slices", thick[0], coarse, thick[1] > 0.5)


def _brains(kind: str, paths: list[Path], step: int, signals: Surroundings) -> Iterator[Case]:
    for number, path in enumerate(paths):
        data, affine = imageio.read_placed(path)
        brain = _filled(data).astype(np.float32)
        if step == 2:
            data, brain = _halved(data), _halved(brain)
        affine = affine @ np.diag([step, step, step, 1.0])
        where = np.argwhere(brain > 0.5)
        low, high = where.min(axis=0), where.max(axis=0) + 1
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        air = int((high - low).max()) // 4
        data, brain = (np.pad(each[box], air) for each in (data, brain))
        affine[:3, 3] += affine[:3, :3] @ (low - air)
        sides = np.linalg.norm(affine[:3, :3], axis=0)
        voxel = (float(sides[0]), float(sides[1]), float(sides[2]))
        for around, look in ((signals, ""), (None, ", any signals around")):
            rng = np.random.default_rng((1, number))
            head = surrounded(data, brain > 0.5, voxel, rng, around)
            yield Case(kind + look, head, affine, brain > 0.5)


def _blocks(data: FloatArray, step: int, axis: int) -> FloatArray:
    whole = np.moveaxis(data, axis, 0)[: data.shape[axis] // step * step]
    means = whole.reshape(-1, step, *whole.shape[1:]).mean(axis=1)
    return np.ascontiguousarray(np.moveaxis(means, 0, axis), dtype=np.float32)


def _halved(data: FloatArray) -> FloatArray:
    for axis in range(3):
        data = _blocks(data, 2, axis)
    return data


def _filled(data: FloatArray) -> BoolArray:
    from scipy.ndimage import binary_fill_holes

    return np.asarray(binary_fill_holes(~padding(data)))


def _cost() -> str:
    grid = anatomy.centred_grid((256, 256, 180), (0.9, 0.9, 1.0), (0.0, -18.0, 0.0))
    head = anatomy.draw_individual(np.random.default_rng(9))
    data = anatomy.signal(anatomy.fractions(head, grid), CONTRASTS["T1w"])
    image = Image(data, grid.affine, np.ones(data.shape, np.bool_))
    find_brain(image, Device())
    reset_peak()
    before, begun, used = status("VmRSS"), time.perf_counter(), time.process_time()
    find_brain(image, Device())
    more = (status("VmHWM") - before) / 1e9
    return (
        f"One volume of 256 x 256 x 180, one thread: {time.perf_counter() - begun:.1f} s "
        f"({time.process_time() - used:.1f} s of the processor), {more:.2f} GB more than before."
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder of label maps and scans")
    parser.add_argument("--heads", type=int, default=3)
    parser.add_argument("--brains", type=int, default=6)
    parser.add_argument("--dipy-python", default="")
    parser.add_argument("--colin", type=Path, nargs=2, help="ch2.nii.gz and ch2bet.nii.gz")
    page = ROOT / "docs" / "benchmarks" / "brain_mask.md"
    parser.add_argument("--output", type=lambda path: Path(path) if path else None, default=page)
    return parser.parse_args()


if __name__ == "__main__":
    main()
