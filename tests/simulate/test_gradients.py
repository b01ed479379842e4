import numpy as np
import pytest

from bids_denoise.simulate.gradients import scheme, spread_directions, to_fsl


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("count", [6, 12, 30])
def test_directions_are_unit_and_further_apart_than_chance(count: int) -> None:
    axes = spread_directions(count, rng())
    assert np.allclose(np.linalg.norm(axes, axis=1), 1)
    cosine = np.abs(axes @ axes.T) - np.eye(count)
    # Each axis claims a cap of the half sphere; 0.8 of the ideal radius is well spread.
    ideal = np.arccos(1 - 1 / count)
    assert np.arccos(cosine.max()) > 0.8 * 2 * ideal * 0.9


def test_scheme_counts_and_interleaves() -> None:
    gradients = scheme([(1000, 12), (2000, 20)], 3, rng())
    values, counts = np.unique(gradients.bvals, return_counts=True)
    assert dict(zip(values, counts, strict=True)) == {0: 3, 1000: 12, 2000: 20}
    assert gradients.bvals[0] == 0
    assert np.all(gradients.directions[gradients.bvals == 0] == 0)
    half = gradients.bvals[:18]
    assert (half == 1000).sum() in {5, 6, 7}


def test_bvec_is_mirrored_where_the_determinant_is_positive() -> None:
    directions = np.array([[1.0, 0, 0], [0, 1, 0]])
    assert np.array_equal(to_fsl(directions, np.eye(4))[0], [-1, 0])
    assert np.array_equal(to_fsl(directions, np.diag([-2.0, 2, 2, 1]))[0], [-1, 0])


def test_bvec_follows_an_oblique_grid() -> None:
    turned = np.eye(4)
    turned[:3, :3] = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    assert np.allclose(to_fsl(np.array([[0.0, 1, 0]]), turned)[:, 0], [-1, 0, 0])
