from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from bids_denoise.simulate import coils

if TYPE_CHECKING:
    import numpy.typing as npt

SHAPE = (24, 28, 20)


def field_of_a_polygon(points: npt.NDArray[np.float64], angle: float) -> npt.NDArray[np.complex128]:
    """Return Bx - i By at `points` (n, 3), summed over 2000 straight pieces of the loop's wire."""
    turn = np.linspace(0, 2 * np.pi, 2000, endpoint=False)[:, np.newaxis]
    out = np.array([np.cos(angle), np.sin(angle), 0])
    side, up = np.array([-np.sin(angle), np.cos(angle), 0]), np.array([0, 0, 1])
    wire = coils.RING_RADIUS * out + coils.LOOP_RADIUS * (np.cos(turn) * side + np.sin(turn) * up)
    piece = np.cos(turn) * up - np.sin(turn) * side
    distance = points[:, np.newaxis] - wire
    length = np.linalg.norm(distance, axis=-1, keepdims=True)
    field = (np.cross(piece, distance) / length**3).sum(axis=1)
    return np.asarray(field[:, 0] - 1j * field[:, 1])


def test_maps_are_the_field_of_the_wires_by_biot_and_savart() -> None:
    maps = coils.sensitivities((5, 6, 4), coils=4)
    lines = [np.linspace(-1 + 1 / n, 1 - 1 / n, n) for n in (5, 6, 4)]
    points = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1).reshape(-1, 3)
    fields = [field_of_a_polygon(points, np.pi / 4 + turn * np.pi / 2) for turn in range(4)]
    expected = fields / np.linalg.norm(fields, axis=0)
    assert np.allclose(maps.reshape(4, -1), expected, atol=1e-5)


@pytest.mark.parametrize("count", [1, 3, 8, 20])
def test_root_sum_of_squares_is_one_and_the_maps_repeat(count: int) -> None:
    maps = coils.sensitivities(SHAPE, count)
    assert maps.dtype == np.complex64
    assert maps.shape == (count, *SHAPE)
    assert np.allclose(np.linalg.norm(maps, axis=0), 1, atol=1e-5)
    assert np.array_equal(maps, coils.sensitivities(SHAPE, count))


@pytest.mark.parametrize(("count", "bound"), [(8, 0.1), (16, 0.2)])
def test_maps_are_smooth_in_the_head(count: int, bound: float) -> None:
    maps = coils.sensitivities((60, 60, 40), count)
    lines = [np.linspace(-1, 1, length) for length in (60, 60, 40)]
    x, y, z = np.meshgrid(*lines, indexing="ij", sparse=True)
    head = x**2 + y**2 + z**2 < 0.95**2
    steps = [np.abs(np.gradient(maps, axis=axis))[:, head].max() for axis in (1, 2, 3)]
    assert 0.01 < max(steps) < bound


def test_each_coil_receives_best_on_its_own_side() -> None:
    strength = np.abs(coils.sensitivities(SHAPE, 8))
    where = [np.unravel_index(one.argmax(), SHAPE)[:2] for one in strength]
    angles = [np.arctan2(y - 13.5, x - 11.5) for x, y in where]
    expected = (np.arange(8) + 0.5) * np.pi / 4
    assert np.all(np.abs(np.angle(np.exp(1j * (angles - expected)))) < 0.5)


def test_no_coil_is_refused() -> None:
    with pytest.raises(ValueError, match="coils is 0"):
        coils.sensitivities(SHAPE, 0)
