"""Group stops of one name at one place to stations, and link stations by walks."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from pipeline.settings.rail import RailSettings

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_DOTS = re.compile(r"[·・•‧∙]")


def plain_name(name: str) -> str:
    """Bring the spelling variants of one station name to one form.

    Full-width forms and middle dots are unified and blanks dropped. A final 站 is part of names
    such as 东湖火车站 and therefore stays.
    """
    return re.sub(r"\s+", "", _DOTS.sub("·", unicodedata.normalize("NFKC", name)))


def station_keys(names: Sequence[str], others: Sequence[str] = ()) -> list[str]:
    """Give names the key under which they are compared.

    A final 站 is dropped where the rest is itself a name among `names` or `others`: 嘉松中路站 is
    嘉松中路 when both occur, 东湖火车站 stays whole.
    """
    plain = [plain_name(name) for name in names]
    known = {*plain, *(plain_name(name) for name in others)}
    return [name.removesuffix("站") if name.removesuffix("站") in known else name for name in plain]


def cluster_same_name(names: Sequence[str], x: Floats, y: Floats, *, max_m: float) -> Ints:
    """Give points of one name that are linked by steps of at most `max_m` one group number.

    Parameters
    ----------
    names
        One name for each point; equal names are candidates for one group.
    x, y
        Coordinates in metres, shape (n,).
    max_m
        Largest step within a group, metres, inclusive.

    Returns
    -------
    labels
        Group number of each point, shape (n,), in order of first appearance.
    """
    codes = pd.factorize(np.asarray(names, dtype=object))[0]
    points = np.column_stack([x, y])
    links = _links(codes, points, max_m)
    graph = coo_array((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(len(x), len(x)))
    labels = connected_components(graph, directed=False)[1]
    return np.asarray(pd.factorize(labels)[0], dtype=np.int64)


def _links(codes: Ints, points: Floats, max_m: float) -> Ints:
    found = [np.empty((0, 2), dtype=np.int64)]
    order = np.argsort(codes, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(codes[order])) + 1):
        if len(members) > 1:
            pairs = cKDTree(points[members]).query_pairs(max_m, output_type="ndarray")
            found.append(members[pairs])
    return np.concatenate(found)


def place_platforms(
    platforms: pd.DataFrame, *, max_m: float, separate_names: Collection[str]
) -> pd.DataFrame:
    """Give every platform the id of the station it belongs to.

    Platforms belong together when their station names agree and they are linked by steps of at
    most `max_m`; names in `separate_names` never join different lines. The id is the name where it
    is unique, else the name with the lines that stop there.

    Parameters
    ----------
    platforms
        Columns `station`, `line`, `x`, `y` (metres).

    Returns
    -------
    platforms
        The same rows with a column `station_id`.
    """
    names = platforms["station"].astype(str).map(plain_name)
    apart = names.isin({plain_name(name) for name in separate_names})
    keys = names.where(~apart, names + "\0" + platforms["line"].astype(str))
    x, y = platforms["x"].to_numpy(float), platforms["y"].to_numpy(float)
    labels = cluster_same_name(keys.tolist(), x, y, max_m=max_m)
    return platforms.assign(station_id=_ids(platforms, names, labels))


def _ids(platforms: pd.DataFrame, names: pd.Series, labels: Ints) -> pd.Series:
    frame = pd.DataFrame(
        {"name": platforms["station"].astype(str), "plain": names, "line": platforms["line"]}
    ).assign(label=labels)
    groups = frame.groupby("label").agg(
        name=("name", "first"),
        plain=("plain", "first"),
        lines=("line", lambda s: "/".join(sorted(set(s)))),
    )
    shared = groups["plain"].duplicated(keep=False)
    ids = groups["name"].where(~shared, groups["name"] + "@" + groups["lines"])
    # Two stops of one name and one line, far apart, are told apart by their order in the table.
    again = ids.groupby(ids).cumcount()
    ids = ids.where(again == 0, ids + "#" + (again + 1).astype(str))
    return pd.Series(ids.to_numpy()[labels], index=platforms.index)


def stations_of(platforms: pd.DataFrame) -> pd.DataFrame:
    """List the stations that platforms belong to, with their place and lines.

    Parameters
    ----------
    platforms
        Columns `station_id`, `station`, `line`, `x`, `y` and `is_shared` (a row that stands for
        several lines on one track and is no line of its own).

    Returns
    -------
    stations
        Columns `station_id`, `name`, `x`, `y` (mean of its lines, metres), `lines` (tuple of str),
        `is_interchange`, sorted by `station_id`.
    """
    own = platforms[~platforms["is_shared"]].drop_duplicates(["station_id", "line"])
    found = own.groupby("station_id", sort=True).agg(
        name=("station", "first"),
        x=("x", "mean"),
        y=("y", "mean"),
        lines=("line", lambda s: tuple(sorted(set(s)))),
    )
    found["is_interchange"] = found["lines"].map(len) > 1
    return found.reset_index()


def named_links(stations: pd.DataFrame, *, settings: RailSettings) -> pd.DataFrame:
    """List the changes on foot that the settings name, between the nearest bearers of the names.

    A name that no station bears (closed, or of another city) is left out.
    """
    plain = stations["name"].map(plain_name)
    rows = []
    for link in settings.street_links:
        ours = stations[plain == plain_name(link.station_a)]
        theirs = stations[plain == plain_name(link.station_b)]
        if ours.empty or theirs.empty:
            continue
        gap_m, near = cKDTree(theirs[["x", "y"]]).query(ours[["x", "y"]])
        first = int(np.argmin(gap_m))
        walk = _street_min(float(gap_m[first]), settings)
        walk = walk if link.walk_min is None else link.walk_min + settings.street_link_min
        rows.append((ours["station_id"].iloc[first], theirs["station_id"].iloc[near[first]], walk))
    return pd.DataFrame(rows, columns=["station_a", "station_b", "walk_min"])


def nearby_links(
    stations: pd.DataFrame, *, max_m: float, settings: RailSettings, street_min: float
) -> pd.DataFrame:
    """List a change on foot between all stations at most `max_m` metres apart.

    `street_min` is added to the walk (0 for stops that stand in the street).
    """
    pairs = cKDTree(stations[["x", "y"]]).query_pairs(max_m, output_type="ndarray")
    places = stations[["x", "y"]].to_numpy(float)
    gap_m = np.hypot(*(places[pairs[:, 0]] - places[pairs[:, 1]]).T)
    ids = stations["station_id"].to_numpy()
    walk = gap_m * settings.walk_detour / settings.walk_speed_m_min + street_min
    return pd.DataFrame(
        {"station_a": ids[pairs[:, 0]], "station_b": ids[pairs[:, 1]], "walk_min": walk}
    )


def _street_min(gap_m: float, settings: RailSettings) -> float:
    return settings.street_link_min + gap_m * settings.walk_detour / settings.walk_speed_m_min
