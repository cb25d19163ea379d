"""Hold the park page, the scenario and the parcels to what a planner does with them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipeline.publish.parcel_map import ParcelData, build_parcels
from pipeline.publish.park_map import build_park
from pipeline.publish.scenario_map import build_scenario
from pipeline.publish.themed_map import Fact, MapTable
from pipeline.settings.maps import MapsSettings
from tests.pages import PHONE, Open
from tests.publish.parcel_samples import lattice_parcels
from tests.publish.park_samples import park, scenario

pytestmark = pytest.mark.browser

OUTCOMES = {
    "idle": ("闲置土地", "idle land"),
    "surplus": ("节余土地", "surplus land"),
    "below_output": ("不达产土地", "below agreed output"),
}


def written(folder: Path, page: str) -> Path:
    path = folder / "page.html"
    path.write_text(page, encoding="utf-8")
    return path


def parcels(rows: int, columns: int) -> ParcelData:
    return ParcelData(
        title=("地块", "Parcels"),
        parcels=lattice_parcels(rows, columns),
        outcomes=OUTCOMES,
        facts=[Fact("far", "容积率", "FAR"), Fact("rules", "触发规则", "Rules that fired")],
        synthetic=True,
        class_column="verdict_type",
        name_columns=("name_zh", "name_en"),
    )


def click_at(page: Any, lat: float, lon: float) -> None:
    spot = page.evaluate(
        """([lat, lon]) => {
            const map = Object.values(parkgap.app.maps)[0];
            const p = map.latLngToContainerPoint([lat, lon]);
            const box = map.getContainer().getBoundingClientRect();
            return [p.x + box.left, p.y + box.top];
        }""",
        [lat, lon],
    )
    page.mouse.click(*spot)


def test_park_page_tells_scores_gates_and_ring(open_offline: Open, tmp_path: Path) -> None:
    watch = open_offline(written(tmp_path, build_park(park(), MapsSettings())))
    page = watch.page
    text = page.locator("#tab-body").inner_text()
    for part in ("服务得分", "0.62", "18–25", "孤岛剖面", "95 %", "不可测", "合成"):
        assert part in text + page.locator(".banner").inner_text()
    page.locator("#tab-legend").click()
    legend = page.locator("#tab-body").inner_text()
    for part in ("出入口", "候选新出入口", "外围对比环", "有依据的边界", "直线估算", "实测路线"):
        assert part in legend
    gate = park().gates
    assert gate is not None
    click_at(page, gate.geometry.iloc[3].y, gate.geometry.iloc[3].x)
    card = page.locator("#card").inner_text()
    assert "候选新出入口" in card
    assert "3.2" in card
    watch.assert_quiet()


def test_scenario_shows_before_and_after(open_offline: Open, tmp_path: Path) -> None:
    watch = open_offline(written(tmp_path, build_scenario(scenario(), MapsSettings())))
    page = watch.page
    assert page.locator(".side-title").all_inner_texts() == ["现状", "情景"]
    assert "甲园" in page.locator(".figures").first.inner_text()
    page.locator("#modes").get_by_text("卷帘").click()
    assert page.evaluate("document.getElementById('stage').dataset.mode") == "swipe"
    place = scenario().before.geometry.iloc[0].centroid
    page.locator("#modes").get_by_text("现状", exact=True).click()
    click_at(page, place.y, place.x)
    assert "严重（估算）" in page.locator("#card").inner_text()
    watch.assert_quiet()


def test_rows_speak_the_language_of_the_page(open_offline: Open, tmp_path: Path) -> None:
    """What a table says in two columns is one sentence in each language, not two in one."""
    data = scenario()
    table = MapTable(
        ("做法", "Proposals"),
        pd.DataFrame({"what_zh": ["提前开通"], "what_en": ["opened early"]}),
        [Fact("what_zh", "做法", "Proposal", small=("what_en",))],
    )
    page = open_offline(
        written(tmp_path, build_scenario(replace(data, tables=[table]), MapsSettings()))
    ).page
    row = page.locator(".figures tbody tr").first
    assert row.inner_text().strip() == "提前开通"
    page.locator("#language").click()
    assert row.inner_text().strip() == "opened early"


def test_parcels_tell_their_rules_and_that_they_are_synthetic(
    open_offline: Open, tmp_path: Path
) -> None:
    data = parcels(12, 12)
    watch = open_offline(written(tmp_path, build_parcels(data, MapsSettings())), size=PHONE)
    page = watch.page
    assert "合成" in page.locator(".banner").inner_text()
    inside = data.parcels.geometry.iloc[70].representative_point()
    click_at(page, inside.y, inside.x)
    card = page.locator("#card").inner_text()
    assert "地块 70" in card
    assert "停工满一年" in card
    page.locator("#language").click()
    assert "Why this colour?" in page.locator("#card").inner_text()
    watch.assert_quiet()


def test_layers_of_a_themed_page_switch(open_offline: Open, tmp_path: Path) -> None:
    page = open_offline(written(tmp_path, build_park(park(), MapsSettings()))).page
    page.locator("#tab-layers").click()
    shown = "() => parkgap.app.maps.map.hasLayer(parkgap.app.drawn.map.ring)"
    assert page.evaluate(shown)
    page.locator("#layer-ring").uncheck()
    assert not page.evaluate(shown)


def test_fifty_thousand_parcels_are_drawn_and_answer(open_offline: Open, tmp_path: Path) -> None:
    data = parcels(224, 224)
    page_text = build_parcels(data, MapsSettings())
    assert len(page_text.encode()) < 5_000_000
    watch = open_offline(written(tmp_path, page_text))
    page = watch.page
    inside = data.parcels.geometry.iloc[25_000].representative_point()
    page.evaluate(
        "([lat, lon]) => parkgap.app.maps.map.setView([lat, lon], 17, {animate: false})",
        [inside.y, inside.x],
    )
    click_at(page, inside.y, inside.x)
    assert "地块 25000" in page.locator("#card").inner_text()
    watch.assert_quiet()


def test_hostile_parcels_stay_texts(open_offline: Open, tmp_path: Path) -> None:
    data = parcels(3, 3)
    hostile = "</script><img src=x onerror=alert(1)>{{ 7*7 }}"
    frame = data.parcels.assign(name_zh=hostile, name_en=hostile, rules=[[hostile]] * 9)
    data = ParcelData(
        title=(hostile, hostile), parcels=frame, outcomes={"idle": (hostile, hostile)},
        facts=data.facts, synthetic=True, class_column="verdict_type",
        name_columns=("name_zh", "name_en"), notes=[(hostile, hostile)],
    )  # fmt: skip
    watch = open_offline(written(tmp_path, build_parcels(data, MapsSettings())))
    inside = frame.geometry.iloc[4].representative_point()
    click_at(watch.page, inside.y, inside.x)
    assert hostile in watch.page.locator("#card").inner_text()
    watch.assert_quiet()
