from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from bids_denoise.connectome.parcels import (
    LEAST_VOXELS,
    MOST_PARCELS,
    brain_of,
    geometric,
    kept,
    of_atlas,
    of_template,
    placed,
)
from bids_denoise.errors import ScanError
from bids_denoise.imageio import write_new
from bids_denoise.values import Image

AFFINE = np.diag([-3.0, 3.0, 3.3, 1.0])


def ball(shape: tuple[int, int, int]) -> np.ndarray:
    axes = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    return np.asarray(sum(axis**2 for axis in axes) < 0.9)


def test_parcels_are_of_equal_size_and_whole() -> None:
    mask = ball((40, 44, 30))
    parcels = geometric(mask, AFFINE)
    sizes = np.bincount(parcels.labels.ravel())[1:]
    assert len(parcels.names) == len(sizes) == MOST_PARCELS
    assert sizes.max() - sizes.min() <= 2
    np.testing.assert_array_equal(parcels.labels > 0, mask)
    for number in range(1, MOST_PARCELS + 1):
        assert ndimage.label(parcels.labels == number, np.ones((3, 3, 3)))[1] == 1


def test_parcels_are_compact_in_mm_and_not_in_voxels() -> None:
    thick = geometric(np.ones((32, 32, 32), np.bool_), np.diag([1.0, 1.0, 8.0, 1.0]), 64)
    for number in range(1, 65):
        extent = np.ptp(np.argwhere(thick.labels == number), axis=0) + 1
        np.testing.assert_array_equal(extent, (16, 16, 2))


def test_parcels_depend_on_nothing_but_the_mask() -> None:
    mask = ball((20, 22, 16))
    one, other = geometric(mask, AFFINE), geometric(mask.copy(order="F"), AFFINE)
    np.testing.assert_array_equal(one.labels, other.labels)


def test_a_small_mask_has_fewer_parcels() -> None:
    mask = ball((13, 13, 9))
    parcels = geometric(mask, AFFINE)
    assert len(parcels.names) == np.count_nonzero(mask) // LEAST_VOXELS < MOST_PARCELS
    assert np.bincount(parcels.labels.ravel())[1:].min() >= LEAST_VOXELS


def test_a_mask_of_hardly_anything_has_none() -> None:
    parcels = geometric(np.arange(64).reshape(4, 4, 4) < 9, AFFINE)
    assert parcels.names == ()
    assert not parcels.labels.any()


def test_parcels_that_are_dropped_are_named_and_the_others_counted_anew() -> None:
    parcels = geometric(np.ones((9, 9, 9), np.bool_), np.eye(4), 4)
    fewer = kept(parcels, np.array([True, False, True, True]))
    assert fewer.names == ("parcel-001", "parcel-003", "parcel-004")
    assert fewer.dropped == ("parcel-002",)
    np.testing.assert_array_equal(fewer.labels == 2, parcels.labels == 3)
    np.testing.assert_array_equal(fewer.labels == 0, parcels.labels == 2)


class TestAtlas:
    """A label image on another grid."""

    PATH = Path("atlas-mine_dseg.nii.gz")

    def test_labels_find_their_place_on_another_grid(self) -> None:
        data = np.zeros((20, 20, 20), np.float32)
        data[:10], data[10:] = 7, 3
        atlas = of_atlas(data, {7: "left"}, self.PATH, "mine")
        assert atlas.names == ("parcel-003", "left")
        coarse = np.diag([2.0, 2.0, 2.0, 1.0])
        brain = np.ones((10, 10, 10), np.bool_)
        brain[:, :, 0] = False
        found = placed(atlas, np.eye(4), brain, coarse)
        assert found.names == atlas.names
        assert (found.labels[:5, :, 1:] == 2).all()
        assert (found.labels[5:, :, 1:] == 1).all()
        assert not found.labels[:, :, 0].any()

    def test_a_name_that_two_labels_share_gets_their_numbers(self) -> None:
        data = np.arange(27, dtype=np.float32).reshape(3, 3, 3) // 9
        atlas = of_atlas(data, {1: "cortex", 2: "cortex"}, self.PATH, "mine")
        assert atlas.names == ("cortex-001", "cortex-002")

    def test_a_label_that_is_mostly_outside_the_brain_is_dropped(self) -> None:
        data = np.ones((10, 10, 10), np.float32)
        data[5:] = 2
        brain = np.zeros((10, 10, 10), np.bool_)
        brain[:7] = True
        found = placed(of_atlas(data, {}, self.PATH, "mine"), np.eye(4), brain, np.eye(4))
        assert (found.names, found.dropped) == (("parcel-001",), ("parcel-002",))

    def test_labels_beyond_the_field_of_view_count_as_outside(self) -> None:
        data = np.ones((20, 10, 10), np.float32)
        brain = np.ones((9, 10, 10), np.bool_)
        found = placed(of_atlas(data, {}, self.PATH, "mine"), np.eye(4), brain, np.eye(4))
        assert found.names == ()

    @pytest.mark.parametrize(
        "data",
        [np.full((4, 4, 4), 0.5), np.full((4, 4, 4), -1.0), np.ones((4, 4, 4, 3))],
        ids=["fractions", "negative", "four dimensions"],
    )
    def test_what_is_no_label_image_is_refused(self, data: np.ndarray) -> None:
        with pytest.raises(ScanError, match=r"atlas-mine_dseg.nii.gz: an atlas is a 3D image"):
            of_atlas(data.astype(np.float32), {}, self.PATH, "mine")


def test_parcels_of_a_template_are_the_same_for_everybody() -> None:
    """What differs is only which of their voxels lie in a person's brain."""
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = -96, -132, -76
    one = np.ones((49, 58, 48), np.bool_)
    other = one.copy()
    other[:, :, :14] = False
    first, second = of_template(one, affine), of_template(other, affine)
    assert (len(first.names), first.dropped) == (MOST_PARCELS, ())
    assert 0 < len(second.dropped) < MOST_PARCELS
    assert set(second.names) | set(second.dropped) == set(first.names)
    number = {name: n for n, name in enumerate(first.names, start=1)}
    for n, name in enumerate(second.names, start=1):
        np.testing.assert_array_equal(second.labels == n, (first.labels == number[name]) & other)


def test_the_brain_of_a_known_mask_is_that_mask(tmp_path: Path) -> None:
    head = ball((12, 12, 12))
    data = np.random.default_rng(0).normal(500, 20, (12, 12, 12, 5)).astype(np.float32)
    image = Image(data, AFFINE, np.ones_like(head), head=head)
    np.testing.assert_array_equal(brain_of(image, tmp_path / "not read.nii.gz"), head)


def test_the_brain_of_a_small_extracted_one_is_all_of_it(tmp_path: Path) -> None:
    """A rodent's: the mask for human scans would leave nothing of it."""
    head = ball((14, 16, 8))
    data = np.where(head, 500.0, 0)[..., np.newaxis] * np.ones(5)
    data[head] += np.random.default_rng(0).normal(0, 20, (head.sum(), 5))
    path = tmp_path / "bold.nii.gz"
    affine = np.diag([0.3, 0.3, 0.8, 1.0])
    write_new(path, data.astype(np.float32), affine, 1.0)
    image = Image(data.astype(np.float32), affine, head)
    brain = brain_of(image, path)
    np.testing.assert_array_equal(brain, head)
