"""Merge mapped station features to stations, give them entrances, compare lists of stations."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pipeline.errors import CrsError, Problem
from pipeline.network.rail_status import BUILDING, NO_STOP, OPERATING, PLANNED
from pipeline.network.station_groups import cluster_same_name, plain_name, station_keys
from pipeline.settings.rail import StationSettings

if TYPE_CHECKING:
    import geopandas as gpd

logger = logging.getLogger(__name__)

Floats = NDArray[np.float64]

RANK = {OPERATING: 0, BUILDING: 1, PLANNED: 2, NO_STOP: 3}
"""A station is what the most advanced of its features is; the others are its pending parts."""


def merge_stations(
    features: gpd.GeoDataFrame, decisions: pd.DataFrame, *, settings: StationSettings
) -> gpd.GeoDataFrame:
    """Merge the points and areas of one station.

    Features are one station when their bare names agree and they are linked by steps of at most
    `merge_max_m`; an unnamed one joins the nearest named station within `unnamed_max_m`. Stations
    of one name farther apart stay separate.

    Parameters
    ----------
    features
        Station features in a metric CRS.
    decisions
        Result of `classify_stations` on the same index.

    Returns
    -------
    stations
        Columns `name` (null when unnamed), `status` (the most advanced of its features), `pending`
        (tuple of the other statuses found there, `not_passenger_rail` left out), `system`, `rules`
        (tuple), `members` (tuple of index labels), `extent_m` (farthest member from the point) and
        a point: the mean of the representative points of the features that made the status.

    Raises
    ------
    CrsError
        When the CRS is not metric.
    """
    import geopandas as gpd

    _need_metres(features)
    points = features.representative_point()
    table = decisions.assign(x=points.x, y=points.y, order=decisions["status"].map(RANK))
    table["group"] = _groups(table, settings)
    rows = [_station(group) for _, group in table.groupby("group", sort=True)]
    merged = pd.DataFrame(rows)
    geometry = gpd.points_from_xy(merged.pop("x"), merged.pop("y"))
    stations = gpd.GeoDataFrame(merged, geometry=geometry, crs=features.crs)
    logger.info("merged %d features to %d stations", len(features), len(stations))
    return stations.sort_values(["name", "extent_m"], kind="stable", ignore_index=True)


def _need_metres(frame: gpd.GeoDataFrame) -> None:
    if frame.crs is None or frame.crs.is_geographic:
        problem = Problem(
            zh=f"需要以米为单位的坐标系，得到 {frame.crs}",
            en=f"a CRS in metres is needed, not {frame.crs}",
            rule="crs",
            remedy_zh="先投影到工作坐标系",
            remedy_en="project to the working CRS first",
        )
        raise CrsError(problem)


def _groups(table: pd.DataFrame, settings: StationSettings) -> NDArray[np.int64]:
    x, y = table["x"].to_numpy(float), table["y"].to_numpy(float)
    named = table["name"].notna().to_numpy(bool)
    rows = np.arange(len(table))
    names = np.array([f"\0{row}" for row in rows], dtype=object)
    # An unnamed feature keeps this name, which no station can bear: a group of its own at first.
    names[named] = station_keys(table.loc[named, "name"].astype(str).tolist())
    labels = cluster_same_name(names.tolist(), x, y, max_m=settings.merge_max_m)
    if named.any() and not named.all():
        tree = cKDTree(np.column_stack([x, y])[named])
        gap_m, near = tree.query(np.column_stack([x, y])[~named])
        joins = gap_m <= settings.unnamed_max_m
        labels[rows[~named][joins]] = labels[rows[named][near[joins]]]
    return labels


def _station(group: pd.DataFrame) -> dict[str, object]:
    first = group["order"].min()
    makers = group[group["order"] == first]
    x, y = makers["x"].mean(), makers["y"].mean()
    others = group.loc[(group["order"] > first) & (group["status"] != NO_STOP), "status"]
    names, systems = makers["name"].dropna(), makers["system"].dropna()
    any_name = names if len(names) else group["name"].dropna()
    return {
        "name": any_name.mode().iloc[0] if len(any_name) else None,
        "status": makers["status"].iloc[0],
        "pending": tuple(sorted(set(others))),
        "system": systems.mode().iloc[0] if len(systems) else None,
        "rules": tuple(sorted(set(makers["rule"]))),
        "members": tuple(group.index),
        "extent_m": float(np.hypot(group["x"] - x, group["y"] - y).max()),
        "x": x,
        "y": y,
    }


def assign_entrances(
    entrances: gpd.GeoDataFrame, stations: gpd.GeoDataFrame, *, settings: StationSettings
) -> pd.DataFrame:
    """Give each station entrance its station.

    An entrance whose name contains the name of a station in reach belongs to the nearest such
    station; any other belongs to the nearest station in reach.

    Parameters
    ----------
    entrances
        Points in the stations' CRS (metres); column `name` may be null or absent.
    stations
        Points with columns `station_id` and `name`.

    Returns
    -------
    assigned
        On the entrances' index: `station_id` (null out of reach), `distance_m`, `rule` (`name`,
        `nearest`, null), `doubtful` (another station is less than `entrance_margin` times as far)
        and `status` (`ok`, `beyond_limit`).
    """
    _need_metres(entrances)
    _need_metres(stations)
    places = np.column_stack([stations.geometry.x, stations.geometry.y])
    points = entrances.representative_point()
    labels = [str(n) if isinstance(n, str) else "" for n in entrances.get("name", points)]
    known = [plain_name(str(name)) for name in stations["name"].fillna("\0")]
    rows = [
        _entrance(np.hypot(*(places - (x, y)).T), plain_name(label), known, settings)
        for x, y, label in zip(points.x, points.y, labels, strict=True)
    ]
    table = pd.DataFrame(
        rows, columns=["station", "distance_m", "rule", "doubtful"], index=entrances.index
    )
    ids = stations["station_id"].to_numpy()
    found = table.pop("station")
    table.insert(0, "station_id", [None if pd.isna(i) else ids[int(i)] for i in found])
    table["status"] = np.where(found.notna(), "ok", "beyond_limit")
    logger.info("%d of %d entrances have a station", int(found.notna().sum()), len(table))
    return table


def _entrance(
    gap_m: Floats, label: str, known: list[str], settings: StationSettings
) -> tuple[int | None, float | None, str | None, bool | None]:
    reach = np.flatnonzero(gap_m <= settings.entrance_max_m)
    if not len(reach):
        return None, None, None, None
    bearers = [i for i in reach if known[i] in label] if label else []
    pool = np.asarray(bearers) if bearers else reach
    best = int(pool[np.argmin(gap_m[pool])])
    rule = "name" if bearers else "nearest"
    rivals = np.delete(gap_m, best)
    close = len(rivals) > 0 and rivals.min() < gap_m[best] * settings.entrance_margin
    return best, float(gap_m[best]), rule, bool(close and rule == "nearest")


def compare_station_lists(
    ours: pd.DataFrame, theirs: pd.DataFrame, *, max_m: float
) -> pd.DataFrame:
    """Compare two lists of stations by name and place.

    A pair agrees when the names agree and the points are at most `max_m` apart. A name that both
    bear farther apart is `same_name_apart`. What is left of one list is paired with the nearest
    station that is left of the other within `max_m` as `other_name_near` (renamed?), else it is
    `only_ours` or `only_theirs`.

    Parameters
    ----------
    ours, theirs
        Columns `name`, `x`, `y` (metres), one row for each station.

    Returns
    -------
    comparison
        Columns `kind`, `name_ours`, `name_theirs`, `distance_m`, sorted by kind and name.
    """
    left, right = _listed(ours, theirs), _listed(theirs, ours)
    rows: list[tuple[str, str | None, str | None, float | None]] = []
    for limit, kind, by_name in (
        (max_m, "agree", True),
        (np.inf, "same_name_apart", True),
        (max_m, "other_name_near", False),
    ):
        pairs = _pairs(left, right, limit, by_name=by_name)
        rows += [(kind, left["name"][a], right["name"][b], gap) for a, b, gap in pairs]
        left = left.drop(index=[a for a, _, _ in pairs])
        right = right.drop(index=[b for _, b, _ in pairs])
    rows += [("only_ours", name, None, None) for name in left["name"]]
    rows += [("only_theirs", None, name, None) for name in right["name"]]
    table = pd.DataFrame(rows, columns=["kind", "name_ours", "name_theirs", "distance_m"])
    return table.sort_values(["kind", "name_ours", "name_theirs"], ignore_index=True)


def _listed(table: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    rows = table.loc[table["name"].notna(), ["name", "x", "y"]].reset_index(drop=True)
    others = other["name"].dropna().astype(str).tolist()
    return rows.assign(key=station_keys(rows["name"].astype(str).tolist(), others))


def _pairs(
    left: pd.DataFrame, right: pd.DataFrame, max_m: float, *, by_name: bool
) -> list[tuple[int, int, float]]:
    """Pair rows one to one, nearest first."""
    if by_name:
        cross = left.reset_index().merge(right.reset_index(), on="key", suffixes=("_a", "_b"))
    else:
        cross = left.reset_index().merge(right.reset_index(), how="cross", suffixes=("_a", "_b"))
    gap_m = np.hypot(cross["x_a"] - cross["x_b"], cross["y_a"] - cross["y_b"])
    cross = cross.assign(gap_m=gap_m)[gap_m <= max_m].sort_values(["gap_m", "index_a", "index_b"])
    found: list[tuple[int, int, float]] = []
    taken_a: set[int] = set()
    taken_b: set[int] = set()
    for a, b, gap in cross[["index_a", "index_b", "gap_m"]].itertuples(index=False, name=None):
        if a not in taken_a and b not in taken_b:
            found.append((a, b, gap))
            taken_a.add(a)
            taken_b.add(b)
    return found
