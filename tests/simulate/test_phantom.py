import numpy as np
import pytest

from bids_denoise.simulate.phantom import CONTRASTS, Tissue, head_labels, head_phantom


def test_head_has_every_tissue_and_air_all_around() -> None:
    labels = head_labels()
    assert set(np.unique(labels)) == {int(tissue) for tissue in Tissue}
    border = np.ones(labels.shape, bool)
    border[1:-1, 1:-1, 1:-1] = False
    assert np.all(labels[border] == Tissue.AIR)


@pytest.mark.parametrize("contrast", CONTRASTS)
def test_signal_is_that_of_the_tissue_away_from_edges(contrast: str) -> None:
    head, labels = head_phantom(contrast=contrast), head_labels()
    assert head.dtype == np.float32
    assert np.all(head >= 0)
    for tissue in (Tissue.GREY, Tissue.WHITE, Tissue.SCALP):
        median = np.median(head[labels == tissue])
        assert median == pytest.approx(CONTRASTS[contrast][tissue], rel=0.15)


def test_edges_hold_partial_volume() -> None:
    head = head_phantom()
    assert len(np.unique(head)) > 1000
    assert np.all(head[head_labels() == Tissue.AIR] < 200)
    assert np.mean(head == 0) > 0.5


def test_head_keeps_its_form_on_another_grid() -> None:
    small, large = head_labels((48, 56, 40)), head_labels((96, 112, 80))
    assert np.mean(large[::2, ::2, ::2] == small) > 0.85
    share = [np.mean(labels == Tissue.WHITE) for labels in (small, large)]
    assert share[0] == pytest.approx(share[1], rel=0.05)


def test_individuals_differ_and_repeat() -> None:
    assert np.array_equal(head_phantom(seed=1), head_phantom(seed=1))
    assert not np.array_equal(head_labels(seed=1), head_labels(seed=2))


def test_unknown_contrast_is_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match="'T9w' is not one of T1w, T2w"):
        head_phantom(contrast="T9w")
