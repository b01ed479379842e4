import gzip
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bids_denoise.dataset.inheritance import UnreadableMetadata
from bids_denoise.errors import ScanError
from bids_denoise.imageio import load, read, voxels
from bids_denoise.values import Scan
from tests.bids_factory import head, head_series
from tests.imageio.nifti import AFFINE, scan_of, write_nifti

few = settings(max_examples=25, derandomize=True, deadline=None)
DTYPES = ("u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sub-01_T1w.nii.gz"


@given(
    dtype=st.sampled_from(DTYPES),
    big=st.booleans(),
    version=st.sampled_from([1, 2]),
    ending=st.sampled_from([".nii", ".nii.gz"]),
    slope=st.sampled_from([1.0, 0.0, 0.25, -2.0, 75.5]),
    inter=st.sampled_from([0.0, -1024.0, 3.5]),
    volumes=st.sampled_from([None, 1, 7]),
)
@few
def test_values_are_those_of_nibabel_in_every_way_of_storing(  # noqa: PLR0917
    tmp_path_factory: pytest.TempPathFactory,
    dtype: str,
    big: bool,
    version: int,
    ending: str,
    slope: float,
    inter: float,
    volumes: int | None,
) -> None:
    shape = (5, 4, 3) if volumes is None else (5, 4, 3, volumes)
    stored = np.random.default_rng(0).integers(0, 120, shape).astype(dtype)
    path = tmp_path_factory.mktemp("stored") / f"sub-01_bold{ending}"
    write_nifti(path, stored, {"scl_slope": slope, "scl_inter": inter}, big, version)
    image = load(scan_of(path, "bold"))
    expected = np.asarray(nib.load(path).dataobj, dtype=np.float64)
    assert image.data.dtype == np.float32
    assert image.data.flags.c_contiguous
    np.testing.assert_allclose(image.data, expected, rtol=1e-6)
    np.testing.assert_array_equal(image.data, read(path))
    np.testing.assert_allclose(image.affine, AFFINE)


def test_scaling_loses_no_digits_to_a_large_intercept(path: Path) -> None:
    stored = np.arange(60, dtype=np.int32).reshape(5, 4, 3) + 2**24 + 1
    write_nifti(path, stored, {"scl_slope": 1, "scl_inter": -(2.0**24)})
    np.testing.assert_array_equal(read(path), stored - 2**24)


@pytest.mark.parametrize("shape", [(7, 6, 5), (7, 6, 5, 9)])
def test_slabs_join_without_a_seam(
    path: Path, monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...]
) -> None:
    stored = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    write_nifti(path, stored)
    for voxels_a_slab in (1, 100, 500, 10**6):
        monkeypatch.setattr(voxels, "SLAB_VOXELS", voxels_a_slab)
        np.testing.assert_array_equal(read(path), stored)


def test_a_gzip_file_of_several_members_is_read_whole(path: Path) -> None:
    plain = write_nifti(path.with_suffix("")).read_bytes()
    path.write_bytes(gzip.compress(plain[:1000]) + gzip.compress(plain[1000:]) + bytes(64))
    np.testing.assert_array_equal(load(scan_of(path)).data, head())


@pytest.mark.parametrize(
    ("suffix", "stored_shape", "shape"),
    [
        ("T1w", (6, 5, 4, 1), (6, 5, 4)),
        ("T1w", (6, 5, 4, 1, 1), (6, 5, 4)),
        ("sbref", (6, 5, 4, 1), (6, 5, 4)),
        ("bold", (6, 5, 4, 1), (6, 5, 4, 1)),
        ("bold", (6, 5, 4), (6, 5, 4)),
        ("bold", (6, 5, 4, 3, 1), (6, 5, 4, 3)),
        ("PDT2", (6, 5, 4, 2), (6, 5, 4, 2)),
    ],
)
def test_trailing_axes_of_length_one(
    path: Path, suffix: str, stored_shape: tuple[int, ...], shape: tuple[int, ...]
) -> None:
    stored = np.random.default_rng(0).integers(1, 99, stored_shape).astype(np.int16)
    write_nifti(path, stored)
    assert load(scan_of(path, suffix)).data.shape == shape


@pytest.mark.parametrize(
    "affine",
    [
        np.array([[-2.0, 0, 0, 90], [0, 2, 0, -126], [0, 0, 2, -72], [0, 0, 0, 1]]),
        np.array([[2.0, 0.3, 0, 0], [0, 2, 0.2, 0], [0, 0, 3, 0], [0, 0, 0, 1]]),
        np.array([[1.9, -0.6, 0, 5], [0.6, 1.9, 0, 6], [0, 0, -3, 7], [0, 0, 0, 1]]),
        np.array([[0, 0, 3.0, 0], [2, 0, 0, 0], [0, -2, 0, 0], [0, 0, 0, 1]]),
    ],
    ids=["negative determinant", "sheared", "oblique", "permuted"],
)
def test_any_grid_keeps_its_affine(path: Path, affine: Any) -> None:
    write_nifti(path, fields={"srow_x": affine[0], "srow_y": affine[1], "srow_z": affine[2]})
    np.testing.assert_allclose(load(scan_of(path)).affine, affine, rtol=1e-6)


