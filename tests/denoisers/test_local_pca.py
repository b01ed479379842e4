"""What the PCA of patches does by itself, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from bids_denoise.denoisers.apply import denoise
from bids_denoise.denoisers.base import build
from bids_denoise.denoisers.local_pca import LocalPca, automatic_radius
from bids_denoise.denoisers.mppca import MarchenkoPasturPca
from bids_denoise.errors import ScanError, UsageError
from bids_denoise.simulate import anatomy, dwi, gradients
from bids_denoise.simulate.noise import add_rician
from bids_denoise.values import Device, Image, Noise

SIGMA = 25.0


def diffusion() -> tuple[dwi.DiffusionTruth, Image]:
    rng = np.random.default_rng(0)
    grid = anatomy.centred_grid((22, 26, 8), (5.0, 5.0, 5.0))
    scheme = gradients.scheme([(1000.0, 15), (2500.0, 15)], 2, rng)
    truth = dwi.diffusion_series(anatomy.draw_individual(rng), grid, scheme, rng)
    noisy = add_rician(truth.series, SIGMA, rng)
    mask = np.ones(truth.brain.shape, np.bool_)
    return truth, Image(noisy, grid.affine, mask, bvals=np.asarray(scheme.bvals))


def noise(image: Image, law: str = "rician") -> Noise:
    return Noise(np.full(image.mask.shape, SIGMA, np.float32), law, "known")  # type: ignore[arg-type]


def test_diffusion_comes_nearer_to_the_truth_than_by_mppca_and_without_the_noise_floor() -> None:
    truth, image = diffusion()
    inside = truth.brain
    errors, floors = [], []
    weak = image.bvals > 2000 if image.bvals is not None else slice(None)
    for method in (MarchenkoPasturPca(), LocalPca()):
        found = denoise(method, image, noise(image), Device(threads=2)).data
        error = (found - truth.series)[inside] / SIGMA
        errors.append(np.sqrt(np.mean(error**2)))
        floors.append(error[:, weak].mean())
    assert errors[1] < 0.7 * errors[0]
    assert floors[0] > 0.3
    assert abs(floors[1]) < 0.1


def test_what_is_automatic_depends_on_the_kind_of_series() -> None:
    _, image = diffusion()
    found = denoise(LocalPca(), image, noise(image), Device(threads=2)).choices
    assert found == {"radius": 2.0, "demean": "none"}
    plain = Image(image.data, image.affine, image.mask)
    found = denoise(LocalPca(), plain, noise(image), Device(threads=2)).choices
    assert found == {"radius": 2.0, "demean": "all"}
    assert [automatic_radius(n, diffusion=True) for n in (10, 30, 64, 300)] == [1.75, 2, 2.5, 3]
    assert automatic_radius(300, diffusion=False) == 2


@pytest.mark.parametrize("demean", ["none", "all", "shells"])
def test_means_can_be_taken_out(demean: str) -> None:
    truth, image = diffusion()
    asked = LocalPca(demean=demean)
    found = denoise(asked, image, noise(image), Device(threads=2)).data
    error = np.sqrt(np.mean((found - truth.series)[truth.brain] ** 2))
    assert error < 0.6 * SIGMA


@pytest.mark.parametrize(
    "values", [{"radius": 1.0}, {"kernel": "cube", "radius": 1.0, "step": 4}, {"step": 3}]
)
def test_patches_that_leave_gaps_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="leave gaps"):
        build(LocalPca, values)


def test_too_few_volumes_are_refused_by_name() -> None:
    data = np.random.default_rng(0).normal(100, 10, (6, 6, 6, 4)).astype(np.float32)
    image = Image(data, np.eye(4), np.ones((6, 6, 6), np.bool_))
    with pytest.raises(ScanError, match="at least 6 volumes, this series has 4"):
        denoise(LocalPca(), image, noise(image, "gaussian"), Device())
