"""Where things are: anchors, pages, and pictures beside a page or inside of it."""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote

PNG_START = b"\x89PNG\r\n\x1a\n"
MEDIA_TYPES = {
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
}
MOST_SESSIONS_ON_ONE_PAGE = 4
"""As in ``derivatives.names``, which writes the pages."""


def anchor(source: str) -> str:
    """Return the id of an image's card on the participant's page.

    >>> anchor("sub-01/anat/sub-01_run-1_T1w.nii.gz")
    'sub-01_run-1_T1w'
    """
    return re.sub(r"[^\w.-]", "-", stem(source))


def stem(source: str) -> str:
    """Return the name of an image without folder and ending."""
    return PurePosixPath(source).name.split(".")[0]


def page_of(participant: str, session: str | None, sessions: Collection[str | None]) -> str:
    """Return the page that an image is on; `sessions` are all that its participant has.

    >>> page_of("sub-01", "ses-a", {"ses-a", "ses-b"})
    'sub-01.html'
    """
    own_page = session and len(sessions) > MOST_SESSIONS_ON_ONE_PAGE
    return f"{participant}_{session}.html" if own_page else f"{participant}.html"


def link(path: str) -> str:
    """Return a relative path as it stands in a link."""
    return quote(path, safe="/")


@dataclass(frozen=True)
class Picture:
    """What an ``img`` element needs; no `src` when the file at `path` is gone."""

    path: str
    src: str = ""
    width: int | None = None
    height: int | None = None


def picture(path: str, folder: Path, embed: bool) -> Picture:
    """Return a picture at `path` below `folder`, as a link or as its bytes."""
    file = folder / path
    if not file.is_file():
        return Picture(path)
    content = file.read_bytes() if embed else b""
    width, height = _png_size(file)
    if not embed:
        return Picture(path, link(path), width, height)
    kind = MEDIA_TYPES.get(file.suffix.lower(), "application/octet-stream")
    return Picture(path, f"data:{kind};base64,{base64.b64encode(content).decode()}", width, height)


def _png_size(file: Path) -> tuple[int | None, int | None]:
    """Return width and height of a PNG, so that a page does not jump while it loads."""
    with file.open("rb") as stream:
        start = stream.read(24)
    if len(start) < 24 or not start.startswith(PNG_START):
        return None, None
    width, height = struct.unpack(">II", start[16:24])
    return width, height
