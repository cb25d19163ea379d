"""Join walks and rail to door-to-door journeys, compared with walking all the way."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.errors import FieldError, Problem
from pipeline.network.journey_walks import (
    ESTIMATED,
    MEASURED,
    Legs,
    Walks,
    check_walks,
    facilities_of,
    is_estimated,
    legs,
)
from pipeline.network.rail import RailCosts

logger = logging.getLogger(__name__)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WALK, RAIL = "walk", "rail"
COLUMNS = (
    "origin_id",
    "facility_id",
    "minutes",
    "mode",
    "first_station",
    "last_station",
    "access_min",
    "rail_min",
    "egress_min",
    "transfers",
    "walk_method",
    "rail_method",
    "method",
    "status",
)


def nearest_journeys(
    origins: pd.Index, walks: Walks, costs: RailCosts, *, limit_min: float
) -> pd.DataFrame:
    """Find the quickest facility of each origin, on foot all the way or by rail.

    The rail journey is the least of access + rail + egress over all pairs of different stations;
    walking wins a tie. A whole is estimated as soon as one of its legs is (METHODS section 2);
    `walk_method` and `rail_method` keep the two apart.

    Parameters
    ----------
    origins
        Ids of all origins, also of those that no walk leaves from.
    walks
        Access, egress and direct walks.
    costs
        Station-to-station minutes over all stations that walks may name.
    limit_min
        Largest journey, minutes, inclusive.

    Returns
    -------
    journeys
        One row for each origin, in the order of `origins` (`COLUMNS`). Status `ok`, `no_data` (the
        origin has no walk at all) or `beyond_limit`; all but `ok` have null values.
    """
    check_walks(walks, origins)
    facilities = facilities_of(walks)
    access = legs(walks.access, "origin_id", origins, costs)
    onward = _onward(walks, facilities, costs)
    direct = _direct(walks.direct, origins, facilities)
    first_rank, total = _best_access(access, onward.minutes)
    by_rail = total < direct.minutes
    rows = np.arange(len(origins))
    first = access.station[rows, first_rank]
    choice = _Choice(
        origin=rows,
        facility=np.where(by_rail, onward.facility[first], direct.facility),
        minutes=np.where(by_rail, total, direct.minutes),
        by_rail=by_rail,
        first=first,
        last=onward.last[first],
        access_min=access.minutes[rows, first_rank],
        egress_min=onward.egress_min[first],
        estimated=np.where(
            by_rail,
            access.estimated[rows, first_rank] | onward.estimated[first],
            direct.estimated,
        ),
    )
    known = set(walks.access["origin_id"]) | set(walks.direct["origin_id"])
    reached = choice.minutes <= limit_min
    nothing = np.where(origins.isin(known), "beyond_limit", "no_data")
    table = _table(choice, origins, facilities, costs)
    table["status"] = np.where(reached, "ok", nothing)
    kept = table.columns.isin(["origin_id", "status"])
    table.loc[~reached, table.columns[~kept]] = None
    logger.info("%d of %d origins reach a facility", int(reached.sum()), len(origins))
    return table


def journeys(
    origins: pd.Index,
    walks: Walks,
    costs: RailCosts,
    *,
    limit_min: float,
    origins_per_chunk: int,
) -> pd.DataFrame:
    """List the quickest journey of every origin and facility within a limit.

    Parameters
    ----------
    limit_min
        Largest journey, minutes, inclusive; pairs beyond it are absent.
    origins_per_chunk
        Origins combined at a time. Memory is about 30 bytes x chunk x facilities.

    Returns
    -------
    journeys
        `COLUMNS` (text as categories), status `ok`, sorted by origin (in the order given), then
        facility id. See `nearest_journeys` for the rule.
    """
    check_walks(walks, origins)
    parts = list(
        _pairs(origins, walks, costs, limit_min=limit_min, origins_per_chunk=origins_per_chunk)
    )
    found = pd.concat(parts, ignore_index=True)
    logger.info("%d journeys from %d origins", len(found), len(origins))
    status = pd.Categorical.from_codes(np.zeros(len(found), dtype=int), pd.Index(["ok"]))
    return found.assign(status=status)[list(COLUMNS)]


@dataclass(frozen=True)
class _Choice:
    """Chosen journeys as parallel arrays of positions and minutes."""

    origin: Ints
    facility: Ints
    minutes: Floats
    by_rail: NDArray[np.bool_]
    first: Ints
    last: Ints
    access_min: Floats
    egress_min: Floats
    estimated: NDArray[np.bool_]


def _pairs(
    origins: pd.Index,
    walks: Walks,
    costs: RailCosts,
    *,
    limit_min: float,
    origins_per_chunk: int,
) -> Iterator[pd.DataFrame]:
    facilities = facilities_of(walks)
    access = legs(walks.access, "origin_id", origins, costs)
    egress = legs(walks.egress, "facility_id", facilities, costs)
    ride = _ride(costs)
    on_foot = walks.direct.assign(
        origin=origins.get_indexer(pd.Index(walks.direct["origin_id"])),
        facility=facilities.get_indexer(pd.Index(walks.direct["facility_id"])),
    )
    on_foot = on_foot[on_foot["origin"] >= 0].sort_values(["origin", "minutes"])
    on_foot = on_foot.drop_duplicates(["origin", "facility"])
    for start in range(0, max(len(origins), 1), origins_per_chunk):
        rows = np.arange(start, min(start + origins_per_chunk, len(origins)))
        here = on_foot.iloc[np.searchsorted(on_foot["origin"], start) :]
        here = here.iloc[: np.searchsorted(here["origin"], start + len(rows))]
        walk = np.full((len(facilities), len(rows)), np.inf)
        guessed = np.zeros(walk.shape, dtype=bool)
        at = here["facility"].to_numpy(), here["origin"].to_numpy() - start
        walk[at], guessed[at] = here["minutes"], is_estimated(here)
        alight, first_rank = _alight(access, rows, ride)
        total, last_rank = _arrive(alight, egress)
        origin, facility = np.nonzero((np.minimum(total, walk) <= limit_min).T)
        rail_min, walk_min = total[facility, origin], walk[facility, origin]
        by_rail = rail_min < walk_min
        rank = last_rank[facility, origin]
        last = egress.station[facility, rank]
        rank_a = first_rank[origin, last]
        row = rows[origin]
        legs_guessed = access.estimated[row, rank_a] | egress.estimated[facility, rank]
        choice = _Choice(
            origin=row,
            facility=facility,
            minutes=np.minimum(rail_min, walk_min),
            by_rail=by_rail,
            first=access.station[row, rank_a],
            last=last,
            access_min=access.minutes[row, rank_a],
            egress_min=egress.minutes[facility, rank],
            estimated=np.where(by_rail, legs_guessed, guessed[facility, origin]),
        )
        yield _table(choice, origins, facilities, costs)


def _ride(costs: RailCosts) -> Floats:
    """Give rail minutes between different stations, infinite where there is no journey."""
    if costs.from_ids != costs.to_ids:
        problem = Problem(
            zh="车站间时间须覆盖同一组车站",
            en="rail costs must run between one and the same set of stations",
            rule="RailCosts",
        )
        raise FieldError(problem)
    ride = np.where(np.isfinite(costs.minutes), costs.minutes, np.inf)
    np.fill_diagonal(ride, np.inf)
    return ride


def _alight(access: Legs, rows: Ints, ride: Floats) -> tuple[Floats, Ints]:
    """Give the least minutes from each origin to the platforms of each station."""
    best = np.full((len(rows), len(ride)), np.inf)
    rank = np.zeros(best.shape, dtype=np.int64)
    for walk in range(access.station.shape[1]):
        via = access.minutes[rows, walk, None] + ride[access.station[rows, walk]]
        better = via < best
        best[better], rank[better] = via[better], walk
    return best, rank


def _arrive(alight: Floats, egress: Legs) -> tuple[Floats, Ints]:
    """Give the least minutes to each facility from each origin, shape (facilities, origins)."""
    # Rows of stations are copied whole; gathering columns would cost several times as much.
    by_station = np.ascontiguousarray(alight.T)
    best = by_station[egress.station[:, 0]] + egress.minutes[:, :1]
    rank = np.zeros(best.shape, dtype=np.int64)
    for walk in range(1, egress.station.shape[1]):
        # Only facilities that have a walk of this rank are worth the work.
        for place in np.flatnonzero(np.isfinite(egress.minutes[:, walk])):
            via = by_station[egress.station[place, walk]] + egress.minutes[place, walk]
            better = via < best[place]
            np.copyto(best[place], via, where=better)
            rank[place][better] = walk
    return best, rank


@dataclass(frozen=True)
class _Onward:
    """The quickest way from boarding at each station to any facility."""

    minutes: Floats
    last: Ints
    facility: Ints
    egress_min: Floats
    estimated: NDArray[np.bool_]


def _onward(walks: Walks, facilities: pd.Index, costs: RailCosts) -> _Onward:
    stations = pd.Index(costs.to_ids)
    exits = walks.egress.assign(
        station=stations.get_indexer(pd.Index(walks.egress["station_id"])),
        facility=facilities.get_indexer(pd.Index(walks.egress["facility_id"])),
    )
    exits = exits[exits["station"] >= 0].sort_values(["minutes", "facility"], kind="stable")
    exits = exits.drop_duplicates("station")
    egress_min = np.full(len(stations), np.inf)
    facility = np.zeros(len(stations), dtype=np.int64)
    guessed = np.zeros(len(stations), dtype=bool)
    at = exits["station"].to_numpy()
    egress_min[at], facility[at] = exits["minutes"], exits["facility"]
    guessed[at] = is_estimated(exits)
    total = _ride(costs) + egress_min
    last = np.argmin(total, axis=1) if len(stations) else np.zeros(0, dtype=np.int64)
    rows = np.arange(len(stations))
    return _Onward(total[rows, last], last, facility[last], egress_min[last], guessed[last])


def _best_access(access: Legs, onward_min: Floats) -> tuple[Ints, Floats]:
    total = access.minutes + onward_min[access.station]
    rank = np.argmin(total, axis=1)
    return rank, total[np.arange(len(total)), rank]


@dataclass(frozen=True)
class _Direct:
    minutes: Floats
    facility: Ints
    estimated: NDArray[np.bool_]


def _direct(direct: pd.DataFrame, origins: pd.Index, facilities: pd.Index) -> _Direct:
    best = direct.assign(
        origin=origins.get_indexer(pd.Index(direct["origin_id"])),
        facility=facilities.get_indexer(pd.Index(direct["facility_id"])),
    )
    best = best[best["origin"] >= 0].sort_values(["minutes", "facility"], kind="stable")
    best = best.drop_duplicates("origin")
    minutes = np.full(len(origins), np.inf)
    facility = np.zeros(len(origins), dtype=np.int64)
    guessed = np.zeros(len(origins), dtype=bool)
    at = best["origin"].to_numpy()
    minutes[at], facility[at] = best["minutes"], best["facility"]
    guessed[at] = is_estimated(best)
    return _Direct(minutes, facility, guessed)


def _table(
    choice: _Choice, origins: pd.Index, facilities: pd.Index, costs: RailCosts
) -> pd.DataFrame:
    stations, rail = pd.Index(costs.from_ids), choice.by_rail
    guessed = choice.estimated | (rail & (costs.method == ESTIMATED))
    methods = pd.Index([MEASURED, ESTIMATED])
    by_train = int(costs.method == ESTIMATED)
    facility = choice.facility if len(facilities) else np.full(len(rail), -1)
    # Names repeat a million times in pair tables: categories keep them small and quick.
    return pd.DataFrame(
        {
            "origin_id": pd.Categorical.from_codes(choice.origin, origins),
            "facility_id": pd.Categorical.from_codes(facility, facilities),
            "minutes": choice.minutes,
            "mode": pd.Categorical.from_codes(rail.astype(int), pd.Index([WALK, RAIL])),
            "first_station": pd.Categorical.from_codes(np.where(rail, choice.first, -1), stations),
            "last_station": pd.Categorical.from_codes(np.where(rail, choice.last, -1), stations),
            "access_min": np.where(rail, choice.access_min, np.nan),
            "rail_min": np.where(rail, costs.minutes[choice.first, choice.last], np.nan),
            "egress_min": np.where(rail, choice.egress_min, np.nan),
            "transfers": np.where(rail, costs.transfers[choice.first, choice.last], np.nan),
            "walk_method": pd.Categorical.from_codes(choice.estimated.astype(int), methods),
            "rail_method": pd.Categorical.from_codes(np.where(rail, by_train, -1), methods),
            "method": pd.Categorical.from_codes(guessed.astype(int), methods),
        }
    )
