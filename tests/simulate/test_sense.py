from __future__ import annotations

import numpy as np
import pytest

from bids_denoise.simulate import sense
from bids_denoise.simulate.coils import sensitivities
from bids_denoise.simulate.noise import complex_white
from bids_denoise.simulate.phantom import head_phantom

SHAPE = (40, 46, 9)
IMAGE = head_phantom(SHAPE)[..., 4]
MAPS = np.moveaxis(sensitivities(SHAPE)[..., 4], 0, -1)


@pytest.mark.parametrize("acceleration", [1, 2, 3, 4])
def test_folding_is_leaving_lines_out_and_unfolding_undoes_it(acceleration: int) -> None:
    longer = 46 + -46 % acceleration
    lines = np.fft.fft(IMAGE[..., np.newaxis] * MAPS, longer, axis=1)[:, ::acceleration]
    folded = sense.fold(IMAGE, MAPS, acceleration)
    assert np.allclose(folded, np.fft.ifft(lines, axis=1), atol=1e-3)
    unfolded = sense.unfold(folded, MAPS, acceleration)
    assert np.allclose(unfolded, IMAGE, atol=0.02)


@pytest.mark.parametrize("acceleration", [1, 2, 3])
def test_noise_gain_is_that_of_replicas(acceleration: int) -> None:
    rng = np.random.default_rng(0)
    shape = sense.fold(IMAGE, MAPS, acceleration).shape
    replicas = [
        sense.unfold(complex_white(shape, np.sqrt(acceleration), rng), MAPS, acceleration)
        for _ in range(300)
    ]
    measured = np.sqrt(np.mean(np.square(np.abs(replicas)), axis=0) / 2)
    gain = sense.noise_gain(MAPS, acceleration)
    assert np.allclose(measured, gain, rtol=0.2)
    assert np.median(measured / gain) == pytest.approx(1, abs=0.01)
    assert np.allclose(gain, np.sqrt(acceleration) * sense.g_factor(MAPS, acceleration), rtol=1e-3)


def test_fewer_aliases_cost_less_where_the_maps_are_masked() -> None:
    masked = MAPS * (IMAGE > 0)[..., np.newaxis]
    full, fewer = sense.g_factor(MAPS, 3), sense.g_factor(masked, 3)
    assert np.all(fewer[IMAGE == 0] == 0)
    assert np.all(fewer[IMAGE > 0] <= full[IMAGE > 0] + 1e-4)
    assert np.all(fewer[IMAGE > 0] >= 1 - 1e-4)
    assert fewer[IMAGE > 0].mean() < 0.95 * full[IMAGE > 0].mean()
    assert np.allclose(sense.unfold(sense.fold(IMAGE, masked, 3), masked, 3), IMAGE, atol=0.02)
