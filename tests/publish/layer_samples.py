"""A town of three parks, as the stages would hand it to the layers."""

from __future__ import annotations

from dataclasses import dataclass, field

import geopandas as gpd
import pandas as pd
from shapely.geometry import Point, box

from pipeline.publish.layer_recipes import Options
from pipeline.publish.layer_tables import Layer, make_layers

CRS = "EPSG:32651"
DATE = "2026-05-19"
BREAKS = (0.2, 0.4, 0.6, 0.8)
STAGES = (
    "ingest", "networks", "rail", "hospitals", "schools", "island", "parcels", "gaps", "synthesis",
    "access",
)  # fmt: skip
X, Y = 350_000.0, 3_455_000.0
ALL_SERVICES = ("rail", "hospital", "school")


def at(dx_m: float, dy_m: float) -> Point:
    """Give a point by its distance from the town's corner, in metres."""
    return Point(X + dx_m, Y + dy_m)


def places() -> gpd.GeoDataFrame:
    """Give a park with a surveyed boundary, an indicative one, and one without a point."""
    frame = pd.DataFrame(
        {
            "place_id": ["P1", "P2", "P3"],
            "name_zh": ["甲园", "乙园", "丙园"],
            "name_en": ["Park A", "Park B", None],
            "tier": ["core", "zone", "policy"],
            "category": ["core_area", "=1+1", None],
            "planned_area_km2": [1.0, 2.0, None],
            "precision_m": [0.0, 500.0, None],
            "is_station_point": [False, True, False],
            "boundary_class": ["surveyed", "indicative", "none"],
            "x": [X + 500, X + 5000, None],
            "y": [Y + 500, Y + 5000, None],
            "lon": [121.4, 121.45, None],
            "lat": [31.2, 31.24, None],
        }
    )
    shapes = [box(X, Y, X + 1000, Y + 1000), at(5000, 5000).buffer(798), None]
    return gpd.GeoDataFrame(frame, geometry=shapes, crs=CRS)


def gaps() -> pd.DataFrame:
    """Give the long table of gaps: one measured, one estimated, one unknown."""
    rows = [
        {
            "place_id": place,
            "service": service,
            "gap": gap,
            "value": None if gap is None else 10 * (1 + gap),
            "unit": "min",
            "need": 10.0,
            "low": None,
            "high": None,
            "status": "ok" if gap is not None else "no_data",
            "method": method if gap is not None else None,
            "finding": None if gap is None else "gap" if gap else "no_gap",
            "verdict": "robust" if gap is not None else "not_testable",
            "nearest_name_zh": "站",
            "nearest_name_en": "Station",
            "snapshot": DATE,
            "missing": "" if gap is not None else "rail;hospital;school",
            "rank": {"P1": 2.0, "P2": 1.0}.get(place),
            "rank_low": None,
            "rank_high": None,
            "rank_finding": None,
            "rank_verdict": None,
        }
        for place, gap, method in (
            ("P1", 0.2, "measured_network"),
            ("P2", 0.9, "estimated_straight_line"),
            ("P3", None, None),
        )
        for service in (*ALL_SERVICES, "composite")
    ]
    return pd.DataFrame(rows)


def stations() -> gpd.GeoDataFrame:
    """Give two operating stations, one of them an interchange, and a planned one."""
    frame = pd.DataFrame(
        {
            "station_id": ["s1", "s2", "s3"],
            "name_zh": ["东站", "西站", "新站"],
            "name_en": ["East", "West", "New"],
            "lines": ["01", "01|02", None],
            "status": ["operating", "operating", "planned"],
        }
    )
    return gpd.GeoDataFrame(frame, geometry=[at(0, 0), at(3000, 4000), at(9, 9)], crs=CRS)


def line_stations() -> gpd.GeoDataFrame:
    """Give line 01 of three stops out of order, and a branch of one stop."""
    frame = pd.DataFrame(
        {
            "line_id": ["01", "01", "01", "02"],
            "branch": ["main", "main", "main", "main"],
            "seq": [2, 0, 1, 0],
        }
    )
    points = [at(3000, 4000), at(0, 0), at(3000, 0), at(0, 0)]
    return gpd.GeoDataFrame(frame, geometry=points, crs=CRS)


