import numpy as np
import pytest

from bids_denoise.noise import tiles
from bids_denoise.simulate.noise import add_gaussian


def everywhere(data: np.ndarray) -> np.ndarray:
    return np.ones(data.shape, bool)


def noise(shape: tuple[int, int, int], sigma: float = 2.0) -> np.ndarray:
    return add_gaussian(np.full(shape, 50, np.float32), sigma, np.random.default_rng(0))


@pytest.mark.parametrize("edge", [1, 2, 5, 8])
def test_cosines_are_orthonormal(edge: int) -> None:
    matrix = tiles.cosines(edge)
    assert np.allclose(matrix @ matrix.T, np.eye(edge), atol=1e-6)


@pytest.mark.parametrize("shape", [(64, 64, 64), (50, 61, 43), (90, 80, 3), (100, 100, 1)])
def test_energy_of_white_noise_is_its_variance(shape: tuple[int, int, int]) -> None:
    data = noise(shape)
    found = tiles.cut(data, everywhere(data))
    assert found.inside.all()
    assert found.energy.mean() == pytest.approx(4.0, rel=0.05)
    assert found.mean.mean() == pytest.approx(50, abs=0.2)


def test_smooth_anatomy_has_no_energy_in_the_corner() -> None:
    x, y, z = np.indices((40, 40, 40)) / 40
    smooth = (100 * x + 80 * y**2 + 60 * np.sin(4 * z)).astype(np.float32)
    assert np.sqrt(tiles.cut(smooth, everywhere(smooth)).energy.max()) < 1e-3 * smooth.std()


def test_tiles_reach_the_end_and_overlap_where_few_fit() -> None:
    few, many = noise((30, 30, 30)), noise((100, 80, 70))
    for data, step in ((few, 4), (many, 8)):
        found = tiles.cut(data, everywhere(data))
        assert found.steps == (step, step, step)
        for starts, length in zip(found.starts, data.shape, strict=True):
            assert starts[0] == 0
            assert starts[-1] + 8 == length
    assert tiles.cut(few, everywhere(few)).alone(np.ones(8, bool)) == 1


def test_tiles_that_touch_a_hole_are_outside() -> None:
    data = noise((32, 32, 32))
    mask = everywhere(data)
    mask[12, 12, 12] = False
    found = tiles.cut(data, mask)
    outside = np.argwhere(~found.inside)
    assert len(outside) == 8
    for place in outside:
        starts = [start[index] for start, index in zip(found.starts, place, strict=True)]
        assert all(start <= 12 < start + 8 for start in starts)


def test_coverage_is_the_share_of_a_region() -> None:
    data = noise((64, 64, 64))
    found = tiles.cut(data, everywhere(data))
    region = np.zeros(data.shape, bool)
    region[:12] = True
    share = tiles.coverage(region, found)[:, 0, 0]
    assert share[:3].tolist() == [1.0, 0.5, 0.0]


def test_coefficients_keep_energy_and_order() -> None:
    data = noise((24, 24, 24))
    found = tiles.cut(data, everywhere(data))
    chosen = np.array([[0, 1, 2], [3, 0, 1]])
    coefficients = tiles.coefficients_of(data, found, chosen)
    assert coefficients.shape == (2, 8, 8, 8)
    for place, each in zip(chosen, coefficients, strict=True):
        x, y, z = (start[index] for start, index in zip(found.starts, place, strict=True))
        cube = data[x : x + 8, y : y + 8, z : z + 8]
        assert np.sum(each**2) == pytest.approx(np.sum(cube**2), rel=1e-4)
        corner = np.mean(each[5:, 5:, 5:] ** 2)
        assert corner == pytest.approx(found.energy[tuple(place)], rel=1e-3)


def test_spreading_restores_a_linear_field_between_the_outer_centres() -> None:
    shape = (40, 33, 26)
    data = noise(shape)
    found = tiles.cut(data, everywhere(data))
    centres = [start + 3.5 for start in found.starts]
    at = np.meshgrid(*centres, indexing="ij")
    field = tiles.spread(at[0] + 2 * at[1] - at[2], found)
    x, y, z = np.indices(shape)
    inner = tuple(slice(4, length - 4) for length in shape)
    assert field.shape == shape
    assert field.dtype == np.float32
    assert np.allclose(field[inner], (x + 2 * y - z)[inner], atol=1e-3)
