"""Which denoiser an image gets, and the reason that is told."""

from __future__ import annotations

import pytest

from bids_denoise.denoisers.choose import Kind, choose_denoiser
from bids_denoise.errors import ScanError, UsageError


@pytest.mark.parametrize(
    ("kind", "method", "why"),
    [
        (Kind("anat", (9, 9, 9)), "unet", "best method"),
        (Kind("anat", (9, 9, 9), trusted=False), "nlm", "cannot be trusted"),
        (Kind("func", (9, 9, 9, 40)), "pca", "40 volumes"),
        (Kind("dwi", (9, 9, 9, 13)), "patch2self", "13 volumes"),
        (Kind("func", (9, 9, 9, 40), phase=True), "pca", "phase is left alone"),
        (Kind("func", (9, 9, 9, 40), trusted=False), "mppca", "cannot be trusted"),
        (Kind("dwi", (9, 9, 9, 13), trusted=False), "nlm", "needs 20"),
        (Kind("dwi", (9, 9, 9, 7)), "patch2self", "7 volumes"),
        (Kind("dwi", (9, 9, 9, 6)), "nlm", "too few"),
        (Kind("func", (9, 9, 9, 7)), "nlm", "needs 10"),
        (Kind("func", (9, 9, 9)), "nlm", "single volume"),
    ],
)
def test_auto_takes_the_best_and_says_why(kind: Kind, method: str, why: str) -> None:
    choice = choose_denoiser("auto", {}, kind)
    assert choice.denoiser.name == method
    assert choice.why.startswith("auto: ")
    assert why in choice.why


def test_a_sloppy_run_is_quick() -> None:
    choice = choose_denoiser("auto", {}, Kind("anat", (9, 9, 9)), sloppy=True)
    assert choice.denoiser.name == "nlm"
    assert getattr(choice.denoiser, "search_radius") == 1  # noqa: B009 - not in the protocol


def test_a_named_method_gets_its_parameters() -> None:
    kind = Kind("anat", (9, 9, 9), trusted=False)
    choice = choose_denoiser("generative", {"generative": {"samples": 6}}, kind)
    assert choice.denoiser.name == "generative"
    assert getattr(choice.denoiser, "samples") == 6  # noqa: B009 - not in the protocol
    with pytest.raises(UsageError, match="samples"):
        choose_denoiser("generative", {"generative": {"samples": 200}}, kind)


@pytest.mark.parametrize(
    ("method", "kind"),
    [("unet", Kind("func", (9, 9, 9, 40))), ("mppca", Kind("dwi", (9, 9, 9)))],
)
def test_a_method_that_does_not_fit_is_refused_with_those_that_do(method: str, kind: Kind) -> None:
    with pytest.raises(ScanError, match=rf"{method}.*there are: auto, gaussian"):
        choose_denoiser(method, {}, kind)