def test_metres_and_microns_become_millimetres(path: Path) -> None:
    for code, factor in ((1, 1e3), (2, 1.0), (3, 1e-3)):
        write_nifti(path, fields={"xyzt_units": code})
        np.testing.assert_allclose(load(scan_of(path)).affine[:3], AFFINE[:3] * factor)


def test_values_that_are_not_finite_are_zeroed_masked_and_counted(path: Path) -> None:
    stored = head_series(4).astype(np.float64)
    stored[5, 5, 5, 1] = np.nan
    stored[5, 5, 6, :] = np.inf
    stored[6, 5, 5, 2] = 1e300
    image = load(scan_of(write_nifti(path, stored), "bold"))
    assert np.isfinite(image.data).all()
    assert image.not_finite == 6
    assert "6 values in 3 voxels were not finite" in image.remarks[-1]
    holes = np.argwhere(~image.mask)
    np.testing.assert_array_equal(holes, [[5, 5, 5], [5, 5, 6], [6, 5, 5]])
    assert image.data[5, 5, 5, 1] == 0
    assert image.data[5, 5, 5, 2] == np.float32(stored[5, 5, 5, 2])


def test_volumes_without_contrast_are_remarked_on(path: Path) -> None:
    stored = head_series(5)
    stored[..., 3] = 0
    remarks = load(scan_of(write_nifti(path, stored), "bold")).remarks
    assert "Volumes without any contrast, counted from 0: 3." in remarks


def test_b_values_come_with_a_diffusion_series(path: Path) -> None:
    image = load(scan_of(write_nifti(path, head_series(6)), "dwi", volumes=6))
    np.testing.assert_array_equal(image.bvals, [0, 1000, 1000, 1000, 1000, 1000])
    assert load(scan_of(write_nifti(path, head_series(6)), "bold")).bvals is None


def test_unreadable_metadata_fails_the_image(path: Path) -> None:
    scan = scan_of(write_nifti(path))
    broken = Scan(
        scan.path, scan.dataset, "anat", "T1w", scan.entities, UnreadableMetadata("x.json: bad")
    )
    with pytest.raises(ScanError, match=r"x\.json: bad"):
        load(broken)


def cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


def recompressed(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(gzip.compress(change(gzip.decompress(path.read_bytes()))))


def flipped(path: Path) -> None:
    """Change one bit of the stored checksum: every voxel can still be read."""
    content = bytearray(path.read_bytes())
    content[-8] ^= 1
    path.write_bytes(bytes(content))


def middle_zeroed(path: Path) -> None:
    content = bytearray(path.read_bytes())
    half = len(content) // 2
    content[half : half + 64] = bytes(64)
    path.write_bytes(bytes(content))


def to_link(path: Path) -> None:
    path.unlink()
    path.symlink_to(".git/annex/objects/gone")


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda path: path.write_bytes(b""), r"the file is empty \(0 bytes\)"),
        (lambda path: path.unlink(), "there is no such file"),
        (to_link, "content is not present.*run `datalad get .*T1w.nii.gz`"),
        (lambda path: path.write_text("/annex/objects/MD5-s1--a"), "run `datalad get"),
        (lambda path: path.write_text("version https://git-lfs.x"), "run `git lfs pull"),
        (lambda path: cut(path, path.stat().st_size // 2), "gzip data is cut off"),
        (lambda path: cut(path, 200), "gzip data is cut off"),
        (lambda path: cut(path, path.stat().st_size - 4), "gzip data is cut off"),
        (flipped, "gzip data is damaged.*check"),
        (middle_zeroed, "gzip data is (damaged|cut off)|voxels are cut off"),
        (lambda path: path.write_bytes(b"abc" * 999), "not gzip-compressed; compress it"),
        (lambda path: path.write_bytes(gzip.decompress(path.read_bytes())), "or name it .nii"),
        (lambda path: recompressed(path, lambda body: body[:300]), "header is cut off: 300 bytes"),
        (lambda path: recompressed(path, lambda body: body[:2000]), "slice 5 of 14"),
        (lambda path: recompressed(path, lambda _: b"hello " * 99), "not a readable NIfTI file"),
    ],
)
def test_damaged_files_are_refused_in_a_sentence(
    path: Path, damage: Callable[[Path], None], sentence: str
) -> None:
    write_nifti(path)
    damage(path)
    with pytest.raises(ScanError, match=sentence) as raised:
        load(scan_of(path))
    assert str(path) in str(raised.value)


def test_a_compressed_file_named_nii_is_refused(path: Path) -> None:
    content = write_nifti(path).read_bytes()
    path.with_suffix("").write_bytes(content)
    with pytest.raises(ScanError, match=r"gzip-compressed; name it \.nii\.gz"):
        load(scan_of(path.with_suffix("")))


def test_a_plain_file_cut_off_is_refused(path: Path) -> None:
    plain = write_nifti(path.with_suffix(""))
    cut(plain, 2000)
    with pytest.raises(ScanError, match="the file is cut off: its header promises"):
        load(scan_of(plain))


