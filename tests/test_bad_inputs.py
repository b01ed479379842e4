"""Bad and odd inputs, end to end: each ends in its code and sentence, and all others are done."""

from __future__ import annotations

import gzip
import os
import re
import resource
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from bids_denoise.cli import main
from bids_denoise.derivatives.store import read_table
from tests.bids_factory import AFFINE, add_image, head, head_series, make_dataset

T1W = "sub-{0}/anat/sub-{0}_T1w.nii.gz"
BOLD = "sub-{0}/func/sub-{0}_task-rest_bold.nii.gz"
DWI = "sub-{0}/dwi/sub-{0}_dwi.nii.gz"


def resave(path: Path, change: Callable[[Any], Any]) -> None:
    """Write an image again after a change of the nibabel object."""
    image = nib.load(path)
    nib.save(
        change(nib.Nifti1Image(np.asanyarray(image.dataobj), image.affine, image.header)), path
    )


def stored_as(dtype: Any, data: Any = None) -> Callable[[Any], Any]:
    def change(image: Any) -> Any:
        values = np.asanyarray(image.dataobj) if data is None else data
        return nib.Nifti1Image(values.astype(dtype), image.affine)

    return change


def with_affine(affine: Any) -> Callable[[Any], Any]:
    return lambda image: nib.Nifti1Image(np.asanyarray(image.dataobj), affine)


def with_value(value: float) -> Callable[[Any], Any]:
    def change(image: Any) -> Any:
        data = np.asanyarray(image.dataobj).astype(np.float32)
        data[5, 5, 5] = value
        return nib.Nifti1Image(data, image.affine)

    return change


def with_slope(image: Any) -> Any:
    image.header.set_slope_inter(0.25, -3)
    return image


def big_endian(image: Any) -> Any:
    return nib.Nifti1Image.from_bytes(
        nib.Nifti1Image(
            np.asanyarray(image.dataobj).astype(">i2"),
            image.affine,
            nib.Nifti1Header(endianness=">"),
        ).to_bytes()
    )


def cut(length: int) -> Callable[[Path], int]:
    return lambda path: path.write_bytes(path.read_bytes()[:length])


