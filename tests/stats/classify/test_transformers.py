import numpy as np
import pytest

from bids_denoise.stats.classify.transformers import ConfoundRegressor, SiteHarmoniser


def shifted(n: int = 120, p: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Features of three sites with their own mean and scale, and an age effect to be kept."""
    rng = np.random.default_rng(0)
    sites = np.arange(n) % 3
    age = rng.normal(size=(n, 1)) + 0.5 * sites[:, None]
    truth = rng.normal(size=(n, p)) + age * rng.normal(0, 1, p)
    x = truth * np.array([0.7, 1.0, 1.6])[sites][:, None] + rng.normal(0, 1, (3, p))[sites]
    return x.astype(np.float32), truth, sites, age


def test_confounds_are_taken_out_of_rows_that_were_not_fitted() -> None:
    rng = np.random.default_rng(1)
    confounds = rng.normal(40, 10, size=(200, 2))
    pure = rng.normal(size=(200, 50))
    x = pure + confounds @ rng.normal(size=(2, 50))
    fitted = ConfoundRegressor().fit(x[:150], confounds=confounds[:150])
    rest = fitted.transform(x[150:], confounds=confounds[150:])
    assert np.corrcoef(rest[:, 0], pure[150:, 0])[0, 1] > 0.98
    again = fitted.transform(x[:150], confounds=confounds[:150])
    assert np.abs((confounds[:150] - confounds[:150].mean(axis=0)).T @ again).max() < 1e-6


def test_held_out_rows_are_without_effect_on_what_is_fitted() -> None:
    x, _, sites, age = shifted()
    one = SiteHarmoniser().fit(x[:90], sites=sites[:90], covariates=age[:90])
    moved = one.transform(x[90:] + 100, sites=sites[90:], covariates=age[90:])
    alone = one.transform(x[90:91] + 100, sites=sites[90:91], covariates=age[90:91])
    np.testing.assert_allclose(moved[:1], alone, rtol=1e-5)


def test_harmonised_sites_have_one_mean_and_scale_in_new_rows() -> None:
    x, truth, sites, age = shifted()
    fitted = SiteHarmoniser().fit(x[:90], sites=sites[:90], covariates=age[:90])
    new = fitted.transform(x[90:], sites=sites[90:], covariates=age[90:])

    def apart(values: np.ndarray) -> float:
        means = np.stack([values[sites[90:] == site].mean(axis=0) for site in range(3)])
        return float(means.std(axis=0).mean())

    def scales(values: np.ndarray) -> np.ndarray:
        return np.array([values[sites[90:] == site].std(axis=0).mean() for site in range(3)])

    assert apart(new) < 0.75 * apart(x[90:])
    before, after = scales(x[90:]), scales(new)
    assert np.ptp(before) / before.mean() > 2 * np.ptp(after) / after.mean()
    # What belongs to age stays.
    kept = np.corrcoef(new[:, 0], age[90:, 0])[0, 1]
    assert kept == pytest.approx(np.corrcoef(truth[90:, 0], age[90:, 0])[0, 1], abs=0.25)


def test_features_without_site_effects_are_nearly_left_alone() -> None:
    """Empirical Bayes: without a common effect the estimates are shrunken to none."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(40, 1000))
    sites, none = np.arange(40) % 4, np.zeros((40, 0))
    new = (
        SiteHarmoniser()
        .fit(x, sites=sites, covariates=none)
        .transform(x, sites=sites, covariates=none)
    )
    plain = np.stack([x[sites == site].mean(axis=0) for site in range(4)])[sites]
    assert np.abs(new - x).mean() < 0.6 * np.abs(plain).mean()


def test_odd_sites() -> None:
    x, _, sites, age = shifted()
    fitted = SiteHarmoniser().fit(x, sites=sites, covariates=age)
    with pytest.raises(ValueError, match=r"sites \[7\] were not in the training rows"):
        fitted.transform(x[:1], sites=np.array([7]), covariates=age[:1])
    alone = np.where(np.arange(len(x)) == 0, 9, 0)
    x[:, 5] = 3.0
    new = SiteHarmoniser().fit(x, sites=alone, covariates=age[:, :0])
    out = new.transform(x, sites=alone, covariates=age[:, :0])
    assert np.isfinite(out).all()
    np.testing.assert_allclose(out[:, 5], 3.0, rtol=1e-5)
