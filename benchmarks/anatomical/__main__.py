"""Every anatomical denoiser against its peers: prints a table, writes docs/benchmarks/anatomical.md.

::

    python benchmarks/anatomical [--real ../shared/data] [--law gaussian|rician] [--cache FILE]
        [--ants-python PYTHON] [--bm4d-python PYTHON] [--dipy-python PYTHON] [--picture]

Truth and noise
    Colin27 is the mean of 27 scans of one head (Debian package ``mricron-data``), whole and as
    24 slices (z 76 to 99). The real scans are kept out of the training of every shipped network:
    the last five people of human-depression, the last patient of human-ms and all its FLAIR,
    human-head, the mice. **They have noise of their own**: it is part of the truth here, a method
    that removes it is charged for it, and high levels tell more than low ones. They are cut to the
    box of what was measured, humans also to the middle slices. Noise is in % of the
    peak: 255 for Colin27, else the 99th percentile in the head; 9g is 9 % times a g-factor map from
    1 to 2.5. Where a file holds no measurement there is none.

Methods and peers
    Each runs in a process of its own, one after the other, on the same number of threads, after a
    first run on a small piece. Peers are given the true sigma (its root mean square where it
    varies: they take one number), except ANTs, which has no option for it; ours estimate sigma
    and law from the noisy image alone, without the clock, but for the one that is told them. What
    there is to estimate in a real scan is the added noise and its own: bm4d is also run with both
    (``told own noise too``; its own as we estimate it in the scan before any is added). bm4d
    (not free software, no part of this one) has no Rician mode and is left out of that table, and
    of images above 8 million voxels.

Measures
    PSNR and SSIM (Gaussian window of 1.5 voxels) over the voxels above 10 of Colin27, over the head
    elsewhere. PSNR*: against the truth without its own noise, whose share that a method keeps is
    known from what it keeps of the added noise (Stein's lemma); exact for white noise, which that
    of human-ms is not. Edges: how much wider they are than in the truth, at the same places
    (negative by noise or sharpening). Detail: relative error of the radially averaged power above half of the
    Nyquist frequency. Contrast: of the two largest of three intensity classes of the truth, grey
    and white matter in a brain, to their spread; that of the truth is its first row. Sigma: what the
    method was told or found, in % of the peak. Memory: peak of the process, in brackets what that
    is above the input loaded.
"""  # noqa: E501

from __future__ import annotations

import argparse
import hashlib
import inspect
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks import measures  # noqa: E402
from benchmarks.anatomical.cases import Noisy, cases, with_noise  # noqa: E402
from benchmarks.anatomical.methods import Method, Runner, all_methods  # noqa: E402
from benchmarks.anatomical.page import line_of, write_page  # noqa: E402
from benchmarks.anatomical.picture import draw  # noqa: E402
from benchmarks.anatomical.store import Store  # noqa: E402

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray

    Row = dict[str, Any]

STARTED = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
MEASURED_BY = hashlib.sha256(inspect.getsource(measures).encode()).hexdigest()[:12]
REFERENCES = ("truth", "noisy")


def main() -> None:
    given = _arguments()
    store = Store(given.cache)
    pythons = (given.ants_python, given.bm4d_python, given.dipy_python)
    known = all_methods(*pythons)
    if unknown := {*given.only, *given.again} - {"all", *(each.name for each in known)}:
        sys.exit(f"no such method: {', '.join(sorted(unknown))}")
    methods = [each for each in known if _wanted(each.name, given.only)]
    rows: list[Row] = []
    for case in cases(given.real, given.images, given.slices, given.quick):
        for level in given.levels:
            noisy = with_noise(case, level, given.law)
            of_image = [_reference(name, noisy) for name in REFERENCES]
            runner = Runner(noisy, given.threads)
            for method in methods:
                row = _row(method, runner, store, given) if method.fits(noisy) else None
                if row:
                    of_image.append(row)
                    print(line_of(row, STARTED), flush=True)
            rows += of_image
    for method in methods:
        if not method.version:
            print(f"not installed, left out: {method.label}", file=sys.stderr)
    if given.picture:
        draw(given.picture, rows, store, given)
    if given.output and rows:
        write_page(given.output, __doc__ or "", rows, methods, given, STARTED)


