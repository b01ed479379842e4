"""The files of a dataset, by PyBIDS: only what belongs to the chosen participants.

PyBIDS is asked for files alone. Its metadata index reads every sidecar at once, where one
damaged file would stop all the others; `inheritance` does that part, image by image.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import warnings
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bids_denoise import __version__
from bids_denoise.errors import MissingInputError, OutputError, StorageError

if TYPE_CHECKING:
    from bids import BIDSLayout


def list_files(
    root: Path,
    participants: Collection[str],
    database_dir: Path | None = None,
    database_wipe: bool = False,
) -> tuple[Path, ...]:
    """Return the files of some participants, and those at the root that apply to all.

    Without a database only the folders of `participants` are looked at. With one, the whole dataset
    is indexed once, and again when a file has come or gone.

    Parameters
    ----------
    root
        Absolute path of the dataset.
    participants
        Labels without ``sub-``.
    database_dir
        Folder in which the index is kept between runs.
    database_wipe
        Index anew.

    Raises
    ------
    MissingInputError
        A folder cannot be read; PyBIDS would take it for empty.
    OutputError
        `database_dir` cannot be written.
    StorageError
        The database cannot be read.
    """
    for label in participants:
        for _ in os.walk(root / f"sub-{label}", onerror=_refuse, followlinks=True):
            pass
    if database_dir is None:
        layout = _index(root, keep=participants)
    else:
        layout = _stored_index(root, database_dir, database_wipe)
    folders = {f"sub-{label}" for label in participants}
    files = (Path(path) for path in layout.files)
    return tuple(
        sorted(
            path
            for path in files
            if path.parent == root or path.relative_to(root).parts[0] in folders
        )
    )


def _refuse(error: OSError) -> None:
    raise MissingInputError(f"{error.filename}: cannot be read: {error.strerror}") from error


def _index(
    root: Path, keep: Collection[str] | None = None, database: Path | None = None
) -> BIDSLayout:
    from bids import BIDSLayout, BIDSLayoutIndexer

    indexer = BIDSLayoutIndexer(validate=False, index_metadata=False, ignore=[_ignored(root, keep)])
    with warnings.catch_warnings():
        # PyBIDS advises on the descriptions of old derivatives, which are no concern of ours.
        warnings.simplefilter("ignore")
        return BIDSLayout(root, validate=False, indexer=indexer, database_path=database)


def _ignored(root: Path, keep: Collection[str] | None) -> re.Pattern[str]:
    """Return a pattern of the folders to pass over: those of no (chosen) participant."""
    with os.scandir(root) as entries:
        others = [
            entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("sub-")
        ]
    patterns = [f"^/(?:{'|'.join(map(re.escape, others))})(?:/|$)"] if others else []
    if keep is not None:
        labels = "|".join(map(re.escape, keep))
        patterns.append(f"^/sub-(?!(?:{labels})(?:/|$))")
    return re.compile("|".join(patterns) or r"(?!)")


def _stored_index(root: Path, database_dir: Path, wipe: bool) -> BIDSLayout:
    """Open the database of a dataset; build it when there is none for its present state.

    Its folder is named after the state. It is built under another name and then renamed: jobs
    that share it never see half of it, and need no lock.
    """
    dataset, state = _fingerprints(root)
    folder = database_dir / f"bids-denoise-{dataset}-{state}"
    try:
        database_dir.mkdir(parents=True, exist_ok=True)
        for stored in database_dir.glob(f"bids-denoise-{dataset}-*"):
            if wipe or stored != folder:
                shutil.rmtree(stored, ignore_errors=True)
        if not folder.exists():
            _build(root, folder)
    except OSError as error:
        raise OutputError(f"{database_dir}: no database can be kept there ({error})") from error
    return _opened(root, folder)


def _build(root: Path, folder: Path) -> None:
    building = Path(tempfile.mkdtemp(prefix=".bids-denoise-", dir=folder.parent))
    try:
        _index(root, database=building).connection_manager.session.close()
        building.rename(folder)
    except OSError:
        # Another job has put the same index there first.
        if not folder.exists():
            raise
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _opened(root: Path, folder: Path) -> BIDSLayout:
    from sqlalchemy.exc import SQLAlchemyError

    try:
        layout = _index(root, database=folder)
        layout.files  # noqa: B018 - reads the tables, so that a fault shows here
    except (SQLAlchemyError, AttributeError) as error:
        raise StorageError(
            f"{folder}: the database cannot be read; run once with --bids-database-wipe"
        ) from error
    return layout


def _fingerprints(root: Path) -> tuple[str, str]:
    """Return short hashes of where a dataset lies, and of its file names and the versions used."""
    from bids import __version__ as pybids_version

    state = hashlib.sha256(f"{__version__} {pybids_version}\n".encode())
    for name in _file_names(root):
        state.update(os.fsencode(name) + b"\n")
    return hashlib.sha256(os.fsencode(root)).hexdigest()[:8], state.hexdigest()[:16]


def _file_names(root: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(root, followlinks=True):
        if Path(folder) == root:
            folders[:] = [name for name in folders if name.startswith("sub-")]
        folders.sort()
        yield from (os.path.join(folder, name) for name in sorted(files))  # noqa: PTH118 - speed
