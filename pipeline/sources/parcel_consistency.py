"""Check the ids of a parcel table and the agreement of its figures with each other."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.errors import Problem
from pipeline.sources.parcel_findings import Findings

# A ratio written with one decimal is up to 0.05 off.
FAR_TOLERANCE = 0.05
FAR_OFF = ("容积率与建筑面积÷用地面积不符", "the FAR is not floor area over plot area")
START_LATE = ("约定开工晚于约定竣工", "the agreed start is after the agreed finish")
BEGUN = ("建设状态为未开工却有实际开工日期", "not started, yet with a date of actual start")


def check_ids(frame: pd.DataFrame, repeated: pd.DataFrame, found: Findings, *, mend: bool) -> None:
    """Insist on unique, known ids; to mend them, those rows get an id from their row number.

    A file without any id column was reported as such already.
    """
    unknown = frame["parcel_id"].isna().to_numpy(bool)
    for k in [] if unknown.all() else np.flatnonzero(unknown).tolist():
        found.fields.append(
            Problem(
                zh="宗地编号为空",
                en="the parcel id is empty",
                path=found.path,
                row=found.rows[k],
                rule="parcel_id",
            )
        )
    twice = repeated[repeated["same"] == "id"]
    found.fields += [
        Problem(
            zh=f"宗地编号 {parcel_id} 与第 {first} 行重复",
            en=f"the parcel id {parcel_id} repeats that of row {first}",
            path=found.path,
            row=row,
            rule="parcel_id",
        )
        for row, parcel_id, first in zip(
            twice["row"].tolist(), twice["parcel_id"], twice["first_row"], strict=True
        )
    ]
    if mend:
        mended = frame["parcel_id"].isna() | pd.Series(found.rows).isin(twice["row"])
        labels = frame["parcel_id"].fillna("") + pd.Series([f"#{row}" for row in found.rows])
        frame["parcel_id"] = frame["parcel_id"].mask(mended, labels)


def check_consistency(frame: pd.DataFrame, found: Findings) -> None:
    """Note rows whose figures contradict each other: both are kept, a person decides."""
    ratio = frame["gfa_m2"] / frame["area_m2"]
    off = (ratio - frame["far_now"]).abs() > FAR_TOLERANCE
    late = frame["agreed_start"] > frame["agreed_finish"]
    status = frame["build_status"].fillna("")
    begun = frame["actual_start"].notna() & (status == "not_started")
    _note(found, off, "far_now", *FAR_OFF)
    _note(found, late, "agreed_start", *START_LATE)
    _note(found, begun, "build_status", *BEGUN)


def _note(found: Findings, rows: pd.Series, rule: str, zh: str, en: str) -> None:
    found.notes += [
        Problem(zh=zh, en=en, path=found.path, row=found.rows[k], rule=rule)
        for k in np.flatnonzero(rows.to_numpy(bool)).tolist()
    ]