def recompressed(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        path.write_bytes(gzip.compress(change(gzip.decompress(path.read_bytes()))))

    return spoil


def dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to(".git/annex/objects/XX/key")


def rgb(path: Path) -> None:
    colours = np.zeros((12, 13, 14), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    nib.save(nib.Nifti1Image(colours, AFFINE), path)


def sheared() -> Any:
    affine = AFFINE.copy()
    affine[0, 1] = 0.4
    return affine


def oblique() -> Any:
    turn, (sine, cosine) = np.eye(4), (np.sin(0.3), np.cos(0.3))
    turn[1:3, 1:3] = [[cosine, -sine], [sine, cosine]]
    return turn @ AFFINE


def twisted_crc(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-8] ^= 0xFF
    path.write_bytes(bytes(content))


def shorter(ending: str) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        gradients = path.with_name(path.name.replace(".nii.gz", ending))
        lines = gradients.read_text().splitlines()
        gradients.write_text("\n".join(" ".join(line.split()[:-1]) for line in lines))

    return spoil


# name: (image, how it is spoilt, what is said of it)
REFUSED: dict[str, tuple[str, Callable[[Path], Any], str]] = {
    "empty": (T1W, lambda path: path.write_bytes(b""), r"the file is empty \(0 bytes\)"),
    "cutgz": (T1W, cut(900), r"cut off|truncated|damaged"),
    "cutheader": (T1W, recompressed(lambda raw: raw[:200]), "the header is cut off: 200 bytes"),
    "cutvoxels": (T1W, recompressed(lambda raw: raw[:2000]), "cut off"),
    "crc": (T1W, twisted_crc, "damaged|CRC"),
    "notgz": (T1W, lambda p: p.write_bytes(gzip.decompress(p.read_bytes())), "not gzip-compressed"),
    "text": (
        T1W,
        recompressed(lambda raw: b"hello" * (len(raw) // 5)),
        "not a readable NIfTI file",
    ),
    "constant": (
        T1W,
        lambda p: resave(p, stored_as(np.int16, np.full((9, 9, 9), 7))),
        "every voxel holds the same value, 7",
    ),
    "allnan": (
        T1W,
        lambda p: resave(p, stored_as(np.float32, np.full((9, 9, 9), np.nan))),
        "every voxel|finite",
    ),
    "flat": (T1W, lambda p: resave(p, stored_as(np.int16, head()[:, :, :1])), "a single slice"),
    "planar": (T1W, lambda p: resave(p, stored_as(np.int16, head()[:, :, 0])), "single slice|2D"),
    "five": (
        BOLD,
        lambda p: resave(p, stored_as(np.int16, head_series(4)[..., None].repeat(2, axis=4))),
        "5D data .*3D and 4D are allowed",
    ),
    "series": (T1W, lambda p: resave(p, stored_as(np.int16, head_series(3))), "a T1w holds one"),
    "rgb": (T1W, rgb, r"colour \(RGB\) voxels; integers or floating-point numbers are allowed"),
    "complex": (T1W, lambda p: resave(p, stored_as(np.complex64)), "complex voxels"),
    "dangling": (T1W, dangling, "content is not present.*datalad get"),
    "shortbval": (DWI, shorter(".bval"), "one b-value a volume, 13, is needed"),
    "shortbvec": (DWI, shorter(".bvec"), "3 rows of one number a volume, 13, are needed"),
    "nobvec": (
        DWI,
        lambda p: p.with_name(p.name.replace(".nii.gz", ".bvec")).unlink(),
        "no .bvec file applies to it; .* is expected beside it",
    ),
    "badjson": (
        T1W,
        lambda p: p.with_name(p.name.replace(".nii.gz", ".json")).write_text("{"),
        "json",
    ),
}

ACCEPTED: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "good": (T1W, lambda path: path),
    "nan": (T1W, lambda p: resave(p, with_value(np.nan))),
    "inf": (T1W, lambda p: resave(p, with_value(np.inf))),
    "onevolume": (BOLD, lambda p: resave(p, stored_as(np.int16, head_series(1)))),
    "trailing": (T1W, lambda p: resave(p, stored_as(np.int16, head()[..., None]))),
    "bigendian": (T1W, lambda p: resave(p, big_endian)),
    "slope": (T1W, lambda p: resave(p, with_slope)),
    "double": (T1W, lambda p: resave(p, stored_as(np.float64))),
    "uint8": (T1W, lambda p: resave(p, stored_as(np.uint8, head() // 8))),
    "mirrored": (T1W, lambda p: resave(p, with_affine(np.diag([2, 2.5, 3, 1])))),
    "sheared": (T1W, lambda p: resave(p, with_affine(sheared()))),
    "oblique": (T1W, lambda p: resave(p, with_affine(oblique()))),
    "nojson": (T1W, lambda p: p.with_name(p.name.replace(".nii.gz", ".json")).unlink()),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Path, Path]:
    """Run the app once over a dataset with one participant for each kind of input."""
    folder = tmp_path_factory.mktemp("Bücher und Bilder")
    dataset, output = make_dataset(folder / "données"), folder / "ergebnis"
    spoilt = {name: case[:2] for name, case in REFUSED.items()} | ACCEPTED
    for name, (image, spoil) in spoilt.items():
        spoil(add_image(dataset, image.format(name)))
    code = main([str(dataset), str(output), "participant", "--sloppy"])
    return code, dataset, output


def outcome(output: Path, participant: str) -> dict[str, str]:
    rows = read_table(output / "logs" / "status.tsv")
    return next(row for row in rows if row["participant_id"] == f"sub-{participant}")


def test_some_failed_is_exit_code_1(run: tuple[int, Path, Path]) -> None:
    assert run[0] == 1


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_image_fails_with_a_sentence_that_names_it(
    run: tuple[int, Path, Path], name: str
) -> None:
    _, _, output = run
    row, (image, _, sentence) = outcome(output, name), REFUSED[name]
    assert row["status"] == "failed"
    assert re.search(sentence, row["reason"]), row["reason"]
    assert Path(image.format(name)).name.split(".")[0] in row["reason"]
    assert not list(output.glob(f"sub-{name}/**/*.nii.gz"))


@pytest.mark.parametrize("name", ACCEPTED)
def test_an_odd_image_is_denoised_on_its_own_grid(run: tuple[int, Path, Path], name: str) -> None:
    _, dataset, output = run
    assert outcome(output, name)["status"] == "ok", outcome(output, name)["reason"]
    source = nib.load(dataset / ACCEPTED[name][0].format(name))
    (path,) = output.glob(f"sub-{name}/*/*_desc-denoised_*.nii.gz")
    result = nib.load(path)
    shape = source.shape[:3] if name == "trailing" else source.shape
    assert result.shape == shape
    assert result.get_data_dtype().newbyteorder("=") == np.float32
    assert np.isfinite(result.get_fdata()).all()
    np.testing.assert_array_equal(result.affine, source.affine)
    for form in ("qform", "sform"):
        assert result.header[f"{form}_code"] == source.header[f"{form}_code"]
    assert result.header.get_xyzt_units() == source.header.get_xyzt_units()


def test_nothing_is_half_written(run: tuple[int, Path, Path]) -> None:
    _, _, output = run
    assert not (output / "logs" / "partial").exists()
    for image in output.glob("sub-*/*/*_desc-denoised_*.nii.gz"):
        assert image.with_name(image.name.replace(".nii.gz", ".json")).is_file()


def test_every_participant_has_a_page(run: tuple[int, Path, Path]) -> None:
    _, _, output = run
    for name in (*REFUSED, *ACCEPTED):
        assert (output / f"sub-{name}.html").is_file()


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return make_dataset(tmp_path / "raw", T1W.format("01"), BOLD.format("01"))


def commands(dataset: Path) -> dict[str, tuple[list[str], int, str]]:
    raw, out = str(dataset), str(dataset.parent / "out")
    return {
        "wrong label": ([raw, out, "participant", "--participant-label", "1"], 18, "'?01'?"),
        "nothing left": ([raw, out, "participant", "-m", "T2w"], 18, "T2w"),
        "no such level": ([raw, out, "session"], 17, "participant"),
        "no such folder": ([raw + "x", out, "participant"], 66, "rawx"),
        "not BIDS": ([str(dataset / "sub-01"), out, "participant"], 16, "dataset_description.json"),
        "output is input": ([raw, raw, "participant"], 64, "output"),
        "output in input": (
            [raw, str(dataset / "sub-01" / "out"), "participant"],
            64,
            "derivatives",
        ),
        "work in input": ([raw, out, "participant", "-w", str(dataset / "w")], 64, "work"),
        "output is a file": ([raw, str(dataset / "README"), "participant"], 73, "README"),
        "wrong value": ([raw, out, "participant", "--nlm-search-radius", "-3"], 64, "between"),
        "wrong option": ([raw, out, "participant", "--smooth"], 64, "smooth"),
        "memory without unit": ([raw, out, "participant", "--mem", "8"], 64, "8G"),
        "no GPU": ([raw, out, "participant", "--device", "cuda:7"], 64, "cuda"),
        "group of nothing": ([raw, out, "group"], 18, "participant level first"),
    }


@pytest.mark.parametrize("name", commands(Path("/raw")))
def test_a_wrong_command_ends_in_its_code_and_sentence(
    dataset: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    command, code, sentence = commands(dataset)[name]
    before = sorted(dataset.rglob("*"))
    assert main(command) == code
    printed = capsys.readouterr()
    assert re.search(sentence, printed.out + printed.err)
    assert "Traceback" not in printed.out + printed.err
    assert sorted(dataset.rglob("*")) == before


def test_all_failed_is_exit_code_65(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "raw")
    add_image(dataset, T1W.format("01")).write_bytes(b"")
    assert main([str(dataset), str(tmp_path / "out"), "participant"]) == 65


def test_a_read_only_input_is_enough(dataset: Path, tmp_path: Path) -> None:
    for path in (*dataset.rglob("*"), dataset):
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = {path: path.stat().st_mtime_ns for path in dataset.rglob("*")}
    try:
        assert main([str(dataset), str(tmp_path / "out"), "participant", "--sloppy"]) == 0
    finally:
        for path in (dataset, *dataset.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert {path: path.stat().st_mtime_ns for path in dataset.rglob("*")} == before


def test_the_output_may_lie_in_the_derivatives_of_the_input(dataset: Path) -> None:
    output = dataset / "derivatives" / "bids-denoise"
    assert main([str(dataset), str(output), "participant", "--sloppy"]) == 0
    assert list(output.glob("sub-01/anat/*_desc-denoised_T1w.nii.gz"))


def test_a_full_disk_ends_the_run_and_leaves_nothing_half_written(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    main([str(dataset), str(tmp_path / "warm"), "participant", "--sloppy"])  # compiled by now
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, hard))
    try:
        code = main([str(dataset), str(output), "participant", "--sloppy"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert code == 74
    printed = capsys.readouterr()
    assert "the disk is full" in printed.out + printed.err
    assert not list(output.glob("sub-*/*/*.nii.gz"))
    assert not (output / "logs" / "partial").exists()
    assert main([str(dataset), str(output), "participant", "--sloppy"]) == 0


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make a folder of another user")
def test_an_output_of_another_user_cannot_be_created() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        dataset = make_dataset(folder / "raw", T1W.format("01"))
        (folder / "theirs").mkdir(mode=0o755)
        pid = os.fork()
        if pid == 0:  # a child without privileges
            os.setuid(65534)
            os._exit(main([str(dataset), str(folder / "theirs" / "out"), "participant"]))
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 73
