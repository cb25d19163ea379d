"""Hold travel costs between origins and facilities in one canonical form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.errors import FieldError, Problem

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

OK = "ok"
COLUMNS = ("origin", "facility", "minutes")
# Pairs are laid out in a table of all that could be where it is at most so many times as large.
DENSE = 4


@dataclass(frozen=True, eq=False)
class CostPairs:
    """Reachable origin-facility pairs, sorted, unique, with finite minutes.

    `origin_code` and `facility_code` are positions in `origins` and `facilities`. A pair that is
    absent was not reached within `limit_min` (None: the search had no limit). Build it with
    :func:`cost_pairs`, which holds these rules.
    """

    origins: pd.Index[Any]
    facilities: pd.Index[Any]
    origin_code: IntArray
    facility_code: IntArray
    minutes: FloatArray
    origin_status: npt.NDArray[np.object_]
    limit_min: float | None

    def __repr__(self) -> str:
        """Tell the counts and the range of the costs."""
        top = "none" if self.minutes.size == 0 else f"{self.minutes.max():.1f} min at most"
        return (
            f"<CostPairs {self.origins.size} origins x {self.facilities.size} facilities, "
            f"{self.minutes.size} pairs, {top}>"
        )

    @property
    def usable(self) -> BoolArray:
        """Tell which origins could be measured at all (their status is ok)."""
        return np.asarray(self.origin_status == OK, dtype=np.bool_)

    def restricted(self, keep: pd.Series[bool]) -> CostPairs:
        """Keep only some facilities: one variant of a service.

        Parameters
        ----------
        keep
            Booleans indexed by facility; facilities it does not name are left out.
        """
        chosen = keep.reindex(self.facilities, fill_value=False).to_numpy(dtype=np.bool_)
        pair_kept = chosen[self.facility_code]
        code_of = np.cumsum(chosen) - 1
        return CostPairs(
            origins=self.origins,
            facilities=self.facilities[chosen],
            origin_code=self.origin_code[pair_kept],
            facility_code=code_of[self.facility_code[pair_kept]].astype(np.int64),
            minutes=self.minutes[pair_kept],
            origin_status=self.origin_status,
            limit_min=self.limit_min,
        )


def cost_pairs(
    table: pd.DataFrame,
    *,
    origins: pd.Index[Any],
    facilities: pd.Index[Any],
    limit_min: float | None = None,
    origin_status: pd.Series[str] | None = None,
) -> CostPairs:
    """Check a long table of travel costs and bring it into canonical form.

    Rules: every id is listed in `origins` or `facilities`; a pair stands once (group entrances
    first, see :func:`nearest_entrance`); minutes are not negative; rows with null minutes or beyond
    the limit are pairs that were not reached and are dropped. The order of rows has no influence.

    Parameters
    ----------
    table
        Columns `origin`, `facility`, `minutes`.
    origins, facilities
        All origins and facilities, reached or not; results come back on these indexes.
    limit_min
        How far the search went, in minutes; None when it had no limit.
    origin_status
        Status per origin where it could not be measured (`unsnapped`, `no_data`); default `ok`.

    Raises
    ------
    FieldError
        When a rule is broken; all broken rules at once.
    """
    _require_columns(table, COLUMNS)
    status = _status_array(origin_status, origins)
    origin_code = _codes(table["origin"], origins)
    facility_code = _codes(table["facility"], facilities)
    minutes = floats(table["minutes"])
    _refuse_bad_rows(table, origin_code, facility_code, minutes, status)
    found = np.isfinite(minutes)
    if limit_min is not None:
        found &= minutes <= limit_min
    reached = np.flatnonzero(found)
    width = np.int64(max(facilities.size, 1))
    key, cost = _in_order(
        origin_code[reached] * width + facility_code[reached],
        minutes[reached],
        origins.size * int(width),
    )
    _refuse_repeats(key, origins, facilities)
    origin, facility = np.divmod(key, width)
    return CostPairs(
        origins=origins,
        facilities=facilities,
        origin_code=origin,
        facility_code=facility,
        minutes=cost,
        origin_status=status,
        limit_min=limit_min,
    )


def nearest_entrance(table: pd.DataFrame, campus_of: pd.Series[str]) -> pd.DataFrame:
    """Turn costs to entrances into costs to campuses: the nearest entrance counts.

    Parameters
    ----------
    table
        Columns `origin`, `facility` (an entrance), `minutes`; null minutes are not reached.
    campus_of
        Campus of each entrance, indexed by entrance.

    Returns
    -------
    pandas.DataFrame
        Columns `origin`, `facility` (the campus), `minutes`, `entrance`; one row per reached
        origin and campus, sorted. Equal times go to the entrance whose id sorts first.

    Raises
    ------
    FieldError
        When an entrance belongs to no campus.
    """
    _require_columns(table, COLUMNS)
    reached = table.loc[table["minutes"].notna(), list(COLUMNS)]
    campus = reached["facility"].map(campus_of)
    orphans = reached.loc[campus.isna(), "facility"].unique()
    if orphans.size:
        named = ", ".join(str(orphan) for orphan in orphans[:5])
        raise FieldError(
            Problem(
                zh=f"{orphans.size} 个出入口没有所属院区/校区：{named}",
                en=f"{orphans.size} entrances belong to no campus: {named}",
                rule="campus_id",
            )
        )
    grouped = reached.assign(entrance=reached["facility"], facility=campus)
    ordered = grouped.sort_values(["origin", "facility", "minutes", "entrance"])
    return ordered.drop_duplicates(["origin", "facility"]).reset_index(drop=True)


def floats(values: pd.Series[Any]) -> FloatArray:
    """Give a series as floats, null as NaN."""
    return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)


def sum_by(code: IntArray, amounts: FloatArray, size: int) -> FloatArray:
    """Sum amounts by integer code into an array of the given size."""
    return np.bincount(code, weights=amounts, minlength=size).astype(np.float64)


def supply_or_default(supply: pd.Series[float], *, default: float) -> pd.DataFrame:
    """Fill unknown supply with the stated default and tell where that was done.

    Returns
    -------
    pandas.DataFrame
        On the caller's index: `supply` and `supply_basis` (`stated` or `default`).
    """
    known = supply.notna()
    basis = pd.Series(np.where(known, "stated", "default"), index=supply.index)
    return pd.DataFrame({"supply": supply.astype(float).fillna(default), "supply_basis": basis})


def _require_columns(table: pd.DataFrame, names: tuple[str, ...]) -> None:
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise FieldError(
            *(
                Problem(zh=f"出行成本表缺少字段 {name}", en=f"the cost table lacks field {name}")
                for name in missing
            )
        )


def _status_array(status: pd.Series[str] | None, origins: pd.Index[Any]) -> npt.NDArray[np.object_]:
    if status is None:
        return np.full(origins.size, OK, dtype=object)
    return status.reindex(origins, fill_value=OK).to_numpy(dtype=object)


def _codes(labels: pd.Series[Any], index: pd.Index[Any]) -> IntArray:
    """Give each label's position in the index, -1 where absent; each label is looked up once."""
    text = isinstance(labels.dtype, pd.StringDtype) and labels.dtype.storage == "pyarrow"
    if text and index.inferred_type == "string":
        import pyarrow as pa
        import pyarrow.compute as pc

        listed = pa.array(pd.Series(index).astype(labels.dtype))
        at = pc.index_in(pa.array(labels), value_set=listed)  # no copies of the text are made
        return np.asarray(at.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)
    code, found = pd.factorize(labels)
    position = np.append(index.get_indexer(pd.Index(found)), -1)
    return np.asarray(position[code], dtype=np.int64)


