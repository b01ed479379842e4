"""The bytes of an image file, in order, with every fault of the file said in a sentence."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from bids_denoise.errors import ScanError

BLOCK = 1 << 16
"""Bytes read at once. Deflate expands at most about 1000 times: never more than 64 MiB."""

GZIP_MAGIC = b"\x1f\x8b"
GZIP_WITH_CHECKSUM = 31
DEFLATE_LIMIT = 1032
"""Deflate cannot shrink anything further than 1032 to 1."""

POINTERS = {
    b"/annex/objects": "datalad get",
    b"version https://git-lfs": "git lfs pull --include",
}


def checksum(path: Path) -> str:
    """Return ``sha256:<hex>`` of the bytes of a file, compressed as it lies there.

    Raises
    ------
    ScanError
        The file cannot be read, or its content is not present.
    """
    require_content(path)
    try:
        with path.open("rb") as file:
            return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    except OSError as error:
        raise ScanError(f"{path}: cannot be read: {error.strerror}") from error


def require_content(path: Path) -> None:
    """Check that a file is there and holds its own content, not a pointer to it.

    Raises
    ------
    ScanError
        The file is missing, empty or unreadable, or only a link or pointer that git-annex
        (DataLad) or Git LFS left in its place.
    """
    if path.is_symlink() and not path.exists():
        raise ScanError(
            f"{path}: its content is not present, the link leads nowhere; run `datalad get {path}`"
        )
    if not path.is_file():
        raise ScanError(f"{path}: there is no such file")
    start = _first_bytes(path)
    if not start:
        raise ScanError(f"{path}: the file is empty (0 bytes)")
    for magic, command in POINTERS.items():
        if start.startswith(magic):
            raise ScanError(
                f"{path}: its content is not present, only a pointer to it; run `{command} {path}`"
            )


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(32)
    except OSError as error:
        raise ScanError(f"{path}: cannot be read: {error.strerror}") from error


@contextmanager
def open_stream(path: Path) -> Iterator[ByteStream]:
    """Open a ``.nii`` or ``.nii.gz`` file for reading its uncompressed bytes front to back.

    Raises
    ------
    ScanError
        The content is not there, or its compression is not what the name says.
    """
    require_content(path)
    compressed = path.name.endswith(".gz")
    if compressed != _first_bytes(path).startswith(GZIP_MAGIC):
        raise ScanError(
            f"{path}: the name ends in .gz, but the content is not gzip-compressed; "
            "compress it, or name it .nii"
            if compressed
            else f"{path}: the content is gzip-compressed; name it .nii.gz, or decompress it"
        )
    with path.open("rb") as file:
        yield ByteStream(path, file)


class ByteStream:
    """The uncompressed bytes of an open file; every fault comes as a `ScanError`."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self.path = path
        self._file = file
        self._pieces = self._inflated() if path.name.endswith(".gz") else self._blocks()
        self._rest = memoryview(b"")

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes; fewer only at the end of the file."""
        parts: list[memoryview] = []
        needed = size
        while needed:
            if not self._rest:
                self._rest = memoryview(next(self._pieces, b""))
            if not self._rest:
                break
            parts.append(self._rest[:needed])
            self._rest = self._rest[needed:]
            needed -= len(parts[-1])
        return b"".join(parts)

    def skip(self, size: int) -> None:
        """Go `size` bytes forward."""
        while size > 0 and (piece := self.read(min(size, BLOCK))):
            size -= len(piece)

    def finish(self) -> None:
        """Read to the end of the file, so that the checksum of a compressed one is verified."""
        for _ in self._pieces:
            pass

    def _blocks(self) -> Iterator[bytes]:
        try:
            while block := self._file.read(BLOCK):
                yield block
        except OSError as error:
            raise ScanError(f"{self.path}: cannot be read: {error.strerror}") from error

    def _inflated(self) -> Iterator[bytes]:
        engine = zlib.decompressobj(GZIP_WITH_CHECKSUM)
        for block in self._blocks():
            rest = block
            while rest:
                try:
                    piece = engine.decompress(rest)
                except zlib.error as error:
                    raise ScanError(f"{self.path}: the gzip data is damaged ({error})") from error
                if piece:
                    yield piece
                # A gzip file may hold several members, and zeros after the last.
                rest = engine.unused_data.lstrip(b"\0")
                if engine.eof and rest:
                    engine = zlib.decompressobj(GZIP_WITH_CHECKSUM)
        if not engine.eof:
            raise ScanError(f"{self.path}: the gzip data is cut off before its end")


def largest_size(path: Path) -> int:
    """Return an upper bound of the number of uncompressed bytes in a file."""
    size = path.stat().st_size
    return size * DEFLATE_LIMIT if path.name.endswith(".gz") else size
