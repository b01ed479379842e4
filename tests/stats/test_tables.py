import numpy as np

from bids_denoise.stats.tables import group_rows, mark_outliers, modified_z
from bids_denoise.values import Record


def record(participant: str, snr: float | None) -> Record:
    quality = {
        "before": {"snr": snr},
        "after": {"snr": None if snr is None else 2 * snr},
        "residual": {"std_ratio": 0.9},
        "light": "green",
        "reasons": [],
    }
    return Record("sub/x", participant, None, "anat", "T1w", "ok", quality=quality)


def test_rows_hold_before_after_and_the_person() -> None:
    people = {"sub-01": {"participant_id": "sub-01", "age": "30"}}
    rows = group_rows([record("01", 10.0), record("02", None)], people)["T1w"]
    assert rows[0]["snr_before"] == 10
    assert rows[0]["snr_after"] == 20
    assert rows[0]["residual_std_ratio"] == 0.9
    assert rows[0]["age"] == "30"
    assert "age" not in rows[1]


def test_an_outlier_is_named_by_its_metric() -> None:
    values = [10.0, 11.0, 9.0, 10.5, 9.5, 80.0]
    rows = group_rows([record(str(i), v) for i, v in enumerate(values)], {})["T1w"]
    mark_outliers(rows)
    assert rows[-1]["outlier"] == "snr_before, snr_after"
    assert all(row["outlier"] is None for row in rows[:-1])


def test_a_few_or_equal_values_have_no_outliers() -> None:
    assert not modified_z(np.array([1.0, 2.0, 99.0])).any()
    assert not modified_z(np.array([1.0] * 9 + [2.0])).any()
