"""Marchenko-Pastur PCA: the compiled form against the definition, and both against truth."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
import pytest

from bids_denoise.kernels import mppca_cpu, mppca_reference
from bids_denoise.kernels.mppca_reference import split_spectrum, window_around

if TYPE_CHECKING:
    from bids_denoise.values import BoolArray, FloatArray

SHARED = Path(__file__).parents[3] / "shared" / "data" / "human-dwi"
ESTIMATORS = ("veraart2016", "corderogrande2019")
ENGINES = (mppca_reference.mppca, mppca_cpu.mppca)

# Volumes x window: more voxels, more volumes, equally many; images thinner than the window.
CASES = [
    ((7, 8, 19, 7), 3),
    ((7, 6, 9, 30), 3),
    ((6, 5, 9, 27), 3),
    ((6, 7, 5, 30), 5),
    ((4, 3, 6, 64), 5),
    ((9, 8, 1, 33), 5),
    ((2, 9, 3, 12), 5),
]


def series(shape: tuple[int, ...], rank: int = 2, sigma: float = 1.0, seed: int = 0) -> FloatArray:
    """Return a smooth series of `rank` components of strength 100 with white noise."""
    rng = np.random.default_rng(seed)
    x, y, z = np.meshgrid(*(np.linspace(0, 1, size) for size in shape[:3]), indexing="ij")
    maps = np.stack([np.ones_like(x), x, y + z, x * y][:rank], axis=-1)
    truth = 100 * maps @ (1 + rng.random((rank, shape[3])))
    return np.asarray(truth + sigma * rng.standard_normal(shape), dtype=np.float32)


def some_of(shape: tuple[int, ...]) -> BoolArray:
    return np.asarray(np.random.default_rng(1).random(shape) < 0.7)


@pytest.mark.parametrize(("shape", "window"), CASES)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_kernel_agrees_with_the_definition(
    shape: tuple[int, ...], window: int, estimator: str
) -> None:
    data, mask = series(shape), some_of(shape[:3])
    fast = mppca_cpu.mppca(data, mask, window, estimator)
    slow = mppca_reference.mppca(data, mask, window, estimator)
    for one, other in zip(fast, slow, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize(("shape", "window"), [CASES[0], CASES[1]])
def test_the_noise_maps_agree(shape: tuple[int, ...], window: int, step: int) -> None:
    data, mask = series(shape), some_of(shape[:3])
    fast = mppca_cpu.noise_map(data, mask, window, step)
    slow = mppca_reference.noise_map(data, mask, window, step)
    np.testing.assert_allclose(fast, slow, rtol=1e-5)
    assert fast.dtype == np.float32
    assert fast[mask].mean() > 0.8
    assert not fast[~mask].any()


def test_a_noise_map_of_step_one_is_that_of_the_denoiser() -> None:
    data = series((6, 6, 9, 20))
    mask = np.ones(data.shape[:3], bool)
    sigma = mppca_cpu.mppca(data, mask, 3, "corderogrande2019")[1]
    np.testing.assert_array_equal(mppca_cpu.noise_map(data, mask, 3, 1), sigma)


def test_one_and_two_threads_give_the_same_bits() -> None:
    data, mask = series((9, 7, 18, 30)), some_of((9, 7, 18))
    one = mppca_cpu.mppca(data, mask, 3, "corderogrande2019", threads=1)
    two = mppca_cpu.mppca(data, mask, 3, "corderogrande2019", threads=2)
    for left, right in zip(one, two, strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("volumes", "window"), [(20, 5), (60, 3)])
def test_sigma_and_rank_of_a_known_series_are_found(engine: Any, volumes: int, window: int) -> None:
    data = series((9, 9, 9, volumes), rank=2, sigma=3.0)
    truth = series((9, 9, 9, volumes), rank=2, sigma=0.0)
    denoised, sigma, rank = engine(data, np.ones((9, 9, 9), bool), window, "corderogrande2019")
    assert np.median(sigma) == pytest.approx(3.0, rel=0.03)
    assert np.median(rank) == 2
    before, after = (np.sqrt(np.mean((each - truth) ** 2)) for each in (data, denoised))
    assert after < 0.45 * before


def test_the_newer_estimator_is_nearer_to_sigma_where_the_signal_has_many_components() -> None:
    data = series((7, 7, 7, 30), rank=4)
    mask = np.ones((7, 7, 7), bool)
    old, new = (np.median(mppca_cpu.mppca(data, mask, 3, each)[1]) for each in ESTIMATORS)
    assert old < new < 1.02


@pytest.mark.parametrize("engine", ENGINES)
def test_voxels_that_were_not_measured_take_no_part(engine: Any) -> None:
    data, mask = series((6, 6, 10, 12)), some_of((6, 6, 10))
    other = data.copy()
    other[~mask] = 1e4
    first = engine(data, mask, 3, "veraart2016")
    second = engine(other, mask, 3, "veraart2016")
    np.testing.assert_array_equal(first[0][mask], second[0][mask])
    np.testing.assert_array_equal(first[1], second[1])
    np.testing.assert_array_equal(second[0][~mask], other[~mask])
    assert not first[1][~mask].any()
    assert not first[2][~mask].any()


@pytest.mark.parametrize("engine", ENGINES)
def test_voxels_with_too_few_measured_ones_around_stay(engine: Any) -> None:
    data = series((5, 5, 5, 12))
    mask = np.zeros((5, 5, 5), bool)
    mask[2, 2, :] = True
    denoised, sigma, rank = engine(data, mask, 3, "veraart2016")
    np.testing.assert_array_equal(denoised, data)
    assert not sigma.any()
    assert rank[2, 2, 2] == 3


@pytest.mark.parametrize("engine", ENGINES)
def test_the_input_is_not_written_to_and_zeros_stay(engine: Any) -> None:
    data = np.zeros((4, 4, 4, 8), np.float32)
    denoised, sigma, _ = engine(data, np.ones((4, 4, 4), bool), 3, "veraart2016")
    assert not denoised.any()
    assert not sigma.any()
    assert denoised is not data


@pytest.mark.parametrize("engine", ENGINES)
def test_a_noise_free_series_comes_back(engine: Any) -> None:
    data = series((6, 6, 6, 15), sigma=0.0)
    denoised, sigma, _ = engine(data, np.ones((6, 6, 6), bool), 3, "corderogrande2019")
    np.testing.assert_allclose(denoised, data, rtol=1e-5)
    assert sigma.max() < 1e-4


def test_a_spectrum_is_split_at_the_last_place_where_spread_is_below_mean() -> None:
    # 3 equal noise eigenvalues of 30 = 3 * 10, two of signal.
    spectrum = np.array([30.0, 30.0, 30.0, 9e3, 9e4])
    for estimator in ESTIMATORS:
        noise, sigma = split_spectrum(spectrum, 10, estimator)
        assert (noise, round(sigma**2, 6)) == (3, 3.0)
    # At p = 4 of 5 the papers' gamma are 4 / 40 and 4 / 39.
    spectrum = 40 * np.array([10.0, 30.0, 35.0, 61.0, 1e6])
    noise, sigma = split_spectrum(spectrum, 40, "veraart2016")
    assert (noise, round(sigma, 6)) == (3, 5.0)
    near = 40 * np.array([10.0, 30.0, 35.0, 49.7, 1e6])
    assert split_spectrum(near, 40, "veraart2016")[0] == 3
    assert split_spectrum(near, 40, "corderogrande2019")[0] == 4
    assert split_spectrum(np.zeros(5), 10, "veraart2016") == (0, 0.0)


def test_windows_are_pushed_inside_the_image() -> None:
    assert window_around((0, 3, 6), 3, (7, 7, 7)) == (slice(0, 3), slice(2, 5), slice(4, 7))
    assert window_around((1, 0, 1), 5, (9, 1, 4)) == (slice(0, 5), slice(0, 1), slice(0, 4))


def mrtrix(data: FloatArray, folder: Path, window: int, estimator: str, kind: str) -> Any:
    """Return the denoised series and the noise map of MRtrix3."""
    paths = [folder / name for name in ("in.nii", "out.nii", "noise.nii")]
    nibabel.save(nibabel.Nifti1Image(data, np.eye(4)), paths[0])
    command = ["dwidenoise", paths[0], paths[1], "-noise", paths[2], "-extent", str(window)]
    options = ["-estimator", estimator, "-datatype", kind, "-force", "-quiet", "-nthreads", "1"]
    subprocess.run([*map(str, command), *options], check=True, capture_output=True)
    images: list[Any] = [nibabel.load(path) for path in paths[1:]]
    return [image.get_fdata(dtype=np.float32) for image in images]


def relative(one: FloatArray, other: FloatArray) -> float:
    return float(np.sqrt(np.mean((one - other) ** 2) / np.mean(other**2)))


@pytest.mark.skipif(shutil.which("dwidenoise") is None, reason="MRtrix3 is not installed")
@pytest.mark.parametrize(("shape", "window"), [((8, 7, 10, 12), 3), ((7, 6, 8, 40), 3)])
@pytest.mark.parametrize("estimator", ["Exp1", "Exp2"])
def test_mrtrix_gives_the_same(
    tmp_path: Path, shape: tuple[int, ...], window: int, estimator: str
) -> None:
    data = series(shape)
    theirs = mrtrix(data, tmp_path, window, estimator, "float64")
    paper = dict(zip(("Exp1", "Exp2"), ESTIMATORS, strict=True))[estimator]
    ours = mppca_cpu.mppca(data, np.ones(shape[:3], bool), window, paper)
    assert relative(ours[0], theirs[0]) < 1e-6
    assert relative(ours[1], theirs[1]) < 1e-6


@pytest.mark.shared
@pytest.mark.skipif(shutil.which("dwidenoise") is None, reason="MRtrix3 is not installed")
@pytest.mark.skipif(not SHARED.is_dir(), reason="the real scans are not here")
@pytest.mark.parametrize("window", [3, 5])
def test_mrtrix_gives_the_same_on_a_real_scan(tmp_path: Path, window: int) -> None:
    """In single precision MRtrix3 rounds a few voxels to another rank than in double."""
    image: Any = nibabel.load(next(SHARED.rglob("*_dwi.nii.gz")))
    data = np.ascontiguousarray(image.get_fdata(dtype=np.float32)[20:50, 20:50, 12:24])
    ours = mppca_cpu.mppca(data, np.ones(data.shape[:3], bool), window, "corderogrande2019", 2)
    double, single = (mrtrix(data, tmp_path, window, "Exp2", f"float{n}") for n in (64, 32))
    assert relative(ours[0], double[0]) < 1e-6
    assert relative(ours[1], double[1]) < 1e-6
    assert relative(ours[0], single[0]) < 1e-3
    assert relative(ours[1], single[1]) < 1.01 * relative(double[1], single[1])
