import os
import sys
import tempfile
from pathlib import Path

import pytest

from bids_denoise.cli import environment
from bids_denoise.cli.environment import READ, WRITTEN, prepare, workplace
from bids_denoise.errors import OutputError
from bids_denoise.values import Settings


@pytest.fixture(autouse=True)
def untouched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Give each test an environment of its own with a home folder."""
    monkeypatch.setattr(os, "environ", {"HOME": str(tmp_path / "home")})
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def settings(root: Path, **values: object) -> Settings:
    known = Settings(root / "data", root / "out", ("participant",))
    return Settings(**{**vars(known), **values})


def closed(folder: Path) -> Path:
    """Return a path at which no folder can be made, for root neither."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.touch()
    return folder


def nobody(uid: int) -> object:
    raise KeyError(f"getpwuid(): uid not found: {uid}")


def test_threads_are_fixed_before_blas_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "numba", raising=False)
    os.environ["OMP_NUM_THREADS"] = "8"
    prepare(4, tmp_path)
    assert os.environ["OMP_NUM_THREADS"] == os.environ["OPENBLAS_NUM_THREADS"] == "1"
    assert os.environ["NUMBA_NUM_THREADS"] == "4"
    monkeypatch.setitem(sys.modules, "numba", sys)
    prepare(2, tmp_path)
    assert os.environ["NUMBA_NUM_THREADS"] == "4"


def test_kernels_are_kept_in_the_users_cache(tmp_path: Path) -> None:
    prepare(1, tmp_path / "work")
    home = tmp_path / "home"
    assert Path(os.environ["NUMBA_CACHE_DIR"]).parent == home / ".cache/bids-denoise/numba"
    assert os.environ["HOME"] == str(home)
    assert "MPLCONFIGDIR" not in os.environ


def test_a_cache_that_the_user_chose_is_kept_if_it_can_be_written(tmp_path: Path) -> None:
    os.environ["NUMBA_CACHE_DIR"] = str(tmp_path / "mine")
    os.environ["MPLCONFIGDIR"] = str(closed(tmp_path / "file") / "config")
    prepare(1, tmp_path / "work")
    assert Path(os.environ["NUMBA_CACHE_DIR"]).parent == tmp_path / "mine"
    assert os.environ["MPLCONFIGDIR"] == str(tmp_path / "home/.cache/bids-denoise/matplotlib")


def test_kernels_of_another_version_are_never_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kernels").mkdir()
    kernel = tmp_path / "kernels" / "eigen.py"
    caches = []
    monkeypatch.setattr(environment, "KERNELS", tmp_path / "kernels")
    for source in ("a = 1", "a = 1", "a = 2"):
        kernel.write_text(source)
        os.environ["NUMBA_CACHE_DIR"] = str(tmp_path / "cache")
        prepare(1, tmp_path / "work")
        prepare(1, tmp_path / "work")
        caches.append(Path(os.environ["NUMBA_CACHE_DIR"]))
    assert all(cache.is_dir() and cache.parent == tmp_path / "cache" for cache in caches)
    assert caches[0] == caches[1] != caches[2]


@pytest.mark.parametrize("home", [None, "", "/proc/nowhere", "closed"])
def test_without_a_home_every_cache_goes_to_the_work_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str | None
) -> None:
    monkeypatch.setattr("pwd.getpwuid", nobody)
    os.environ["HOME"] = str(closed(tmp_path / "file")) if home == "closed" else home or ""
    if home is None:
        del os.environ["HOME"]
    work = tmp_path / "work"
    prepare(1, work)
    for name in (*WRITTEN, "HOME"):
        assert Path(os.environ[name]).is_relative_to(work)
        assert Path(os.environ[name]).is_dir()
    for name in READ:
        assert Path(os.environ[name]).is_relative_to(work)
    assert os.environ["USER"].startswith("uid")


def test_prepared_templates_are_used_though_they_are_read_only(tmp_path: Path) -> None:
    templates = tmp_path / "templates"
    templates.mkdir()
    os.environ |= {"HOME": "/proc/nowhere", "TEMPLATEFLOW_HOME": str(templates)}
    prepare(1, tmp_path / "work")
    assert os.environ["TEMPLATEFLOW_HOME"] == str(templates)


def test_the_private_work_folder_goes_away(tmp_path: Path) -> None:
    with workplace(settings(tmp_path)) as ready:
        assert ready.work_dir is not None
        (ready.work_dir / "file").touch()
    assert not ready.work_dir.exists()


def test_the_private_work_folder_goes_away_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), workplace(settings(tmp_path)) as ready:
        raise ZeroDivisionError
    assert ready.work_dir is not None
    assert not ready.work_dir.exists()


def test_work_folders_that_stay(tmp_path: Path) -> None:
    with workplace(settings(tmp_path, keep_work=True)) as ready:
        pass
    assert ready.work_dir is not None
    assert ready.work_dir.is_dir()
    own = tmp_path / "own"
    own.mkdir()
    with workplace(settings(tmp_path, work_dir=own)) as ready:
        assert ready.work_dir == own
    assert own.is_dir()


def test_without_a_temporary_folder_the_output_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(closed(tmp_path / "file")))
    with workplace(settings(tmp_path)) as ready:
        assert ready.work_dir is not None
        assert ready.work_dir.parent == tmp_path / "out" / "logs"
        assert os.environ["TMPDIR"] == str(ready.work_dir)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    closed(tmp_path / "full")
    with (
        pytest.raises(OutputError, match="--work-dir"),
        workplace(settings(tmp_path, output_dir=tmp_path / "full")),
    ):
        pass
