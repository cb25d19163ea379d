"""Make report data by hand: few places, every outcome, names that try to break the page."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd
from shapely.geometry import Point

from pipeline.publish.report_cells import Words
from pipeline.publish.report_data import Parameter, ReportData
from pipeline.settings.needs import NEEDS

FIELDS = ("value", "low", "high", "finding", "verdict", "status")
SERVICES = ("rail", "hospital", "school")
HOSTILE = (
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(2)>",
    "</style></svg><svg onload=alert(3)>",
    "{{ 7 * 7 }}{% raw %}]]>&amp;",
    "\u202eright to left עברית العربية",
    "👩‍🔬🏭 emoji \x00\x08 control",
    "长" * 10_000,
)

#: place -> for each service (value, low, high, finding, verdict, status)
Rows = dict[str, tuple[tuple[Any, ...], ...]]
NOTHING = (None, None, None, None, "not_testable", "no_data")
FOUR_PLACES: Rows = {
    "K1": (
        (29.0, 14.0, 56.0, "gap", "robust", "ok"),
        (40.0, 28.0, 50.0, "gap", "likely", "ok"),
        (15.5, 9.0, 22.0, None, "not_testable", "ok"),
    ),
    "M1": (
        (8.0, 6.0, 9.5, "no_gap", "robust", "ok"),
        (28.0, 20.0, 33.0, "no_gap", "likely", "ok"),
        NOTHING,
    ),
    "M2": ((12.0, None, None, "gap", None, "ok"), (9.0, None, None, "no_gap", None, "ok"), NOTHING),
    "R1": (NOTHING, NOTHING, NOTHING),
}  # fmt: skip


def places(names: dict[str, str] | None = None) -> gpd.GeoDataFrame:
    """Give four places: a case park, two carriers (one without a target of 2024), a comparator."""
    table = pd.DataFrame(
        {
            "place_id": ["K1", "M1", "M2", "R1"],
            "name_zh": ["案例园", "载体一", "载体二", "对照"],
            "name_en": ["Case park", "Carrier one", "Carrier two", None],
            "tier": ["x", "carrier", "carrier", "comparator"],
            "category": ["case_park", "smart_manufacturing", "smart_manufacturing", "benchmark"],
            "district_zh": ["浦东新区", "闵行区", None, None],
            "planned_area_km2": [3.13, None, 0.5, None],
            "target_2023_10k_m2": [None, 46.0, 23.0, None],
            "target_2024_10k_m2": [None, 33.0, None, None],
            "priority_group": [None, "expand", "foster", None],
            "precision_m": [3000.0, 1500.0, 200.0, None],
            "boundary_class": ["indicative", "indicative", "digitised", "none"],
        }
    )
    given = names or {}
    honest = zip(table["place_id"], table["name_zh"], strict=True)
    table["name_zh"] = [given.get(place_id, name) for place_id, name in honest]
    radius = (table["planned_area_km2"].fillna(1.0) * 1e6 / 3.141592653589793) ** 0.5
    discs = [
        None if kind == "none" else Point(360_000 + 9_000 * i, 3_450_000).buffer(r, 64)
        for i, (kind, r) in enumerate(zip(table["boundary_class"], radius, strict=True))
    ]
    return gpd.GeoDataFrame(table, geometry=discs, crs=32651)


def gaps(rows: Rows | None = None, *, measured: tuple[str, ...] = ()) -> pd.DataFrame:
    """Turn values by place into the long table, with a composite where nothing is missing."""
    made: list[dict[str, Any]] = []
    chosen = FOUR_PLACES if rows is None else rows
    for place_id, values in chosen.items():
        for service, row in zip(SERVICES, values, strict=True):
            known = row[0] is not None
            method = "measured_network" if place_id in measured else "estimated_straight_line"
            made.append(
                dict(zip(FIELDS, row, strict=True))
                | {
                    "place_id": place_id,
                    "service": service,
                    "gap": 0.5 if known else None,
                    "unit": "min",
                    "method": method if known else None,
                }
            )
        whole = all(row[0] is not None for row in values)
        made.append(
            {
                "place_id": place_id,
                "service": "composite",
                "status": "ok" if whole else "no_data",
                "gap": 0.5 if whole else None,
                "value": 0.5 if whole else None,
                "low": 0.4 if whole else None,
                "high": 0.6 if whole else None,
                "at_least": 0.3,
                "at_most": 0.7,
                "rank": 1.0 if whole else None,
                "rank_low": 1.0 if whole else None,
                "rank_high": 2.0 if whole else None,
                "rank_finding": "gap" if whole else None,
                "rank_verdict": "robust" if whole else "not_testable",
                "unit": "share",
            }
        )
    return pd.DataFrame(made)


def sample(**changes: Any) -> ReportData:
    """Give the data of a small report; keyword arguments replace its parts."""
    given: dict[str, Any] = {
        "title": Words("测试研究", "Test study"),
        "study_date": "2026-05-19",
        "version": "0.0.0",
        "digest": "0" * 64,
        "crs": "EPSG:32651",
        "needs": NEEDS,
        "worst_places": 10,
        "places": places(),
        "gaps": gaps(),
        "access": pd.DataFrame(
            columns=["place_id", "service", "variant", "mode", "measure", "value", "method"]
        ),
        "facilities": pd.DataFrame(
            {"service": ["hospital"], "source": ["grade to be re-verified"], "supply": [None]}
        ),
        "sources": pd.DataFrame(
            {
                "name_zh": ["地点 © OpenStreetMap contributors"],
                "name_en": ["Places © OpenStreetMap contributors"],
                "licence": ["ODbL-1.0"],
                "date": ["2026-05-19"],
            }
        ),
        "standards": pd.DataFrame(columns=STANDARD_COLUMNS),
        "documented": pd.DataFrame({"figure_id": ["case_area_k1"], "value": [3.13]}),
        "contradictions": pd.DataFrame(columns=["topic_zh"]),
        "coverage": pd.DataFrame(
            columns=["name_zh", "name_en", "area_km2", "share", "share_extent"], dtype=float
        ),
        "coverage_band_m": 600.0,
        "station_extent_m": 100.0,
        "area_tolerance_share": 0.05,
        "parameters": [Parameter("study.seed", Words("种子", "seed"), "1")],
    }
    return ReportData(**(given | changes))


STANDARD_COLUMNS = [
    "standard_id", "topic", "standard_zh", "standard_en", "value", "unit", "kind",
    "applies_to_zh", "applies_to_en", "year", "stated_zh", "stated_en", "source", "confidence",
]  # fmt: skip


def parcels(*, synthetic: bool) -> dict[str, pd.DataFrame]:
    """Give the tables of the parcels stage for two parcels, one of them judged idle."""
    judged = pd.DataFrame(
        {
            "outcome": ["idle", None],
            "outcome_no": [1, None],
            "verdict": ["matched", "none"],
            "zh": ["闲置土地", None],
            "en": ["idle land", None],
            "route_zh": ["行政收地", None],
            "route_en": ["administrative recovery", None],
            "lead_zh": ["区规划资源局", None],
            "lead_en": ["district office", None],
            "standing": ["statutory", None],
            "area_m2": [32_466.7, 20_000.0],
            "uplift_m2": [None, 5_000.0],
            "synthetic": synthetic,
        }
    )
    state = {"group": "K1", "level": "park", "parcels": 2, "land_m2": 52_466.7, "far": 0.83}
    totals = pd.DataFrame(
        [state | {"state": "now", "tax_10k_yuan_ha": 804.4, "developed_share": 0.946,
                  "uplift_m2": 5_000.0}]
    )  # fmt: skip
    checks = pd.DataFrame(
        {
            "zh": ["面积", "税收"], "en": ["area", "tax"], "claim": ["= 48.7", "≈ 4000"],
            "computed": [48.7, None], "unit": ["mu", "10⁴ yuan"], "agrees": [True, None],
            "source": ["a", "b"],
        }
    )  # fmt: skip
    targets = pd.DataFrame(
        {"group": ["闵行区"], "carriers": [1], "target_10k_m2": [79.0], "uplift_10k_m2": [None],
         "uplift_of_target_share": [None]}
    )  # fmt: skip
    return {"parcels": judged, "totals": totals, "checks": checks, "targets": targets}


def island() -> dict[str, pd.DataFrame]:
    """Give the tables of the island stage: one place tested, one too small, one certain."""
    blank = {
        "component": "amenity_contrast", "category": "people_serving", "main_ring": True,
        "unit": "log ratio of facilities per km²", "observed": None, "null_low": None,
        "null_high": None, "p_island": None, "claim_share": None, "verdict": None,
        "status": "not_measurable", "basis": None,
    }  # fmt: skip
    tested = {"observed": -1.2, "null_low": -0.5, "null_high": 0.6, "status": "ok"}
    rows = [
        blank | tested | {"place_id": "K1", "p_island": 0.001, "claim_share": 0.97,
                          "verdict": "robust"},
        blank | {"place_id": "M1"},
        blank | tested | {"place_id": "M2", "p_island": 0.2, "observed": 0.1},
        blank | tested | {"place_id": "K1", "main_ring": False, "observed": 9.0},
    ]  # fmt: skip
    ranks = {"theme": "contrast", "rank": 1, "ranked": 2, "rank_low": 1, "rank_high": 2}
    pooled = {"theme": "contrast", "mean_score": 0.4, "null_low": -0.3, "null_high": 0.3}
    return {
        "island": pd.DataFrame(rows),
        "ranks": pd.DataFrame([ranks | {"place_id": "K1"}]),
        "pooled": pd.DataFrame([pooled | {"p": 0.02, "places": 2}]),
    }
