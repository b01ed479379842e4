"""How long the live viewer takes from a slider to the picture: writes docs/benchmarks/viewer.md.

::

    python benchmarks/viewer.py [--run BOLD.nii.gz] [--moves 30]

Chromium without a screen, WebGL2 in software (SwiftShader), a window of 1400 x 900, on the same two
processors as the server. Colin27 (181 x 217 x 181) with Rician noise of 5 % of its peak. A move is
an arrow key on a slider; its time ends when three planes by the new setting are painted. While
dragging, the next move follows the paint at once; at rest, it is made once the whole volume is
denoised. Planes of `unet` are a preview, whose error is given: root mean square of its difference
to the whole volume in the planes, relative to the range and to sigma; those of `nlm` are rough at
first, and 0.3 s later what the app writes. Blocked: tasks of the page's main thread of more than
50 ms, over all that is measured (Long Tasks API): what is there of them is the wait for the
pictures of SwiftShader, which has to share two processors with the denoising.

Series (``--run``; left out without it): from the address to the first picture, to the noise, and to
the whole run denoised; then volumes a second while the slider of volumes is moved on and on, the
original and the denoised planes painted. The first start on a machine compiles the kernels once,
which takes about 15 seconds more until the first denoised planes; here they are compiled.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.tables import table, write_page  # noqa: E402
from bids_denoise import imageio  # noqa: E402
from bids_denoise.imageio.fresh import write_new  # noqa: E402
from bids_denoise.simulate.noise import add_rician  # noqa: E402
from tests.viewer.browser import open_browser, viewing  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

COLIN = Path("/usr/share/mricron/templates/ch2.nii.gz")
PEAK, PERCENT = 255, 5
PATIENCE = 120
SCRUBBED = 4.0
"""Seconds of scrubbing."""

WATCH_TASKS = """
window.blocked = [];
new PerformanceObserver((list) => window.blocked.push(...list.getEntries().map((e) => e.duration)))
  .observe({ type: "longtask", buffered: true });
"""

STRENGTH, SCALE, H = "#common-strength", "#common-sigma_scale", "#method-h"
OPPOSITE = {"ArrowLeft": "ArrowRight", "ArrowRight": "ArrowLeft"}
GOALS = {"strength": "100 ms", "nlm": "300 ms", "unet": "2 s"}


def main() -> None:
    """Measure, and write the page."""
    given = _arguments()
    with tempfile.TemporaryDirectory() as name, open_browser() as browser:
        path = Path(name) / "sub-01_T1w.nii.gz"
        data, affine = imageio.read_placed(COLIN)
        noisy = add_rician(data, PERCENT / 100 * PEAK, np.random.default_rng(0))
        write_new(path, noisy, affine)
        with viewing(path) as address, opened(browser, address) as page:
            rows, blocked = volume_rows(page, given.moves)
        parts = [
            table(["moved", "what is painted", "median ms", "90 % ms", "goal"], rows),
            f"{blocked}.",
        ]
        if given.run:
            # The first page of this server pays for nothing that the next one would not.
            with viewing(given.run) as address:
                parts.append(series_text(browser, address))
        said = f"Chromium {browser.version}, 2 processors"
    write_page("The live viewer", __doc__ or "", said, "\n\n".join(parts), given.output)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, help="a bold run")
    parser.add_argument("--moves", type=int, default=30)
    page = ROOT / "docs" / "benchmarks" / "viewer.md"
    parser.add_argument("--output", type=lambda t: Path(t) if t else None, default=page)
    return parser.parse_args()


@contextmanager
def opened(browser: Browser, address: str) -> Iterator[Page]:
    """Open the page in a window of its own."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.add_init_script(WATCH_TASKS)
    page.goto(address)
    yield page
    context.close()