def facilities() -> gpd.GeoDataFrame:
    """Give a hospital and a school with their variants."""
    frame = pd.DataFrame(
        {
            "facility_id": ["h1", "h2", "k1"],
            "campus_id": ["h1", "h2", "k1"],
            "service": ["hospital", "hospital", "school"],
            "name_zh": ["一院", "二院", "一中"],
            "status": ["operating"] * 3,
            "v_tertiary_all": [True, True, False],
            "v_tertiary_3a_general": [True, False, False],
            "v_senior_policy_76": [False, False, None],
        }
    )
    return gpd.GeoDataFrame(frame, geometry=[at(0, 9), at(9, 0), at(5, 5)], crs=CRS)


def cells() -> gpd.GeoDataFrame:
    """Give four cells of 500 m in an L."""
    where = [(6910, 700), (6910, 701), (6911, 700), (6912, 700)]
    counts = dict.fromkeys(("schools", "health", "shops", "sport", "parks", "finance"), 0)
    frame = pd.DataFrame(
        [{"row": row, "col": col, "district": "甲区", "stops": 1, **counts} for row, col in where]
    )
    shapes = [box(c * 500, r * 500, c * 500 + 500, r * 500 + 500) for r, c in where]
    return gpd.GeoDataFrame(frame, geometry=shapes, crs=CRS)


def ranks() -> pd.DataFrame:
    """Give the island scores of one park, in contrast only."""
    numbers = {"p": 0.02, "p_adjusted": 0.04, "rank": 1, "rank_low": 1, "rank_high": 2}
    row = {"place_id": "P1", "theme": "contrast", "score": 1.4, "low": 0.9, "high": 1.8}
    return pd.DataFrame([row | numbers | {"ranked": 2, "components": 2}])


def reasons() -> pd.DataFrame:
    """Say why the other park has no score in contrast."""
    told = {"status": ["ok", "not_testable"], "reason": [None, "position"]}
    words = {"reason_zh": [None, "位置误差过大"], "reason_en": [None, "too uncertain a position"]}
    return pd.DataFrame({"place_id": ["P1", "P2"], "theme": "contrast", **told, **words})


def parcels() -> gpd.GeoDataFrame:
    """Give a parcel with a verdict and one that lacks fields; both synthetic."""
    frame = pd.DataFrame(
        {
            "parcel_id": ["L1", "L2"],
            "synthetic": [True, True],
            "area_m2": [10_000.0, None],
            "verdict": ["matched", "possible"],
            "status": ["ok", "no_data"],
            "outcome": ["idle", None],
            "rules_fired": ["idle_not_started", ""],
        }
    )
    shapes = [box(X, Y, X + 100, Y + 100), box(X + 100, Y, X + 200, Y + 100)]
    return gpd.GeoDataFrame(frame, geometry=shapes, crs=CRS)


@dataclass
class Town:
    """Opens the tables of the town; single tables can be replaced."""

    replaced: dict[tuple[str, str], pd.DataFrame] = field(default_factory=dict)

    def frame(self, stage: str, name: str) -> pd.DataFrame:
        """Open a table."""
        if (stage, name) in self.replaced:
            return self.replaced[stage, name]
        made = {
            ("ingest", "places.parquet"): places,
            ("ingest", "facilities.parquet"): facilities,
            ("ingest", "cells.parquet"): cells,
            ("ingest", "line_stations.parquet"): line_stations,
            ("ingest", "lines.parquet"): _lines,
            ("ingest", "planned_stations.parquet"): _planned,
            ("ingest", "districts.parquet"): _districts,
            ("ingest", "standards.parquet"): _standards,
            ("networks", "mapped.parquet"): _mapped,
            ("rail", "stations.parquet"): stations,
            ("rail", "units.parquet"): _units,
            ("rail", "areas.parquet"): _areas,
            ("island", "ranks.parquet"): ranks,
            ("island", "reasons.parquet"): reasons,
            ("island", "island.parquet"): _components,
            ("parcels", "parcels.parquet"): parcels,
            ("parcels", "evidence.parquet"): _evidence,
            ("parcels", "outcomes.parquet"): pd.DataFrame,
            ("gaps", "gaps.parquet"): gaps,
            ("access", "access_long.parquet"): _access,
            ("gaps", "tiers.parquet"): _tiers,
            ("rail", "rail_stations.parquet"): _graph_stations,
            ("rail", "draws.parquet"): _draws,
            ("island", "draws.parquet"): _relocations,
            ("island", "gates.parquet"): _gates,
            ("synthesis", "pairing.parquet"): _pairing,
            ("synthesis", "sites.parquet"): _sites,
        }
        return made.get((stage, name), pd.DataFrame)()

    layer = frame


