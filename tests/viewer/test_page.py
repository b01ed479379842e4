"""The page in a real browser: what a person does with it, and what she gets."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bids_denoise import imageio
from bids_denoise.cli import main
from bids_denoise.demo.dataset import write_demo
from bids_denoise.viewer.geometry import geometry_of
from tests.viewer.browser import needs_chromium, open_browser, viewing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from bids_denoise.values import FloatArray

pytestmark = needs_chromium

PATIENCE = 120_000
"""Milliseconds to wait for a picture: kernels may have to be compiled."""

T1W, BOLD = "sub-01_run-1_T1w", "sub-01_task-sensorimotor_bold"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the demo's dataset, with coarser voxels."""
    out = tmp_path_factory.mktemp("demo")
    write_demo(out, seed=0, coarseness=2.5, with_cohort=False)
    return out / "dataset"


@pytest.fixture(scope="module")
def address(demo: Path) -> Iterator[str]:
    with viewing(demo) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as found:
        yield found


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """Open the page; at the end nothing may have gone wrong on it."""
    faults: list[str] = []
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    found = context.new_page()
    found.set_default_timeout(PATIENCE)
    found.on("pageerror", lambda error: faults.append(str(error)))
    found.on(
        "console",
        lambda message: faults.append(message.text) if message.type == "error" else None,
    )
    found.goto(address)
    choose_image(found, T1W)
    yield found
    context.close()
    assert not faults


def wait_until(page: Page, expression: str) -> None:
    """Wait for something on the page; its content policy forbids what Playwright does for it."""
    deadline = time.monotonic() + PATIENCE / 1000
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"waited in vain for {expression}"
        page.wait_for_timeout(50)


def choose_image(page: Page, name: str) -> None:
    wait_until(page, "!!window.bidsDenoise?.state().hello")
    titles = page.evaluate("window.bidsDenoise.state().hello.scans.map((each) => each.title)")
    page.select_option("#scan", index=titles.index(name.replace("_", " ")))
    wait_until(page, f"window.bidsDenoise.state().image?.name.includes({name!r})")


def settle(page: Page) -> dict[str, Any]:
    """Wait until the picture is what the app writes, for the settings that the page has."""
    wait_until(
        page,
        """() => {
          const { layers, serial, phase } = window.bidsDenoise?.state() ?? {};
          return phase === "exact" && layers.after?.serial === serial;
        }""",
    )
    state: dict[str, Any] = page.evaluate("window.bidsDenoise.state()")
    return state


def rest(page: Page) -> dict[str, Any]:
    """Wait until nothing has been asked for during half a second, then until all is there."""
    before = -1
    while (serial := page.evaluate("window.bidsDenoise.state().serial")) != before:
        before = serial
        page.wait_for_timeout(500)
    return settle(page)


def pixels(page: Page) -> int:
    """Return a checksum of the three pictures on the screen."""
    found: int = page.evaluate(
        """[0, 1, 2].flatMap((plane) => [window.bidsDenoise.pixels(plane)])
             .reduce((sum, each) => each.reduce((s, v) => (Math.imul(s, 31) + v) | 0, sum), 7)"""
    )
    return found


def shown(page: Page) -> list[FloatArray]:
    """Return the values of the three planes that are shown."""
    values = page.evaluate("[0, 1, 2].map((plane) => Array.from(window.bidsDenoise.shown(plane)))")
    return [np.asarray(each, dtype=np.float32) for each in values]


def planes_of(path: Path, state: dict[str, Any]) -> list[FloatArray]:
    data, affine = imageio.read_placed(path)
    x, y, z = state["voxel"]
    volume = data if data.ndim == 3 else data[..., state["volume"]]
    return geometry_of(affine, data.shape[:3]).planes(volume, (x, y, z))


def move(page: Page, slider: str, *keys: str) -> None:
    """Move a slider by the keyboard."""
    page.focus(slider)
    for key in keys:
        page.keyboard.press(key)


