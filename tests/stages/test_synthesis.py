"""The synthesis of the real study: documented facts come out, claims keep their doubts."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from pipeline.settings.synthesis import LandSettings
from pipeline.stages.synthesis_land import _contiguity
from pipeline.stages.synthesis_tables import matrix_of, moved_points

TABLES = Path("layers/built/shanghai/synthesis")


def read(root: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(root / TABLES / f"{name}.parquet")


def test_zhangjiang_pairs_first_with_the_south_of_its_own_valley(embedded: Path) -> None:
    pairs = read(embedded, "pairing")
    first = pairs[pairs["first"]].set_index("research_id")
    assert first.loc["C1", "carrier_id"] == "M1"
    assert first.loc["C1", "first_share"] > 0.9
    assert pairs["first_share"].between(0, 1).all()


def test_no_carrier_takes_more_than_its_targets_and_all_is_sent(embedded: Path) -> None:
    pairs, prices = read(embedded, "pairing"), read(embedded, "prices")
    carriers = prices[prices["role"].eq("carrier")].set_index("place_id")
    assert carriers["amount_10k_m2"].sum() == pytest.approx(454.0)
    used = pairs.groupby("carrier_id")["flow_10k_m2"].sum()
    assert (used <= carriers["amount_10k_m2"] + 1e-6).all()
    assert used.sum() == pytest.approx(0.8 * 454.0)
    slack = carriers["amount_10k_m2"] - carriers["used_10k_m2"] > 1e-6
    assert (carriers.loc[slack, "price_min"] == 0).all()
    assert carriers["told_zh"].str.len().gt(0).all()


def test_minhang_lies_as_its_paper_says(embedded: Path) -> None:
    sectors = read(embedded, "sectors").set_index("place_id")
    stated = sectors[sectors["stated"].notna()]
    assert set(stated.index) == {"H2", "H3", "H7", "X8"}
    assert stated["agrees"].all()
    assert stated.loc["H2", "side"] == "east"
    assert stated.loc["H3", "side"] == "south"


def test_documented_totals_follow_and_the_rounded_text_differs(embedded: Path) -> None:
    checks = read(embedded, "figure_checks").set_index("check_id")
    assert checks.loc["industry_cagr", "computed"] == pytest.approx(13.16, abs=0.02)
    assert checks.loc["minhang_2025", "computed"] == pytest.approx(260.9, abs=0.05)
    assert checks.loc[["targets_2023", "targets_2024"], "computed"].tolist() == [188.0, 266.0]
    assert checks.index[checks["outcome"].eq("differs")].tolist() == ["targets_both"]


def test_targets_by_district_and_group(embedded: Path) -> None:
    sums = read(embedded, "layout_targets").set_index(["kind", "group"])["target_10k_m2"]
    assert sums["district", "浦东新区"] == 102.0
    assert sums["district", "青浦区"] == 112.0
    assert sums["district", "宝山区"] == 76.0
    assert sums["priority"].to_dict() == {"expand": 211.0, "foster": 243.0}
    for kind in ("district", "priority", "ring", "outer_ring"):
        assert sums[kind].sum() == pytest.approx(454.0)


def test_costs_have_the_documented_ratios_and_an_independent_price(embedded: Path) -> None:
    costs = read(embedded, "costs").set_index("item")
    assert costs.loc["office_rent", "ratio"] == pytest.approx(2.725)
    assert costs.loc["industrial_land", "there"] == pytest.approx(682, abs=1)
    assert costs.loc["industrial_land", "check_value"] == 1500.0


def test_the_case_parks_lie_where_their_table_says(embedded: Path) -> None:
    found = read(embedded, "locations").set_index("place_id").loc[["K1", "K2", "K3"]]
    assert found["location_type"].tolist() == ["near_suburb", "outer_suburb", "central_city"]
    assert found["agrees"].all()


def test_only_waigaoqiao_builds_inside_the_outer_ring_and_how_sure_that_is(embedded: Path) -> None:
    rings = read(embedded, "rings").set_index("ring_id")["area_km2"]
    assert rings["outer_ring"] == pytest.approx(664.0, rel=0.005)  # the documented area
    found = read(embedded, "locations").set_index("place_id")
    carriers = found[found.index.str.startswith("M")]
    assert carriers.index[carriers["central"]].tolist() == ["M2"]
    assert 0.66 < found.loc["M2", "central_share"] < 0.95
    inside = read(embedded, "layout_targets").set_index(["kind", "group"]).loc["outer_ring", :]
    assert inside.loc["inside", "target_10k_m2"] == 23.0
    assert inside.loc["inside", "share"] == pytest.approx(0.05, abs=0.005)
    assert inside.loc["inside", ["target_low", "target_high"]].tolist() == [0.0, 23.0]


def test_plots_of_the_sample_lie_together_and_poor_ones_do_not(embedded: Path) -> None:
    found = read(embedded, "contiguity").set_index("land")
    assert found["synthetic"].all()
    assert found.loc["all", "largest_share"] == 1.0
    assert found.loc["low_efficiency", "patches"] > 5
    assert found.loc["low_efficiency", "mesh_ha"] < found.loc["low_efficiency", "largest_ha"]


def test_a_surcharge_of_one_yuan_costs_the_land_it_lies_on(embedded: Path) -> None:
    found = read(embedded, "retention").set_index("outcome")
    assert found["surcharge_10k_yuan_year"].tolist() == pytest.approx(found["land_ha"].tolist())
    # the idle plots of the sample have stood for more than two years: no fee, but recovery
    assert found["idle_fee_10k_yuan"].isna().all()
    idle = found.loc["idle"]
    assert idle["recoverable_ha"] == pytest.approx(idle["land_ha"])
    assert found["recoverable_ha"].drop("idle").isna().all()


def test_nothing_is_known_of_the_carriers_operation_and_targets_stand(embedded: Path) -> None:
    found = read(embedded, "carrier_status")
    assert found["outcome"].eq("no_data").all()
    assert found["value"].isna().all()
    utilities = found[found["requirement_id"].eq("R22")]
    assert len(utilities) == 8 * 5
    assert utilities["target"].eq(1.0).all()


def test_clusters_gather_and_what_cannot_be_tested_says_so(embedded: Path) -> None:
    table = read(embedded, "concentration")
    near = table[table["group"].eq("clusters") & table["statistic"].eq("neighbour_km")]
    assert near["finding"].eq("concentrated").all()
    few = table[table["points"].lt(3) & table["statistic"].eq("ripley_k_km2")]
    assert few["status"].eq("not_measurable").all()
    assert few["p"].isna().all()
    measured = table[table["status"].eq("ok")]
    assert measured["p"].between(2 / 1000, 1).all()


def test_anchors_are_counted_or_unknown(embedded: Path, with_extract: Path) -> None:
    alone = read(embedded, "anchors").set_index(["anchor", "place_id"])
    assert alone.loc["university", "status"].eq("no_data").all()
    assert alone.loc["university", "count"].isna().all()
    read_too = read(with_extract, "anchors").set_index(["anchor", "place_id"])
    assert read_too.loc["university", "status"].eq("ok").all()
    assert read_too.loc[("hospital", "T1"), "count"] >= 1
    classes = read(embedded, "cluster_classes").set_index("place_id")
    assert classes.index[classes["circular"]].tolist() == ["T1", "T2"]
    better = read(with_extract, "cluster_classes").set_index("place_id")
    assert not better["circular"].any()
    assert better.loc[["T1", "T2", "T3"], "agrees"].all()
    assert better["agrees"].sum() > classes["agrees"].sum()


def test_sites_are_proven_best_and_more_sites_help_no_less(embedded: Path) -> None:
    table = read(embedded, "siting")
    assert table["gap_share"].fillna(0).le(1e-6).all()
    assert set(table["service"]) == {"rail", "hospital", "school"}
    for _, rows in table[table["model"].ne("lscp")].groupby(["service", "proposal", "model"]):
        assert rows.sort_values("sites")["objective"].is_monotonic_increasing
    cover = table[table["model"].eq("lscp") & table["status"].eq("ok")]
    assert (cover["helped_places"] == cover["demand_places"]).all()
    named = read(embedded, "sites")
    assert named[["lon", "lat"]].notna().all().all()


def test_streets_change_methods_only_where_they_are(embedded: Path, with_extract: Path) -> None:
    estimated = read(embedded, "cluster_distances")
    assert estimated["method"].eq("estimated_straight_line").all()
    keys = ["place_id", "category"]
    both = estimated.merge(read(with_extract, "cluster_distances"), on=keys)
    same = both["method_y"].eq("estimated_straight_line") & both["cluster_id_x"].eq(
        both["cluster_id_y"]
    )
    assert np.allclose(both.loc[same, "minutes_x"], both.loc[same, "minutes_y"])


def test_planners_find_the_answers_in_the_report_and_on_a_map(embedded: Path) -> None:
    folder = embedded / "outputs" / "shanghai"
    report = (folder / "report.html").read_text(encoding="utf-8")
    for name in ("answers", "structure", "context"):
        assert f'<section id="{name}">' in report
    for words in ("影子价格", "最优性差距", "外环以内", "载体应查事项", "文献数字的核对"):
        assert words in report.replace("载体的配套与运营：应查事项", "载体应查事项")
    page = (folder / "maps" / "synthesis.html").read_text(encoding="utf-8")
    assert "再增一处最有用的位置" in page
    assert "synthesis.html" in (folder / "maps" / "overview.html").read_text(encoding="utf-8")


def test_moved_points_keep_sites_together_and_stay_within_their_precision() -> None:
    import geopandas as gpd

    places = gpd.GeoDataFrame(
        {"precision_m": [1000.0, 1000.0, None], "same_site_as": ["b", None, None]},
        geometry=gpd.points_from_xy([0, 0, 5], [0, 0, 5]),
        index=["a", "b", "c"],
        crs="EPSG:32651",
    )
    moved = moved_points(places, draws=500, seed=1)
    assert moved.shape == (500, 3, 2)
    assert np.array_equal(moved[:, 0], moved[:, 1])
    assert (moved[:, 2] == 5).all()
    apart = np.linalg.norm(moved[:, 0], axis=1)
    assert apart.max() <= 1000.0
    assert np.mean(apart**2) == pytest.approx(1000.0**2 / 2, rel=0.1)


def test_matrices_leave_unreached_pairs_null() -> None:
    table = pd.DataFrame(
        {"origin": ["a"], "facility_id": ["y"], "minutes": [3.0], "method": ["measured_network"]}
    )
    ends = pd.Index(["a", "b"]), pd.Index(["x", "y"])
    minutes, method = matrix_of(table, *ends), matrix_of(table, *ends, of="method")
    assert minutes.loc["a", "y"] == 3.0
    assert minutes.isna().to_numpy().sum() == 3
    assert method.loc["a", "y"] == "measured_network"
    assert method.loc["b", "x"] == "estimated_straight_line"


def test_rings_must_grow() -> None:
    from pipeline.settings.synthesis import SynthesisSettings

    with pytest.raises(ValueError, match="near_km"):
        SynthesisSettings(central_km=40.0)
    with pytest.raises(ValueError, match="larger than central_km"):
        SynthesisSettings(central_km=40.0, near_km=30.0)


def test_plots_without_a_park_or_a_flag_are_no_reason_to_stop() -> None:
    plots = gpd.GeoDataFrame(
        {"park_id": [None, None], "outcome": ["idle", None], "synthetic": False},
        geometry=[shapely.box(0, 0, 10, 10), shapely.box(20, 0, 30, 10)],
        crs="EPSG:32651",
    )
    assert _contiguity(plots, LandSettings()).empty
    found = _contiguity(plots.assign(park_id="H4"), LandSettings()).set_index("land")
    assert found["land_ha"].to_dict() == pytest.approx({"all": 0.02, "low_efficiency": 0.01})
