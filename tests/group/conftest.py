"""Small numbers of repetitions: what is tested is what is done, not how sure it is."""

import pytest


@pytest.fixture(autouse=True)
def few_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two repeats of the folds; the settings of the app have ten."""
    monkeypatch.setattr("bids_denoise.group.classify.REPEATS", 2)
