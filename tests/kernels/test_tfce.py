"""Threshold-free cluster enhancement: the tree against the definition, nilearn and by hand."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, generate_binary_structure

from bids_denoise.kernels import tfce_reference
from bids_denoise.kernels.tfce import enhance, lattice_of

SHAPE = (9, 8, 7)


def scores_of(seed: int, digits: int = 6) -> np.ndarray:
    drawn = gaussian_filter(np.random.default_rng(seed).standard_normal(SHAPE), 0.8)
    return np.asarray(np.round(3 * drawn / drawn.std(), digits), np.float32)


@pytest.mark.parametrize("connectivity", [6, 18, 26])
@pytest.mark.parametrize("exponents", [(0.5, 2.0), (1.0, 1.3)])
@pytest.mark.parametrize("digits", [6, 0], ids=["distinct", "ties"])
def test_the_tree_is_the_definition(
    connectivity: int, exponents: tuple[float, float], digits: int
) -> None:
    scores = scores_of(connectivity, digits)
    mask = np.random.default_rng(1).random(SHAPE) < 0.8
    wanted = tfce_reference.enhance(scores, mask, connectivity, *exponents)
    found = enhance(scores[mask], lattice_of(mask, connectivity), *exponents)
    np.testing.assert_allclose(found, wanted[mask], rtol=1e-6)


@pytest.mark.parametrize("sign", [1, -1])
def test_scores_of_one_sign_and_none_at_all(sign: int) -> None:
    mask = np.ones(SHAPE, bool)
    scores = sign * np.abs(scores_of(3))
    wanted = tfce_reference.enhance(scores, mask)
    np.testing.assert_allclose(enhance(scores[mask], lattice_of(mask)), wanted[mask], rtol=1e-6)
    assert not enhance(np.zeros(mask.sum(), np.float32), lattice_of(mask)).any()


def test_three_voxels_by_hand() -> None:
    """Heights 1, 3, 2 in a row: to 1 all three hang together, above it each of two stands alone."""
    mask = np.ones((1, 1, 3), bool)
    found = enhance(np.array([2, 1, 3], np.float32), lattice_of(mask))
    low = np.sqrt(3) / 3
    np.testing.assert_allclose(found, [low + 7 / 3, low, low + 26 / 3], rtol=1e-6)


def test_nilearn_comes_near_with_many_thresholds() -> None:
    """nilearn adds up at fixed thresholds, and leaves out the width of a step."""
    from nilearn.mass_univariate._utils import calculate_tfce

    scores, mask = scores_of(5), np.ones(SHAPE, bool)
    step = float(np.abs(scores).max()) / 1000
    theirs = step * calculate_tfce(
        scores[..., np.newaxis].astype(float), generate_binary_structure(3, 1), dh=step
    )
    ours = enhance(scores[mask], lattice_of(mask))
    np.testing.assert_allclose(ours, theirs[..., 0][mask], atol=0.005 * np.abs(ours).max())
