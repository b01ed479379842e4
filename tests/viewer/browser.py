"""A real browser: Debian's Chromium without a screen, with WebGL2 in software."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
SWITCHES = (
    "--no-sandbox",  # CI runs as root
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def find_chromium() -> str | None:
    """Return the path of a Chromium, None without one."""
    found = (shutil.which(name) for name in NAMES)
    return os.environ.get("BIDS_DENOISE_CHROMIUM") or next(filter(None, found), None)


needs_chromium = pytest.mark.skipif(
    find_chromium() is None, reason="no Chromium: the page was NOT tested (apt install chromium)"
)


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Start Chromium until the block ends."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(SWITCHES))
        yield browser
        browser.close()


@contextmanager
def viewing(path: Path, *options: str) -> Iterator[str]:
    """Run ``bids-denoise-view`` as a user does; give the address that it prints."""
    command = [sys.executable, "-m", "bids_denoise.viewer", str(path), "--no-browser", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if match := re.search(r"http://\S+", line):
                    yield match[0]
                    break
            else:
                raise AssertionError("the viewer ended without an address")
        finally:
            process.terminate()
            assert process.wait(30) == 0
