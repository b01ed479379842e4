"""The figures: all there, small, made twice the same, true to left and right."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as Picture

from bids_denoise.orientation import orientation
from bids_denoise.report.captions import CAPTIONS
from bids_denoise.report.figures import draw
from bids_denoise.report.figures.style import MOST_BYTES
from bids_denoise.report.figures.views import views_of
from bids_denoise.simulate.phantom import head_phantom
from bids_denoise.values import Denoised, Image, Noise

SHAPE = (40, 44, 32)
SPACING = np.diag([2.0, 2.0, 2.5, 1.0])
ALWAYS = {"image_before", "image_after", "removed", "sigma", "histogram"}
BOLD = {"tsnr_before", "tsnr_after", "carpet_before", "carpet_after", "dvars", "volumes"}
DWI = {"shells", "shell_snr", "volumes"}


def scan(volumes: int = 0, bvals: bool = False) -> tuple[Image, Denoised, Noise]:
    rng = np.random.default_rng(0)
    truth = head_phantom(SHAPE)
    if volumes:
        truth = np.repeat(truth[..., np.newaxis], volumes, axis=3)
    noisy = truth + rng.normal(0, 8, truth.shape).astype(np.float32)
    b = np.array([0.0, *[1000.0] * (volumes - 1)]) if bvals else None
    image = Image(noisy, SPACING, np.ones(SHAPE, bool), b)
    return (
        image,
        Denoised((noisy + truth) * np.float32(0.5)),
        Noise(np.full(SHAPE, 8, np.float32), "gaussian", "known"),
    )


@pytest.mark.parametrize(
    ("given", "also"),
    [(scan(), set()), (scan(8), BOLD), (scan(8, bvals=True), DWI)],
    ids=["anat", "bold", "dwi"],
)
def test_every_figure_is_there_small_and_known(
    given: tuple[Image, Denoised, Noise], also: set[str], tmp_path: Path
) -> None:
    files = draw(*given, tmp_path, "sub-01_x")
    assert ALWAYS | also <= set(files)
    for name, path in files.items():
        assert re.sub("_(before|after)$", "", name) in CAPTIONS
        assert path.parent == tmp_path
        assert path.name.startswith("sub-01_x_")
        assert 500 < path.stat().st_size <= MOST_BYTES
    for name in files:
        if name.endswith("_before"):
            pair = (name, name.removesuffix("before") + "after")
            with Picture.open(files[pair[0]]) as first, Picture.open(files[pair[1]]) as second:
                assert first.size == second.size


def test_drawing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    given = scan()
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        draw(*given, folder, "x")
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()


def test_drawing_leaves_no_global_state(tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    draw(*scan(), tmp_path, "x")
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("shape", [(6, 40, 44), (30, 40, 1), (9, 9, 9)])
def test_odd_shapes_are_drawn(shape: tuple[int, int, int], tmp_path: Path) -> None:
    data = np.random.default_rng(0).normal(100, 5, shape).astype(np.float32)
    image = Image(data, np.diag([1.0, 1, 5, 1]), np.ones(shape, bool))
    draw(
        image, Denoised(data), Noise(np.zeros(shape, np.float32), "gaussian", "none"), tmp_path, "x"
    )


@pytest.mark.parametrize(
    "affine",
    [
        np.diag([1.0, 1, 1, 1]),
        np.diag([-1.0, 1, 1, 1]),
        np.array([[0, 0, -1, 0], [1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1.0]]),
    ],
    ids=["RAS", "LAS", "AIL"],
)
def test_right_is_right_whatever_the_storage(affine: npt.NDArray[np.float64]) -> None:
    """A bright voxel at the right front top of the world is there in every plane."""
    order, flips = orientation(affine)
    world = np.ones((10, 12, 14), np.float32)
    world[8, 10, 12] = 5
    stored = np.transpose(
        world[tuple(slice(None, None, -1 if f else 1) for f in flips)], np.argsort(order)
    )
    views = views_of(stored, np.ones(stored.shape, bool), affine)
    assert np.array_equal(views.turned(stored), world)
    cuts = views.cuts(stored)
    assert [cut.name for cut in cuts] == ["sagittal", "coronal", "axial", "detail"]
    assert [(cut.left, cut.right) for cut in cuts[:3]] == [("P", "A"), ("L", "R"), ("L", "R")]


def test_planes_keep_their_proportions() -> None:
    data = head_phantom(SHAPE)
    cuts = views_of(data, data > 10, np.diag([1.0, 1.0, 4.0, 1.0])).cuts(data)
    for cut, spacing in zip(cuts, ((1, 4), (1, 4), (1, 1), (1, 1)), strict=True):
        expected = [n * size for n, size in zip(cut.pixels.shape, spacing, strict=True)]
        assert list(cut.size) == pytest.approx(expected)


def test_an_oblique_grid_counts_as_the_nearest_axes() -> None:
    turn = np.deg2rad(25)
    affine = np.eye(4)
    affine[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    assert orientation(affine) == ((0, 1, 2), (False, False, False))
