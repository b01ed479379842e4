import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from bids_denoise.intensity import cross_entropy_threshold, foreground, sample, window
from bids_denoise.simulate.noise import add_rician
from bids_denoise.simulate.phantom import Tissue, head_labels, head_phantom

SHAPE = (48, 56, 40)


def everywhere(data: np.ndarray) -> np.ndarray:
    return np.ones(data.shape[:3], bool)


def judged(found: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Return the share of the brain that is found, and of the air 2 voxels away from the head."""
    brain = np.isin(labels, (Tissue.CSF, Tissue.GREY, Tissue.WHITE, Tissue.DEEP_GREY))
    air = ~binary_dilation(labels != Tissue.AIR, iterations=2)
    return float(found[brain].mean()), float(found[air].mean())


@pytest.mark.parametrize("contrast", ["T1w", "T2w", "FLAIR"])
@pytest.mark.parametrize("sigma", [2.0, 10.0, 30.0])
def test_foreground_holds_the_brain_and_no_air(contrast: str, sigma: float) -> None:
    noisy = add_rician(head_phantom(SHAPE, contrast), sigma, np.random.default_rng(0))
    found = foreground(noisy, everywhere(noisy))
    assert found.dtype == np.bool_
    brain, air = judged(found, head_labels(SHAPE))
    assert brain > 0.97
    assert air < 0.001


def test_large_images_are_looked_at_coarsely_and_still_found() -> None:
    shape = (170, 40, 40)
    noisy = add_rician(head_phantom(shape), 10.0, np.random.default_rng(0))
    brain, air = judged(foreground(noisy, everywhere(noisy)), head_labels(shape))
    assert brain > 0.98
    assert air < 0.01


def test_all_of_an_extracted_brain_is_foreground_whatever_its_contrast() -> None:
    brain = head_labels(SHAPE) >= Tissue.CSF
    data = np.where(brain, head_phantom(SHAPE, "T2w"), np.float32(0))
    assert np.array_equal(foreground(data, brain), brain)


def test_foreground_stays_inside_the_mask() -> None:
    noisy = add_rician(head_phantom(SHAPE), 10.0, np.random.default_rng(0))
    mask = everywhere(noisy)
    mask[:, :, :30] = False
    found = foreground(noisy, mask)
    assert found.any()
    assert not (found & ~mask).any()


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_constant_data_and_an_empty_mask_have_no_air(value: float) -> None:
    data = np.full((6, 7, 8), value, np.float32)
    assert foreground(data, everywhere(data)).all()
    assert not foreground(data, np.zeros((6, 7, 8), bool)).any()


def test_threshold_does_not_depend_on_unit_or_offset() -> None:
    values = np.random.default_rng(0).gamma(1.5, 40, 5000).astype(np.float32)
    threshold = cross_entropy_threshold(values)
    assert values.min() < threshold < values.max()
    assert cross_entropy_threshold(1000 * values + 50) == pytest.approx(
        1000 * threshold + 50, rel=1e-3
    )


def test_window_ignores_the_brightest_and_what_is_outside() -> None:
    data = np.random.default_rng(0).uniform(100, 200, (20, 20, 20, 3)).astype(np.float32)
    data[0, 0, 0] = 1e6
    mask = everywhere(data)
    mask[10:] = False
    data[10:] = -500
    low, high = window(data, mask)
    assert low == pytest.approx(100.5, abs=2)
    assert high == pytest.approx(199.5, abs=2)


@pytest.mark.parametrize("value", [0.0, -3.0, 1e6])
def test_window_is_never_empty(value: float) -> None:
    data = np.full((4, 4, 4), value, np.float32)
    for mask in (everywhere(data), np.zeros((4, 4, 4), bool)):
        low, high = window(data, mask)
        assert low < high


def test_window_of_two_values_spans_them_even_if_one_is_rare() -> None:
    data = np.zeros((10, 10, 10), np.float32)
    data[0, 0, 0] = 5
    assert window(data, everywhere(data)) == (0.0, 5.0)


def test_samples_come_from_the_mask_and_from_every_line() -> None:
    data = np.arange(8000, dtype=np.float32).reshape(20, 20, 20)
    mask = data >= 4000
    drawn = sample(data, mask, 400)
    assert 300 < drawn.size < 500
    assert drawn.min() >= 4000
    assert len(np.unique(drawn % 20)) == 20


def test_a_lonely_voxel_is_sampled() -> None:
    data = np.arange(8000, dtype=np.float32).reshape(20, 20, 20)
    assert sample(data, data == 4321).tolist() == [4321.0]
