"""Repeats on each other's grids: errors and noise are those of scans that were not interpolated."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation
from scipy.stats import rice

from bids_denoise.anatomy.rigid import resample
from bids_denoise.group.aligned import Repeat, align, labels_on, turns
from bids_denoise.simulate.anatomy import Grid
from bids_denoise.simulate.fields import smooth_field
from bids_denoise.simulate.noise import add_rician
from bids_denoise.stats.repeats import leave_one_out

if TYPE_CHECKING:
    import numpy.typing as npt

    from bids_denoise.values import FloatArray

    Affine = npt.NDArray[np.float64]

SHAPE = (48, 52, 44)
SIGMA = 10.0
WAYS = [np.eye(4), np.eye(4), np.eye(4)]
for number, turned in enumerate((2.0, -3.0), start=1):
    WAYS[number][:3, :3] = Rotation.from_euler("xyz", [turned, 1, -2], degrees=True).as_matrix()
    WAYS[number][:3, 3] = (0.7 * turned, 1.3, -0.4)


def inverse(way: Affine) -> Affine:
    return np.asarray(np.linalg.inv(way), dtype=np.float64)


@pytest.fixture(scope="module")
def heads() -> list[FloatArray]:
    """One smooth head as it lies in each repeat; where it is brightest is the middle."""
    rng = np.random.default_rng(4)
    away = np.linalg.norm(np.indices(SHAPE).T - (np.array(SHAPE) - 1) / 2, axis=-1).T
    head = (100 + 20 * smooth_field(SHAPE, 2.5, rng)) / (1 + np.exp((away - 15) / 2))
    grid = Grid(SHAPE, np.eye(4))
    return [resample(head.astype(np.float32), np.eye(4), grid, inverse(way)) for way in WAYS]


@pytest.fixture(scope="module")
def repeats(heads: list[FloatArray]) -> list[Repeat]:
    """Noisy and narrowly filtered, on grids that start at other voxels."""
    rng = np.random.default_rng(0)
    sigma = np.full(SHAPE, SIGMA, np.float32)
    found = []
    for number, head in enumerate(heads):
        noisy = add_rician(head, SIGMA, rng)
        clean = np.asarray(gaussian_filter(noisy, 0.5), np.float32)
        affine = np.eye(4)
        affine[0, 3] = number
        seen = slice(number, None)
        mask = head[seen] > 40
        found.append(Repeat(noisy[seen], clean[seen], affine, mask, sigma[seen], rician=True))
    return found


def test_repeats_are_laid_on_each_other(repeats: list[Repeat]) -> None:
    points = np.argwhere(repeats[0].mask)[::50]
    for way, true in zip(align(repeats), WAYS, strict=True):
        off = points @ (way - true)[:3, :3].T + (way - true)[:3, 3]
        assert np.linalg.norm(off, axis=1).max() < 0.5


def test_errors_and_noise_are_those_of_the_scans_themselves(
    repeats: list[Repeat], heads: list[FloatArray]
) -> None:
    found = leave_one_out(turns(repeats, WAYS))
    for which, told in (("original", found.mse_original), ("denoised", found.mse_denoised)):
        true = [
            np.mean((getattr(seen, which) - head[number:])[seen.mask] ** 2)
            for number, (seen, head) in enumerate(zip(repeats, heads, strict=True))
        ]
        np.testing.assert_allclose(np.mean(told), np.mean(true), rtol=0.05)
    level = [rice.var(head[head > 40].astype(float) / SIGMA).mean() for head in heads]
    np.testing.assert_allclose(found.noise.value, SIGMA**2 * np.mean(level), rtol=0.05)


def test_pieces_of_the_head_are_the_same_in_all(repeats: list[Repeat]) -> None:
    seen = list(turns(repeats, WAYS))
    middle = np.argwhere(seen[0].mask).mean(axis=0).astype(int)
    piece = seen[0].places[tuple(middle)]
    sizes = [np.count_nonzero(each.places == piece) for each in seen]
    assert sizes[0] == 1000
    assert all(abs(size - 1000) < 50 for size in sizes)


def test_labels_come_to_the_grid_of_the_first(repeats: list[Repeat]) -> None:
    grid = repeats[0].grid
    tissues = np.stack([repeats[0].mask, ~repeats[0].mask]).astype(np.float32)
    moved = [resample(each, np.eye(4), grid, inverse(WAYS[1])) for each in tissues]
    labels = labels_on(grid, [tissues, np.stack(moved)], [np.eye(4)] * 2, WAYS[:2])
    np.testing.assert_array_equal(labels[0], 1 + tissues.argmax(axis=0))
    away = slice(6, -6)
    same = labels[0][away, away, away] == labels[1][away, away, away]
    assert 0.97 < same.mean() < 1


def test_the_gain_of_a_session_does_not_count(repeats: list[Repeat]) -> None:
    other = repeats[1]
    louder = replace(other, original=other.original * np.float32(1.4))
    plain, scaled = (next(turns([repeats[0], each], WAYS[:2])) for each in (other, louder))
    middle = plain.mask & scaled.mask
    np.testing.assert_allclose(scaled.others[0][middle], plain.others[0][middle], rtol=0.05)
