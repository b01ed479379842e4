"""Tiles fill the volume once, and make no seams."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bids_denoise.denoisers.tiles import cut_tiles

edges = st.integers(1, 14).map(lambda n: 4 * n)


@settings(max_examples=60, deadline=None)
@given(st.tuples(edges, edges, edges), st.integers(0, 9), st.integers(300, 200_000))
def test_every_voxel_is_written_once(
    shape: tuple[int, int, int], reach: int, most_voxels: int
) -> None:
    written = np.zeros(shape, int)
    where = np.arange(written.size).reshape(shape)
    for tile in cut_tiles(shape, reach, 4, most_voxels):
        written[tile.write] += 1
        np.testing.assert_array_equal(where[tile.read][tile.keep], where[tile.write])
        for read, kept, length in zip(tile.read, tile.write, shape, strict=True):
            assert read.start % 4 == 0
            assert read.stop % 4 == 0
            assert read.start <= max(kept.start - reach, 0)
            assert read.stop >= min(kept.stop + reach, length)
    assert (written == 1).all()


@pytest.mark.parametrize("shape", [(256, 320, 320), (184, 220, 184), (512, 512, 24)])
def test_tiles_are_as_small_as_asked_for_and_not_smaller(shape: tuple[int, int, int]) -> None:
    tiles = list(cut_tiles(shape, 27, 4, 6_000_000))
    read = [np.prod([each.stop - each.start for each in tile.read]) for tile in tiles]
    assert max(read) <= 6_000_000
    assert sum(read) < 2.2 * np.prod(shape)


def test_one_tile_where_the_volume_is_small() -> None:
    (tile,) = cut_tiles((8, 12, 4), 30, 4, 1000)
    assert tile.read == tile.write == tile.keep == (slice(0, 8), slice(0, 12), slice(0, 4))