def _in_order(key: IntArray, minutes: FloatArray, size: int) -> tuple[IntArray, FloatArray]:
    """Sort finite minutes by their key, a number below `size`; repeated keys stay, side by side."""
    if not key.size or not (np.diff(key) < 0).any():
        return key, minutes
    if size <= DENSE * key.size:
        # Most pairs there could be are there: lay them out instead of comparing them.
        table = np.full(size, np.nan)
        table[key] = minutes
        there = np.flatnonzero(~np.isnan(table))
        if there.size == key.size:
            return there, table[there]
    # By 16-bit digits, the last first: numpy counts those instead of comparing.
    order = np.arange(key.size, dtype=np.int64)
    for shift in range(0, int(key.max()).bit_length(), 16):
        digit = (key[order] >> shift).astype(np.uint16)
        order = order[np.argsort(digit, kind="stable")]
    return key[order], minutes[order]


def _refuse_bad_rows(
    table: pd.DataFrame,
    origin_code: IntArray,
    facility_code: IntArray,
    minutes: FloatArray,
    status: npt.NDArray[np.object_],
) -> None:
    unfit = np.asarray(status != OK, dtype=np.bool_)
    contradicted = np.zeros(minutes.size, dtype=np.bool_)
    if unfit.any():
        contradicted = np.isfinite(minutes) & (origin_code >= 0) & unfit[origin_code]
    checks = (
        (origin_code < 0, "起点编号不在起点表中", "the origin is not among the origins"),
        (facility_code < 0, "设施编号不在设施表中", "the facility is not among the facilities"),
        (minutes < 0, "出行时间为负", "the minutes are negative"),
        (contradicted, "不可测的起点却有出行时间", "an origin that is not measurable has a cost"),
    )
    problems = [
        Problem(
            zh=f"{zh}（{broken.sum()} 行）",
            en=f"{en} ({broken.sum()} rows)",
            row=str(table.index[int(broken.argmax())]),
            rule="cost table",
        )
        for broken, zh, en in checks
        if broken.any()
    ]
    if problems:
        raise FieldError(*problems)


def _refuse_repeats(
    sorted_key: IntArray, origins: pd.Index[Any], facilities: pd.Index[Any]
) -> None:
    repeated = sorted_key[1:][sorted_key[1:] == sorted_key[:-1]]
    if repeated.size:
        origin, facility = divmod(int(repeated[0]), max(facilities.size, 1))
        pair = f"{origins[origin]} - {facilities[facility]}"
        raise FieldError(
            Problem(
                zh=f"{repeated.size} 对起点—设施重复，例如 {pair}",
                en=f"{repeated.size} origin-facility pairs stand twice, for example {pair}",
                rule="cost table",
                remedy_zh="多出入口设施请先按院区/校区合并",
                remedy_en="group entrances by campus first",
            )
        )
