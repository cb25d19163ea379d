"""Read columns of a parcel table as plain arrays, null where a column is absent."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

M2_PER_HA = 10_000.0
MU_PER_HA = 15.0

Floats = npt.NDArray[np.float64]
Dates = npt.NDArray[np.datetime64]
Mask = npt.NDArray[np.bool_]


def floats(frame: pd.DataFrame, name: str) -> Floats:
    """Return a column as float64, NaN where unknown."""
    if name not in frame.columns:
        return np.full(len(frame), np.nan)
    return frame[name].to_numpy(dtype=np.float64, na_value=np.nan)


def days(frame: pd.DataFrame, name: str) -> Dates:
    """Return a date column as datetime64[D], NaT where unknown."""
    if name not in frame.columns:
        return np.full(len(frame), np.datetime64("NaT", "D"))
    return frame[name].to_numpy(dtype="datetime64[D]")


def codes(frame: pd.DataFrame, name: str) -> pd.Series:
    """Return a text column, null where unknown."""
    if name not in frame.columns:
        return pd.Series(pd.NA, index=frame.index, dtype="string", name=name)
    return frame[name].astype("string")


def flags(frame: pd.DataFrame, name: str) -> tuple[Mask, Mask]:
    """Return a yes/no column as its values (False where unknown) and the mask of known rows."""
    if name not in frame.columns:
        nothing = np.zeros(len(frame), dtype=bool)
        return nothing, nothing.copy()
    column = frame[name].astype("boolean")
    return column.fillna(value=False).to_numpy(bool), column.notna().to_numpy(bool)


def nullable(values: Mask, known: Mask, index: pd.Index) -> pd.Series:
    """Build a yes/no column that is null where not known."""
    return pd.Series(pd.arrays.BooleanArray(values & known, ~known), index=index)


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Divide; null where either is unknown or the denominator is not positive."""
    out = np.full(numerator.shape, np.nan)
    usable = denominator > 0
    np.divide(numerator, denominator, out=out, where=usable)
    return out


def share(frame: pd.DataFrame, numerator: str, denominator: str) -> Floats:
    """Divide one column by another; null where either is unknown or the divisor is not positive."""
    return ratio(floats(frame, numerator), floats(frame, denominator))
