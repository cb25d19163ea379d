"""Check the crossing of low-efficiency land with access to services."""

from __future__ import annotations

import pandas as pd
import pytest

from pipeline.errors import LayerError
from pipeline.measures.parcel_access import (
    ServiceStandard,
    column_names,
    cross_with_access,
    land_without_services,
    served_by_place,
)
from pipeline.measures.parcel_places import island_by_place

STANDARDS = [
    ServiceStandard("rail", "operating", "walk", "nearest_min", 15, "min"),
    ServiceStandard("hospital", "tertiary", "drive", "nearest_min", 30, "min"),
]


def access(rows: list[tuple[str, str, float | None, str]]) -> pd.DataFrame:
    names = {"rail": ("operating", "walk"), "hospital": ("tertiary", "drive")}
    return pd.DataFrame(
        [
            {
                "place_id": place,
                "service": service,
                "variant": names[service][0],
                "mode": names[service][1],
                "measure": "nearest_min",
                "value": value,
                "status": status,
            }
            for place, service, value, status in rows
        ]
    )


RESULTS = access(
    [
        ("A", "rail", 15.0, "ok"),
        ("A", "hospital", 20.0, "ok"),
        ("B", "rail", None, "beyond_limit"),
        ("B", "hospital", 20.0, "ok"),
        ("C", "rail", None, "no_data"),
        ("C", "hospital", 20.0, "ok"),
    ]
)


def parcels() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "park_id": ["A", "B", "C", "A", "A", "Z"],
            "verdict": ["matched", "matched", "matched", "none", "possible", "matched"],
            "area_m2": [40_000.0, 50_000.0, 60_000.0, 1.0, 1.0, 5.0],
            "uplift_m2": [1.0, 2.0, None, 0.0, 1.0, 1.0],
        }
    )


def crossed(min_served: int = 2) -> pd.DataFrame:
    island = pd.DataFrame({"place_id": ["A"], "score": [1.5]})
    return cross_with_access(
        parcels(),
        RESULTS,
        standards=STANDARDS,
        min_served=min_served,
        place_column="park_id",
        island=island,
    )


def test_served_is_yes_at_exactly_the_threshold_no_beyond_and_unknown_without_data() -> None:
    served = served_by_place(RESULTS, STANDARDS)
    assert served["served_rail"].fillna(value=False).tolist() == [True, False, False]
    assert served["served_rail"].isna().tolist() == [False, False, True]


def test_priority() -> None:
    out = crossed()
    assert out["renewal_priority"].tolist() == [
        "renew_first",
        "serve_first",
        "to_check",
        "not_low",
        "to_check",
        "to_check",
    ]
    assert out["unmeasured"].tolist() == [0, 0, 1, 0, 0, 2]
    assert out["island_score"].fillna(-1).tolist() == [1.5, -1, -1, 1.5, 1.5, -1]


def test_an_unmeasured_service_does_not_matter_when_enough_others_are_reached() -> None:
    assert crossed(min_served=1)["renewal_priority"].tolist()[2] == "renew_first"


def test_places_with_land_and_without_services() -> None:
    out = land_without_services(
        parcels(), crossed(), place_column="park_id", min_land_m2=10_000
    ).set_index("place_id")
    assert out["case"].to_dict() == {
        "C": "to_check",
        "B": "land_no_services",
        "A": "land_and_services",
        "Z": "little_land",
    }
    assert list(out.index) == ["C", "B", "A", "Z"], "most land first"
    assert pd.isna(out["uplift_m2"]["C"])


def test_two_rows_for_one_standard_and_absent_columns_are_refused() -> None:
    twice = pd.concat([RESULTS, RESULTS.iloc[:1]])
    with pytest.raises(LayerError, match="more than one row"):
        served_by_place(twice, STANDARDS)
    with pytest.raises(LayerError, match="status"):
        served_by_place(RESULTS.drop(columns="status"), STANDARDS)


def test_several_standards_of_one_service_keep_apart() -> None:
    primary = ServiceStandard("school", "primary", "walk", "nearest_min", 10, "min")
    junior = ServiceStandard("school", "junior", "walk", "nearest_min", 15, "min")
    by_bike = ServiceStandard("school", "junior", "cycle", "nearest_min", 10, "min")
    assert column_names([STANDARDS[0], primary, junior]) == [
        "served_rail",
        "served_school_primary",
        "served_school_junior",
    ]
    assert len(set(column_names([primary, junior, by_bike]))) == 3
    with pytest.raises(LayerError, match="twice"):
        column_names([primary, primary])


def test_places_without_island_scores_are_an_empty_table() -> None:
    """A city of one park has nothing to rank."""
    columns = ["place_id", "theme", "score", "p_adjusted", "rank"]
    found = island_by_place(pd.DataFrame({name: [] for name in columns}))
    assert found.columns.tolist() == ["place_id"]
    assert found.empty
