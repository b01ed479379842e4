import numpy as np
import pytest

from bids_denoise.participant.one_scan import CAUTION, cautious
from bids_denoise.values import Noise


@pytest.mark.parametrize(("trusted", "share"), [(True, 1.0), (False, CAUTION)])
def test_only_part_of_a_sigma_that_is_not_trusted_is_denoised_for(
    trusted: bool, share: float
) -> None:
    noise = Noise(np.full((2, 2, 2), 8, np.float32), "rician", "spectrum", trusted=trusted)
    used = cautious(noise)
    np.testing.assert_array_equal(used.sigma, share * noise.sigma)
    assert used.sigma.dtype == np.float32
