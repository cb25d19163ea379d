"""Check walking legs and spread them to one row for each place."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.errors import FieldError, Problem
from pipeline.network.rail import RailCosts

logger = logging.getLogger(__name__)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MEASURED, ESTIMATED = "measured_network", "estimated_straight_line"


@dataclass(frozen=True)
class Walks:
    """Walking minutes in long form: access, egress and the walk all the way.

    `access` has `origin_id`, `station_id`; `egress` has `station_id`, `facility_id`; `direct` has
    `origin_id`, `facility_id`; each also `minutes` and `method`. A pair that is absent is beyond
    the walking limit. Stations that the rail costs do not know are left out and counted.
    """

    access: pd.DataFrame
    egress: pd.DataFrame
    direct: pd.DataFrame


@dataclass(frozen=True)
class Legs:
    """Walks of each place in columns of equal length: nearest first, infinite where none is left.

    Shapes (places, most walks of one place).
    """

    station: Ints
    minutes: Floats
    estimated: NDArray[np.bool_]


def check_walks(walks: Walks, origins: pd.Index) -> None:
    """Raise `FieldError` for repeated origins, missing columns and times that are none."""
    keys = {
        "access": ("origin_id", "station_id"),
        "egress": ("station_id", "facility_id"),
        "direct": ("origin_id", "facility_id"),
    }
    problems = []
    if not origins.is_unique:
        problems.append(Problem(zh="起点编号重复", en="origin ids repeat", rule="origin_id"))
    for name, ids in keys.items():
        table: pd.DataFrame = getattr(walks, name)
        missing = [c for c in (*ids, "minutes", "method") if c not in table.columns]
        problems += [
            Problem(zh=f"{name} 缺少字段 {c}", en=f"{name} lacks column {c}", rule=c)
            for c in missing
        ]
        if missing:
            continue
        minutes = table["minutes"].to_numpy(float)
        if bad := int((~(minutes >= 0) | ~np.isfinite(minutes)).sum()):
            problems.append(
                Problem(
                    zh=f"{name} 有 {bad} 行的 minutes 缺失、为负或无穷",
                    en=f"{bad} rows of {name} have no, a negative or an infinite time",
                    rule="minutes",
                    remedy_zh="不可达的组合不应出现在表中",
                    remedy_en="leave unreachable pairs out of the table",
                )
            )
    if problems:
        raise FieldError(*problems)


def is_estimated(walks: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell which walks are estimates; one of no length is none, however it came about."""
    return (walks["method"].eq(ESTIMATED) & walks["minutes"].gt(0)).to_numpy(dtype=np.bool_)


def facilities_of(walks: Walks) -> pd.Index:
    """List the facilities that any walk leads to, sorted by id."""
    ids = set(walks.egress["facility_id"]) | set(walks.direct["facility_id"])
    found: pd.Index = pd.Index(sorted(ids))
    return found


def legs(walks: pd.DataFrame, place: str, places: pd.Index, costs: RailCosts) -> Legs:
    """Spread a long table of walks to one row for each place."""
    rows = places.get_indexer(pd.Index(walks[place]))
    stations = pd.Index(costs.from_ids).get_indexer(pd.Index(walks["station_id"]))
    if lost := int((stations < 0).sum()):
        logger.warning("left out %d walks to stations without trains", lost)
    known = (rows >= 0) & (stations >= 0)
    table = pd.DataFrame(
        {
            "row": rows[known],
            "station": stations[known],
            "minutes": walks["minutes"].to_numpy(float)[known],
            "estimated": is_estimated(walks)[known],
        }
    ).sort_values(["row", "minutes", "station"], kind="stable")
    table = table.drop_duplicates(["row", "station"])
    rank = table.groupby("row").cumcount().to_numpy()
    shape = (len(places), int(rank.max()) + 1 if len(rank) else 1)
    station = np.zeros(shape, dtype=np.int64)
    minutes = np.full(shape, np.inf)
    estimated = np.zeros(shape, dtype=bool)
    at = table["row"].to_numpy(), rank
    station[at], minutes[at], estimated[at] = table["station"], table["minutes"], table["estimated"]
    return Legs(station, minutes, estimated)
