import gzip
import io
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bids_denoise.errors import ScanError, StorageError
from bids_denoise.imageio import load, read, write_like, write_map
from bids_denoise.imageio.fresh import write_new
from tests.bids_factory import AFFINE, head, head_series
from tests.imageio.nifti import scan_of, write_nifti

few = settings(max_examples=25, derandomize=True, deadline=None)

KEPT = (
    *("qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d"),
    *("qoffset_x", "qoffset_y", "qoffset_z", "srow_x", "srow_y", "srow_z", "xyzt_units"),
    *("descrip", "aux_file", "dim_info", "slice_start", "slice_end", "slice_code"),
    *("slice_duration", "toffset", "cal_max", "cal_min", "intent_code", "intent_name", "magic"),
)
RICH = {
    "qform_code": 1,
    "sform_code": 4,
    "quatern_b": 0.1,
    "quatern_c": -0.2,
    "quatern_d": 0.3,
    "qoffset_x": 11.5,
    "srow_x": [1.9, 0.1, 0, -3],
    "pixdim": [-1, 2, 2.5, 3, 1.35, 1, 1, 1],
    "descrip": b"made by a scanner",
    "aux_file": b"none",
    "dim_info": 57,
    "slice_start": 1,
    "slice_end": 12,
    "slice_code": 3,
    "slice_duration": 0.05,
    "toffset": 4.5,
    "cal_max": 900,
    "intent_name": b"intent",
    "scl_slope": 0.5,
    "scl_inter": -10,
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_nifti(tmp_path / "sub-01_bold.nii.gz", head_series(4), RICH)


def header_of(path: Path) -> Any:
    """Return the header as it is on disk; nibabel's images blank slope and intercept."""
    image: Any = nib.load(path)
    body = path.read_bytes()
    body = gzip.decompress(body) if path.name.endswith(".gz") else body
    return image.header_class.from_fileobj(io.BytesIO(body))


def same(first: Any, second: Any, name: str) -> None:
    np.testing.assert_array_equal(np.array(first[name]), np.array(second[name]), name)


@given(
    version=st.sampled_from([1, 2]),
    big=st.booleans(),
    ending=st.sampled_from([".nii", ".nii.gz"]),
    codes=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    quaternion=st.tuples(*[st.floats(-0.5, 0.5, width=32)] * 3),
    units=st.sampled_from([0, 1, 2, 3, 10, 18, 26]),
    repetition_time=st.floats(0, 1000, width=32),
    dtype=st.sampled_from(["float32", "source"]),
)
@few
def test_a_header_survives_whatever_it_holds(  # noqa: PLR0917
    tmp_path_factory: pytest.TempPathFactory,
    version: int,
    big: bool,
    ending: str,
    codes: tuple[int, int],
    quaternion: tuple[float, float, float],
    units: int,
    repetition_time: float,
    dtype: Any,
) -> None:
    folder = tmp_path_factory.mktemp("header")
    fields = {
        **RICH,
        "qform_code": codes[0],
        "sform_code": codes[1],
        **dict(zip(("quatern_b", "quatern_c", "quatern_d"), quaternion, strict=True)),
        "xyzt_units": units,
        "pixdim": [1, 2, 2.5, 3, repetition_time, 1, 1, 1],
    }
    source = write_nifti(folder / f"source{ending}", head_series(3), fields, big, version)
    write_like(folder / f"out{ending}", read(source), source, dtype)
    before, after = header_of(source), header_of(folder / f"out{ending}")
    for name in KEPT:
        same(before, after, name)
    same(before, after, "pixdim")
    assert (type(after), after.endianness) == (type(before), before.endianness)


def test_float32_is_written_as_it_is_with_slope_one(source: Path, tmp_path: Path) -> None:
    data = read(source) * np.float32(1.01)
    write_like(tmp_path / "out.nii.gz", data, source)
    header = header_of(tmp_path / "out.nii.gz")
    assert (float(header["scl_slope"]), float(header["scl_inter"])) == (1.0, 0.0)
    assert header.get_data_dtype() == np.float32
    np.testing.assert_array_equal(read(tmp_path / "out.nii.gz"), data)


def test_extensions_are_kept_for_images_and_dropped_for_maps(tmp_path: Path) -> None:
    header: Any = nib.Nifti1Header()
    header.extensions.append(nib.nifti1.Nifti1Extension(6, b"a comment"))
    image = nib.Nifti1Image(head(), np.eye(4), header)
    source = tmp_path / "source.nii.gz"
    image.to_filename(source)
    write_like(tmp_path / "out.nii.gz", read(source), source)
    (kept,) = header_of(tmp_path / "out.nii.gz").extensions
    assert kept.get_content().rstrip(b"\0") == b"a comment"
    np.testing.assert_array_equal(read(tmp_path / "out.nii.gz"), head())
    write_map(tmp_path / "map.nii.gz", read(source), source)
    assert not header_of(tmp_path / "map.nii.gz").extensions
    np.testing.assert_array_equal(read(tmp_path / "map.nii.gz"), head())


@given(
    dtype=st.sampled_from(["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]),
    big=st.booleans(),
    slope=st.sampled_from([0.0, 1.0, 0.01, -3.0, 75.538]),
    inter=st.sampled_from([0.0, 100.0, -1e4]),
    low=st.floats(-1e6, 1e6, width=32),
    span=st.floats(0.0009765625, 1e6, width=32),
)
@few
def test_integers_never_wrap_and_are_half_a_step_off_at_most(  # noqa: PLR0917
    tmp_path_factory: pytest.TempPathFactory,
    dtype: str,
    big: bool,
    slope: float,
    inter: float,
    low: float,
    span: float,
) -> None:
    folder = tmp_path_factory.mktemp("integers")
    fields = {"scl_slope": slope, "scl_inter": inter}
    source = write_nifti(folder / "source.nii", head().astype(dtype), fields, big)
    ramp = np.linspace(low, low + span, head().size).reshape(head().shape).astype(np.float32)
    write_like(folder / "out.nii", ramp, source, "source")
    header = header_of(folder / "out.nii")
    assert header.get_data_dtype() == header_of(source).get_data_dtype()
    given_slope, _ = header.get_slope_inter()
    step = abs(given_slope) if np.dtype(dtype).kind in "iu" else 0.0
    rounding = np.spacing(np.float32(np.abs(ramp).max()))
    error = np.abs(read(folder / "out.nii").astype(np.float64) - ramp)
    assert error.max() <= step / 2 + 2 * rounding
    if step:
        coarsest = max(abs(slope or 1.0), 2 * float(np.ptp(ramp)) / 255, 4 * rounding)
        assert step <= coarsest * (1 + 1e-6)


def test_the_slope_of_the_source_is_kept_when_all_values_fit(source: Path, tmp_path: Path) -> None:
    write_like(tmp_path / "out.nii.gz", read(source), source, "source")
    header = header_of(tmp_path / "out.nii.gz")
    assert header.get_slope_inter() == (0.5, -10.0)
    assert header.get_data_dtype() == np.int16
    np.testing.assert_array_equal(read(tmp_path / "out.nii.gz"), read(source))


def test_values_beyond_the_range_get_a_slope_of_their_own(tmp_path: Path) -> None:
    source = write_nifti(tmp_path / "source.nii.gz")
    data = head().astype(np.float32)
    data[0, 0, 0] = 40000
    write_like(tmp_path / "out.nii.gz", data, source, "source")
    assert header_of(tmp_path / "out.nii.gz").get_slope_inter()[0] == pytest.approx(0.61, rel=0.01)
    np.testing.assert_allclose(read(tmp_path / "out.nii.gz"), data, atol=0.31)


def test_integers_cannot_hold_what_is_not_finite(tmp_path: Path) -> None:
    source = write_nifti(tmp_path / "source.nii.gz")
    data = np.full(head().shape, np.nan, np.float32)
    with pytest.raises(ScanError, match="not finite"):
        write_like(tmp_path / "out.nii.gz", data, source, "source")


def test_a_squeezed_image_is_written_in_three_axes(tmp_path: Path) -> None:
    source = write_nifti(tmp_path / "sub-01_T1w.nii.gz", head()[..., None])
    write_like(tmp_path / "out.nii.gz", load(scan_of(source)).data, source)
    assert header_of(tmp_path / "out.nii.gz").get_data_shape() == head().shape


def test_a_map_has_a_grid_and_no_time(source: Path, tmp_path: Path) -> None:
    sigma = np.linspace(0, 9, head().size).reshape(head().shape).astype(np.float32)
    write_map(tmp_path / "map.nii.gz", sigma, source)
    before, after = header_of(source), header_of(tmp_path / "map.nii.gz")
    np.testing.assert_array_equal(read(tmp_path / "map.nii.gz"), sigma)
    for name in KEPT[:11]:
        same(before, after, name)
    assert after.get_data_shape() == head().shape
    assert after.get_xyzt_units() == ("mm", "unknown")
    np.testing.assert_array_equal(after["pixdim"][:5], [-1, 2, 2.5, 3, 1])
    cleared = ("cal_max", "slice_code", "slice_duration", "toffset", "dim_info", "intent_code")
    assert all(after[name] == 0 for name in cleared)
    assert not after["descrip"].item()


def test_a_residual_keeps_its_repetition_time(source: Path, tmp_path: Path) -> None:
    write_map(tmp_path / "map.nii.gz", read(source), source)
    header = header_of(tmp_path / "map.nii.gz")
    assert header.get_zooms()[3] == np.float32(1.35)
    assert header.get_xyzt_units() == ("mm", "sec")


def test_the_same_voxels_give_the_same_bytes(source: Path, tmp_path: Path) -> None:
    written = []
    for folder in ("first", "second"):
        path = tmp_path / folder / "out.nii.gz"
        path.parent.mkdir()
        write_like(path, read(source), source)
        written.append(path.read_bytes())
    assert written[0] == written[1]
    assert written[0][4:8] == bytes(4), "the time of writing is in the gzip header"


def test_data_of_another_grid_is_refused(source: Path, tmp_path: Path) -> None:
    for shape in ((12, 13, 13), (12, 13, 14, 4, 1), (12, 13)):
        with pytest.raises(ScanError, match="not on the grid"):
            write_like(tmp_path / "out.nii.gz", np.zeros(shape, np.float32), source)
    assert not (tmp_path / "out.nii.gz").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_a_full_disk_is_said_so_and_leaves_nothing(
    source: Path, tmp_path: Path, ending: str
) -> None:
    target = tmp_path / f"out{ending}"
    target.symlink_to("/dev/full")
    with pytest.raises(StorageError, match="the disk is full"):
        write_like(target, read(source), source)
    assert not target.is_symlink()


def test_a_folder_that_is_not_there_is_said_so(source: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file or directory"):
        write_map(tmp_path / "nowhere/out.nii.gz", read(source)[..., 0], source)


@pytest.mark.parametrize("dtype", ["int16", "float32", "uint8"])
def test_new_files_hold_what_they_are_given(tmp_path: Path, dtype: str) -> None:
    data = (head_series(3) % 200).astype(dtype)
    write_new(tmp_path / "new.nii.gz", data, AFFINE, 2.5)
    header = header_of(tmp_path / "new.nii.gz")
    np.testing.assert_array_equal(read(tmp_path / "new.nii.gz"), data)
    np.testing.assert_allclose(header.get_qform(), AFFINE, atol=1e-5)
    np.testing.assert_allclose(header.get_sform(), AFFINE)
    assert header.get_zooms()[3] == 2.5
