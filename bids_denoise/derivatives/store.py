"""The one door to the disk: everything is written under a private name and then renamed.

A run that is killed leaves no half-written file under a final name; what it had begun
lies in ``logs/partial`` and the next run clears it away.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import socket
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from bids_denoise.errors import OutputError, storage_errors


class Store:
    """Writes files of one output folder, each of them whole or not at all.

    Files are prepared in a folder of this process below ``<root>/logs/partial`` (the same
    file system) and moved to their final names by `publish`.
    """

    def __init__(self, root: Path) -> None:
        """Make the folder for unfinished files.

        Raises
        ------
        OutputError
            `root` cannot be created or written to.
        """
        self.root = root
        self._partial = root / "logs" / "partial"
        owner = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._mine = self._partial / owner
        try:
            _make_folder(self._mine)
        except OSError as error:
            raise OutputError(f"cannot write to {root}: {error.strerror}") from error

    def __enter__(self) -> Self:
        """Open the store."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove this process's unfinished files."""
        self.close()

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold a lock that other processes on the same output respect.

        For files that are made from what lies on disk, so that none is made from an older view.
        """
        from filelock import FileLock

        folder = self.root / "logs" / "locks"
        folder.mkdir(exist_ok=True)
        with FileLock(folder / f"{name}.lock"):
            yield

    def clear_abandoned(self) -> None:
        """Remove what killed processes of this machine left unfinished."""
        for folder in self._partial.iterdir():
            host, _, rest = folder.name.rpartition("-")[0].rpartition("-")
            if host == socket.gethostname() and rest.isdigit() and not _alive(int(rest)):
                shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Remove this process's folder of unfinished files, and those of killed workers."""
        try:
            self._clear()
        except KeyboardInterrupt:  # a run that is stopped just here leaves nothing either
            self._clear()
            raise

    def _clear(self) -> None:
        shutil.rmtree(self._mine, ignore_errors=True)
        with suppress(OSError):
            self.clear_abandoned()
            self._partial.rmdir()

    def draft(self, final: Path) -> Path:
        """Return the private path on which a file that will become `final` is written."""
        return self.draft_folder() / final.name

    def draft_folder(self) -> Path:
        """Return a new private folder for drafts."""
        folder = self._mine / uuid.uuid4().hex[:12]
        folder.mkdir(parents=True)
        return folder

    def publish(self, drafts: Iterable[tuple[Path, Path]]) -> None:
        """Move drafts to their final names, in the order given, replacing what is there.

        Raises
        ------
        StorageError
            The disk is full or the folder cannot be written to.
        """
        for draft, final in drafts:
            with storage_errors(final):
                final.parent.mkdir(parents=True, exist_ok=True)
                draft.replace(final)

    def write_text(self, final: Path, text: str) -> None:
        """Write a text file (UTF-8) atomically; an identical one is left alone."""
        self.write_bytes(final, text.encode())

    def write_bytes(self, final: Path, content: bytes) -> None:
        """Write a file atomically; an identical one is left alone."""
        with storage_errors(final):
            if final.is_file() and final.read_bytes() == content:
                return
            draft = self.draft(final)
            draft.write_bytes(content)
        self.publish([(draft, final)])

    def write_json(self, final: Path, value: Any) -> None:
        """Write JSON atomically."""
        self.write_text(final, json_text(value))

    def write_table(self, final: Path, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write rows as a BIDS table: tab-separated, ``n/a`` for what is missing."""
        self.write_text(final, table_text(rows))


def json_text(value: Any) -> str:
    """Return JSON with the field's conventions: NaN and infinity become null, UTF-8 stays.

    >>> print(json_text({"sigma": float("nan"), "who": "Zoë"}))
    {
      "sigma": null,
      "who": "Zoë"
    }
    <BLANKLINE>
    """
    return json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def plain(value: Any) -> Any:
    """Return `value` in JSON's own types; arrays and NumPy scalars included."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    return str(value)


def table_text(rows: Sequence[Mapping[str, Any]]) -> str:
    r"""Return rows as tab-separated text, columns in order of first appearance.

    >>> table_text([{"participant_id": "sub-01", "snr": 12.5}, {"participant_id": "sub-02"}])
    'participant_id\tsnr\nsub-01\t12.5\nsub-02\tn/a\n'
    """
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [columns, *([_cell(row.get(column)) for column in columns] for row in rows)]
    return "".join("\t".join(line) + "\n" for line in lines)


def read_table(path: Path) -> list[dict[str, str]]:
    """Read a BIDS table; every cell stays text. An absent file has no rows."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    header, *rows = [line.split("\t") for line in lines if line.strip()] or [[]]
    return [dict(zip(header, row, strict=False)) for row in rows]


def _cell(value: Any) -> str:
    value = plain(value)
    if value is None or value == "":
        return "n/a"
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return " ".join(text.split())


def _make_folder(folder: Path) -> None:
    """Make a folder whose parent another process may remove, when empty, at any moment."""
    for _ in range(9):
        with suppress(FileNotFoundError):
            return folder.mkdir(parents=True)
    return folder.mkdir(parents=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
