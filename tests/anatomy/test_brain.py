"""The brain mask: of heads it was not trained on, of what is no head, and what it says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.ndimage import binary_closing, binary_fill_holes

from bids_denoise.anatomy import brain as room
from bids_denoise.anatomy import brain_network
from bids_denoise.anatomy.brain import find_brain
from bids_denoise.anatomy.brain_network import CLOSER, Answer, Grid, _cube, _look
from bids_denoise.errors import ScanError
from bids_denoise.simulate import anatomy
from bids_denoise.simulate.noise import add_rician
from bids_denoise.simulate.phantom import CONTRASTS, Tissue
from bids_denoise.values import Device, Image
from bids_denoise.weights import load_weights

if TYPE_CHECKING:
    from bids_denoise.values import BoolArray, FloatArray

GRID = anatomy.centred_grid((64, 74, 60), (3.0, 3.0, 3.0), (0.0, -18.0, 0.0))


@pytest.fixture(scope="module")
def parts() -> FloatArray:
    return anatomy.fractions(anatomy.draw_individual(np.random.default_rng(5)), GRID)


@pytest.fixture(scope="module")
def truth(parts: FloatArray) -> BoolArray:
    """Return grey and white matter, closed over sulci and ventricles."""
    tissue = (Tissue.GREY, Tissue.WHITE, Tissue.DEEP_GREY)
    matter = np.sum([parts[each] for each in tissue], axis=0) > 0.5
    return np.asarray(binary_fill_holes(binary_closing(matter, iterations=2)))


def scan(parts: FloatArray, contrast: str = "T1w", percent: float = 3) -> Image:
    data = anatomy.signal(parts, CONTRASTS[contrast])
    noisy = add_rician(data, percent * 1.6, np.random.default_rng(2))
    return Image(noisy, GRID.affine, np.ones(noisy.shape, np.bool_))


def dice(one: BoolArray, other: BoolArray) -> float:
    both = np.count_nonzero(one & other)
    return 2 * both / (np.count_nonzero(one) + np.count_nonzero(other))


@pytest.mark.parametrize("contrast", ["T1w", "T2w", "FLAIR", "PDw"])
@pytest.mark.parametrize("percent", [3, 9])
def test_a_head_of_any_contrast(
    parts: FloatArray, truth: BoolArray, contrast: str, percent: float
) -> None:
    found = find_brain(scan(parts, contrast, percent), Device())
    assert (found.source, found.remarks) == ("network", ())
    assert dice(found.mask, truth) > 0.9


def test_units_do_not_matter(parts: FloatArray) -> None:
    image = scan(parts)
    louder = Image(image.data * np.float32(1024), image.affine, image.mask)
    one, other = (find_brain(each, Device()).mask for each in (image, louder))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
def test_how_voxels_are_stored_does_not_matter(parts: FloatArray, axes: tuple[int, ...]) -> None:
    """The same head, axes exchanged and mirrored, and an affine that says so."""
    image = scan(parts)
    turned = np.ascontiguousarray(image.data.transpose(axes)[::-1])
    affine = image.affine[:, [*axes, 3]].copy()
    affine[:3, 3] += (turned.shape[0] - 1) * affine[:3, 0]
    affine[:3, 0] *= -1
    found = find_brain(Image(turned, affine, np.ones(turned.shape, np.bool_)), Device()).mask
    assert dice(found[::-1].transpose(np.argsort(axes)), find_brain(image, Device()).mask) > 0.99


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_head_that_lies_another_way_than_its_affine_says(
    parts: FloatArray, truth: BoolArray, axis: int
) -> None:
    image = scan(parts)
    flipped = np.ascontiguousarray(np.flip(image.data, axis))
    found = find_brain(Image(flipped, image.affine, image.mask), Device())
    assert dice(np.flip(found.mask, axis), truth) > 0.85


def test_slices_of_six_millimetres(parts: FloatArray, truth: BoolArray) -> None:
    image = scan(parts)
    thick = image.data.reshape(64, 74, 30, 2).mean(axis=3)
    affine = image.affine @ np.diag([1, 1, 2, 1])
    affine[:3, 3] += 0.5 * image.affine[:3, 2]
    found = find_brain(Image(thick, affine, np.ones(thick.shape, np.bool_)), Device())
    assert found.source == "network"
    assert dice(np.repeat(found.mask, 2, axis=2), truth) > 0.88


def test_the_size_of_the_head_does_not_matter(parts: FloatArray) -> None:
    """A head of a mouse's size is the same picture."""
    image = scan(parts)
    small = Image(image.data, np.diag([0.05, 0.05, 0.05, 1.0]) @ image.affine, image.mask)
    assert dice(find_brain(small, Device()).mask, find_brain(image, Device()).mask) > 0.99