def town_layers(town: Town | None = None) -> list[Layer]:
    """Make all layers of the town."""
    return make_layers(town or Town(), stages=STAGES, options=Options(gap_breaks=BREAKS))


def _lines() -> pd.DataFrame:
    return pd.DataFrame({"line_id": ["01"], "name_zh": ["一号线"], "colour_hex": ["#E3002B"]})


def _planned() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"name_zh": []}, geometry=[], crs=CRS)


def _districts() -> gpd.GeoDataFrame:
    shape = box(X - 2000, Y - 2000, X + 8000, Y + 8000)
    return gpd.GeoDataFrame(
        {"district_zh": ["甲区"], "area_km2": [100.0]}, geometry=[shape], crs=CRS
    )


def _units() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"unit_id": ["city"]}, geometry=[box(X, Y, X + 9, Y + 9)], crs=CRS)


def _areas() -> pd.DataFrame:
    row = {"place_id": "city", "variant": "operating", "mode": "walk", "measure": "ledger_500m"}
    return pd.DataFrame([row | {"value": -0.2, "unit": "share", "status": "ok", "snapshot": DATE}])


def _evidence() -> pd.DataFrame:
    row = {"parcel_id": "L1", "rule": "idle", "field": "started", "op": "eq", "threshold": "false"}
    return pd.DataFrame(
        [row | {"value": "=FALSE()", "synthetic": True, "decision": "low_type", "state": "now"}]
    )


def _standards() -> pd.DataFrame:
    return pd.DataFrame({"standard_id": ["a"], "value": [500.0], "unit": ["m"], "year": [2018]})


def _mapped() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"mode": [], "region": []}, geometry=[], crs=CRS)


def _tiers() -> pd.DataFrame:
    counts = ("places", "with_value", "gap_robust", "gap_likely", "no_gap_robust", "undecided")
    numbers = {name: [1] for name in counts}
    return pd.DataFrame({"tier": ["core"], "service": ["rail"], "gap_mean": [0.2], **numbers})


def _access() -> pd.DataFrame:
    row = {
        "variant": "all",
        "mode": "walk",
        "measure": "minutes_nearest_median",
        "value": 12.0,
        "unit": "min",
        "status": "ok",
        "method": "measured_network",
        "snapshot": DATE,
    }
    named = [("P1", service) for service in ALL_SERVICES] + [("district:甲区", "rail")]
    return pd.DataFrame([row | {"place_id": place, "service": name} for place, name in named])


def _graph_stations() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"station_id": ["东站"], "lines": ["1|2"]}, geometry=[at(0, 0)], crs=CRS
    )


def _draws() -> pd.DataFrame:
    row = {"service": "rail", "variant": "operating", "mode": "walk", "beyond": False}
    named = row | {"place_id": "P2", "measure": "minutes_nearest_median"}
    return pd.DataFrame([named | {"draw": n, "value": 18.0 + n} for n in range(3)])


def _relocations() -> gpd.GeoDataFrame:
    frame = pd.DataFrame({"place_id": ["P1"] * 2, "draw": [0, 1], "angle_rad": [0.1, 0.2]})
    frame["amenity_contrast__people_serving__500m"] = [9.0, 9.0]
    frame["amenity_contrast__people_serving__800m"] = [-0.5, 0.25]
    return gpd.GeoDataFrame(frame, geometry=[at(700, 0), at(0, 700)], crs=CRS)


def _gates() -> gpd.GeoDataFrame:
    frame = pd.DataFrame(
        {"place_id": ["P1", "P2"], "order": [1, None], "status": ["ok", "no_data"]}
    )
    return gpd.GeoDataFrame(frame, geometry=[at(1000, 500), None], crs=CRS)


def _pairing() -> pd.DataFrame:
    row = {"research_id": "P1", "carrier_id": "P2", "flow_10k_m2": 30.0, "carried_share": 1.0}
    return pd.DataFrame([row | {"minutes": 9.0, "method": "measured_network", "first": True}])


def _sites() -> pd.DataFrame:
    row = {"service": "rail", "proposal": "station", "model": "mclp", "sites": 1, "site_id": "s3"}
    return pd.DataFrame([row | {"name_zh": "新站", "lon": 121.42, "lat": 31.21}])


def _components() -> pd.DataFrame:
    row = {"place_id": "P1", "component": "amenity_contrast", "category": "people_serving"}
    rings = [(500.0, False), (800.0, True)]
    told = row | {"status": "ok", "unit": "log ratio"}
    return pd.DataFrame([told | {"ring_m": ring, "main_ring": main} for ring, main in rings])
