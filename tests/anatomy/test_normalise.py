"""Tissues on a template: they fit, their amounts are kept, and what shrank is seen."""

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from bids_denoise.anatomy.align import align, brain_image
from bids_denoise.anatomy.grids import pull
from bids_denoise.anatomy.normalise import (
    Normalised,
    deform,
    modulated,
    normalise,
    prior_for,
    smoothed,
    warp,
)
from bids_denoise.anatomy.template import of_images
from bids_denoise.errors import ScanError
from bids_denoise.simulate.anatomy import Grid
from tests.anatomy.people import Affine, image, overlap, reoriented, template, tissues, turn

ELSEWHERE = turn((10, -15, 5), (20, -30, 40)) @ np.diag([1.1, 0.95, 1.0, 1.0])


@pytest.fixture(scope="module")
def person() -> tuple[np.ndarray, Affine]:
    """Oblique, and of another size than the template."""
    maps, affine = tissues(2)
    return maps, ELSEWHERE @ affine


@pytest.fixture(scope="module")
def found(person: tuple[np.ndarray, Affine]) -> Normalised:
    return normalise(*person, template(), start=ELSEWHERE)


def test_the_tissues_fit_the_template(
    found: Normalised,
    person: tuple[np.ndarray, Affine],
) -> None:
    goal = template().tissues
    assert goal is not None
    linear = pull(*person, template().grid, found.linear)
    warped = warp(*person, found)
    before = [overlap(one, other) for one, other in zip(linear, goal, strict=True)]
    after = [overlap(one, other) for one, other in zip(warped, goal, strict=True)]
    assert min(after[:2]) > 0.85
    assert all(new > old + 0.05 for new, old in zip(after[:2], before[:2], strict=True))


def test_modulation_keeps_the_amount_of_every_tissue(
    found: Normalised,
    person: tuple[np.ndarray, Affine],
) -> None:
    maps, affine = person
    amount = maps.sum(axis=(1, 2, 3)) * abs(np.linalg.det(affine[:3, :3]))
    for fwhm in (0.0, 8.0):
        kept = modulated(maps, affine, found, fwhm).sum(axis=(1, 2, 3)) * 4.0**3
        assert kept == pytest.approx(amount, rel=0.01)


def test_the_mapping_folds_nowhere(found: Normalised) -> None:
    assert found.jacobian.min() > 0
    assert found.displacement.dtype == found.jacobian.dtype == np.float32


def test_the_orientation_of_the_array_does_not_matter(
    found: Normalised,
    person: tuple[np.ndarray, Affine],
) -> None:
    other = deform(*reoriented(*person, (2, 0, 1)), template(), found.linear)
    assert np.abs(other.displacement - found.displacement).max() < 0.05


def test_the_same_bits_come_out_again(
    found: Normalised,
    person: tuple[np.ndarray, Affine],
) -> None:
    assert sitk.ProcessObject.GetGlobalDefaultNumberOfThreads() == 1
    again = normalise(*person, template(), start=ELSEWHERE)
    assert np.array_equal(again.linear, found.linear)
    assert np.array_equal(again.displacement, found.displacement)


def test_a_known_deformation_is_found() -> None:
    goal = template().tissues
    assert goal is not None
    x, y, z = (np.arange(n) for n in template().image.shape)
    wave = 2.4 * np.sin(x[:, None, None] / 6) * np.sin(y[:, None] / 7) * np.cos(z / 6)
    known = 4 * np.stack([wave, -wave, wave]).astype(np.float32)
    # The person at x is the template at x + known(x): the mapping to find undoes it.
    moved = pull(goal, template().affine, template().grid, None, known)
    got = deform(moved, template().affine, template(), np.eye(4)).displacement
    left = got + pull(known, template().affine, template().grid, None, got)
    brain = brain_image(goal) > 0.2
    before, after = (
        np.sqrt(np.square(each[:, brain]).sum(axis=0).mean()) for each in (known, left)
    )
    # More cannot be seen in voxels of 4 mm: along a border nothing tells how far it slid.
    assert after < 0.6 * before


def test_a_nucleus_that_lost_volume_is_seen_in_the_jacobian() -> None:
    """4 % of the volume of a ball of 24 mm around a thalamus: seen as a loss, and there alone."""
    maps, affine = tissues(3)
    grid = type(template().grid)(maps.shape[1:], affine)
    index = np.stack(np.meshgrid(*map(np.arange, maps.shape[1:]), indexing="ij"))
    away = np.tensordot(affine[:3, :3], index, axes=1) + affine[:3, 3].reshape(3, 1, 1, 1)
    away = away - np.array([14.0, -20, 8]).reshape(3, 1, 1, 1)
    distance = np.linalg.norm(away, axis=0)
    # Within the ball everything is drawn to its centre, which fades out at twice its radius.
    growth = 0.04 / 3 * np.clip(2 - distance / 24, 0, 1)
    thinner = pull(maps, affine, grid, None, (away * growth).astype(np.float32))
    linear = normalise(maps, affine, template()).linear
    healthy = deform(maps, affine, template(), linear)
    ill = deform(thinner, affine, template(), linear)
    change = np.log(ill.jacobian / healthy.jacobian)
    own = warp((distance < 20).astype(np.float32), affine, healthy) > 0.9
    far = (warp((distance > 55).astype(np.float32), affine, healthy) > 0.9) & (
        template().image > 0.2
    )
    assert change[own].mean() < -0.01
    assert abs(change[far].mean()) < 0.2 * abs(change[own].mean())


def test_the_prior_lies_on_the_person(person: tuple[np.ndarray, Affine]) -> None:
    maps, affine = person
    brain = maps.sum(axis=0) > 0.5
    x, y, z = brain.shape
    prior = prior_for(Grid((x, y, z), affine), template(), align(image(maps), affine, template()))
    assert prior.shape == maps.shape
    assert overlap(prior.sum(axis=0), brain.astype(np.float32)) > 0.9
    assert min(overlap(one, other) for one, other in zip(prior[:2], maps[:2], strict=True)) > 0.6


def test_an_image_alone_is_brought_to_a_template_of_its_contrast() -> None:
    maps, affine = tissues(2)
    goal = template().tissues
    assert goal is not None
    plain = of_images(image(goal), None, template().affine, "plain", "a test")
    got = normalise(50 * image(maps), affine, plain)
    warped = warp(maps, affine, got)
    assert overlap(warped[1], goal[1]) > 0.8
    with pytest.raises(ScanError, match="no tissue maps"):
        normalise(maps, affine, plain)


def test_smoothing_is_of_the_width_asked_for() -> None:
    point = np.zeros((41, 41, 41), dtype=np.float32)
    point[20, 20, 20] = 1
    line = smoothed(point, np.diag([2.0, 2, 2, 1]), 12.0)[:, 20, 20]
    assert np.interp(6.0, 2 * np.arange(21), line[20:] / line[20]) == pytest.approx(0.5, abs=0.01)
