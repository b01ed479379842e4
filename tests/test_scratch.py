"""Series in scratch files: the same results as in memory, and a memory that stays bounded."""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from bids_denoise import imageio, scratch
from bids_denoise.cli import main
from bids_denoise.errors import StorageError
from tests.bids_factory import add_image, head, head_series, make_dataset, scan_at

SERIES = np.random.default_rng(0).normal(100, 20, (6, 7, 8, 9)).astype(np.float32)
STATUS = Path("/proc/self/status")


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let whatever is larger than a volume lie in a file, and be treated in many parts."""
    monkeypatch.setattr(scratch, "LARGEST_IN_MEMORY", 4 * 6 * 7 * 8)
    monkeypatch.setattr(scratch, "PART", 3000)


def on_disk(data: Any, folder: Path) -> Any:
    array = scratch.empty(data.shape, data.dtype, folder)
    array[...] = data
    return array


@pytest.mark.usefixtures("tiny")
def test_only_what_is_large_lies_in_a_file_and_it_has_no_name(tmp_path: Path) -> None:
    large = scratch.empty(SERIES.shape, np.float32, tmp_path)
    assert scratch.folder_of(large) == tmp_path
    assert not list(tmp_path.iterdir())
    assert scratch.folder_of(scratch.empty(SERIES.shape, np.float32, None)) is None
    assert scratch.folder_of(scratch.empty_like(large, (2, 3))) is None
    beside = scratch.empty_like(large[::2], dtype=np.complex64)
    assert scratch.folder_of(beside) == tmp_path
    assert beside.shape == large[::2].shape
    assert beside.dtype == np.complex64


@pytest.mark.usefixtures("tiny")
def test_a_file_and_the_memory_hold_the_same(tmp_path: Path) -> None:
    data = on_disk(SERIES, tmp_path)
    copy = scratch.copy_of(data)
    data[0] = 0
    assert scratch.folder_of(copy) == tmp_path
    np.testing.assert_array_equal(copy, SERIES)
    assert scratch.extremes(copy) == (SERIES.min(), SERIES.max())
    for wanted in (None, [4], [7, 0, 3, 8]):
        found = list(scratch.volumes(copy, wanted))
        expected = SERIES[..., range(9) if wanted is None else wanted]
        np.testing.assert_array_equal(np.stack(found, axis=-1), expected)
        assert all(each.flags.c_contiguous for each in found)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("axis", range(4))
def test_parts_cover_an_axis_once(axis: int) -> None:
    found = [index for part in scratch.parts(SERIES, axis) for index in range(9)[part]]
    assert found == list(range(SERIES.shape[axis]))


@pytest.mark.usefixtures("tiny")
def test_a_disk_without_room_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(StorageError, match="the disk is full"):
        scratch.empty(SERIES.shape, np.float32, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("ending", ["nii", "nii.gz"])
@pytest.mark.parametrize("dtype", ["int16", ">i2", "float32"])
def test_reading_and_writing_are_the_same_by_way_of_a_file(
    dtype: str, ending: str, tmp_path: Path
) -> None:
    stored = np.rint(SERIES).astype(dtype)
    if dtype == "float32":
        stored[2, 3, 4, 5] = np.nan
    data = make_dataset(tmp_path / "raw")
    name = f"sub-01/func/sub-01_task-rest_bold.{ending}"
    path = add_image(data, name, stored)
    _scale(path, 0.5, 7.0)
    scan = scan_at(data, name)
    one, other = imageio.load(scan), imageio.load(scan, tmp_path)
    assert scratch.folder_of(one.data) is None
    assert scratch.folder_of(other.data) == tmp_path
    np.testing.assert_array_equal(one.data, other.data)
    np.testing.assert_array_equal(one.mask, other.mask)
    assert (one.not_finite, one.remarks) == (other.not_finite, other.remarks)
    kinds: tuple[Literal["float32", "source"], ...] = ("float32", "source")
    for kind in kinds:
        files = [tmp_path / f"{each}.{ending}" for each in ("one", "other")]
        for file, image in zip(files, (one, other), strict=True):
            imageio.write_like(file, image.data, path, kind)
        assert files[0].read_bytes() == files[1].read_bytes()


def _scale(path: Path, slope: float, inter: float) -> None:
    """Write a slope and an intercept into a header."""
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    order = "<" if content[:4] == (348).to_bytes(4, "little") else ">"
    scaling = np.array([slope, inter], f"{order}f4").tobytes()
    content = content[:112] + scaling + content[120:]
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def dataset(folder: Path) -> Path:
    """Return a dataset with a complex run and a diffusion scan."""
    data = make_dataset(folder / "raw", "sub-01/dwi/sub-01_dwi.nii.gz")
    rng = np.random.default_rng(1)
    magnitude = head_series(14)
    phase = rng.integers(0, 4096, magnitude.shape, dtype=np.int16)
    for part, each in (("mag", magnitude), ("phase", phase)):
        add_image(data, f"sub-01/func/sub-01_task-rest_part-{part}_bold.nii.gz", each)
    return data


def results(output: Path) -> dict[str, Any]:
    """Return digests of all images and figures, and all numbers of the records."""
    found: dict[str, Any] = {}
    for path in sorted(output.glob("sub-01/**/*.*")):
        if path.name.endswith("_qc.json"):
            record = json.loads(path.read_text())
            found[path.name] = [record[key] for key in ("status", "noise", "quality", "choices")]
        elif path.suffix != ".json":
            found[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


@pytest.mark.parametrize(
    ("method", "modality", "part"),
    [("nordic", "bold", 40_000), ("pca", "bold", 1), ("mppca", "dwi", 1), ("nlm", "dwi", 40_000)],
)
def test_a_run_gives_the_same_bits_from_files_in_parts_of_any_size(
    method: str, modality: str, part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = dataset(tmp_path)
    options = ["--method", method, "--modality", modality]
    options += ["--write-residual", "--write-noise-map", "--write-tsnr-map"]
    assert main([str(data), str(tmp_path / "memory"), "participant", *options]) == 0
    monkeypatch.setattr(scratch, "LARGEST_IN_MEMORY", 9000)
    monkeypatch.setattr(scratch, "PART", part)
    assert main([str(data), str(tmp_path / "files"), "participant", *options]) == 0
    assert not (tmp_path / "files" / "logs" / "partial").exists()
    found = results(tmp_path / "files")
    assert len(found) > 10
    assert found == results(tmp_path / "memory")


def test_the_phase_is_read_only_for_a_method_that_looks_at_it(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    phase = data / "sub-01/func/sub-01_task-rest_part-phase_bold.nii.gz"
    phase.write_bytes(phase.read_bytes()[:-50])
    codes = {
        method: main(
            [str(data), str(tmp_path / method), "participant", "--method", method, "-m", "bold"]
        )
        for method in ("pca", "nordic")
    }
    assert codes == {"pca": 0, "nordic": 65}


RUN = """
import sys
from bids_denoise import scratch
from bids_denoise.cli import main
scratch.LARGEST_IN_MEMORY, scratch.PART = 8 * 2**20, 8 * 2**20
sys.exit(main(sys.argv[1:]))
"""


def noisy_series(shape: tuple[int, int, int, int]) -> Any:
    """Return int16 tissue in air with noise, made in single precision."""
    series = 20 * np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    series += head(shape[:3], 0.0)[..., np.newaxis]
    return np.rint(np.abs(series, out=series), out=series).astype(np.int16)


def peak_of_a_run(data: Path, output: Path) -> int:
    """Return the most anonymous memory, in bytes, that a run in a process of its own held."""
    options = ["--method", "pca", "--nprocs", "1"]
    command = [sys.executable, "-c", RUN, str(data), str(output), "participant", *options]
    peak = 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        status = Path(f"/proc/{process.pid}/status")
        while process.poll() is None:
            found = re.search(r"RssAnon:\s+(\d+) kB", status.read_text())
            peak = max(peak, 1024 * int(found[1]) if found else 0)
            time.sleep(0.02)
    assert process.returncode == 0
    return peak


@pytest.mark.skipif(
    not STATUS.is_file() or "RssAnon" not in STATUS.read_text(),
    reason="MEMORY IS NOT TESTED: /proc/self/status does not tell it here",
)
def test_the_memory_of_a_run_does_not_grow_with_it(tmp_path: Path) -> None:
    """Reading, noise, denoising, metrics, figures, writing: together less than one copy of it.

    In memory it would be five.
    """
    peaks = []
    shapes = ((24, 24, 24, 45), (64, 64, 26, 400))
    for number, shape in enumerate(shapes):
        data = make_dataset(tmp_path / f"raw{number}")
        add_image(data, "sub-01/func/sub-01_task-rest_bold.nii", noisy_series(shape))
        peaks.append(peak_of_a_run(data, tmp_path / f"out{number}"))
    assert peaks[1] - peaks[0] < 4 * np.prod(shapes[1])
