"""Who is answered and who is not, and what a connection that breaks leaves behind."""

from __future__ import annotations

import gc
import json
import socket
import struct
import threading
import time
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from bids_denoise.viewer.messages import LARGEST
from bids_denoise.viewer.server import FAULTS, FILES, MOST_PAGES
from bids_denoise.viewer.session import Session
from tests.viewer.conftest import TOKEN, Running

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTINGS = {"method": "nlm", "parameters": {}, "strength": 1, "sigma_scale": 1}
SHOW = {
    "type": "show",
    "serial": 1,
    "voxel": [1, 2, 3],
    "volume": 0,
    "settings": SETTINGS,
    "layers": [],
}
"""A message that fits."""
CHANGES: list[dict[str, Any]] = [
    {"voxel": [1, 2]},
    {"voxel": [1, 2, "x"]},
    {"voxel": [1, 2, -3]},
    {"voxel": [1, 2, 3_000]},
    {"voxel": {"0": 1}},
    {"volume": 7},
    {"serial": None},
    {"layers": "before"},
    {"settings": []},
    {"settings": SETTINGS | {"method": "rm -rf"}},
    {"settings": SETTINGS | {"method": None}},
    {"settings": SETTINGS | {"parameters": {"search_radius": 11}}},
    {"settings": SETTINGS | {"parameters": {"search_radius": 2.5}}},
    {"settings": SETTINGS | {"parameters": {"search_radius": "2"}}},
    {"settings": SETTINGS | {"parameters": {"__class__": 1}}},
    {"settings": SETTINGS | {"parameters": [1]}},
    {"settings": SETTINGS | {"strength": 2}},
    {"settings": SETTINGS | {"strength": float("nan")}},
    {"settings": SETTINGS | {"sigma_scale": float("inf")}},
    {"settings": {"method": "auto", "parameters": {"h": 1}}},
    {"settings": {"method": "unet", "parameters": {"weights": "/etc/passwd"}}},
    {"settings": {"method": "generative", "parameters": {"samples": 3}}},
    {"settings": {"method": "mppca", "parameters": {"window": 4}}},
]
"""Each makes it one that does not."""


def get(
    running: Running, path: str, headers: Mapping[str, str] | None = None, method: str = "GET"
) -> tuple[int, bytes, Mapping[str, str]]:
    connection = HTTPConnection("127.0.0.1", running.port, timeout=20)
    connection.putrequest(method, path, skip_host=True)
    given = {"Host": f"localhost:{running.port}"} | dict(headers or {})
    for name, value in given.items():
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    found = response.status, response.read(), dict(response.getheaders())
    connection.close()
    return found


@pytest.mark.parametrize("name", ["", *FILES])
def test_the_page_and_its_files_are_served(running: Running, name: str) -> None:
    status, body, headers = get(running, f"/{TOKEN}/{name}")
    assert status == 200
    assert body
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/live",
        "/viewer.js",
        f"/{TOKEN}x/",
        f"/{TOKEN[:-1]}/",
        f"/x/{TOKEN}/",
        f"//{TOKEN}/",
        f"/%00{TOKEN}/",
        f"/?token={TOKEN}",
        f"/{TOKEN.upper()}/",
    ],
)
def test_without_the_token_nothing_is_answered(running: Running, path: str) -> None:
    status, body, _ = get(running, path)
    assert status == 403
    assert body == b""


@pytest.mark.parametrize(
    "path",
    [
        "../pyproject.toml",
        "../../../../etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/etc/passwd",
        "....//....//etc/passwd",
        "..\\..\\etc\\passwd",
        "%c0%ae%c0%ae/etc/passwd",
        "static/viewer.js",
        "web/package.json",
        "viewer.js/../../__init__.py",
        "viewer.js%00.html",
        "//etc/passwd",
        "sub-01/anat/sub-01_T1w.nii.gz",
    ],
)
def test_no_other_file_is_served(running: Running, path: str) -> None:
    status, body, _ = get(running, f"/{TOKEN}/{path}")
    assert status in {400, 403, 404}
    assert b"root:" not in body
    assert len(body) < 100


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:80@localhost"},
        {"Host": "localhost.evil.example"},
        {"Host": ""},
        {"Host": "["},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_host_or_origin_is_not_answered(
    running: Running, headers: Mapping[str, str]
) -> None:
    status, body, _ = get(running, f"/{TOKEN}/", headers)
    assert status in {400, 403}
    assert TOKEN.encode() not in body


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:9999", "[::1]:80", "viewer.test"])
def test_a_tunnel_may_show_another_port_or_a_name_that_was_allowed(
    running: Running, host: str
) -> None:
    headers = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
    assert get(running, f"/{TOKEN}/", headers)[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"])
def test_nothing_can_be_written(running: Running, method: str) -> None:
    assert get(running, f"/{TOKEN}/", method=method)[0] == 405


@pytest.mark.parametrize(
    "options",
    [
        {"origin": None},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"additional_headers": {"Host": "evil.example"}},
        {"additional_headers": {"Sec-Fetch-Site": "cross-site"}},
    ],
)
def test_a_socket_of_another_page_is_refused(running: Running, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidStatus, match=r"40[03]"), running.page(**options):
        pass


