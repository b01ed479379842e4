"""Held-out regression of diffusion volumes, and the faults that others had with it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from bids_denoise.denoisers.apply import denoise
from bids_denoise.denoisers.base import build
from bids_denoise.denoisers.choose import Kind, choose_denoiser
from bids_denoise.denoisers.local_pca import LocalPca
from bids_denoise.denoisers.patch2self import Patch2Self
from bids_denoise.errors import ScanError, UsageError
from bids_denoise.metrics.diffusion import above_unweighted
from bids_denoise.simulate import anatomy, dwi, gradients, tensors
from bids_denoise.simulate.noise import add_rician
from bids_denoise.simulate.phantom import Tissue
from bids_denoise.values import Device, Image, Noise

SIGMA = dwi.MEANS[Tissue.WHITE] / 10
GRID = anatomy.centred_grid((36, 44, 12), (4.0, 4.0, 4.0), (0.0, -18.0, 12.0))
FEW = [((1000.0, 6),), ((1000.0, 12),), ((1000.0, 30),)]
TWO_SHELLS = ((1000.0, 15), (2500.0, 15))
Shells = tuple[tuple[float, int], ...]


@cache
def scan(shells: Shells) -> tuple[dwi.DiffusionTruth, gradients.Gradients, Image, Noise]:
    """Return crossing fibres with one volume of b = 0, and what is measured of them."""
    rng = np.random.default_rng(0)
    scheme = gradients.scheme(shells, 1, rng)
    truth = dwi.crossing_series(anatomy.draw_individual(rng), GRID, scheme, rng)
    mask = np.ones(GRID.shape, np.bool_)
    noisy = add_rician(truth.series, SIGMA, np.random.default_rng(1))
    image = Image(noisy, GRID.affine, mask, bvals=scheme.bvals)
    return truth, scheme, image, Noise(np.full(GRID.shape, SIGMA, np.float32), "rician", "known")


@cache
def result(shells: Shells) -> np.ndarray:
    _, _, image, noise = scan(shells)
    return denoise(Patch2Self(), image, noise, Device(threads=2)).data


def error(data: np.ndarray, truth: dwi.DiffusionTruth) -> float:
    return float(np.sqrt(np.mean((data - truth.series)[truth.brain] ** 2)) / SIGMA)


def shifts(shells: Shells) -> np.ndarray:
    """Return by what share the mean of each volume in the brain differs from the truth's."""
    truth, *_ = scan(shells)
    found, true = (
        each[truth.brain].mean(axis=0, dtype=np.float64) for each in (result(shells), truth.series)
    )
    return np.asarray(found / true - 1)


@pytest.mark.parametrize("shells", FEW, ids=str)
def test_no_volume_shifts_with_few_directions_and_one_b0(shells: Shells) -> None:
    assert np.abs(shifts(shells)).max() < 0.005


def test_no_shell_shifts() -> None:
    _, scheme, *_ = scan(TWO_SHELLS)
    for b in (0, 1000, 2500):
        assert abs(shifts(TWO_SHELLS)[scheme.bvals == b].mean()) < 0.005


@pytest.mark.parametrize("shells", [*FEW, TWO_SHELLS], ids=str)
def test_no_signal_rises_above_b0(shells: Shells) -> None:
    truth, scheme, image, _ = scan(shells)
    share = [
        above_unweighted(each, scheme.bvals, truth.brain)
        for each in (truth.series, image.data, result(shells))
    ]
    assert share[1] is not None
    assert share[1] > 0.01
    assert share[2] == share[0] == 0


@pytest.mark.parametrize("shells", [*FEW, TWO_SHELLS], ids=str)
def test_directions_keep_their_own_contrast(shells: Shells) -> None:
    """What a volume differs from the mean of its shell by: neither flattened nor noisy."""
    truth, scheme, *_ = scan(shells)
    inner = scheme.bvals == 1000
    own = [
        data[truth.brain][:, inner] - data[truth.brain][:, inner].mean(axis=1, keepdims=True)
        for data in (truth.series, result(shells))
    ]
    assert np.vdot(own[0], own[1]) / np.vdot(own[0], own[0]) > 0.85
    assert np.corrcoef(own[0].ravel(), own[1].ravel())[0, 1] > 0.9


