"""A server of a small image, as ``bids-denoise-view`` runs it, and pages that talk to it."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from websockets.sync.client import ClientConnection, connect

from bids_denoise.simulate.noise import add_rician
from bids_denoise.simulate.phantom import head_phantom
from bids_denoise.values import Device
from bids_denoise.viewer.library import Library, library_of
from bids_denoise.viewer.server import make_app, make_server
from bids_denoise.viewer.shelf import Shelf
from tests.bids_factory import add_image, make_dataset

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bids_denoise.values import FloatArray

TOKEN = "token-of-the-tests"
SHAPE = (40, 44, 36)
SIGMA = 12.0
VOLUMES = 14
PATIENCE = 90.0
"""Seconds to wait for an answer: kernels may have to be compiled."""


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a dataset of a T1w and a bold run, large enough for all methods."""
    root = make_dataset(tmp_path_factory.mktemp("viewer") / "raw")
    rng = np.random.default_rng(0)
    head = head_phantom(SHAPE)
    add_image(root, "sub-01/anat/sub-01_T1w.nii.gz", add_rician(head, SIGMA, rng))
    small = head_phantom((24, 26, 20))[..., np.newaxis]
    series = small * (1 + 0.05 * np.sin(np.arange(VOLUMES)))
    noisy = add_rician(np.asarray(series, dtype=np.float32), SIGMA, rng)
    add_image(root, "sub-01/func/sub-01_task-rest_bold.nii.gz", noisy)
    return root


@pytest.fixture(scope="session")
def library(dataset: Path) -> Library:
    return library_of(dataset)


@dataclass
class Running:
    """A server that runs, at a port of the loopback interface."""

    port: int
    shelf: Shelf
    token: str = TOKEN

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.port}"

    @contextmanager
    def page(self, **options: Any) -> Iterator[Page]:
        address = f"ws://localhost:{self.port}/{self.token}/live"
        given = {"origin": self.origin, "max_size": None, "proxy": None} | options
        with connect(address, **given) as connection:
            yield Page(connection)


@dataclass
class Page:
    """What a browser does, without one."""

    connection: ClientConnection
    layers: dict[str, tuple[dict[str, Any], list[FloatArray]]] = field(default_factory=dict)
    image: dict[str, Any] = field(default_factory=dict)
    serial: int = 0

    def say(self, **message: Any) -> None:
        self.connection.send(json.dumps(message))

    def hear(self, kind: str, **wanted: Any) -> dict[str, Any]:
        """Return the next message of a type with these values; layers on the way are kept."""
        while True:
            frame = self.connection.recv(timeout=PATIENCE)
            message = self._keep(frame) if isinstance(frame, bytes) else json.loads(frame)
            if message["type"] == "error" and kind != "error":
                raise AssertionError(message["reason"])
            fits = all(message.get(name) == value for name, value in wanted.items())
            if message["type"] == kind and fits:
                return message

    def open(self, scan: int = 0) -> dict[str, Any]:
        self.say(type="open", scan=scan)
        self.image = self.hear("image")
        return self.image

    def show(self, method: str = "nlm", **changes: Any) -> int:
        """Ask for planes, and return the serial number."""
        self.serial += 1
        message = {
            "voxel": self.image["voxel"],
            "volume": 0,
            "settings": {"method": method, "parameters": {}},
            "layers": ["before", "after"],
        }
        self.say(type="show", serial=self.serial, **(message | changes))
        return self.serial

    def _keep(self, frame: bytes) -> dict[str, Any]:
        length = int.from_bytes(frame[:4], "little")
        assert length % 4 == 0
        header: dict[str, Any] = json.loads(frame[4 : 4 + length])
        values = np.frombuffer(frame[4 + length :], "<f4")
        ends = np.cumsum([rows * columns for rows, columns in header["shapes"]])
        assert ends[-1] == len(values)
        parts = np.split(values, ends[:-1])
        planes = [each.reshape(s) for each, s in zip(parts, header["shapes"], strict=True)]
        self.layers[header["name"]] = (header, planes)
        return header


@contextmanager
def serving(library: Library, folder: Path) -> Iterator[Running]:
    """Run a server in a thread until the block ends."""
    shelf = Shelf(library, Device(threads=2), folder)
    server = make_server(make_app(shelf, TOKEN, ["viewer.test"]))
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        yield Running(listening.getsockname()[1], shelf)
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def running(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(library, tmp_path_factory.mktemp("work")) as found:
        yield found
