"""Whether denoisers of anatomical images can be trusted: writes docs/benchmarks/trust.md.

::

    python benchmarks/trust.py [--real ../shared/data] [--methods nlm,unet]

Everything is on 24 slices of Colin27 (Debian package ``mricron-data``) with Gaussian noise, in % of
255, and sigma is estimated from the noisy image unless said otherwise. With ``--real`` the input
and the result at 1 % are also compared on real scans that no shipped network was trained on. Those
have noise of their own, often more than 1 %, and what takes it away loses against them as they
are; so the gain is that in PSNR*, against the scan without its own noise (see ``anatomical``), and
in brackets that against the scan as it is; ``-`` where what is left is less than half of the
scan's own noise, and so too uncertain. As in the app, half of sigma is denoised for where the
estimate cannot be trusted.

Lesions: balls of 3 voxels across in white matter, 30 % darker than it, put into the truth before
3 % noise is added; kept when the result has at least half of their contrast to the shell of voxels
around. Invented: as much contrast, bright or dark, in a ball where there is none. ``draw`` is a
single draw of ``generative``.

Draws: 16 of ``generative``, against the truth at three levels. Intervals are the mean plus and
minus Student's quantile times the spread of the draws.
"""

from __future__ import annotations

import datetime
import sys
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import measures  # noqa: E402
from benchmarks.anatomical.cases import Case, Noisy, cases, with_noise  # noqa: E402
from benchmarks.anatomical.methods import denoiser_of  # noqa: E402
from benchmarks.tables import page_parser, table  # noqa: E402
from bids_denoise import __version__  # noqa: E402
from bids_denoise.denoisers.apply import denoise  # noqa: E402
from bids_denoise.denoisers.generative import draws_around  # noqa: E402
from bids_denoise.denoisers.trained import run  # noqa: E402
from bids_denoise.noise import estimate  # noqa: E402
from bids_denoise.participant.one_scan import cautious  # noqa: E402
from bids_denoise.values import Device, Image, Noise  # noqa: E402
from bids_denoise.weights import load_weights  # noqa: E402

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from bids_denoise.values import BoolArray, FloatArray

    Result = Callable[[FloatArray], FloatArray]

TRIALS = 50
DRAWS = 16
STUDENT_90 = 1.860
"""Half a 90 % interval in standard deviations that are estimated from 8 independent draws: the 16
come in pairs of opposite sign."""
DARKER = 0.3


def main() -> None:
    given = _arguments()
    (colin,) = cases(None, ["colin27-slices"], 0, True)
    lines = [f"# Trust\n\n{__doc__}", _setting(given)]
    lines += ["## Do no harm, and what must not matter\n", _harm_table(colin, given.methods)]
    lines += ["\n## Lesions\n", _lesion_table(colin, [*given.methods, "draw"])]
    lines += ["\n## Draws\n", _draws_table(colin)]
    if given.real:
        lines += ["\n## Real scans with 1 % noise\n", _real_table(given)]
    text = "\n".join(lines) + "\n"
    print(text)
    if given.output:
        given.output.write_text(text, encoding="utf-8")


def _setting(given: argparse.Namespace) -> str:
    today = datetime.datetime.now(datetime.UTC).date()
    return f"{today}, bids-denoise {__version__}, methods {', '.join(given.methods)}.\n"


def _by(name: str, noisy: Noisy, noise: Noise | None = None) -> FloatArray:
    """Return the result of a denoiser, for the estimated noise unless it is given."""
    case = noisy.case
    image = Image(noisy.data, case.affine, case.measured)
    found = noise or estimate(image)
    return denoise(denoiser_of(name), image, found, Device(threads=2)).data


def _psnr(result: FloatArray, case: Case) -> float:
    return measures.psnr(result, case.truth, case.inside, case.peak)


