"""How bright tissues are: the orders of textbook weightings, and what stays within bounds."""

from __future__ import annotations

import numpy as np
import pytest

from bids_denoise.simulate import tissue_contrast
from bids_denoise.simulate.tissue_contrast import draw_weighting

WHITE, GREY, FLUID, FAT, BONE = 2, 3, 24, 511, 515


class Drawn:
    """Gives a sequence by number, the middle of all ranges else, and no variation."""

    def __init__(self, sequence: int, *timings: float) -> None:
        self.sequence, self.timings = sequence, list(timings)

    def integers(self, _: int) -> int:
        return self.sequence

    def standard_normal(self, shape: tuple[int, int]) -> np.ndarray:
        return np.zeros(shape)

    def uniform(self, low: float, high: float) -> float:
        return self.timings.pop(0) if self.timings else (low + high) / 2

    def random(self) -> float:
        return 0.9


@pytest.mark.parametrize(
    ("sequence", "timings", "order"),
    [
        (0, (np.log(500), np.log(10)), (FLUID, GREY, WHITE, FAT)),
        (0, (np.log(5000), np.log(100)), (WHITE, GREY, FLUID)),
        (1, (np.log(900), np.log(3), np.log(1300)), (FLUID, GREY, WHITE)),
        (1, (np.log(2500), np.log(100), np.log(6500)), (FLUID, WHITE, GREY)),
        (2, (np.log(20), np.log(4), 25.0), (FLUID, GREY, WHITE, FAT)),
    ],
    ids=["T1w spin echo", "T2w spin echo", "MPRAGE", "FLAIR", "FLASH"],
)
def test_tissues_are_as_bright_as_in_text_books(
    sequence: int, timings: tuple[float, ...], order: tuple[int, ...]
) -> None:
    signal = draw_weighting(531, Drawn(sequence, *timings))  # type: ignore[arg-type]
    values = [signal[code] for code in order]
    assert values == sorted(values)
    assert signal[BONE] < 0.3 * signal[[WHITE, GREY, FLUID]].max()


def test_signals_are_of_one_scale() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        signal = draw_weighting(531, rng)
        assert signal.dtype == np.float32
        assert signal[0] == 0
        assert np.isfinite(signal).all()
        assert signal.min() >= 0
        assert 0.99 < signal[[WHITE, GREY, 10, FLUID]].max() < 1.01


def test_maps_of_few_labels_have_signals_too() -> None:
    assert draw_weighting(4, np.random.default_rng(1)).shape == (4,)
    assert set(tissue_contrast.RELAXATION) >= {WHITE, FLUID, FAT, BONE}