@pytest.mark.parametrize(
    ("suffix", "stored", "sentence"),
    [
        ("T1w", np.ones((9, 9), np.int16), r"2D data \(9 x 9\); 3D and 4D"),
        ("T1w", head((9, 9, 1)), r"single slice \(9 x 9 x 1\)"),
        ("T1w", np.ones((4, 4, 4, 2, 3), np.int16), "5D data .*3D and 4D are allowed"),
        ("bold", np.ones((4, 4, 4, 1, 3), np.float32), "5D data"),
        ("T1w", head_series(3), "3 volumes .* a T1w holds one"),
        ("T1w", np.zeros((4, 4, 4), np.int16), "every voxel holds the same value, 0"),
        ("T1w", np.full((4, 4, 4), 7, np.int16), "every voxel holds the same value, 7"),
        ("bold", np.full((4, 4, 4, 3), np.nan, np.float32), "every voxel holds the same value, 0"),
        ("T1w", head().astype(np.complex64), "complex voxels; integers or"),
        ("T1w", np.zeros((4, 4, 4), [("R", "u1"), ("G", "u1"), ("B", "u1")]), r"colour \(RGB\)"),
    ],
)
def test_what_cannot_be_denoised_is_refused(
    path: Path, suffix: str, stored: Any, sentence: str
) -> None:
    write_nifti(path, stored)
    with pytest.raises(ScanError, match=sentence):
        load(scan_of(path, suffix))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"datatype": 9999}, "not a readable NIfTI file"),
        ({"scl_slope": 2, "scl_inter": np.inf}, "not a readable NIfTI file"),
        ({"dim": [3, 30000, 30000, 30000, 1, 1, 1, 1]}, "the file is cut off"),
        ({"dim": [3, 12, 13, 0, 1, 1, 1, 1]}, "no voxels"),
        ({"srow_x": [0, 0, 0, 0]}, "sform gives voxels no volume"),
        ({"srow_x": [np.nan, 0, 0, 0]}, "sform gives voxels no volume"),
        ({"srow_y": [2, 0, 0, 0]}, "sform gives voxels no volume"),
        ({"quatern_b": 2.0, "sform_code": 0}, "not a readable NIfTI file"),
        ({"magic": b"xxx"}, "not a readable NIfTI file"),
        ({"vox_offset": 12}, "not a readable NIfTI file"),
    ],
)
def test_headers_without_sense_are_refused(
    path: Path, fields: dict[str, Any], sentence: str
) -> None:
    write_nifti(path, fields=fields)
    with pytest.raises(ScanError, match=sentence):
        load(scan_of(path))


def test_an_nan_slope_is_no_scaling(path: Path) -> None:
    write_nifti(path, fields={"scl_slope": np.nan, "scl_inter": np.nan})
    np.testing.assert_array_equal(load(scan_of(path)).data, head())


@pytest.mark.parametrize(
    ("bval", "bvec", "sentence"),
    [
        (None, "fine", r"no .bval file applies to it; sub-01_T1w.bval is expected"),
        ("fine", None, r"no .bvec file applies to it; sub-01_T1w.bvec is expected"),
        ("0 1000", "fine", "1 rows of 2 numbers; one b-value a volume, 4, is needed"),
        ("0 1000\n5 6", "fine", "2 rows of 2 numbers; one b-value"),
        ("0 a 1 2", "fine", "not a table of numbers"),
        ("", "fine", "the file is empty"),
        ("\n \n", "fine", "holds no numbers"),
        ("0 -5 1 2", "fine", "negative or not finite"),
        ("fine", "1 0 0 0\n1 0 0 0", "2 rows of 4 numbers; 3 rows"),
        ("fine", "1 0 0\n" * 4, "4 rows of 3 numbers; 3 rows of one number a volume, 4"),
        ("fine", "1 0 0 0\n1 0 0\n1 0 0 0", "3 rows of 3 or 4 numbers"),
    ],
)
def test_gradients_must_fit(path: Path, bval: str | None, bvec: str | None, sentence: str) -> None:
    scan = scan_of(write_nifti(path, head_series(4)), "dwi", volumes=4)
    files = {"bval": scan.bval, "bvec": scan.bvec}
    for name, text in (("bval", bval), ("bvec", bvec)):
        file = files[name]
        if text is None:
            files[name] = None
        elif text != "fine" and file is not None:
            file.write_text(text)
    given_scan = replace(scan, bval=files["bval"], bvec=files["bvec"], metadata={})
    with pytest.raises(ScanError, match=sentence):
        load(given_scan)


def test_b_values_in_a_column_are_taken(path: Path) -> None:
    scan = scan_of(write_nifti(path, head_series(4)), "dwi", volumes=4)
    assert scan.bval is not None
    scan.bval.write_text("0\n1000\n1000\n2000\n")
    np.testing.assert_array_equal(load(scan).bvals, [0, 1000, 1000, 2000])


def test_a_path_in_any_script_is_read(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "Köpfe 頭" / "sub-01_T1w.nii.gz")
    np.testing.assert_array_equal(load(scan_of(path)).data, head())
