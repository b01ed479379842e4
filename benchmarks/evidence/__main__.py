"""Does denoising help a study: writes docs/benchmarks/evidence.md.

::

    python benchmarks/evidence --cache FOLDER [--parts repeats,10] [--size 20] [--cohorts 50]
        [--nulls 100] [--classified 10] [--permutations 199]

All on simulated heads whose truth is known, with what the app does when nothing is asked for: its
choice of the denoiser, its segmentation, normalisation, smoothing (three voxels of the template),
permutations and classifiers.

Repeats: four scans of one head at SNR 10 (mean signal of the brain over sigma), Rician noise, of a
box that is mostly brain. The anatomy is drawn anew in every place the head moves to, in voxels of
half the size, and its k-space is cut to that of the scan: nothing is interpolated, and the image is
band-limited as an acquired one. Shifts (mm) and turns (degrees) have a standard deviation of 0.5 in
humans (2 mm voxels), 0.1 in rats (0.4 mm) and 0.06 in mice (0.25 mm); motion is estimated from the
denoised repeats. Errors are those that leave-one-out tells without the truth, "for" those that are
true; PSNR is relative to the 99.9th percentile. "Worth averages" is the number of originals whose
mean has the noise of one denoised repeat. Tissues are those of the app's segmentation; volumes of
the box are means over repeats, with their coefficient of variation.

Groups: 40 male rats of an inbred strain are scanned healthy, and ill: the left of two hippocampi
(22 mm^3, 1 % of the brain) is 4 % smaller. A cohort is made of them by drawing who of the 40 is
ill. A hippocampus differs by 2 % between healthy animals and heads by 3 %, as in mice of one strain
(doi:10.1093/cercor/bhh165). Voxels are 0.4 mm, of the box of the brain; brain mask and sigma are
the true ones, nothing else is known; the template is the mean animal. Age and total volume are
covariates. "Without noise" is what a removal of all noise, and of noise alone, would give.

First, how large Cohen's d of the hippocampus is: by its true volume, by the grey matter that is
found within its true border, and by its mean over the smoothed maps in the template; "spread" is
that between animals of one group. Maps are smoothed by three voxels, as when nothing is asked for,
and by six, about the size of the hippocampus (``--smoothing 2.4``). Then the share of the
hippocampus that is significant at a family-wise error of 5 %, its ratio with a bootstrap interval
over cohorts (which share animals: it is too narrow; less than 0.1 % counts as that), and in how
many cohorts anything more than 2 mm away from it is (without noise, original, denoised).

False alarms: the maps smoothed by six voxels with labels that mean nothing, drawn by chance, or
correlated with age (by 0.7 before they are cut in halves). The interval is that in which 95 % of
such counts lie when the error is 5 %.

Classifiers: the AUC of the linear SVM, by the smoothed maps or by grey matter in geometric regions;
age and total volume are regressed out in the folds.

What this does not show: human heads. 20 and 20 of the simulated ones (2 mm voxels, SNR 10), of whom
a caudate is 4 % smaller and differs by 3 % between people (d = 1.4), had d = 0.8 in maps without
noise, 0.7 in original and 0.6 in denoised ones, and no voxel was significant in any: how people are
folded hides so small an effect in so few, not noise.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.evidence import groups, people, repeats  # noqa: E402
from benchmarks.tables import write_page  # noqa: E402

PAGE = ROOT / "docs" / "benchmarks" / "evidence.md"
REPEATS = "repeats"


def main() -> None:
    given = _arguments()
    for part in given.parts:
        path = given.cache / f"{part}.md"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_part(part, given), encoding="utf-8")
    body = "\n\n".join((given.cache / f"{part}.md").read_text("utf-8") for part in given.parts)
    write_page("Evidence", __doc__ or "", f"{os.cpu_count()} processors", body, given.output)


def _part(part: str, given: argparse.Namespace) -> str:
    """Return the tables of one part, which are kept in the cache."""
    if part == REPEATS:
        return f"## Repeats\n\n{repeats.tables()}"
    protocol = people.Protocol(float(part), size=given.size)
    cohort = groups.gathered(
        protocol, [people.examine(protocol, index, given.cache) for index in range(2 * given.size)]
    )
    found = groups.all_tables(
        cohort, given.cohorts, given.nulls, given.classified, given.permutations
    )
    return (
        f"## Groups, SNR {part}\n\n{given.cohorts} cohorts of {given.size} healthy and "
        f"{given.size} ill rats, {given.permutations} permutations each.\n\n{found}"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="evidence",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--cache", type=Path, required=True, help="folder of people and parts that are done")
    add("--parts", type=lambda text: text.split(","), default=[REPEATS, "10"],
        help="repeats, or an SNR at which groups are scanned")  # fmt: skip
    add("--size", type=int, default=20, help="of each group")
    add("--cohorts", type=int, default=50, help="with the effect")
    add("--nulls", type=int, default=100, help="cohorts without it")
    add("--classified", type=int, default=10)
    add("--permutations", type=int, default=199)
    add("--output", type=lambda path: Path(path) if path else None, default=PAGE)
    return parser.parse_args()


if __name__ == "__main__":
    main()
