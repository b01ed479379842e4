"""scikit-learn transformers that scikit-learn lacks: confound regression, site harmonisation.

Both are fitted on training rows without labels. Imported inside functions only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin  # noqa: TID253

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[Any]

FEWEST_TO_SHRINK = 10
"""Below so many features their spread says nothing about a prior."""
MOST_STEPS, ENOUGH = 30, 1e-4
"""Of the iteration for the posterior means: it converges in about five steps."""


class ConfoundRegressor(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Takes out of each feature what a linear model of the confounds says, fitted in training."""

    def fit(self, X: Floats, y: None = None, *, confounds: Floats) -> ConfoundRegressor:  # noqa: ARG002, N803
        """Fit to (n, p) features and (n, k) confounds; `y` is never looked at."""
        self.mean_ = confounds.mean(axis=0)
        centred = (confounds - self.mean_).astype(X.dtype)
        self.slopes_ = np.linalg.pinv(centred) @ X
        return self

    def transform(self, X: Floats, *, confounds: Floats) -> Floats:  # noqa: N803
        """Return the features as they would be at the mean confounds of the training rows."""
        result: Floats = X - (confounds - self.mean_).astype(X.dtype) @ self.slopes_
        return result


class SiteHarmoniser(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Brings the mean and the variance of each feature to one level over sites: ComBat.

    The empirical-Bayes location and scale model of Johnson, Li and Rabinovic (2007),
    doi:10.1093/biostatistics/kxj037, parametric priors. What belongs to the covariates is kept.
    Labels are no covariate: unbalanced over sites they would leak. A site with one training row
    is moved, not scaled; features that do not vary are left alone.
    """

    def fit(
        self,
        X: Floats,  # noqa: N803
        y: None = None,  # noqa: ARG002
        *,
        sites: Floats,
        covariates: Floats,
    ) -> SiteHarmoniser:
        """Fit to (n, p) features, (n,) site numbers and (n, k) covariates, k may be 0."""
        self.sites_, at = np.unique(sites, return_inverse=True)
        dummies = np.eye(len(self.sites_))[at]
        self.centre_ = covariates.mean(axis=0)
        design = np.hstack([dummies, covariates - self.centre_]).astype(X.dtype)
        slopes = np.linalg.pinv(design) @ X
        counts = dummies.sum(axis=0)
        self.mean_ = (counts / len(X)).astype(X.dtype) @ slopes[: len(counts)]
        self.slopes_ = slopes[len(counts) :]
        sigma = np.sqrt(((X - design @ slopes) ** 2).mean(axis=0))
        self.sigma_ = np.where(sigma > 0, sigma, 1)
        z = self._standardised(X, covariates)
        sums = [_posterior(z[at == site]) for site in range(len(self.sites_))]
        self.shift_ = np.stack([shift for shift, _ in sums])
        self.scale_ = np.stack([np.where(sigma > 0, scale, 1) for _, scale in sums])
        return self

    def transform(self, X: Floats, *, sites: Floats, covariates: Floats) -> Floats:  # noqa: N803
        """Return harmonised features. ValueError for a site that was not in training."""
        unseen = np.setdiff1d(sites, self.sites_).tolist()
        if unseen:
            raise ValueError(f"sites {unseen} were not in the training rows")
        at = np.searchsorted(self.sites_, sites)
        z = self._standardised(X, covariates)
        z -= self.shift_[at]
        z /= self.scale_[at]
        z *= self.sigma_
        z += self.mean_ + self._covariate_part(X, covariates)
        return z

    def _covariate_part(self, X: Floats, covariates: Floats) -> Floats:  # noqa: N803
        part: Floats = (covariates - self.centre_).astype(X.dtype) @ self.slopes_
        return part

    def _standardised(self, X: Floats, covariates: Floats) -> Floats:  # noqa: N803
        result: Floats = (X - self.mean_ - self._covariate_part(X, covariates)) / self.sigma_
        return result


def _posterior(z: Floats) -> tuple[Floats, Floats]:
    """Return shift and scale (p,) of a site, shrunken to what its features have in common."""
    n = len(z)
    mean = z.mean(axis=0)
    if n < 2:
        return mean, np.ones_like(mean)
    variance = z.var(axis=0, ddof=1)
    told = variance > 0
    if told.sum() < FEWEST_TO_SHRINK:
        return mean, np.where(told, np.sqrt(variance), 1)
    prior_mean, prior_variance = mean[told].mean(), mean[told].var(ddof=1)
    m, s2 = variance[told].mean(), variance[told].var(ddof=1)
    if s2 == 0 or prior_variance == 0:
        return mean, np.where(told, np.sqrt(variance), 1)
    # Moments of the inverse gamma prior, and the pair of conditional means of Johnson, eq. 3.1.
    shape, rate = 2 + m**2 / s2, m + m**3 / s2
    squares = ((z - mean) ** 2).sum(axis=0)
    shift, scale2 = mean, np.where(told, variance, 1)
    for _ in range(MOST_STEPS):
        new = (n * prior_variance * mean + scale2 * prior_mean) / (n * prior_variance + scale2)
        new2 = (rate + 0.5 * (squares + n * (mean - new) ** 2)) / (n / 2 + shape - 1)
        change = max(np.abs(new - shift).max(), np.abs(new2 / scale2 - 1).max())
        shift, scale2 = new, new2
        if change < ENOUGH:
            break
    return shift, np.sqrt(scale2)
