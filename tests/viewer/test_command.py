"""The command line of the viewer."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path

import pytest

from bids_denoise.errors import MissingInputError, SelectionError, UsageError
from bids_denoise.viewer.command import main
from tests.viewer.browser import viewing


def test_what_cannot_be_opened_has_its_code(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(dataset / "none"), "--no-browser"]) == MissingInputError.exit_code
    assert "no such file" in capsys.readouterr().err
    options = ["--no-browser", "--image", "sub-09_T1w.nii.gz"]
    assert main([str(dataset), *options]) == SelectionError.exit_code
    assert "sub-09" in capsys.readouterr().err


def test_a_port_that_is_taken_is_told(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code = main([str(dataset), "--no-browser", "--port", port])
    assert code == UsageError.exit_code
    assert f"--port {port}" in capsys.readouterr().err


def test_every_start_has_a_token_of_its_own_and_nobody_else_is_answered(dataset: Path) -> None:
    tokens = set()
    for _ in range(2):
        with viewing(dataset) as address:
            match = re.fullmatch(r"http://localhost:(\d+)/([\w-]{32})/", address)
            assert match
            tokens.add(match[2])
            connection = HTTPConnection("127.0.0.1", int(match[1]), timeout=20)
            connection.request("GET", f"/{match[2]}/", headers={"Host": f"localhost:{match[1]}"})
            assert connection.getresponse().status == 200
            connection.close()
    assert len(tokens) == 2


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_leaves_nothing_behind(dataset: Path, tmp_path: Path, stop: signal.Signals) -> None:
    command = [sys.executable, "-m", "bids_denoise.viewer", str(dataset), "--no-browser"]
    environment = {"TMPDIR": str(tmp_path), "HOME": str(tmp_path / "home"), "PATH": "/usr/bin"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while "Stop with" not in process.stdout.readline():
            assert process.poll() is None
        assert list(tmp_path.glob("bids-denoise-view-*"))
        process.send_signal(stop)
        assert process.wait(30) == 0
        assert process.stderr.read() == ""
    assert not list(tmp_path.glob("bids-denoise-view-*"))
