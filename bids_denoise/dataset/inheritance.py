"""Sidecars and gradient files of an image, by the BIDS inheritance principle."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bids_denoise.dataset.names import Name, parse_name
from bids_denoise.errors import ScanError


@dataclass(frozen=True)
class UnreadableMetadata(Mapping[str, Any]):
    """Metadata that cannot be read: looking into it raises `ScanError`.

    So a damaged sidecar fails its own images, when they are loaded, and no others.
    """

    sentence: str

    def __getitem__(self, key: str) -> Any:
        raise ScanError(self.sentence)

    def __iter__(self) -> Iterator[str]:
        raise ScanError(self.sentence)

    def __len__(self) -> int:
        raise ScanError(self.sentence)


class Sidecars:
    """The files of a dataset that speak of images: ``.json``, ``.bval`` and ``.bvec``.

    One applies to an image when it lies in the image's folder or in one above, has its suffix, and
    no entity that the image has not. The nearer one wins, field by field.
    """

    def __init__(self, root: Path, files: Iterable[Path]) -> None:
        self._root = root
        self._candidates: dict[tuple[Path, str, str], list[tuple[Name, Path]]] = defaultdict(list)
        self._read: dict[Path, dict[str, Any] | str] = {}
        for path in files:
            name = parse_name(path.name)
            if name is not None and name.extension in {".json", ".bval", ".bvec"}:
                key = (path.parent, name.suffix, name.extension)
                self._candidates[key].append((name, path))

    def metadata(self, path: Path, name: Name) -> Mapping[str, Any]:
        """Return the fields of an image, merged from the root of the dataset down."""
        fields: dict[str, Any] = {}
        for sidecar in self._applicable(path, name, ".json"):
            content = self._content(sidecar)
            if isinstance(content, str):
                return UnreadableMetadata(content)
            fields |= content
        return fields

    def nearest(self, path: Path, name: Name, extension: str) -> Path | None:
        """Return the file of that extension which applies to an image, or None."""
        applicable = self._applicable(path, name, extension)
        return applicable[-1] if applicable else None

    def _applicable(self, path: Path, name: Name, extension: str) -> list[Path]:
        """Return what applies, the farthest and least specific first."""
        depth = len(path.relative_to(self._root).parts)
        applicable: list[Path] = []
        for folder in reversed(list(path.parents)[:depth]):
            candidates = self._candidates.get((folder, name.suffix, extension), [])
            fitting = [
                (len(other.entities), sidecar)
                for other, sidecar in candidates
                if other.entities.items() <= name.entities.items()
            ]
            applicable += [sidecar for _, sidecar in sorted(fitting)]
        return applicable

    def _content(self, sidecar: Path) -> dict[str, Any] | str:
        if sidecar not in self._read:
            self._read[sidecar] = read_json(sidecar)
        return self._read[sidecar]


def read_json(path: Path) -> dict[str, Any] | str:
    """Return the object in a JSON file, or the sentence that says why there is none.

    NaN and infinities, which JSON does not know but Python writes, become null.
    """
    if path.is_symlink() and not path.exists():
        return f"{path}: its content is not present; run `datalad get {path}`"
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = json.loads(text, parse_constant=lambda _: None)
    except OSError as error:
        return f"{path}: cannot be read: {error.strerror}"
    except (ValueError, RecursionError) as error:
        return f"{path}: not valid JSON ({error})"
    if not isinstance(content, dict):
        return f"{path}: holds a {type(content).__name__}, but a JSON object is expected"
    return content
