"""Measure the coverage of districts and the city, and set it beside published figures."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.measures.access_pairs import FloatArray
from pipeline.measures.access_rows import COLUMNS, ESTIMATED, LAND
from pipeline.measures.coverage import share_area_euclid

CITY, DISTRICT = "city", "district:"
PUBLISHED_COLUMNS = (
    "standard_id", "kind", "year", "scope", "band_m", "denominator", "published", "unit_id",
    "computed", "difference", "comparison", "mark_zh", "mark_en", "note_zh", "note_en", "source",
)  # fmt: skip


def area_units(districts: gpd.GeoDataFrame, centrality: pd.Series[str]) -> gpd.GeoDataFrame:
    """List the units of city-wide coverage: every district, the kinds of district, the city.

    Parameters
    ----------
    districts
        Polygons with `district_zh`.
    centrality
        Kind of each district (`central`, `near_suburb` ...), indexed by its name.

    Returns
    -------
    geopandas.GeoDataFrame
        `unit_id` (`district:<name>`, `type:<kind>`, `city`), `members` (its districts, joined by
        `|`), `area_km2`, `geometry`.
    """
    if not len(districts):
        return gpd.GeoDataFrame(
            {"unit_id": [], "members": [], "area_km2": []}, geometry=[], crs=districts.crs
        )
    kind = districts["district_zh"].map(centrality)
    ids = DISTRICT + districts["district_zh"].astype(str)
    members = {name: [name] for name in ids}
    members |= {f"type:{name}": ids[kind.eq(name)].tolist() for name in sorted(set(kind.dropna()))}
    members[CITY] = ids.tolist()
    shape_of = districts.geometry.set_axis(ids)
    shapes = [shape_of[names].union_all() for names in members.values()]
    return gpd.GeoDataFrame(
        {
            "unit_id": list(members),
            "members": ["|".join(names) for names in members.values()],
            "area_km2": [shape.area / 1e6 for shape in shapes],
        },
        geometry=shapes,
        crs=districts.crs,
    )


def area_coverage(
    units: gpd.GeoDataFrame,
    stops: gpd.GeoDataFrame,
    *,
    variant: str,
    bands_m: Sequence[float],
    station_extent_m: float,
    detour_factor: float,
    snapshot: str | None,
) -> pd.DataFrame:
    """Compute the share of each unit's land within each band of a stop.

    By straight line (`share_area_euclid_<band>m`, stops widened by the station extent), along
    estimated routes (`share_area_network_<band>m`: discs of band / detour factor), and the
    difference (`ledger_<band>m`). Outlines are generalised and certain: there is no interval.

    Returns
    -------
    pandas.DataFrame
        Rows of the long table, `place_id` being the unit's id.
    """
    shapes = units.geometry.set_axis(units["unit_id"])
    wide = pd.Series(station_extent_m, index=stops.index)
    nothing = pd.Series(0.0, index=stops.index)
    euclid = _shares(units, stops.geometry, bands_m, wide)
    reach = [band / detour_factor for band in bands_m]
    network = _shares(units, stops.geometry, reach, nothing)
    rows = []
    for band, short in zip(bands_m, reach, strict=True):
        rows += [
            _rows(shapes, euclid[band], "straight_line", f"share_area_euclid_{band:g}m"),
            _rows(shapes, network[short], "walk", f"share_area_network_{band:g}m"),
            _rows(shapes, network[short] - euclid[band], "walk", f"ledger_{band:g}m"),
        ]
    empty = pd.DataFrame({name: [] for name in COLUMNS})
    table = pd.concat(rows, ignore_index=True) if len(shapes) else empty
    table = table.assign(service="rail", variant=variant, snapshot=snapshot)
    return table.reindex(columns=list(COLUMNS))


def _shares(
    units: gpd.GeoDataFrame,
    stops: gpd.GeoSeries,
    bands_m: Sequence[float],
    extent: pd.Series[float],
) -> pd.DataFrame:
    """Compute shares of districts, and of the units made of them as means over their land."""
    alone = units[units["unit_id"].str.startswith(DISTRICT)].set_index("unit_id")
    shares = share_area_euclid(alone.geometry, stops, bands_m=bands_m, extent_m=extent)
    weighted = shares.mul(alone.area, axis=0)
    parts = {
        unit: weighted.loc[names].sum() / alone.area[names].sum()
        for unit, names in zip(units["unit_id"], units["members"].str.split("|"), strict=True)
    }
    return pd.DataFrame(parts).T.reindex(columns=list(bands_m))


def _rows(shapes: gpd.GeoSeries, values: pd.Series[float], mode: str, measure: str) -> pd.DataFrame:
    estimated = mode != "straight_line"
    return pd.DataFrame(
        {
            "place_id": shapes.index.astype(str),
            "mode": mode,
            "measure": measure,
            "value": values.to_numpy(dtype=np.float64),
            "unit": "share",
            "denominator": LAND,
            "status": np.where(values.notna(), "ok", "no_data"),
            "method": ESTIMATED if estimated else None,
            "measured_share": 0.0 if estimated else np.nan,
        }
    )


def published_beside_computed(
    standards: pd.DataFrame, coverage: pd.DataFrame, *, units: dict[str, str]
) -> pd.DataFrame:
    """Set published figures of station coverage beside the ones computed here.

    A figure of people or jobs is listed with a null beside it, because no one's count of them is
    at hand; so is one whose area is no unit of this study. A figure for an area like, but not the
    same as, a unit is listed with that unit's figure and marked as not comparable.

    Parameters
    ----------
    standards
        Rows of the table of standards whose topic is rail and whose unit is a share.
    coverage
        Rows of `area_coverage`.
    units
        The unit that comes nearest to each scope (`central_city` ...), by scope.
    """
    share = standards[standards["topic"].eq("rail") & standards["unit"].eq("share")]
    found = share["standard_id"].str.extract(r"^rail(?P<band>\d+)_(?:(?P<what>area|people|jobs)_)?")
    share = share.assign(band_m=found["band"].astype("float64"), what=found["what"])
    share = share[share["band_m"].notna()]
    land = coverage[coverage["mode"].eq("straight_line") & coverage["variant"].eq("operating")]
    value = land.set_index(["place_id", "measure"])["value"]
    unit_of = share["applies_to"].map(units)
    keys = [
        (unit, f"share_area_euclid_{band:g}m") if what == "area" else (None, None)
        for unit, band, what in zip(unit_of, share["band_m"], share["what"], strict=True)
    ]
    computed: FloatArray = np.array([value.get(key, np.nan) for key in keys], dtype=np.float64)
    known = np.isfinite(computed)
    published = share["value"].to_numpy(dtype=np.float64)
    verified = share["confidence"].eq("verified").to_numpy(dtype=np.bool_)
    table = pd.DataFrame(
        {
            "standard_id": share["standard_id"].to_numpy(),
            "kind": share["kind"].to_numpy(),
            "year": share["year"].to_numpy(),
            "scope": share["applies_to"].to_numpy(),
            "band_m": share["band_m"].to_numpy(),
            "denominator": share["what"].fillna("people_and_jobs").to_numpy(),
            "published": published,
            "unit_id": [u if k else None for u, k in zip(unit_of, known, strict=True)],
            "computed": computed,
            "difference": computed - published,
            "comparison": np.where(known, "scope_differs", "no_data"),
            "mark_zh": np.where(verified, "", "未核实"),
            "mark_en": np.where(verified, "", "unverified"),
            "note_zh": np.where(known, "范围相近而不相同，不作达标判断", "缺少人口、岗位或该范围"),
            "note_en": np.where(
                known,
                "the areas are alike, not the same: shown beside each other, not judged",
                "no count of people or jobs, or no outline of that area, is at hand",
            ),
            "source": share["source"].to_numpy(),
        }
    )
    return table[list(PUBLISHED_COLUMNS)].sort_values("standard_id", ignore_index=True)
