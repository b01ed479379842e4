"""The command line of ``bids-denoise-view``."""

from __future__ import annotations

import argparse
import signal
import socket
import sys
import tempfile
import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

from bids_denoise import __version__
from bids_denoise.errors import BidsDenoiseError, OutputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bids_denoise.viewer.library import Library
    from bids_denoise.viewer.shelf import Shelf

ABOUT = """\
Open a page in the browser on which denoising is tried live: move method and parameters, see three
planes before, after and what was removed, and save the settings for the whole dataset."""

EXAMPLES = """\
In a container, or over SSH: give a fixed --port, --no-browser, and open the address that is
printed. See docs/viewer.md."""


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until stopped, and return the exit code."""
    given = _parser().parse_args(argv)
    # Either way to stop it lets the temporary folder be removed.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _serve(given)
    except KeyboardInterrupt:
        return 0
    except BidsDenoiseError as error:
        print(f"bids-denoise-view: {error}", file=sys.stderr)
        return error.exit_code
    finally:
        signal.signal(signal.SIGTERM, before)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("bids-denoise-view", description=ABOUT, epilog=EXAMPLES)
    parser.add_argument(
        "path", type=Path, help="a NIfTI file, a BIDS dataset, or an output folder of bids-denoise"
    )
    parser.add_argument(
        "--dataset", type=Path, help="where the dataset is that an output folder was made of"
    )
    parser.add_argument(
        "--image",
        metavar="NAME",
        help="the image to begin with, such as sub-01/anat/sub-01_T1w.nii.gz",
    )
    parser.add_argument("--port", type=_port, default=0, help="default: any that is free")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen at (default: this machine only)"
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name by which browsers may call this server, beside localhost",
    )
    parser.add_argument("--no-browser", action="store_true", help="print the address, no more")
    parser.add_argument("--nprocs", type=int, help="processors (default: all that may be used)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--version", action="version", version=f"bids-denoise {__version__}")
    return parser


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value < 65536:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 65535")
    return value


def _serve(given: argparse.Namespace) -> int:
    from bids_denoise.cli.environment import prepare
    from bids_denoise.cli.resources import usable_cpus

    threads = given.nprocs or usable_cpus()
    with _own_folder() as name:
        folder = Path(name)
        prepare(threads, folder)
        from bids_denoise.device import choose_device
        from bids_denoise.viewer.library import library_of, opened_at

        library = library_of(given.path, given.dataset)
        if given.image:
            library = opened_at(library, given.image)
        device = choose_device(given.device, threads)
        from bids_denoise.viewer.shelf import Shelf

        _run(given, library, Shelf(library, device, folder))
    return 0


def _own_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder for caches and large series; in a read-only container, in shared memory.

    Raises
    ------
    OutputError
        There is none that can be written to.
    """
    for place in (None, "/dev/shm"):
        try:
            return tempfile.TemporaryDirectory(prefix="bids-denoise-view-", dir=place)
        except OSError:
            continue
    raise OutputError("no folder for temporary files can be made: set TMPDIR to one")


def _run(given: argparse.Namespace, library: Library, shelf: Shelf) -> None:
    from bids_denoise.viewer.guard import new_token
    from bids_denoise.viewer.server import make_app, make_server

    token, listening = new_token(), _listening(given.host, given.port)
    hosts = [*given.allow_host, given.host]
    host = "localhost" if given.host in {"127.0.0.1", "::1", "0.0.0.0", "::"} else given.host
    address = f"http://{host}:{listening.getsockname()[1]}/{token}/"
    images = len(library.entries)
    print(f"{library.title}: {images} image{'' if images == 1 else 's'}")
    print(f"Open {address}\nStop with Ctrl-C.", flush=True)
    if not given.no_browser:
        threading.Timer(0.5, webbrowser.open, [address]).start()
    make_server(make_app(shelf, token, hosts)).run(sockets=[listening])


def _listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises
    ------
    UsageError
        The address is not of this machine, or the port is taken.
    """
    listening = None
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # Only where the protocol is named asyncio sends small frames at once, not 40 ms later.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen()  # a browser that is quick waits
    except OSError as error:
        if listening:
            listening.close()
        raise UsageError(f"--host {host} --port {port}: {error.strerror or error}") from None
    return listening