def _row(method: Method, runner: Runner, store: Store, given: argparse.Namespace) -> Row | None:
    """Return one run, from the store unless it is new or asked for again."""
    noisy = runner.noisy
    key = {
        "image": noisy.case.name, "slices": noisy.data.shape[2], "level": noisy.level,
        "law": noisy.law, "method": method.name, "version": method.version,
        "threads": given.threads, "noisy": noisy.checksum,
    }  # fmt: skip
    known = None if _wanted(method.name, given.again) else store.find(key)
    if known and known["measured_by"] == MEASURED_BY:
        return known
    facts = {"group": noisy.case.group, "label": method.label, "measured_by": MEASURED_BY}
    old = store.voxels(key) if known else None
    if known and old is not None:
        return store.keep(key, {**known, **facts, **_measure(old, noisy)}, None)
    made = runner.run(method)
    if made is None:
        return None
    result, cost = made
    cost = cost | {"sigma": 100 * cost["sigma"] / noisy.case.peak, "run": STARTED}
    return store.keep(key, {**facts, **cost, **_measure(result, noisy)}, result)


def _reference(name: str, noisy: Noisy) -> Row:
    case = noisy.case
    key = {"image": case.name, "level": noisy.level, "law": noisy.law, "method": name}
    data = case.truth if name == "truth" else noisy.data
    return {"key": key, "group": case.group, "label": name, **_measure(data, noisy)}


def _measure(result: FloatArray, noisy: Noisy) -> Row:
    case = noisy.case
    judged = (result, case.truth, case.inside)
    if not np.array_equal(result, case.truth):
        likeness = {
            "psnr": measures.psnr(*judged, case.peak),
            "psnr_to_anatomy": noisy.psnr_to_anatomy(result),
            "ssim": measures.ssim(*judged, case.peak),
            "edges": measures.edge_widening(*judged, case.peak, case.spacing),
            "detail": measures.detail_error(*judged),
        }
    else:
        likeness = {"psnr": None, "psnr_to_anatomy": None, "ssim": 1.0, "edges": 0.0, "detail": 0.0}
    contrast = measures.tissue_contrast(result, case.truth, case.tissue)
    return {**likeness, "contrast": contrast}


def _wanted(name: str, names: list[str]) -> bool:
    return name in names or "all" in names


def _list(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="anatomical",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--real", type=Path, help="folder with the real scans, such as ../shared/data")
    add("--law", choices=("gaussian", "rician"), default="gaussian")
    add("--levels", type=_list, default="1,3,5,9,15,9g", help="%% of the peak; g: g-factor map")
    add("--images", type=_list, default="*", help="patterns of names or groups; real: all scans")
    add("--only", type=_list, default="all", help="methods: gaussian, nlm, dipy, ants, bm4d, ...")
    add("--again", type=_list, default="", help="methods to run though the cache knows them; all")
    add("--slices", type=int, default=24, help="middle slices of human scans, 0: all")
    add("--quick", action="store_true", help="the first 4 mice only")
    add("--threads", type=int, default=2)
    add("--cache", type=Path, help="JSON lines of what was run before; grows")
    for peer in ("ants", "bm4d", "dipy"):
        add(f"--{peer}-python", default=sys.executable, help=f"a Python that has {peer}")
    page = ROOT / "docs" / "benchmarks" / "anatomical.md"
    add("--output", type=lambda text: Path(text) if text else None, default=page,
        help="the page, '' for none")  # fmt: skip
    add("--title", default="Anatomical denoisers", help="of the page")
    picture = ROOT / "docs" / "images" / "anatomical.png"
    add("--picture", type=Path, nargs="?", const=picture, help="draw results (needs --cache)")
    add("--picture-image", default="colin27-slices")
    add("--picture-level", default="9")
    add("--picture-methods", type=_list, default="nlm,unet,bm4d")
    given = parser.parse_args()
    if given.picture and not given.cache:
        parser.error("--picture needs --cache, where results are kept")
    return given


if __name__ == "__main__":
    main()
