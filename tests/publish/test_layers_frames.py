"""Hold frames to their schemas: every promise can be broken, every breach is told."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import Point, Polygon

from pipeline.errors import LayerError
from pipeline.publish.layer_frames import conform
from pipeline.publish.layer_schemas import layer_schemas
from pipeline.publish.layer_tables import gap_class
from tests.publish.layer_samples import (
    BREAKS,
    CRS,
    Town,
    X,
    Y,
    gaps,
    parcels,
    places,
    stations,
    town_layers,
)

SCHEMA = layer_schemas()["places"]


def town(name: str) -> pd.DataFrame:
    return next(layer.frame for layer in town_layers() if layer.schema.name == name)


def test_every_layer_of_the_town_conforms() -> None:
    layers = town_layers()
    assert {layer.schema.name for layer in layers} == set(layer_schemas())
    for layer in layers:
        columns = [column.name for column in layer.schema.columns]
        assert [name for name in layer.frame.columns if name != "geometry"] == columns
        if layer.schema.spatial:
            assert layer.frame.crs == "EPSG:4326"


def test_layers_of_stages_that_are_not_there_are_left_out() -> None:
    from pipeline.publish.layer_recipes import Options
    from pipeline.publish.layer_tables import make_layers

    made = make_layers(Town(), stages=("ingest",), options=Options(gap_breaks=BREAKS))
    assert "gaps" not in {layer.schema.name for layer in made}


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("boundary_class", "palace", "palace"),
        ("tier", None, "1 nulls"),
        ("name_zh", "  ", "1 nulls"),
        ("precision_m", -1.0, "-1.0 lies outside"),
        ("planned_area_km2", np.inf, "infinite"),
        ("planned_area_km2", "wide", "is not float"),
        ("place_id", "P2", "the key repeats"),
    ],
)
def test_a_broken_promise_is_told(column: str, value: object, told: str) -> None:
    frame = places().astype({column: object})
    frame.loc[0, column] = value
    with pytest.raises(LayerError, match=told) as caught:
        conform(frame, SCHEMA)
    assert column in str(caught.value)


def test_all_breaches_come_at_once() -> None:
    frame = places().assign(tier=None, boundary_class="palace")
    with pytest.raises(LayerError) as caught:
        conform(frame, SCHEMA)
    assert len(caught.value.problems) == 2


def test_a_required_column_must_be_there_and_a_nullable_one_is_filled() -> None:
    with pytest.raises(LayerError, match="tier"):
        conform(places().drop(columns="tier"), SCHEMA)
    filled = conform(places().drop(columns="precision_m"), SCHEMA)
    assert filled["precision_m"].isna().all()


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        (Point(0, 0), "Point"),
        (Polygon([(0, 0), (9, 9), (9, 0), (0, 9)]), "Self-intersection"),
    ],
)
def test_wrong_shapes_are_refused(shape: object, told: str) -> None:
    frame = places()
    frame.loc[0, "geometry"] = shape
    with pytest.raises(LayerError, match=told):
        conform(frame, SCHEMA)


def test_a_layer_without_a_crs_is_refused() -> None:
    bare = gpd.GeoDataFrame(pd.DataFrame(places().drop(columns="geometry")), geometry=None)
    with pytest.raises(LayerError, match="CRS"):
        conform(bare, SCHEMA)


def test_an_empty_shape_is_written_as_none_and_one_part_as_many() -> None:
    frame = places()
    frame.loc[0, "geometry"] = Polygon()
    made = conform(frame, SCHEMA)
    assert made.geometry.isna().tolist() == [True, False, True]
    assert set(made.geometry.dropna().geom_type) == {"MultiPolygon"}


def test_rows_are_sorted_by_key() -> None:
    assert conform(places().iloc[::-1], SCHEMA)["place_id"].tolist() == ["P1", "P2", "P3"]


@pytest.mark.parametrize(
    ("gap", "wanted"),
    [(0.0, 1), (0.2, 1), (0.2 + 1e-12, 2), (0.8, 4), (0.81, 5), (1.0, 5), (None, None)],
)
def test_a_value_on_a_break_belongs_to_the_lower_class(gap: float, wanted: int) -> None:
    found = gap_class(pd.Series([gap], dtype="float64"), BREAKS).iloc[0]
    assert (found is pd.NA) if wanted is None else found == wanted


def test_gaps_stand_side_by_side() -> None:
    row = town("gaps").set_index("place_id").loc["P2"]
    assert (row["gap_rail"], row["class_rail"], row["value_rail"]) == (0.9, 5, 19.0)
    assert row["method_rail"] == "estimated_straight_line"
    unknown = town("gaps").set_index("place_id").loc["P3"]
    assert pd.isna(unknown["class_composite"])
    assert unknown["missing"] == "rail;hospital;school"
    assert pd.isna(row["missing"])


def test_a_place_that_no_gap_row_names_is_refused() -> None:
    lost = gaps()[lambda rows: rows["place_id"] != "P1"]
    with pytest.raises(LayerError, match="status_rail"):
        town_layers(Town({("gaps", "gaps.parquet"): lost}))


def test_lines_run_through_their_stations_in_order() -> None:
    line = town("rail_lines").iloc[0]
    assert len(town("rail_lines")) == 1  # a line of one station is none
    assert (line["stops"], line["name_zh"]) == (3, "一号线")
    assert line["straight_km"] == pytest.approx(7.0)


def test_an_interchange_counts_its_lines_and_planned_stations_stay_out() -> None:
    made = town("stations").set_index("station_id")
    assert made["line_count"].to_dict() == {"s1": 1, "s2": 2}
    assert len(stations()) == 3


def test_variants_are_listed_and_none_is_null() -> None:
    made = town("hospitals").set_index("facility_id")["variants"]
    assert made["h1"] == "tertiary_all;tertiary_3a_general"
    assert pd.isna(town("schools")["variants"].iloc[0])


def test_a_place_without_an_island_score_says_why() -> None:
    made = town("island").set_index("place_id")
    assert made.loc["P1", "score_contrast"] == 1.4
    assert made.loc["P1", "rank_high_contrast"] == 2
    assert made["score_separation"].isna().all()
    assert pd.isna(made.loc["P2", "score_contrast"])
    assert made["status_contrast"][["P1", "P2"]].tolist() == ["ok", "not_testable"]
    assert made.loc["P2", "reason_en_contrast"] == "too uncertain a position"


def test_relocations_tell_what_was_measured_in_the_main_ring() -> None:
    made = town("island_null")
    assert made["contrast"].tolist() == [-0.5, 0.25]
    assert made["ring_m"].eq(800).all()
    assert made["mix"].isna().all()


def test_a_pair_is_a_line_between_its_places() -> None:
    made = town("pairing")
    start, *_, end = made.to_crs(CRS).geometry.iloc[0].geoms[0].coords
    assert np.allclose([start, end], [(X + 500, Y + 500), (X + 5000, Y + 5000)])


def test_a_synthetic_parcel_says_so_wherever_it_goes() -> None:
    for name in ("parcels", "parcel_evidence"):
        assert town(name)["synthetic"].all()
    assert not layer_schemas()["parcels"].column("synthetic").nullable
    without = parcels().drop(columns="synthetic")
    with pytest.raises(LayerError, match="synthetic"):
        town_layers(Town({("parcels", "parcels.parquet"): without}))


def test_coverage_is_told_of_units_not_of_places() -> None:
    assert town("coverage")["unit_id"].tolist() == ["city"]
    assert set(town("coverage")["unit_id"]) <= set(town("coverage_units")["unit_id"])
