from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from bids_denoise.simulate import label_maps

STILL = np.zeros((3, 20, 20, 20), dtype=np.float32)


def straight(spacing: float | tuple[float, ...], start: float = 0.0) -> label_maps.View:
    where = (np.zeros(3), np.full(3, start))
    return label_maps.scan_view(where, np.diag(np.broadcast_to(spacing, 3).astype(float)), STILL)


def ball(size: int, radius: float) -> label_maps.Labels:
    line = np.arange(size) - (size - 1) / 2
    x, y, z = np.ix_(line, line, line)
    return np.where(x**2 + y**2 + z**2 < radius**2, 7, 0).astype(np.uint8)


def test_view_looks_where_it_is_placed() -> None:
    matrix = np.array([[0.0, 2, 0], [-1, 0, 0], [0, 0, 0.5]])
    view = label_maps.scan_view((np.array([3.0, 4, 5]), np.array([30.0, 40, 50])), matrix, STILL)
    assert view.points[:, 3, 4, 5].tolist() == [30, 40, 50]
    assert view.points[:, 4, 4, 5].tolist() == [30, 39, 50]
    assert view.spacing.tolist() == [2, 1, 0.5]


def test_deformation_has_the_slope_asked_for() -> None:
    field = label_maps.elastic((60, 60, 60), 0.1, 5.0, np.random.default_rng(0))
    slope = np.diff(field, axis=1).std()
    assert slope == pytest.approx(0.1 / np.sqrt(2), rel=0.15)


def test_crop_keeps_what_is_seen() -> None:
    labels = np.arange(50**3).reshape(50, 50, 50)
    view = straight(0.5, start=20)
    part, moved = label_maps.crop(labels, view)
    assert max(part.shape) < 16
    seen = label_maps.centre_labels(part, moved)
    assert np.array_equal(seen, label_maps.centre_labels(labels, view))
    assert np.array_equal(seen[::2, ::2, ::2], labels[20:30, 20:30, 20:30])


@pytest.mark.parametrize("spacing", [0.8, 1.0, 1.3, 2.0, 3.5])
def test_mixed_values_keep_the_amount_of_tissue(spacing: float) -> None:
    labels = ball(48, 11.3)
    view = straight(spacing, start=23.7 - 9.5 * spacing)
    mixed = label_maps.partial_volume((labels > 0).astype(np.float32), view, 0.0)
    seen = mixed.sum() * spacing**3
    if spacing > 1.2:
        assert seen == pytest.approx(np.count_nonzero(labels), rel=0.04)
    assert np.mean((mixed > 0.1) & (mixed < 0.9)) > 0.02
    assert mixed.max() == pytest.approx(1)


def test_value_beyond_the_map_goes_on() -> None:
    mixed = label_maps.partial_volume(np.ones((4, 4, 4), np.float32), straight(2.0, -8), 0.25)
    assert mixed[0, 0, 0] == pytest.approx(0.25)
    assert mixed[5, 5, 5] == pytest.approx(1, abs=0.3)


def test_thick_slices_average_along_their_axis_only() -> None:
    comb = np.zeros((20, 20, 40), dtype=np.float32)
    comb[:, :, ::2] = 1
    mixed = label_maps.partial_volume(comb, straight((1, 1, 3.4)), 0.0)
    assert mixed[5:15, 5:15, 2:10].std() < 0.3
    assert 0.4 < mixed[5:15, 5:15, 2:10].mean() < 0.75


def test_redrawn_borders_are_smooth_mixed_and_in_place() -> None:
    labels = ball(16, 5.6)
    view = straight(0.4, start=3.6)
    values = np.array([0] * 7 + [1], dtype=np.float32)
    drawn, mixed, seen = label_maps.smooth_borders(labels, values, view, 1, 0.7)
    points = view.points - 7.5
    radius = np.sqrt(np.square(points).sum(axis=0))
    codes = label_maps.centre_labels(drawn, seen)
    assert set(np.unique(codes)) == {0, 7}
    assert radius[codes == 7].max() < 6.1
    assert radius[codes == 0].min() > 4.9
    signal = label_maps.partial_volume(mixed, seen, 0.0)
    assert np.all(signal[radius < 4.5] == 1)
    assert np.all(signal[radius > 6.6] == 0)
    shells = [
        signal[(radius > low) & (radius < low + 0.3)].mean() for low in np.arange(4.6, 6.4, 0.3)
    ]
    assert all(inner >= outer for inner, outer in pairwise(shells))
    assert np.mean((signal > 0.1) & (signal < 0.9)) > 0.01


def test_few_votes_lose_the_folds() -> None:
    labels = ball(40, 14)
    labels[19:21] = 0
    view = straight(0.9, start=11)
    values = np.arange(8, dtype=np.float32)
    fine, _, _ = label_maps.smooth_borders(labels, values, view, 1, 0.6)
    coarse, _, _ = label_maps.smooth_borders(labels, values, view, 4, 1.0)
    middle = [part[part.shape[0] // 2 - 1, 20, 20] for part in (fine, coarse)]
    assert 0 in fine[:, fine.shape[1] // 2, fine.shape[2] // 2][15:-15]
    assert middle[1] == 7