@pytest.mark.parametrize("shells", [*FEW, TWO_SHELLS], ids=str)
def test_anisotropy_is_neither_zero_nor_biased(shells: Shells) -> None:
    truth, scheme, *_ = scan(shells)
    where = truth.brain & (tensors.fractional_anisotropy(truth.tensors) > 0.3)
    fitted = tensors.fit(result(shells), scheme, where, dwi.FITTED_UP_TO)[where]
    found, true = map(tensors.fractional_anisotropy, (fitted, truth.tensors[where]))
    assert found.min() > 0
    assert np.mean(found < 0.1) < 0.002
    assert abs(np.mean(found - true)) < 0.04
    diffusivity = tensors.mean_diffusivity(fitted) / tensors.mean_diffusivity(truth.tensors[where])
    assert diffusivity.mean() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("shells", [*FEW, TWO_SHELLS], ids=str)
def test_what_is_taken_holds_no_anatomy(shells: Shells) -> None:
    truth, _, image, _ = scan(shells)
    strong = truth.brain & (truth.series.min(axis=-1) > 3 * SIGMA)
    taken = (image.data - result(shells))[strong] / SIGMA
    signal = truth.series[strong]
    alike = [np.corrcoef(*each)[0, 1] for each in zip(taken.T, signal.T, strict=True)]
    assert abs(np.mean(alike)) < 0.06
    assert np.abs(alike).max() < 0.15
    size = np.sqrt(np.mean(taken**2, axis=1))
    assert abs(np.corrcoef(size, signal.mean(axis=1))[0, 1]) < 0.15
    assert 0.8 < np.sqrt(np.mean(taken**2)) < 1.05


def test_it_comes_nearer_to_the_truth_than_a_pca_and_the_neighbours_help() -> None:
    truth, _, image, noise = scan(TWO_SHELLS)
    errors = [
        error(denoise(each, image, noise, Device(threads=2)).data, truth)
        for each in (Patch2Self(), Patch2Self(components=0), LocalPca())
    ]
    assert errors[0] < 0.95 * errors[1] < 0.95 * errors[2]


def test_more_directions_help() -> None:
    errors = [error(result(shells), scan(shells)[0]) for shells in FEW]
    assert 0.6 > errors[0] > errors[1] > errors[2]


def test_a_lesion_stays() -> None:
    truth, scheme, image, noise = scan(FEW[1])
    spot = tuple(
        slice(middle, middle + 2) for middle in np.argwhere(truth.brain).mean(0).astype(int)
    )
    series = truth.series.copy()
    series[spot] = 400 * np.exp(-scheme.bvals * 1.5e-3)
    noisy = add_rician(series, SIGMA, np.random.default_rng(2))
    found = denoise(Patch2Self(), replace(image, data=noisy), noise, Device(threads=2)).data
    for volumes in (scheme.bvals == 0, scheme.bvals > 0):
        kept = found[spot][..., volumes].mean() / series[spot][..., volumes].mean()
        assert kept == pytest.approx(1, abs=0.06)


def test_volumes_of_nothing_do_no_harm() -> None:
    truth, _, image, noise = scan(FEW[1])
    data = image.data.copy()
    data[..., 3], data[..., 7] = 0, 100
    found = denoise(Patch2Self(), replace(image, data=data), noise, Device(threads=2)).data
    assert np.isfinite(found).all()
    others = np.delete(np.arange(data.shape[-1]), [3, 7])
    kept = (found - truth.series)[truth.brain][:, others] / SIGMA
    assert np.sqrt(np.mean(kept**2)) < 1.1 * error(result(FEW[1]), truth)
    assert np.abs(found[truth.brain][:, 3]).max() < SIGMA
    assert found[truth.brain][:, 7].mean() == pytest.approx(np.sqrt(100**2 - SIGMA**2), rel=0.01)


def test_b_values_are_not_needed_and_four_volumes_are_enough() -> None:
    _, _, image, noise = scan(FEW[0])
    four = replace(image, data=image.data[..., :4].copy(), bvals=None)
    found = denoise(Patch2Self(), four, noise, Device(threads=2)).data
    truth = scan(FEW[0])[0]
    gain = [np.std((each - truth.series[..., :4])[truth.brain]) for each in (found, four.data)]
    assert gain[0] < 0.7 * gain[1]
    three = replace(four, data=four.data[..., :3].copy())
    with pytest.raises(ScanError, match="patch2self needs at least 4 volumes, this series has 3"):
        denoise(Patch2Self(), three, noise, Device())


def test_a_bold_run_is_refused_by_name() -> None:
    with pytest.raises(ScanError, match="'patch2self' cannot denoise func data"):
        choose_denoiser("patch2self", {}, Kind("func", (9, 9, 9, 100)))


def test_patches_that_leave_gaps_are_refused() -> None:
    with pytest.raises(UsageError, match=r"radius: 2\.5 is not between 2\.6 and 10"):
        build(Patch2Self, {"radius": 2.5})
