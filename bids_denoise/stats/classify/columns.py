"""Columns of a clinical table: numbers, categories and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bids_denoise.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

Table = Mapping[str, Sequence[Any]]

MISSING = frozenset({"", "n/a", "na", "nan", "none", "null"})


def column(table: Table, name: str, meaning: str) -> list[str]:
    """Return a column as text. UsageError, with the columns that are there, when it is not."""
    if name not in table:
        raise UsageError(f"{meaning} column {name!r} is not there; allowed: {', '.join(table)}")
    return [str(value) for value in table[name]]


def frame_of(table: Table, names: Sequence[str]) -> pd.DataFrame:
    """Return columns as float where every known value is a number, as text elsewhere.

    Missing values (`MISSING`, in any case, None and NaN) are NaN in both.
    """
    import pandas as pd

    return pd.DataFrame({name: _typed(column(table, name, "predictor")) for name in names})


def alike(frame: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Return `other` with the kinds of column that `frame` has: text where it has text.

    UsageError when a column of numbers there has a word here.
    """
    import pandas as pd

    columns = {}
    for name in frame:
        values = other[name]
        if frame[name].dtype == float and values.dtype != float:
            words = [v for v in values if isinstance(v, str) and not _is_number(v)]
            raise UsageError(f"external column {name!r} has {words[0]!r}; allowed: numbers")
        if frame[name].dtype != float and values.dtype == float:
            values = values.map(lambda v: np.nan if np.isnan(v) else f"{v:g}").astype(object)
        columns[name] = values
    return pd.DataFrame(columns)


def matrix_of(frame: pd.DataFrame) -> NDArray[np.float64]:
    """Return columns (n, p) as numbers, categories by their rank among the names."""
    columns = [
        frame[name] if frame[name].dtype == float else _ranks(list(frame[name])) for name in frame
    ]
    return np.column_stack(columns).astype(np.float64)


def encoder(frame: pd.DataFrame) -> Any:
    """Return an unfitted transformer: median and unit variance, categories as 0 and 1.

    What is missing among categories is a category; one that was not in training is all 0.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = [name for name in frame if frame[name].dtype == float]
    words = [name for name in frame if frame[name].dtype != float]
    median = SimpleImputer(strategy="median", keep_empty_features=True)
    missing = SimpleImputer(strategy="constant", fill_value="missing")
    coded = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return ColumnTransformer(
        [
            ("numbers", make_pipeline(median, StandardScaler()), numbers),
            ("categories", make_pipeline(missing, coded), words),
        ]
    )


def numbers_of(values: Sequence[Any], name: str) -> NDArray[np.float64]:
    """Return a column of numbers. UsageError names what is none, or missing."""
    typed = np.asarray(_typed([str(value) for value in values]))
    if typed.dtype != float or np.isnan(typed).any():
        bad = next(v for v in values if not _is_number(str(v)))
        raise UsageError(f"score column {name!r} has {bad!r}; allowed: a number in every row")
    return typed


def _typed(values: list[str]) -> Any:
    known = [None if value.strip().lower() in MISSING else value for value in values]
    if all(value is None or _is_number(value) for value in known):
        return np.array([np.nan if value is None else float(value) for value in known])
    return np.array([np.nan if value is None else value for value in known], dtype=object)


def _is_number(value: str) -> bool:
    try:
        return bool(np.isfinite(float(value)))
    except ValueError:
        return False


def _ranks(values: list[Any]) -> NDArray[np.float64]:
    names = sorted({value for value in values if isinstance(value, str)})
    rank = {name: float(index) for index, name in enumerate(names)}
    return np.array([rank.get(value, np.nan) for value in values])
