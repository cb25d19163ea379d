"""Hold the built figures of access to their contract and to what is known of the places."""

from __future__ import annotations

import re
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from pipeline.measures.access_rows import COLUMNS
from pipeline.publish.access_dictionary import describe, dictionary_text

STATUSES = {"ok", "beyond_limit", "unsnapped", "no_data", "not_measurable", "not_testable"}
BORROWED = {"M2", "T3", "T4", "T5", "T7", "H5", "H6", "H7", "R2", "R3"}


def table(workspace: Path, stage: str, name: str = "access.parquet") -> pd.DataFrame:
    return pd.read_parquet(workspace / "layers" / "built" / "shanghai" / stage / name)


@pytest.fixture(scope="module")
def long(embedded: Path) -> pd.DataFrame:
    """Read the long table of the study without streets."""
    return table(embedded, "access", "access_long.parquet")


def test_the_long_table_keeps_its_contract(long: pd.DataFrame) -> None:
    assert list(long.columns) == list(COLUMNS)
    assert not long.duplicated(["place_id", "service", "variant", "mode", "measure"]).any()
    assert set(long["status"]) <= STATUSES
    nothing = long["status"].ne("ok")
    assert long.loc[nothing, "value"].isna().all()
    assert long.loc[~nothing, "value"].notna().all()
    assert np.isfinite(long["value"].dropna()).all()
    assert not long["value"].isin([999, 9999, -1]).any()
    shares = long[long["unit"].eq("share") & ~long["measure"].str.startswith("ledger")]
    assert shares["value"].dropna().between(0, 1).all()
    both = long.dropna(subset=["low", "high"])
    assert (both["low"] <= both["high"] + 1e-9).all()
    valued = both[both["status"].eq("ok")]
    assert (valued["low"] <= valued["value"] + 1e-9).all()
    # The network of a day that is not wholly known has bounds and no value.
    bounded = both[~both["status"].eq("ok")]
    assert bounded["status"].eq("not_measurable").all()
    assert bounded["variant"].str.startswith("on_").all()
    dated = long[long["status"].eq("ok")]
    assert dated["snapshot"].eq("2026-05-19").all()


def test_without_streets_every_time_is_an_estimate(long: pd.DataFrame) -> None:
    timed = long[long["unit"].eq("min") & long["status"].eq("ok")]
    assert timed["method"].eq("estimated_straight_line").all()
    assert timed["measured_share"].eq(0).all()
    assert long.loc[long["mode"].eq("straight_line"), "method"].isna().all()


def test_borrowed_points_are_withheld_for_their_own_service_alone(long: pd.DataFrame) -> None:
    rail = long[long["service"].eq("rail") & long["place_id"].isin(BORROWED)]
    assert rail["status"].eq("not_testable").all()
    assert rail["value"].isna().all()
    hospital = long[long["service"].eq("hospital") & long["place_id"].isin(["T1", "T2"])]
    assert hospital["status"].eq("not_testable").all()
    other = long[long["service"].eq("hospital") & long["place_id"].isin(BORROWED)]
    assert other["status"].eq("ok").any()


def value(long: pd.DataFrame, place: str, service: str, variant: str, mode: str) -> pd.Series:
    rows = long[
        long["place_id"].eq(place)
        & long["service"].eq(service)
        & long["variant"].eq(variant)
        & long["mode"].eq(mode)
        & long["measure"].eq("minutes_nearest_median")
    ]
    assert len(rows) == 1
    return rows.iloc[0]


def test_the_three_claims_of_the_paper(long: pd.DataFrame) -> None:
    bay = value(long, "K2", "rail", "operating", "walk")
    assert bay["low"] > 10_000 * 1.32 / 80  # no station within 10 km, wherever it lies
    assert [bay["finding"], bay["verdict"]] == ["gap", "robust"]
    assert value(long, "K2", "hospital", "tertiary_3a_general", "drive")["finding"] == "gap"
    hongqiao = value(long, "X8", "hospital", "tertiary_all", "drive")
    assert hongqiao["high"] < 10  # its own hospital
    hongkou = value(long, "K3", "rail", "operating", "walk")
    assert hongkou["verdict"] != "robust"  # its point may be 1.8 km off


def test_sites_of_one_register_entry_have_the_same_figures(long: pd.DataFrame) -> None:
    one, other = (value(long, name, "rail", "operating", "walk") for name in ("X8", "T8"))
    assert one["value"] == pytest.approx(other["value"], abs=0.05)


