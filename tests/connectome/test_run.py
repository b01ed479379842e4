"""Connectomes of a simulated run whose networks are known, before and after denoising."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from bids_denoise.connectome.edges import cleaned, correlation, edges_of
from bids_denoise.connectome.parcels import Parcels, geometric
from bids_denoise.connectome.run import LEAST_VOLUMES, connectomes
from bids_denoise.denoisers import DENOISERS
from bids_denoise.denoisers.apply import denoise
from bids_denoise.errors import ScanError
from bids_denoise.simulate.noise import add_rician
from bids_denoise.simulate.physiology import draw_parcels
from bids_denoise.values import Device, Image, Noise

if TYPE_CHECKING:
    from bids_denoise.values import FloatArray

    Runs = tuple[FloatArray, FloatArray, FloatArray, Parcels]

SHAPE, TR, VOLUMES = (24, 24, 12), 2.0, 120
SIGMA = 25.0


@pytest.fixture(scope="module")
def run() -> Runs:
    """A noise-free run, the noisy one, what pca makes of it, and the parcels it consists of."""
    rng = np.random.default_rng(0)
    points = np.stack(np.meshgrid(*(3.0 * np.arange(n) for n in SHAPE), indexing="ij"))
    truth = draw_parcels(points, np.ones(SHAPE, np.float32), 150, (TR, VOLUMES), rng)
    clear = np.asarray(1000 * (1 + 0.01 * truth.courses[truth.labels - 1]), dtype=np.float32)
    noisy = add_rician(clear, SIGMA, rng)
    noise = Noise(np.full(SHAPE, SIGMA, np.float32), "rician", "known")
    image = Image(noisy, np.diag([3.0, 3, 3, 1]), np.ones(SHAPE, np.bool_))
    clean = denoise(DENOISERS["pca"](), image, noise, Device()).data
    names = tuple(map(str, range(len(truth.courses))))
    return clear, noisy, clean, Parcels(truth.labels.astype(np.int32), names, "truth", "truth")


def rms(one: object, other: object) -> float:
    return float(np.sqrt(np.mean((np.asarray(one) - np.asarray(other)) ** 2)))


def single_voxels() -> Parcels:
    labels = np.zeros(SHAPE, np.int32)
    labels[2::5, 2::5, 2::4] = np.arange(1, 76).reshape(5, 5, 3)
    return Parcels(labels, tuple(map(str, range(75))), "voxels", "voxels")


@pytest.mark.parametrize(("scale", "share"), [("networks", 1.2), ("voxels", 0.6)])
def test_edges_are_nearer_to_the_truth_after(run: Runs, scale: str, share: float) -> None:
    """Much in single voxels; in parcels of 46, which average noise away, they stay about as far."""
    clear, noisy, clean, networks = run
    parcels = networks if scale == "networks" else single_voxels()
    made = connectomes(noisy, clean, parcels, TR)
    truth = edges_of(connectomes(clear, clear, parcels, TR).before.correlation)
    before, after = (edges_of(each.correlation) for each in (made.before, made.after))
    assert rms(after, truth) < share * rms(before, truth)
    assert made.after.numbers["edge_reliability"] > made.before.numbers["edge_reliability"]
    assert np.abs(after).mean() > np.abs(before).mean()


def test_white_noise_has_no_reliable_edges() -> None:
    """Shrinkage may leave no partial correlation at all: then none is alike."""
    rng = np.random.default_rng(0)
    noise = rng.normal(1000, 10, (*SHAPE, VOLUMES)).astype(np.float32)
    made = connectomes(noise, noise, geometric(np.ones(SHAPE, np.bool_), np.eye(4), 40), TR)
    assert abs(made.before.numbers["edge_reliability"]) < 0.2
    assert abs(made.before.numbers["partial_reliability"]) < 0.2
    assert made.before.numbers["parcel_identifiability"] < 0.2


def test_a_noise_free_run_has_the_correlation_of_its_networks(
    run: Runs,
) -> None:
    clear, _, _, parcels = run
    made = connectomes(clear, clear, parcels, TR)
    courses = np.stack([clear[parcels.labels == n][0] for n in range(1, len(parcels.names) + 1)])
    expected = correlation(cleaned(courses.T.astype(np.float64), TR))
    np.testing.assert_allclose(made.before.correlation, expected, atol=1e-3)
    assert made.before.numbers == made.after.numbers


def test_a_parcel_that_does_not_vary_is_dropped_from_both() -> None:
    rng = np.random.default_rng(0)
    before = rng.normal(1000, 10, (*SHAPE, VOLUMES)).astype(np.float32)
    parcels = geometric(np.ones(SHAPE, np.bool_), np.eye(4), 40)
    after = before.copy()
    after[parcels.labels == 3] = 1000
    made = connectomes(before, after, parcels, TR)
    assert made.parcels.dropped == ("parcel-003",)
    for one in (made.before, made.after):
        assert one.courses.shape == (VOLUMES, 39)
        assert one.correlation.shape == one.partial.shape == (39, 39)
        assert np.isfinite(one.correlation).all()
    assert np.bincount(made.parcels.labels.ravel()).size == 40


def test_few_volumes_and_few_parcels_are_refused_by_name() -> None:
    data = np.random.default_rng(0).normal(1000, 10, (*SHAPE, LEAST_VOLUMES)).astype(np.float32)
    parcels = geometric(np.ones(SHAPE, np.bool_), np.eye(4), 20)
    connectomes(data, data, parcels, TR)
    with pytest.raises(ScanError, match="needs 40 volumes; the run has 39"):
        connectomes(data[..., 1:], data[..., 1:], parcels, TR)
    few = geometric(np.ones(SHAPE, np.bool_), np.eye(4), 9)
    with pytest.raises(ScanError, match=r"9 parcels in the brain .* a connectome needs 10"):
        connectomes(data, data, few, TR)
