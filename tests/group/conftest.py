"""Small numbers of repetitions: what is tested is what is done, not how sure it is."""

import pytest


@pytest.fixture(autouse=True)
def few_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    """One repeat of three folds; the app has ten of five."""
    few(monkeypatch)


def few(patch: pytest.MonkeyPatch) -> None:
    """Change the numbers; fixtures that live longer than a test do it by themselves."""
    patch.setattr("bids_denoise.group.classify.REPEATS", 1)
    patch.setattr("bids_denoise.group.classify.MOST_FOLDS", 3)