def _harm_table(case: Case, methods: list[str]) -> str:
    head = [
        "method", "noise-free, dB to input", "1 %: gain dB", "1 %: edges", "9 % dB",
        "scale x 1000", "shift + 300", "largest change by mirroring", "by exchanging axes",
        "sigma - 20 %", "sigma + 20 %",
    ]  # fmt: skip
    return table(head, [_harm(case, name) for name in methods])


def _harm(case: Case, name: str) -> list[str]:
    still = with_noise(case, "0", "gaussian")
    faint, heavy = (with_noise(case, level, "gaussian") for level in ("1", "9"))
    sigma = Noise(np.full(case.truth.shape, heavy.sigma, np.float32), "gaussian", "known")
    clean = _by(name, faint)
    edges = measures.edge_widening(clean, case.truth, case.inside, case.peak, case.spacing)
    best = _psnr(_by(name, heavy, sigma), case)

    def change(data: FloatArray, noise: Noise, back: Result) -> float:
        turned = replace(case, measured=np.ones(data.shape, np.bool_))
        result = _by(name, replace(heavy, data=data, case=turned), noise)
        return _psnr(np.ascontiguousarray(back(result)), case) - best

    def scaled(factor: float) -> Noise:
        return replace(sigma, sigma=sigma.sigma * np.float32(factor))

    mirrored = [
        change(np.ascontiguousarray(np.flip(heavy.data, axis)), sigma, _flipper(axis))
        for axis in range(3)
    ]
    exchanged = [
        change(
            np.ascontiguousarray(heavy.data.transpose(order)),
            replace(sigma, sigma=np.ascontiguousarray(sigma.sigma.transpose(order))),
            _transposer(order),
        )
        for order in list(permutations(range(3)))[1:]
    ]
    changes = [
        change(heavy.data * np.float32(1000), scaled(1000), lambda data: data / np.float32(1000)),
        change(heavy.data + np.float32(300), sigma, lambda data: data - np.float32(300)),
        max(mirrored, key=abs),
        max(exchanged, key=abs),
        change(heavy.data, scaled(0.8), lambda data: data),
        change(heavy.data, scaled(1.2), lambda data: data),
    ]
    return [
        name,
        f"{_psnr(_by(name, still), case):.1f}",
        f"{_psnr(clean, case) - _psnr(faint.data, case):+.2f}",
        f"{100 * edges:+.1f} %" if edges is not None else "-",
        f"{best:.2f}",
        *(f"{each:+.3f}" for each in changes),
    ]


def _flipper(axis: int) -> Result:
    return lambda data: np.flip(data, axis)


def _transposer(order: tuple[int, ...]) -> Result:
    return lambda data: data.transpose(np.argsort(order))


def _lesion_table(case: Case, methods: list[str]) -> str:
    kept, invented = dict.fromkeys(methods, 0), dict.fromkeys(methods, 0)
    for place, truth in _with_lesions(case):
        noisy = with_noise(replace(case, truth=truth), "3", "gaussian")
        noise = estimate(Image(noisy.data, case.affine, case.measured))
        for name in methods:
            result = _by(name, noisy, noise)
            true = _contrast(truth, place.lesion)
            kept[name] += int(_contrast(result, place.lesion) / true >= 0.5)
            invented[name] += int(abs(_contrast(result, place.nothing) / true) >= 0.5)
    head = ["method", f"kept, of {TRIALS}", f"invented, of {TRIALS}"]
    return table(head, [[name, str(kept[name]), str(invented[name])] for name in methods])


class _Place:
    """Centres (x, y, z) of a ball with a lesion and of one without."""

    def __init__(self, lesion: tuple[int, ...], nothing: tuple[int, ...]) -> None:
        self.lesion, self.nothing = lesion, nothing