def test_modes_without_streets_differ_by_their_speed_alone(long: pd.DataFrame) -> None:
    walk = value(long, "K1", "hospital", "tertiary_3a", "walk")["value"]
    drive = value(long, "K1", "hospital", "tertiary_3a", "drive")["value"]
    assert walk / drive == pytest.approx(400.0 / 80.0)


def test_every_measure_is_in_the_dictionary_and_the_wide_table_has_every_place(
    long: pd.DataFrame, embedded: Path
) -> None:
    assert all(describe(name) for name in long["measure"].unique())
    tables = embedded / "outputs" / "shanghai" / "tables"
    written = (tables / "access_dictionary.md").read_text(encoding="utf-8")
    facilities = table(embedded, "ingest", "facilities.parquet")
    assert written.startswith(dictionary_text(long, {}, facilities).split("| standard |")[0])
    assert "| hospital | unknown | 未注明 not stated | 78 |" in written
    assert re.search(r"`rail_10min` \| <= 10 min \| park \| 分析者设定", written)
    wide = pd.read_csv(tables / "access_wide.csv", encoding="utf-8-sig")
    places = table(embedded, "ingest", "places.parquet")
    assert wide["place_id"].tolist() == places["place_id"].tolist()
    key = "rail.operating.walk.minutes_nearest_median"
    expected = value(long, "K2", "rail", "operating", "walk")["value"]
    asked = wide.set_index("place_id")[[f"{key}", f"{key}.status"]]
    assert asked.loc["M2", f"{key}.status"] == "not_testable"
    assert asked.loc[asked[key].notna(), f"{key}.status"].eq("ok").all()
    bay = wide.set_index("place_id").loc["K2"]
    assert bay[key] == pytest.approx(expected)
    assert (
        bay[f"{key}.standard"] == "rail_10min 分析者设定，非标准 analyst's choice, not a standard"
    )


def test_the_count_of_stations_agrees_with_the_official_figure(embedded: Path) -> None:
    counts = table(embedded, "rail", "station_count.parquet").set_index("figure")["value"]
    assert counts["comparable"] == counts["official"] == 523
    assert counts["unexplained"] == 0


def test_coverage_of_the_city_is_that_of_its_districts(embedded: Path) -> None:
    areas = table(embedded, "rail", "areas.parquet")
    units = table(embedded, "rail", "units.parquet").set_index("unit_id")["area_km2"]
    rows = areas[areas["measure"].eq("share_area_euclid_600m") & areas["variant"].eq("operating")]
    share = rows.set_index("place_id")["value"]
    districts = share[share.index.str.startswith("district:")]
    weighted = (districts * units[districts.index]).sum() / units[districts.index].sum()
    assert share["city"] == pytest.approx(weighted)
    assert share["district:黄浦区"] > 0.7
    assert share["district:崇明区"] == 0
    assert areas.loc[areas["place_id"].eq("townships"), "status"].eq("no_data").all()
    published = table(embedded, "rail", "published.parquet")
    assert published["comparison"].isin(["scope_differs", "no_data"]).all()
    people = published["denominator"].eq("people")
    assert published.loc[people, "computed"].isna().all()


def test_the_network_only_grows_and_days_not_wholly_known_have_bounds(embedded: Path) -> None:
    areas = table(embedded, "rail", "areas.parquet")
    rows = areas[areas["measure"].eq("share_area_euclid_600m") & areas["place_id"].eq("city")]
    past = rows[rows["variant"].str.startswith("on_")].set_index("variant")
    known = past.loc[past["status"].eq("ok"), "value"]
    assert known.sort_index().is_monotonic_increasing
    assert len(known) == 4
    between = past.loc["on_2024-06-30"]  # two stations opened some time that year
    assert pd.isna(between["value"])
    assert [between["low"], between["high"]] == known.sort_index().iloc[:2].tolist()
    now = rows.set_index("variant").loc["operating", "value"]
    assert known["on_2025-12-27"] == pytest.approx(now)


