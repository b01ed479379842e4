import numpy as np
import pytest

from bids_denoise.stats.classify.kernels import decisions, reference_decisions


@pytest.mark.parametrize("cost", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("patients", [12, 20])
def test_decision_values_are_those_of_scikit_learn(cost: float, patients: int) -> None:
    rng = np.random.default_rng(patients)
    x = rng.normal(size=(50, 300))
    kernel = x @ x.T / 300
    labels = np.arange(40) < patients
    parts = (kernel[:40, :40], labels, cost, kernel[:, :40])
    np.testing.assert_allclose(decisions(*parts), reference_decisions(*parts), atol=1e-9)