def test_an_extracted_brain_is_the_brain(parts: FloatArray, truth: BoolArray) -> None:
    image = scan(parts)
    hollow = truth & (np.random.default_rng(0).random(truth.shape) > 0.001)
    extracted = Image(np.where(hollow, image.data, np.float32(0)), image.affine, hollow)
    found = find_brain(extracted, Device())
    assert found.source == "extracted"
    np.testing.assert_array_equal(found.mask, binary_fill_holes(hollow))


def test_a_head_whose_air_was_removed_is_not_taken_for_a_brain(
    parts: FloatArray, truth: BoolArray
) -> None:
    image = scan(parts)
    head = parts[Tissue.AIR] < 0.5
    head[:, :, :8] = False
    without = Image(np.where(head, image.data, np.float32(0)), image.affine, head)
    found = find_brain(without, Device())
    assert found.source == "network"
    assert dice(found.mask, truth) > 0.85


def test_by_thresholds_and_morphology(parts: FloatArray, truth: BoolArray) -> None:
    found = find_brain(scan(parts), Device(), "classical")
    assert (found.source, found.remarks) == ("classical", ())
    assert dice(found.mask, truth) > 0.85


def unsure(answer: Answer) -> Answer:
    return Answer(np.where(answer.odds > 0, np.float32(0.1), np.float32(-0.1)), answer.grid)


def in_pieces(answer: Answer) -> Answer:
    odds = answer.odds.copy()
    odds[odds.shape[0] // 2 - 3 : odds.shape[0] // 2 + 3] = -9
    return Answer(odds, answer.grid)


def nothing(answer: Answer) -> Answer:
    return Answer(np.full_like(answer.odds, -9), answer.grid)


def everything(answer: Answer) -> Answer:
    grid = Grid(answer.grid.shape, 3 * answer.grid.spacing, 3 * answer.grid.origin)
    return Answer(np.full_like(answer.odds, 9), grid)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (unsure, "expects an overlap of"),
        (in_pieces, "hang together"),
        (nothing, "found no brain"),
        (everything, "cut by 6 of the 6 faces"),
    ],
)
def test_an_unlikely_answer_is_not_taken_and_that_is_said(
    parts: FloatArray,
    truth: BoolArray,
    changed: object,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ask = brain_network.ask_network
    monkeypatch.setattr(room, "ask_network", lambda *given: changed(ask(*given)))  # type: ignore[operator]
    found = find_brain(scan(parts), Device())
    assert found.source == "classical"
    assert any(said in each for each in found.remarks)
    assert "not by the network" in found.remarks[-1]
    assert dice(found.mask, truth) > 0.85


def test_looks_that_disagree_are_told_of(
    parts: FloatArray, truth: BoolArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The third look sees a part of the brain only."""
    looks = []

    def look(*given: object) -> Answer:
        looks.append(_look(*given))  # type: ignore[arg-type]
        if len(looks) == 4:
            looks[-1].odds[:40] = -1
        return looks[-1]

    monkeypatch.setattr(brain_network, "_look", look)
    found = find_brain(scan(parts), Device())
    assert found.source == "network"
    assert "looks at the brain overlap by 0." in found.remarks[0]
    assert dice(found.mask, truth) > 0.85, "the others outvote it"


def test_a_closer_look_sees_better(parts: FloatArray, truth: BoolArray) -> None:
    """Whatever was thought before: here a cube that is too large, and off by 15 mm."""
    image, network = scan(parts), load_weights("brain_mask").network
    side = np.array([300.0, 300.0, 300.0])
    middle = (GRID.affine @ [*(np.array(GRID.shape) / 2), 1])[:3] + 15
    far = _look(network, image, _cube((middle - side / 2, middle + side / 2), 1.0), Device())
    near = _look(network, image, _cube(far.grid.box_of(far.odds > 0), CLOSER[0]), Device())
    found = [dice(brain_network.on_image(each, image) > 0, truth) for each in (far, near)]
    assert found[1] > found[0]


def test_noise_alone_is_no_head() -> None:
    noise = np.random.default_rng(0).rayleigh(10, (40, 40, 40)).astype(np.float32)
    image = Image(noise, np.eye(4), np.ones(noise.shape, np.bool_))
    with pytest.raises(ScanError, match="neighbouring voxels have nothing in common"):
        find_brain(image, Device())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (np.ones((8, 8, 8), np.float32), "without any contrast"),
        (np.ones((8, 8, 8, 3), np.float32), r"3D images; this one is \(8, 8, 8, 3\)"),
    ],
)
def test_what_is_no_head_is_refused(data: FloatArray, said: str) -> None:
    image = Image(data, np.eye(4), np.ones(data.shape[:3], np.bool_))
    with pytest.raises(ScanError, match=said):
        find_brain(image, Device())
