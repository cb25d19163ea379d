"""Measure the coverage of districts and the city, and set it beside published figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.measures.access_pairs import FloatArray
from pipeline.measures.access_rows import COLUMNS, ESTIMATED, LAND, MEASURED, MIXED
from pipeline.measures.coverage import GeometryArray, area_inside, coverage_pieces
from pipeline.measures.people import KINDS, RESIDENTS, WORKERS, Counted, People

CITY, DISTRICT, TOWNSHIP = "city", "district:", "township:"
TOWNSHIPS = "townships"  # stands for all of them where no outlines are at hand
#: What a published share is of, and the same in the names of measures.
COUNTED_AS = {"area": "area", "people": RESIDENTS, "jobs": WORKERS}
PUBLISHED_COLUMNS = (
    "standard_id", "kind", "year", "scope", "band_m", "denominator", "published", "unit_id",
    "computed", "difference", "comparison", "mark_zh", "mark_en", "note_zh", "note_en", "source",
)  # fmt: skip


def area_units(
    districts: gpd.GeoDataFrame, centrality: pd.Series[str], townships: gpd.GeoDataFrame
) -> gpd.GeoDataFrame:
    """List the units of city-wide coverage: districts, kinds of district, the city, townships.

    Parameters
    ----------
    districts
        Polygons with `district_zh`.
    centrality
        Kind of each district (`central`, `near_suburb` ...), indexed by its name.
    townships
        Polygons with `township_id`; none where no outlines are at hand.

    Returns
    -------
    geopandas.GeoDataFrame
        `unit_id` (`district:<name>`, `type:<kind>`, `city`, `township:<id>`), `members` (what it is
        made of, joined by `|`), `area_km2`, `geometry`.
    """
    kind = districts["district_zh"].map(centrality)
    ids = DISTRICT + districts["district_zh"].astype(str)
    members = {name: [name] for name in ids}
    members |= {f"type:{name}": ids[kind.eq(name)].tolist() for name in sorted(set(kind.dropna()))}
    if len(ids):
        members[CITY] = ids.tolist()
    shape_of = districts.geometry.set_axis(ids)
    shapes = [shape_of[names].union_all() for names in members.values()]
    small = TOWNSHIP + townships["township_id"].astype(str)
    unit_ids = [*members, *small]
    shapes += list(townships.geometry)
    return gpd.GeoDataFrame(
        {
            "unit_id": pd.Series(unit_ids, dtype="str"),
            "members": pd.Series(
                ["|".join(n) for n in members.values()] + list(small), dtype="str"
            ),
            "area_km2": [shape.area / 1e6 for shape in shapes],
        },
        geometry=shapes,
        crs=districts.crs,
    )


def area_coverage(
    units: gpd.GeoDataFrame,
    stops: gpd.GeoDataFrame,
    people: People | None,
    *,
    variant: str,
    bands_m: Sequence[float],
    network: Callable[[float], GeometryArray],
    mapped: shapely.Geometry | None,
    snapshot: str | None,
) -> pd.DataFrame:
    """Compute the share of each unit's land, residents and workers within each band of a stop.

    By straight line (`share_area_euclid_<band>m`, stops widened by their extent), on foot
    (`share_area_network_<band>m`: catchments along streets where they are mapped, elsewhere discs
    of band / detour factor), and the difference (`ledger_<band>m`). Outlines are generalised and
    certain: there is no interval.

    Parameters
    ----------
    units
        As `area_units` gives them.
    stops
        Points with `extent_m`.
    people
        Where people live and work; the shares of a kind that nobody counts are null. None: land
        alone is asked for.
    variant
        Name of the scenario.
    bands_m
        Bands in metres.
    network
        Land within a band on foot, as polygons that do not overlap.
    mapped
        Land where streets are known; None: nowhere.
    snapshot
        Date of the stations.

    Returns
    -------
    pandas.DataFrame
        Rows of the long table, `place_id` being the unit's id; without any township one row for
        each measure of land says that their outlines are not at hand (`townships`, `no_data`).
        Without any stop every share is null, `no_data`.
    """
    alone = units[units["members"].eq(units["unit_id"])].set_index("unit_id")
    member = _memberships(units, alone.index)
    shapes = np.asarray(alone.geometry.to_numpy(), dtype=object)
    measured = _share(_measured_area(shapes, mapped), shapely.area(shapes), member)
    kinds = (None,) if people is None else (None, *KINDS)
    counted = {} if people is None else {kind: people.get(kind) for kind in KINDS}
    whole = {kind: _mass(shapes, kind, counted) for kind in kinds}
    points = shapely.get_coordinates(stops.geometry.to_numpy())
    extent = stops["extent_m"].to_numpy(dtype=np.float64)
    rows = []
    for band in bands_m:
        reach = {"euclid": coverage_pieces(points, band + extent), "network": network(band)}
        for kind in kinds:
            share = {
                way: _share(_within(shapes, pieces, kind, counted), whole[kind], member)
                for way, pieces in reach.items()
            }
            name = "area" if kind is None else kind
            ledger = "ledger_" if kind is None else f"ledger_{kind}_"
            what = LAND if kind is None else kind
            rows += [
                _rows(share["euclid"], f"share_{name}_euclid_{band:g}m", what, None),
                _rows(share["network"], f"share_{name}_network_{band:g}m", what, measured),
                _rows(share["network"] - share["euclid"], f"{ledger}{band:g}m", what, measured),
            ]
    table = pd.concat(rows, ignore_index=True)
    table.insert(0, "place_id", np.tile(units["unit_id"].astype(str), len(rows)))
    if not len(stops):  # none is known: that is no share of zero
        table = table.assign(value=np.nan, status="no_data", method=None, measured_share=np.nan)
    if len(units) and not units["unit_id"].str.startswith(TOWNSHIP).any():
        table = pd.concat([table, _no_townships(table)], ignore_index=True)
    table = table.assign(service="rail", variant=variant, snapshot=snapshot)
    return table.reindex(columns=list(COLUMNS))


def _memberships(units: gpd.GeoDataFrame, alone: pd.Index[str]) -> FloatArray:
    """Tell what each unit is made of: 1 for its members, shape (units, members)."""
    member = np.zeros((len(units), len(alone)))
    for row, names in enumerate(units["members"].str.split("|")):
        member[row, alone.get_indexer(names)] = 1.0
    return member


def _share(part: FloatArray, whole: FloatArray, member: FloatArray) -> FloatArray:
    """Divide what units hold in part by what they hold in all, summed over their members."""
    known = ~np.isnan(whole)
    total = member @ np.where(known, whole, 0.0)
    share: FloatArray = np.full(len(member), np.nan)
    np.divide(member @ np.where(known, part, 0.0), total, out=share, where=total > 0)
    np.clip(share, 0.0, 1.0, out=share)
    return share


def _measured_area(shapes: GeometryArray, mapped: shapely.Geometry | None) -> FloatArray:
    if mapped is None:
        return np.zeros(len(shapes))
    return np.asarray(shapely.area(shapely.intersection(shapes, mapped)), dtype=np.float64)


def _mass(
    shapes: GeometryArray, kind: str | None, counted: Mapping[str, Counted | None]
) -> FloatArray:
    """Give the land of shapes in m², or the people of a kind in them (null where not counted)."""
    if kind is None:
        return np.asarray(shapely.area(shapes), dtype=np.float64)
    people = counted[kind]
    return np.full(len(shapes), np.nan) if people is None else people.inside(shapes)


def _within(
    shapes: GeometryArray,
    pieces: GeometryArray,
    kind: str | None,
    counted: Mapping[str, Counted | None],
) -> FloatArray:
    """Give what of the shapes lies in pieces that do not overlap."""
    if kind is None:
        return area_inside(shapes, pieces)
    people = counted[kind]
    return np.full(len(shapes), np.nan) if people is None else held(shapes, pieces, people)


def held(shapes: GeometryArray, pieces: GeometryArray, people: Counted) -> FloatArray:
    """Count the people of each shape in pieces that do not overlap; nobody counted is nobody."""
    shapely.prepare(shapes)
    unit, piece = shapely.STRtree(pieces).query(shapes, predicate="intersects")
    shared = pieces[piece]
    partly = np.flatnonzero(~shapely.covers(shapes[unit], shared))
    shared[partly] = shapely.intersection(shapes[unit[partly]], shared[partly])
    inside = np.nan_to_num(people.inside(shared), nan=0.0)
    return np.bincount(unit, weights=inside, minlength=len(shapes)).astype(np.float64)


def _rows(
    values: FloatArray, measure: str, denominator: str, measured: FloatArray | None
) -> pd.DataFrame:
    method = None
    if measured is not None:
        method = np.select([measured >= 1.0 - 1e-9, measured > 0], [MEASURED, MIXED], ESTIMATED)
    return pd.DataFrame(
        {
            "mode": "straight_line" if measured is None else "walk",
            "measure": measure,
            "value": values,
            "unit": "share",
            "denominator": denominator,
            "status": np.where(np.isnan(values), "no_data", "ok"),
            "method": method,
            "measured_share": np.nan if measured is None else measured,
        }
    )


def _no_townships(table: pd.DataFrame) -> pd.DataFrame:
    """Say once for each measure of land that no outlines of townships are at hand."""
    land = table[table["denominator"].eq(LAND)].drop_duplicates(["mode", "measure"])
    return land.assign(
        place_id=TOWNSHIPS, value=np.nan, status="no_data", method=None, measured_share=np.nan
    )


def published_beside_computed(
    standards: pd.DataFrame, coverage: pd.DataFrame, *, units: dict[str, str]
) -> pd.DataFrame:
    """Set published figures of station coverage beside the ones computed here.

    A figure of people or jobs stands beside that of residents or workers, null where nobody counts
    them; so is one of both together, or one whose area is no unit of this study. A figure for an
    area like, but not the same as, a unit is listed with that unit's figure and marked as not
    comparable.

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
        (unit, f"share_{COUNTED_AS.get(what)}_euclid_{band:g}m")
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