def volume_rows(page: Page, moves: int) -> tuple[list[list[str]], str]:
    """Return the rows of one volume, and how long the page was blocked."""
    rest(page)
    rows = []
    for method, slider, what, first in (
        ("nlm", STRENGTH, "blended on the page", "ArrowLeft"),
        ("nlm", H, "nlm, search radius 3, patch radius 1", "ArrowRight"),
        ("unet", SCALE, "unet, preview", "ArrowLeft"),
    ):
        page.select_option("#method", method)
        goal = GOALS["strength" if slider == STRENGTH else method]
        for how in ("dragging", "at rest"):
            rest(page)
            times = []
            for number in range(moves if how == "dragging" or method == "nlm" else 5):
                if how == "at rest":
                    rest(page)
                times.append(moved(page, slider, OPPOSITE[first] if number // 10 % 2 else first))
            name = f"{slider.split('-')[-1].replace('_', ' ')}, {how}"
            middle, most = np.percentile(times, (50, 90))
            rows.append([name, what, f"{middle:.0f}", f"{most:.0f}", goal])
    rows += preview_rows(page)
    tasks = page.evaluate("window.blocked")
    moved_in_all = 5 * moves + 5
    if not tasks:
        return rows, f"Blocked: never above 50 ms in {moved_in_all} moves"
    told = ", ".join(f"{each:.0f}" for each in sorted(tasks, reverse=True))
    return rows, f"Blocked in {moved_in_all} moves: {len(tasks)} times above 50 ms ({told} ms)"


def moved(page: Page, slider: str, key: str) -> float:
    """Move a slider by one step, and return the milliseconds until that is painted.

    The page itself waits, so that nothing else takes the processors meanwhile.
    """
    page.focus(f".field:has({slider}) input[type=range]")
    kind = "strength" if slider == STRENGTH else "show"
    page.evaluate(
        f"""window.painted = new Promise((resolve) => {{
          const {{ marks }} = window.bidsDenoise;
          marks.splice(0);
          const look = () => {{
            const mark = marks.find((each) => each.painted && each.kind === "{kind}");
            mark ? resolve(mark.painted - mark.sent) : setTimeout(look, 20);
          }};
          look();
        }}), null"""
    )
    page.keyboard.press(key)
    return float(page.evaluate("window.painted"))


def preview_rows(page: Page) -> list[list[str]]:
    """Return how far a preview of the U-Net is from the whole, in the planes."""
    rest(page)
    page.focus(f".field:has({SCALE}) input[type=range]")
    page.keyboard.press("ArrowLeft")
    wait(page, "window.bidsDenoise.state().layers.after.state === 'preview'")
    rough = planes(page)
    rest(page)
    exact = planes(page)
    error = float(np.sqrt(np.mean((rough - exact) ** 2)))
    share, of_sigma = error / PEAK, error / (PERCENT / 100 * PEAK)
    return [
        ["", f"error of the preview: {share:.2%} of the range, {of_sigma:.1%} of sigma", "", "", ""]
    ]


def planes(page: Page) -> Any:
    values = page.evaluate("[0, 1, 2].flatMap((p) => Array.from(window.bidsDenoise.shown(p)))")
    return np.asarray(values)


def series_text(browser: Browser, address: str) -> str:
    """Return what was measured of a series."""
    started = time.monotonic()
    with opened(browser, address) as page:
        wait(page, "window.bidsDenoise?.state().layers.before")
        first = time.monotonic() - started
        wait(page, "window.bidsDenoise.state().noise")
        noise = time.monotonic() - started
        rest(page)
        whole = time.monotonic() - started
        method = page.evaluate("window.bidsDenoise.state().layers.after.method")
        volumes = page.evaluate("window.bidsDenoise.state().image.volumes")
        page.focus("#volume")
        page.keyboard.press("Home")
        rest(page)
        rate = scrubbed(page)
    return (
        f"Series of {volumes} volumes: first picture after {first:.1f} s (goal 5 s), noise after "
        f"{noise:.1f} s, all of it denoised by `{method}` after {whole:.1f} s. Scrubbing: "
        f"{rate:.0f} volumes a second (goal 20)."
    )


def scrubbed(page: Page) -> float:
    """Return how many volumes a second are painted while the slider of volumes is moved."""
    return float(
        page.evaluate(
            f"""new Promise((resolve) => {{
              const slider = document.querySelector("#volume");
              const seen = new Set();
              const begin = performance.now();
              const step = () => {{
                const {{ layers }} = window.bidsDenoise.state();
                if (layers.before.volume === layers.after.volume) seen.add(layers.after.serial);
                const time = performance.now() - begin;
                if (time > {1000 * SCRUBBED}) return resolve((1000 * seen.size) / time);
                slider.value = String((slider.valueAsNumber + 1) % (Number(slider.max) + 1));
                slider.dispatchEvent(new Event("input"));
                setTimeout(step, 5);
              }};
              step();
            }})"""
        )
    )


def rest(page: Page) -> None:
    """Wait until the whole volume is there by the settings of the page."""
    before = -1
    while (serial := page.evaluate("window.bidsDenoise?.state().serial ?? -2")) != before:
        before = serial
        page.wait_for_timeout(400)
    wait(
        page,
        """(() => {
          const { layers, serial, phase } = window.bidsDenoise.state();
          return phase === "exact" && layers.after?.serial === serial;
        })()""",
    )
    page.wait_for_timeout(200)


def wait(page: Page, expression: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not page.evaluate(expression):
        if time.monotonic() > deadline:
            raise TimeoutError(expression)
        page.wait_for_timeout(20)


if __name__ == "__main__":
    main()
