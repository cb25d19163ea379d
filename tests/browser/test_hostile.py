"""Hold that no name, whatever it contains, runs or breaks a page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.publish.overview_map import OverviewData, build_overview
from pipeline.settings.maps import MapsSettings
from tests.pages import Open
from tests.publish.map_samples import reference_overview

pytestmark = pytest.mark.browser

HOSTILE = [
    "</script><script>window.hacked=1;alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"'`};alert(1);//${alert(1)}",
    "{{ 7*7 }}{% raw %}",
    "\u202eRTL \u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd",
    "🏥👩‍🔬🇨🇳 \u0000\u0007\u2028\u2029 ]]> <!-- --",
    "长" * 5_000,
    "W" * 10_000,
    "",
]


def hostile_overview() -> OverviewData:
    data = reference_overview()
    places = data.places.copy()
    for i, name in enumerate(HOSTILE):
        for column in ("name_zh", "name_en", "district_zh", "category"):
            places.loc[places.index[i + 3], column] = name
    stations = data.stations.assign(name_zh=HOSTILE[0], name_en=HOSTILE[1], detail_zh=HOSTILE[2])
    gaps = data.gaps.assign(
        nearest_name_zh=HOSTILE[0], change_zh=HOSTILE[1], standard_id=HOSTILE[2], unit=HOSTILE[3]
    )
    return replace(
        data,
        title=(HOSTILE[0], HOSTILE[1]),
        subtitle=(HOSTILE[2], HOSTILE[3]),
        banner=(HOSTILE[1], HOSTILE[0]),
        headlines=[(name, name) for name in HOSTILE],
        places=places,
        stations=stations,
        gaps=gaps,
        glossary={name: (name, name) for name in HOSTILE},
    )


def test_hostile_names_stay_texts(open_offline: Open, tmp_path: Path) -> None:
    path = tmp_path / "hostile.html"
    path.write_text(build_overview(hostile_overview(), MapsSettings()), encoding="utf-8")
    watch = open_offline(path)
    page = watch.page
    for place in ("Z1", "K1", "K2", "X3", "X4"):
        page.evaluate("(id) => parkgap.app.select(id, 'gaps')", place)
    for tab in ("ranking", "layers", "notes"):
        page.locator(f"#tab-{tab}").click()
    page.locator("#search").fill("script")
    page.locator("#language").click()
    page.evaluate("parkgap.app.maps.layout.setZoom(13, {animate: false})")
    assert page.evaluate("window.hacked") is None
    assert page.locator("img[src='x']").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440
    watch.assert_quiet()


def test_nulls_everywhere_still_open(open_offline: Open, tmp_path: Path) -> None:
    data = reference_overview()
    kept = ["place_id", "tier", "boundary_class", "name_zh", "name_en"]
    places = data.places.copy()
    bare = places["place_id"].isin(["K2", "X4", "M1"])
    for column in places.columns.difference(["place_id", "tier", "geometry", "lon", "lat"]):
        places[column] = places[column].where(~bare)
    places.loc[places["place_id"] == "X4", ["geometry", "lon", "lat"]] = None
    assert set(kept) <= set(places.columns)
    gaps = data.gaps.copy()
    for column in gaps.columns.difference(["place_id", "service"]):
        gaps[column] = gaps[column].where(~gaps["place_id"].isin(["K2", "X4"]))
    data = replace(data, places=places, gaps=gaps[gaps["place_id"] != "M1"])
    path = tmp_path / "nulls.html"
    path.write_text(build_overview(data, MapsSettings()), encoding="utf-8")
    watch = open_offline(path, fragment="selected=K2")
    assert "无数据" in watch.page.locator("#card").inner_text()
    for place in ("X4", "M1"):
        watch.page.evaluate("(id) => parkgap.app.select(id, 'layout')", place)
        assert watch.page.locator("#card").is_visible()
    for tab in ("ranking", "layers", "notes"):
        watch.page.locator(f"#tab-{tab}").click()
    watch.assert_quiet()


def test_a_study_with_nothing_in_it_still_opens(open_offline: Open, tmp_path: Path) -> None:
    data = reference_overview()
    empty = OverviewData(
        title=("空", "Empty"),
        subtitle=("", ""),
        places=data.places.iloc[:0],
        gaps=data.gaps.iloc[:0],
        access=data.access.rows([]),
    )
    path = tmp_path / "empty.html"
    path.write_text(build_overview(empty, MapsSettings()), encoding="utf-8")
    watch = open_offline(path)
    watch.page.wait_for_timeout(200)
    watch.assert_quiet()
