import numpy as np
import pytest

from bids_denoise.noise.magnitude import RAYLEIGH_MEAN, RAYLEIGH_VARIANCE, variance_share
from bids_denoise.simulate.noise import add_rician


@pytest.mark.parametrize("signal", [0.0, 1.0, 2.0, 4.0, 30.0])
def test_share_of_the_variance_is_that_of_drawn_data(signal: float) -> None:
    drawn = add_rician(
        np.full((80, 80, 80), signal, np.float32), 1.0, np.random.default_rng(0)
    ).astype(np.float64)
    assert variance_share(np.array(drawn.mean())) == pytest.approx(drawn.var(), rel=0.01)


def test_share_lies_between_rayleigh_and_one_and_grows_with_the_mean() -> None:
    share = variance_share(np.linspace(0, 40, 400))
    assert share[0] == pytest.approx(RAYLEIGH_VARIANCE)
    assert share[-1] == 1
    assert (np.diff(share) >= 0).all()
    assert variance_share(np.array(RAYLEIGH_MEAN)) == pytest.approx(RAYLEIGH_VARIANCE)