def sliders(page: Page) -> list[str]:
    """Return a selector of each slider that the denoisers' fields have made."""
    found: list[str] = page.evaluate(
        """Array.from(document.querySelectorAll("#parameters .field, #common .field"))
             .filter((field) => field.querySelector("input[type=range]"))
             .map((field) => field.querySelector("label").htmlFor)"""
    )
    return [f".field:has(#{each}) input[type=range]" for each in found]


def applied(page: Page, demo: Path, out: Path, name: str) -> Path:
    """Save the settings as a person does, and run the app with them; return what it wrote."""
    page.click("#apply")
    page.wait_for_selector("#apply-dialog[open]")
    wait_until(page, "document.querySelector('#toml').textContent.includes('method')")
    with page.expect_download() as download:
        page.click("#download")
    assert download.value.suggested_filename == "bids-denoise.toml"
    config = out / "bids-denoise.toml"
    download.value.save_as(config)
    assert page.inner_text("#command").startswith(f"bids-denoise {demo} ")
    page.keyboard.press("Escape")
    suffix = name.rsplit("_", maxsplit=1)[-1]
    options = ["--config-file", str(config), "-m", suffix, "--participant-label", "01"]
    code = main([str(demo), str(out / "denoised"), "participant", *options])
    assert code == 0
    stem = name.removesuffix(f"_{suffix}")
    (written,) = (out / "denoised").glob(f"sub-01/*/{stem}_desc-denoised_{suffix}.nii.gz")
    return written


def check_same(found: list[FloatArray], path: Path, state: dict[str, Any]) -> None:
    expected = planes_of(path, state)
    scale = max(float(np.ptp(each)) for each in expected)
    for values, plane in zip(found, expected, strict=True):
        np.testing.assert_allclose(values, plane.ravel(), atol=1e-5 * scale)


def test_it_draws_with_webgl(page: Page) -> None:
    state = settle(page)
    assert state["renderer"] == "webgl2"
    assert state["layers"]["after"]["method"] == "unet"


def test_each_slider_changes_the_picture_and_the_app_makes_the_same(
    page: Page, demo: Path, tmp_path: Path
) -> None:
    page.select_option("#method", "nlm")
    rest(page)
    found = sliders(page)
    assert len(found) == 6  # search radius, patch radius, h, passes; strength, sigma scale
    keys = {"patch": ["ArrowRight"], "-h": ["PageUp"], "passes": ["ArrowRight", "ArrowRight"]}
    before = pixels(page)
    for slider in found:
        pressed = next((keys[each] for each in keys if each in slider), ["ArrowLeft"] * 2)
        move(page, slider, *pressed)
        rest(page)
        after = pixels(page)
        assert after != before, f"{slider} changes nothing"
        before = after
    state = rest(page)
    assert set(state["settings"]["parameters"]) == {"search_radius", "patch_radius", "h", "passes"}
    assert state["settings"]["strength"] < 1
    assert state["settings"]["sigma_scale"] < 1
    check_same(shown(page), applied(page, demo, tmp_path, T1W), state)


@pytest.mark.parametrize(("name", "method"), [(T1W, "unet"), (BOLD, "pca")])
def test_what_other_methods_show_is_what_the_app_writes(
    page: Page, demo: Path, tmp_path: Path, name: str, method: str
) -> None:
    choose_image(page, name)
    wait_until(page, "window.bidsDenoise.state().methods.length > 0")
    page.select_option("#method", method)
    rest(page)
    move(page, ".field:has(#common-strength) input[type=range]", "ArrowLeft", "ArrowLeft")
    state = rest(page)
    assert state["settings"]["strength"] < 1
    check_same(shown(page), applied(page, demo, tmp_path, name), state)