def test_every_parcel_has_its_own_minutes_and_says_that_it_is_synthetic(embedded: Path) -> None:
    minutes = table(embedded, "parcels", "minutes.parquet")
    built = embedded / "layers" / "built" / "shanghai"
    parcels = gpd.read_parquet(built / "parcels" / "parcels.parquet")
    rail = minutes[minutes["service"].eq("rail")].set_index("parcel_id")
    assert rail.index.tolist() == parcels["parcel_id"].tolist()
    assert rail["synthetic"].all()
    stops = gpd.read_parquet(built / "rail" / "stops.parquet").query("status == 'operating'")
    points = parcels.geometry.representative_point()
    metres = shapely.STRtree(stops.geometry.to_numpy()).query_nearest(
        points.to_numpy(), all_matches=False, return_distance=True
    )[1]
    expected = np.maximum(metres - 100.0, 0.0) * 1.32 / 80.0  # a station begins 100 m nearer
    np.testing.assert_allclose(rail["value"], expected, rtol=1e-9)
    assert rail["method"].eq("estimated_straight_line").all()
    assert set(minutes["service"]) == {"rail", "hospital", "school"}


def test_a_standard_is_compared_only_where_it_applies_and_with_its_mark(embedded: Path) -> None:
    found = table(embedded, "access", "comparisons.parquet")
    housing = found[found["comparison"].eq("not_applicable")]
    assert housing["threshold"].isna().all()
    judged = found[found["comparison"].isin(["meets", "fails"])]
    assert judged.loc[~judged["verified"].astype(bool), "mark_en"].ne("").all()
    assert set(judged["standard_id"]) >= {"tertiary_30min", "sdg_rail"}


def test_composites_join_draws_and_say_what_is_missing(embedded: Path) -> None:
    gaps = table(embedded, "gaps", "gaps.parquet")
    composite = gaps[gaps["service"].eq("composite")].set_index("place_id")
    assert composite.loc["K1", "low"] < composite.loc["K1", "high"]
    assert composite.loc["K2", ["finding", "verdict"]].tolist() == ["gap", "robust"]
    assert composite.loc["M2", "missing"] == "rail"
    assert pd.isna(composite.loc["M2", "value"])
    assert composite.loc["M2", "at_least"] <= composite.loc["M2", "at_most"]
    ranked = composite.dropna(subset=["rank"])
    assert (ranked["rank_low"] <= ranked["rank"]).all()
    assert (ranked["rank"] <= ranked["rank_high"]).all()


def test_ordinary_services_are_unknown_without_an_extract(embedded: Path) -> None:
    assert table(embedded, "basic")["status"].eq("no_data").all()
    assert table(embedded, "access", "two_tier.parquet")["tier"].isna().all()


@pytest.mark.shared
def test_with_streets_fenglin_is_measured_and_the_others_stay_estimates(with_extract: Path) -> None:
    long = table(with_extract, "access", "access_long.parquet")
    fenglin = value(long, "T1", "rail", "operating", "walk")
    assert fenglin["measured_share"] > 0.5
    assert fenglin["method"] in {"measured_network", "mixed"}
    for place in ("K1", "K2", "K3", "X8", "C1"):
        row = value(long, place, "rail", "operating", "walk")
        assert row["method"] == "estimated_straight_line"
        assert row["measured_share"] == 0


@pytest.mark.shared
def test_shares_on_foot_are_those_of_the_published_catchment(with_extract: Path) -> None:
    """Fenglin, cell by cell: what lies by a street that is reached is in the catchment."""
    built = with_extract / "layers" / "built" / "shanghai" / "rail"
    catchments = gpd.read_parquet(built / "catchments.parquet").set_index(["variant", "band_m"])
    edges = gpd.read_parquet(built / "catchment_edges.parquet")
    reached = edges[edges["variant"].eq("operating") & edges["band_m"].eq(800.0)].union_all()
    area = catchments.geometry["operating", 800.0]
    grid = gpd.read_parquet(built / "grid.parquet")
    cells = grid[grid["place_id"].eq("T1") & grid["method"].eq("measured_network")]
    near = cells.within(area)
    assert 0 < near.sum() < len(cells)
    half_width_m = 40.0
    assert cells.distance(reached)[~near].min() > half_width_m * 0.99
    assert cells.loc[near, "minutes"].max() < 15  # ten minutes, and the way to the street
    assert reached.within(area.buffer(0.01))


@pytest.mark.shared
def test_with_an_extract_two_tiers_are_told_apart(with_extract: Path) -> None:
    basic = table(with_extract, "basic")
    assert basic["status"].eq("ok").any()
    assert not basic["finding"].eq("gap").any()  # unmapped is not absent
    assert basic["finding"].eq("no_gap").any()
    tiers = table(with_extract, "access", "two_tier.parquet")
    assert tiers["tier"].notna().any()
    assert set(tiers["tier"].dropna()) <= {
        "basic_and_quality",
        "basic_only",
        "quality_only",
        "neither",
    }