def _with_lesions(case: Case) -> Iterator[tuple[_Place, FloatArray]]:
    """Yield places deep in white matter, and the truth with a lesion at the first."""
    from scipy.ndimage import binary_erosion

    level = float(np.percentile(case.truth[case.tissue], 80))
    white = case.tissue & (abs(case.truth - level) < 0.12 * level)
    deep = np.argwhere(binary_erosion(white, iterations=3))
    rng = np.random.default_rng(0)
    for _ in range(TRIALS):
        lesion, nothing = (tuple(map(int, deep[rng.integers(len(deep))])) for _ in range(2))
        truth = case.truth.copy()
        truth[_ball(truth.shape, lesion, 1.5)] *= np.float32(1 - DARKER)
        if np.linalg.norm(np.subtract(lesion, nothing)) < 8:
            nothing = tuple(map(int, deep[0]))
        yield _Place(lesion, nothing), truth


def _ball(shape: tuple[int, ...], centre: tuple[int, ...], radius: float) -> BoolArray:
    x, y, z = np.ogrid[: shape[0], : shape[1], : shape[2]]
    distance = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2
    return np.asarray(distance <= radius**2)


def _contrast(data: FloatArray, centre: tuple[int, ...]) -> float:
    ball = _ball(data.shape, centre, 1.5)
    shell = _ball(data.shape, centre, 4) & ~_ball(data.shape, centre, 2.5)
    return float(data[ball].mean() - data[shell].mean())


def _draws_table(case: Case) -> str:
    rows = []
    for level in ("3", "9", "15"):
        noisy = with_noise(case, level, "gaussian")
        sigma = estimate(Image(noisy.data, case.affine, case.measured)).sigma
        mean = run(load_weights("unet"), noisy.data, sigma, Device(threads=2))
        seeds = [(0, number) for number in range(DRAWS // 2)]
        draws = list(draws_around(mean, noisy.data, sigma, Device(threads=2), seeds))
        spread = np.sqrt(np.mean([np.square(each - mean) for each in draws], axis=0))
        inside = case.inside
        error = mean - case.truth
        covered = float(np.mean(abs(error[inside]) < STUDENT_90 * spread[inside]))
        details = [measures.detail_error(each, case.truth, inside) for each in (mean, draws[0])]
        ratio = float(np.sqrt(np.mean(spread[inside] ** 2) / np.mean(error[inside] ** 2)))
        rows.append([
            f"{level} %", f"{_psnr(mean, case):.2f}", f"{_psnr(draws[0], case):.2f}",
            f"{100 * details[0]:.0f} %", f"{100 * details[1]:.0f} %", f"{100 * covered:.0f} %",
            f"{ratio:.2f}",
        ])  # fmt: skip
    head = [
        "noise", "mean dB", "one draw dB", "mean: detail error", "one draw: detail error",
        "90 % intervals cover", "spread / error",
    ]  # fmt: skip
    return table(head, rows)


def _real_table(given: argparse.Namespace) -> str:
    rows = []
    for case in cases(given.real, ["real"], 24, True):
        noisy = with_noise(case, "1", "gaussian")
        noise = cautious(estimate(Image(noisy.data, case.affine, case.measured)))
        own = f"{100 * case.own_noise / case.peak:.1f} %"
        gains = [_gains(noisy, _by(name, noisy, noise)) for name in given.methods]
        rows.append([case.name, case.group, own, *gains])
    head = ["scan", "group", "own noise", *(f"{name} gain dB" for name in given.methods)]
    return table(head, rows)


def _gains(noisy: Noisy, result: FloatArray) -> str:
    case = noisy.case
    after, before = (noisy.psnr_to_anatomy(each) for each in (result, noisy.data))
    gain = "-" if after is None or before is None else f"{after - before:+.2f}"
    return f"{gain} ({_psnr(result, case) - _psnr(noisy.data, case):+.2f})"


def _arguments() -> argparse.Namespace:
    parser = page_parser(__doc__ or "", "trust.md", "nlm,srcnn2d,srcnn,unet")
    parser.add_argument("--real", type=Path, help="folder with the real scans")
    return parser.parse_args()


if __name__ == "__main__":
    main()