def test_strength_is_blended_at_once(page: Page) -> None:
    """No message has to go to the server for it."""
    settle(page)
    serial = page.evaluate("window.bidsDenoise.state().serial")
    full = shown(page)
    move(page, ".field:has(#common-strength) input[type=range]", "Home")
    none = shown(page)
    assert page.evaluate("window.bidsDenoise.state().serial") == serial
    before = page.evaluate(
        "window.bidsDenoise.layer('before').data.map((each) => Array.from(each))"
    )
    for values, original, denoised in zip(none, before, full, strict=True):
        np.testing.assert_array_equal(values, np.asarray(original, dtype=np.float32))
        assert not np.array_equal(values, denoised)


def test_layers_compare_and_the_crosshair_by_keys(page: Page) -> None:
    settle(page)
    plane = page.locator(".film").nth(2)
    plane.focus()
    seen = {pixels(page)}
    for key in ("b", "r", "s", "a"):
        page.keyboard.press(key)
        page.wait_for_timeout(400)
        seen.add(pixels(page))
    assert len(seen) == 4
    before = page.evaluate("window.bidsDenoise.state().voxel")
    for key in ("ArrowLeft", "ArrowUp", "PageUp"):
        page.keyboard.press(key)
    after = page.evaluate("window.bidsDenoise.state().voxel")
    assert [abs(a - b) for a, b in zip(after, before, strict=True)] == [1, 1, 1]
    settle(page)
    picture = pixels(page)
    page.keyboard.press("w")
    page.wait_for_timeout(200)
    wiped = pixels(page)
    assert wiped != picture
    bar = page.locator("[role=slider]").first
    bar.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(200)
    assert pixels(page) != wiped


def test_canvas_without_webgl_shows_the_same(browser: Browser, address: str) -> None:
    pictures = []
    for query in ("", "?renderer=canvas"):
        context = browser.new_context(viewport={"width": 1200, "height": 800})
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(address + query)
        choose_image(page, T1W)
        wait_until(page, "window.bidsDenoise.state().methods.length > 0")
        page.select_option("#method", "nlm")
        state = rest(page)
        assert state["renderer"] == ("canvas" if query else "webgl2")
        values = page.evaluate("Array.from(window.bidsDenoise.pixels(2))")
        pictures.append(np.asarray(values, dtype=np.int16))
        context.close()
    different = abs(pictures[0] - pictures[1])
    assert np.mean(different > 3) < 0.02


def test_every_control_has_a_name(page: Page) -> None:
    settle(page)
    nameless = page.evaluate(
        """Array.from(document.querySelectorAll("input, select, button, [role=slider], .film"))
             .filter((each) => !(each.labels?.length || each.getAttribute("aria-label")
               || each.getAttribute("aria-labelledby") || each.textContent.trim()))
             .map((each) => each.outerHTML)"""
    )
    assert nameless == []


def test_it_fits_a_phone(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    widths = page.evaluate(
        "Array.from(document.querySelectorAll('.film')).map((each) => each.clientWidth)"
    )
    assert min(widths) > 250
    context.close()


def test_a_series_is_scrubbed_and_has_its_course(page: Page) -> None:
    choose_image(page, BOLD)
    rest(page)
    assert page.is_visible("#curve")
    page.wait_for_selector("#curve svg path, #curve svg polyline")
    before = pixels(page)
    move(page, "#volume", "ArrowRight", "ArrowRight")
    state = rest(page)
    assert state["volume"] == 2
    assert pixels(page) != before


def test_the_picture_is_saved(page: Page) -> None:
    settle(page)
    with page.expect_download() as download:
        page.click("#save")
    assert re.fullmatch(r"sub-01_run-1_T1w_\w+\.png", download.value.suggested_filename)
    path = download.value.path()
    assert path.read_bytes().startswith(b"\x89PNG")


def test_when_the_server_ends_the_page_says_so(browser: Browser, demo: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    with viewing(demo / "sub-01/anat/sub-01_run-1_T1w.nii.gz") as address:
        page.goto(address)
        settle(page)
    page.wait_for_selector("#lost:not([hidden])")
    assert "Reconnect" in page.inner_text("#lost")
    context.close()
