"""Check what the overview is made of, before a browser sees it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import geopandas as gpd
import pandas as pd
import pytest
from pyproj import CRS

from pipeline.errors import CrsError, FieldError, LayerError
from pipeline.publish import palettes
from pipeline.publish.map_elements import MapSource, credit_lines
from pipeline.publish.map_ground import lines_through, outlines_of_cells
from pipeline.publish.map_search import sounds
from pipeline.publish.overview_map import (
    build_overview,
    first_extent,
    prepared_places,
    target_years,
)
from pipeline.settings.maps import MapsSettings
from tests.publish.map_samples import reference_overview

SETTINGS = MapsSettings()


def test_two_builds_are_byte_identical_and_within_budget() -> None:
    page = build_overview(reference_overview(), SETTINGS)
    assert page == build_overview(reference_overview(), SETTINGS)
    assert len(page.encode()) < SETTINGS.budget_mb * 1e6


def test_row_order_does_not_change_the_places() -> None:
    places = reference_overview().places
    shuffled = places.sample(frac=1, random_state=1)
    assert prepared_places(shuffled)["place_id"].tolist() == sorted(places["place_id"])


def test_every_problem_is_told_at_once() -> None:
    data = reference_overview()
    gaps = data.gaps.copy()
    gaps["place_id"] = gaps["place_id"].astype("object")
    gaps.loc[0, "gap"] = 1.2
    gaps.loc[1, "service"] = "bus"
    gaps.loc[2, "place_id"] = "Q99"
    with pytest.raises(FieldError) as caught:
        build_overview(replace(data, gaps=gaps), SETTINGS)
    assert len(caught.value.problems) == 3


def test_doubled_places_are_refused() -> None:
    data = reference_overview()
    doubled = pd.concat([data.places, data.places.iloc[:1]])
    with pytest.raises(FieldError, match="twice"):
        build_overview(replace(data, places=doubled), SETTINGS)


def test_a_study_may_have_tiers_and_years_of_its_own() -> None:
    data = reference_overview()
    own = data.places.rename(columns={"target_2024_10k_m2": "target_2031_10k_m2"})
    assert target_years(own) == [2023, 2031]
    page = build_overview(replace(data, places=own.assign(tier="seventh")), SETTINGS)
    assert '"years":[2023,2031]' in page
    assert target_years(own.assign(target_2023_10k_m2=None)) == [2031]


def test_places_in_metres_are_refused() -> None:
    data = reference_overview()
    with pytest.raises(CrsError):
        build_overview(replace(data, places=data.places.to_crs(32651)), SETTINGS)


def test_budget_is_kept_by_the_build() -> None:
    with pytest.raises(LayerError, match="MB"):
        build_overview(reference_overview(), SETTINGS.model_copy(update={"budget_mb": 0.1}))


def test_short_names_drop_a_shared_brand_and_brackets() -> None:
    places = prepared_places(reference_overview().places).set_index("place_id")
    assert places.loc["M2", "label_zh"] == "外高桥园"
    assert places.loc["M2", "label_en"] == "Waigaoqiao"
    assert places.loc["X9", "label_zh"] == "张江细胞和基因产业园"
    assert places["label_zh"].str.len().max() <= 14
    own = (
        reference_overview()
        .places.head(2)
        .assign(name_zh=["Polígono Industrial Miller", "Polígono Industrial Díaz"], label_zh=None)
    )
    assert prepared_places(own)["label_zh"].is_unique  # a Latin name is not cut as a Chinese one


def test_case_parks_and_parts_follow_their_category() -> None:
    places = prepared_places(reference_overview().places).set_index("place_id")
    assert sorted(places.index[places["case"]]) == ["K1", "K2", "K3"]
    assert sorted(places.index[places["part"]]) == ["C1a", "C1b"]


def test_first_view_leaves_out_what_lies_abroad() -> None:
    data = reference_overview()
    places = prepared_places(data.places)
    places.loc[places["place_id"] == "R1", ["lon", "lat"]] = [-71.09, 42.36]
    (south, west), (north, east) = first_extent(places, data.districts)
    assert 30 < south < north < 32
    assert 120 < west < east < 123


def test_pinyin_and_initials() -> None:
    index = ["a", "b", "c", "d"]
    names = pd.Series(["张江", "Zizhu", None, "江湾·五角场1号"], index=index)
    assert sounds(names).to_dict() == {
        "a": "zhangjiang zj",
        "b": "",
        "c": "",
        "d": "jiangwanwujiaochanghao jwwjch",
    }


def test_lines_run_through_their_stations_in_order() -> None:
    stations = pd.DataFrame(
        {
            "line_id": ["1", "1", "1", "1", "2"],
            "branch": ["main", "main", "main", "east", "main"],
            "seq": [2, 0, 1, 0, 0],
            "lon": [2.0, 0.0, 1.0, 5.0, 9.0],
            "lat": [0.0, 0.0, 0.0, 5.0, 9.0],
        }
    )
    lines = lines_through(stations)
    assert lines["line_id"].tolist() == ["1"]
    [chain] = lines.geometry.iloc[0].geoms
    assert list(chain.coords) == [(0, 0), (1, 0), (2, 0)]


def test_outlines_of_cells_cover_their_area_without_overlap() -> None:
    runs = pd.DataFrame(
        {
            "row": [*range(6800, 6820)] * 2,
            "first_col": [680] * 20 + [690] * 20,
            "last_col": [689] * 20 + [705] * 20,
            "name": ["west"] * 20 + ["east"] * 20,
        }
    )
    outlines = outlines_of_cells(
        runs, key="name", cell_m=500, crs=CRS.from_epsg(32651), tolerance_m=600
    )
    metres = outlines.to_crs(32651).set_index("name").geometry
    assert metres["west"].area == pytest.approx(20 * 10 * 500**2, rel=0.02)
    assert metres["west"].intersection(metres["east"]).area < 1


def test_gap_colours_keep_their_order_for_every_eye() -> None:
    for deficiency in ("protan", "deutan", "tritan"):
        lightness = [palettes.seen_lightness(colour, deficiency) for colour in palettes.GAP]
        steps = [a - b for a, b in pairwise(lightness)]
        assert min(steps) > 8, deficiency


def test_tiers_stand_out_from_the_ground() -> None:
    for tier, colour in palettes.TIER.items():
        assert palettes.contrast(colour, palettes.LAND) >= 3, tier


def test_white_on_black_has_full_contrast() -> None:
    assert palettes.contrast("#ffffff", "#000000") == pytest.approx(21)


def test_credits_join_sources_of_one_licence() -> None:
    osm = "© OpenStreetMap contributors"
    sources = [
        MapSource(f"车站 {osm}", f"stations {osm}", "ODbL-1.0", "2026-05-19"),
        MapSource(f"医院 {osm}", f"hospitals {osm}", "ODbL-1.0", "2026-07-28"),
        MapSource("标准", "standards", "MIT"),
    ]
    english = [en for _, en in credit_lines(sources)]
    assert english[0] == f"{osm}, ODbL-1.0, data of 2026-05-19 – 2026-07-28"
    assert english[1] == "standards, MIT"


def test_breaks_must_ascend() -> None:
    with pytest.raises(ValueError, match="ascend"):
        MapsSettings(gap_breaks=(0.2, 0.2, 0.6, 0.8))


def test_optional_layers_may_be_left_out() -> None:
    data = reference_overview()
    bare = replace(
        data,
        districts=gpd.GeoDataFrame({"name_zh": [], "name_en": []}, geometry=[], crs=4326),
        metro_lines=gpd.GeoDataFrame({"name_zh": [], "name_en": []}, geometry=[], crs=4326),
    )
    assert "</html>" in build_overview(bare, SETTINGS)
