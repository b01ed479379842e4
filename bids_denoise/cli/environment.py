"""What has to be in place before any heavy package is imported: threads, caches, folders."""

from __future__ import annotations

import getpass
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bids_denoise.errors import OutputError
from bids_denoise.values import Settings

# The kernels and the pool of processes are what runs in parallel. BLAS with threads of its own on
# top would fight them for the processors, and its sums would depend on their number.
SINGLE_THREADED = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
KERNELS = Path(__file__).parents[1] / "kernels"

# Folders that packages write into.
WRITTEN = {
    "NUMBA_CACHE_DIR": "numba",
    "MPLCONFIGDIR": "matplotlib",
    "XDG_CACHE_HOME": "cache",
    "XDG_CONFIG_HOME": "config",
    "TORCHINDUCTOR_CACHE_DIR": "torch-compiled",
    "TRITON_CACHE_DIR": "triton",
}
# Folders that hold data, perhaps prepared and read-only, below ~/.cache by default.
READ = {"TEMPLATEFLOW_HOME": "templateflow", "TORCH_HOME": "torch"}


@contextmanager
def workplace(settings: Settings) -> Iterator[Settings]:
    """Give the run a work folder and set the process up for it.

    Without ``--work-dir`` the folder is a private temporary one, which is removed at the end
    unless ``--keep-work`` is given. Nothing is ever removed from a folder of the user's.
    """
    if settings.work_dir is not None:
        prepare(settings.nprocs, settings.work_dir)
        yield settings
        return
    folder = _private_folder(settings)
    try:
        prepare(settings.nprocs, folder)
        yield replace(settings, work_dir=folder)
    finally:
        if not settings.keep_work:
            shutil.rmtree(folder, ignore_errors=True)


def prepare(nprocs: int, work_dir: Path) -> None:
    """Set the environment variables that packages read when they are imported.

    Compiled kernels are kept in a folder of the user's, so that a second run does not compile
    them again. Where the home folder cannot be written to (a container under any uid, with no
    passwd entry, read-only), every cache goes to `work_dir`.
    """
    os.environ.update(dict.fromkeys(SINGLE_THREADED, "1"))
    # Once its threads run, Numba takes a new number for an error: a second run in one process.
    if "numba" not in sys.modules:
        os.environ["NUMBA_NUM_THREADS"] = str(nprocs)
    os.environ.setdefault("TEMPLATEFLOW_AUTOUPDATE", "off")
    own = _users_cache() / "bids-denoise"
    if own.is_absolute() and _can_write(own):
        _set_unless_writable("NUMBA_CACHE_DIR", own / "numba")
        for name in WRITTEN.keys() & os.environ.keys():
            _set_unless_writable(name, own / WRITTEN[name])
    else:
        _move_home(work_dir / "home")
    _separate_kernels()
    _name_the_user()


def _private_folder(settings: Settings) -> Path:
    """Make a temporary folder; on a machine without a writable one, below the output's logs."""
    try:
        return Path(tempfile.mkdtemp(prefix="bids-denoise-"))
    except OSError:
        logs = settings.output_dir / "logs"
    try:
        logs.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".work-", dir=logs))
    except OSError as error:
        raise OutputError(
            f"no folder for temporary files can be made ({error.strerror}): give --work-dir"
        ) from None
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    return folder


def _users_cache() -> Path:
    """Return ~/.cache or what stands for it; a relative path when nobody knows the home folder."""
    if not os.environ.get("HOME"):
        os.environ.pop("HOME", None)  # empty, it would stand for the root folder
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))  # noqa: PTH111


def _move_home(instead: Path) -> None:
    for name, folder in READ.items():
        present = Path(os.environ.get(name) or _users_cache() / folder)
        os.environ[name] = str(
            present if os.access(present, os.R_OK | os.X_OK) else instead / folder
        )
    for name, folder in WRITTEN.items():
        _set_unless_writable(name, instead / folder)
    os.environ["HOME"] = str(instead)


def _set_unless_writable(name: str, folder: Path) -> None:
    if not os.environ.get(name) or not _can_write(Path(os.environ[name])):
        folder.mkdir(parents=True, exist_ok=True)
        os.environ[name] = str(folder)


def _separate_kernels() -> None:
    """Keep compiled kernels apart by what they were compiled from.

    Numba looks only at the file that a kernel stands in, and compiles it again when that has
    changed. What it calls from other files is compiled into it all the same.
    """
    cache, version = Path(os.environ["NUMBA_CACHE_DIR"]), _kernels_version()
    if cache.name != version:
        (cache / version).mkdir(parents=True, exist_ok=True)
        os.environ["NUMBA_CACHE_DIR"] = str(cache / version)


def _kernels_version() -> str:
    digest = hashlib.sha256()
    for path in sorted(KERNELS.rglob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _name_the_user() -> None:
    """Give a uid without a passwd entry a name: torch and others ask for one."""
    try:
        getpass.getuser()
    except (KeyError, OSError, ImportError):
        os.environ["USER"] = f"uid{os.getuid()}"


def _can_write(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
