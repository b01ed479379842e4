"""``bids-denoise-demo``: simulated scans, both levels run on them, the gain against truth."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from bids_denoise import __version__
from bids_denoise.errors import BidsDenoiseError

ABOUT = """\
Simulate a small BIDS dataset whose truth is known (two people with T1w, T2w, bold and dwi, twelve
patients and twelve controls with a coarse T1w), run both levels of bids-denoise on it, and print
how much nearer to the truth each image came, and what the group level finds before and after."""

PERMUTATIONS = 500

LAYOUT = "OUT gets dataset/ (the scans), truth/ (what lies under them) and denoised/ (the result)."


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo and return its exit code: that of the app, or that of the first error."""
    given = _parser().parse_args(argv)
    root = Path(given.out).absolute()
    try:
        _simulate(root, given.seed, given.coarseness, given.cohort)
        if given.only_dataset:
            return 0
        code = _denoise(root, given.seed, given.cohort)
        _compare(root)
    except BidsDenoiseError as error:
        print(f"bids-denoise-demo: {error}", file=sys.stderr)
        return error.exit_code
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("bids-denoise-demo", description=ABOUT, epilog=LAYOUT)
    parser.add_argument("out", metavar="OUT", help="folder for the demo, made if it is not there")
    parser.add_argument("--seed", type=int, default=0, help="of everything random (default 0)")
    parser.add_argument(
        "--coarseness",
        type=_coarseness,
        default=1.0,
        metavar="X",
        help="make every voxel X times longer, 1 to 3: quicker, less to see (default 1)",
    )
    parser.add_argument(
        "--no-cohort",
        dest="cohort",
        action="store_false",
        help="no patients and controls, no anatomy: half the time",
    )
    parser.add_argument("--only-dataset", action="store_true", help="simulate, and do no more")
    parser.add_argument("--version", action="version", version=f"bids-denoise {__version__}")
    return parser


def _coarseness(text: str) -> float:
    value = float(text)
    if not 1 <= value <= 3:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and 3")
    return value


def _simulate(root: Path, seed: int, coarseness: float, cohort: bool) -> None:
    from bids_denoise.demo.dataset import write_demo

    print(f"Simulating scans with known truth in {root} ...", flush=True)
    start = perf_counter()
    write_demo(root, seed, coarseness, cohort)
    print(f"done in {perf_counter() - start:.0f} s\n", flush=True)


def _denoise(root: Path, seed: int, cohort: bool) -> int:
    from bids_denoise.cli import main as denoise
    from bids_denoise.demo.cohort import CONTROL, PATIENT
    from bids_denoise.demo.dataset import template_path

    folders = (str(root / "dataset"), str(root / "denoised"))
    options = ("--write-noise-map", "--random-seed", str(seed))
    compared = (
        *("--anatomy", "--template", str(template_path(root))),
        *("--permutations", str(PERMUTATIONS)),
        *("--group-column", "group", "--patient", PATIENT, "--control", CONTROL),
    )
    return denoise((*folders, "participant", "group", *options, *(compared if cohort else ())))


def _compare(root: Path) -> None:
    """Print gains and findings, keep them as tables, and say where to look next."""
    from bids_denoise.demo import evidence, gain
    from bids_denoise.derivatives.store import table_text

    gains, found = gain.gains(root), evidence.findings(root)
    if not gains:
        return
    tables = [("gain.tsv", [vars(each) for each in gains], gain.table(gains))]
    if found:
        tables.append(("evidence.tsv", [vars(each) for each in found], evidence.table(found)))
    for name, rows, text in tables:
        (root / name).write_text(table_text(rows), encoding="utf-8")
        print(f"\nAgainst the truth (also in {root / name}):\n\n{text}\n")
    pages = [root / "denoised" / "group.html", *sorted((root / "denoised").glob("sub-0*.html"))]
    print("Reports, for any browser:")
    print("\n".join(f"  {page}" for page in pages if page.is_file()))
    print(f"The same images live, with sliders: bids-denoise-view {root / 'denoised'}")