def test_a_socket_without_the_token_is_refused(running: Running) -> None:
    stranger = Running(running.port, running.shelf, token="no")
    with pytest.raises(InvalidStatus, match="403"), stranger.page():
        pass


@pytest.mark.parametrize(
    "message",
    [
        "",
        "{",
        "null",
        "[]",
        '"show"',
        "{}",
        '{"type": "shout"}',
        '{"type": ["open"]}',
        "[" * 10_000,
        '{"type": "open"}',
        '{"type": "open", "scan": -1}',
        '{"type": "open", "scan": 1e3}',
        '{"type": "open", "scan": true}',
        '{"type": "open", "scan": "../../etc/passwd"}',
        '{"type": "open", "scan": 99}',
        '{"type": "open", "scan": 99999999999999999999999999}',
        *(json.dumps(SHOW | change) for change in CHANGES),
    ],
)
def test_a_message_without_sense_is_answered_with_a_sentence(
    running: Running, message: str
) -> None:
    with running.page() as page:
        page.open()
        page.connection.send(message)
        reason = page.hear("error")["reason"]
        assert 10 < len(reason) < 200
        page.show()
        page.hear("layer", name="before")


def test_a_binary_message_is_no_message(running: Running) -> None:
    with running.page() as page:
        page.connection.send(b"\0" * 64)
        assert "binary" in page.hear("error")["reason"]


def test_a_huge_message_ends_the_connection(running: Running) -> None:
    with running.page() as page:
        page.hear("hello")
        page.connection.send("[" + " " * LARGEST)
        with pytest.raises(ConnectionClosed) as closed:
            page.hear("never")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


def test_a_page_that_only_talks_nonsense_is_sent_away(running: Running) -> None:
    with running.page() as page:
        for _ in range(FAULTS):
            page.connection.send("?")
        for _ in range(FAULTS):
            page.hear("error")
        with pytest.raises(ConnectionClosed):
            page.hear("never")


def test_there_is_an_end_to_the_pages(running: Running) -> None:
    pages = [running.page() for _ in range(MOST_PAGES)]
    try:
        for each in pages:
            each.__enter__().hear("hello")
        with pytest.raises((InvalidStatus, ConnectionClosed)), running.page() as one_more:
            one_more.hear("hello")
    finally:
        for each in pages:
            each.__exit__(None, None, None)


def sessions() -> int:
    gc.collect()
    return sum(type(each) is Session for each in gc.get_objects())


def test_fifty_pages_that_vanish_leave_nothing(running: Running) -> None:
    with running.page() as page:  # everything is there that is made once
        page.open()
        page.show("unet")
        page.hear("work", state="done")
    before = sessions(), threading.active_count()
    for number in range(50):
        method, wait = ("nlm", "unet")[number % 2], ("hello", "layer", "work")[number % 3]
        with running.page() as page:
            if wait == "hello":
                page.hear("hello")
            else:
                page.open()
                page.show(method, settings={"method": method, "sigma_scale": 1 + number / 100})
                page.hear(wait)
            vanish(page.connection.socket)
    deadline = time.monotonic() + 30
    while (sessions(), threading.active_count()) > before and time.monotonic() < deadline:
        time.sleep(0.2)
    assert sessions() <= before[0]
    assert threading.active_count() <= before[1] + 1  # the loop's own pool for short reads
    with running.page() as page:
        page.open()
        page.show()
        page.hear("work", state="done")


def vanish(connection: socket.socket) -> None:
    """Break a connection off without a word: the other side gets a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
