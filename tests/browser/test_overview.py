"""Hold the overview to what a planner does with it, in a real browser."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from shapely import LineString

from pipeline.publish import palettes
from pipeline.publish.overview_map import build_overview
from pipeline.settings.maps import MapsSettings
from tests.pages import PHONE, Open
from tests.publish.map_samples import reference_overview

pytestmark = pytest.mark.browser

FIRST = "mode=dual&service=rail"


@pytest.fixture(scope="module")
def overview(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("overview") / "overview.html"
    path.write_text(build_overview(reference_overview(), MapsSettings()), encoding="utf-8")
    return path


def symbol(page: Any, side: str, place: str) -> Any:
    return page.locator(f".side-{side} [data-place='{place}']")


def symbols(page: Any) -> str:
    drawn: str = page.locator(".side-gaps .leaflet-marker-pane").inner_html()
    return drawn


def shown_text(page: Any, selector: str) -> str:
    text: str = page.locator(selector).inner_text()
    return text


def test_it_opens_without_a_request_or_an_error(open_offline: Open, overview: Path) -> None:
    watch = open_offline(overview)
    watch.page.wait_for_timeout(300)
    watch.assert_quiet()


def test_policy_is_enforced_by_the_page_itself(open_offline: Open, overview: Path) -> None:
    page = open_offline(overview).page
    blocked = page.evaluate(
        """() => new Promise((done) => {
            document.addEventListener("securitypolicyviolation", (e) => done(e.violatedDirective));
            const script = document.createElement("script");
            script.textContent = "window.hacked = true";
            document.body.append(script);
            setTimeout(() => done("nothing was blocked"), 500);
        })"""
    )
    assert blocked.startswith("script-src")
    assert page.evaluate("window.hacked") is None


def test_first_view_holds_every_park_of_the_city(open_offline: Open, overview: Path) -> None:
    page = open_offline(overview).page
    outside = page.evaluate(
        """() => parkgap.app.places
            .filter((p) => p.latlng && !["comparator", "policy"].includes(p.tier))
            .filter((p) => !parkgap.app.maps.layout.getBounds().contains(p.latlng))
            .map((p) => p.place_id)"""
    )
    assert outside == []


def test_leading_names_are_all_shown_and_none_overlap(open_offline: Open, overview: Path) -> None:
    page = open_offline(overview).page
    boxes = page.evaluate(
        """() => [...document.querySelectorAll(".side-layout .names")].map((e) => {
            const b = e.getBoundingClientRect();
            return [b.left, b.top, b.right, b.bottom, e.innerText];
        })"""
    )
    text = "\n".join(box[4] for box in boxes)
    for name in ("张江生物医药创新引领核心区", "临港新片区生命蓝湾", "南虹桥智慧医疗创新试验区"):
        assert name in text
    for i, one in enumerate(boxes):
        for other in boxes[i + 1 :]:
            apart = one[2] <= other[0] + 3 or other[2] <= one[0] + 3
            apart = apart or one[3] <= other[1] + 3 or other[3] <= one[1] + 3
            assert apart, (one[4], other[4])


def test_legend_totals_are_the_documented_targets(open_offline: Open, overview: Path) -> None:
    page = open_offline(overview).page
    assert shown_text(page, "#tab-body .targets tfoot").split() == ["合计", "188", "266"]
    assert page.locator("#tab-body .targets tbody tr").count() == 8


def test_the_island_effect_alarms_only_where_it_is_significant(
    open_offline: Open, overview: Path
) -> None:
    page = open_offline(overview).page
    island, rail = (
        page.evaluate(f"parkgap.gapColour(parkgap.app, 0.9, '{service}')")
        for service in ("island", "rail")
    )
    assert (island, rail) == (palettes.ISLAND[-1], palettes.GAP[-1])
    edge = """(significant) => parkgap.gapSymbol(parkgap.app, "x",
      { gap: 0.9, service: "island", method: "gridded_counts", significant }, 20)
      .firstChild.getAttribute("stroke")"""
    assert page.evaluate(edge, True) == palettes.SIGNIFICANT  # noqa: FBT003
    assert page.evaluate(edge, False) not in {palettes.SIGNIFICANT, *palettes.GAP}  # noqa: FBT003


def test_choosing_a_service_changes_colours_and_facilities(
    open_offline: Open, overview: Path
) -> None:
    watch = open_offline(overview, fragment="service=rail")
    page = watch.page
    before = symbols(page)
    page.get_by_text("医院", exact=True).first.click()
    assert symbols(page) != before
    assert "医院" in shown_text(page, "#gap-title")
    assert page.evaluate("parkgap.app.state.layers.includes('hospital')")
    assert not page.evaluate("parkgap.app.state.layers.includes('rail')")
    watch.assert_quiet()


def test_both_maps_move_together(open_offline: Open, overview: Path) -> None:
    page = open_offline(overview).page
    page.evaluate("parkgap.app.maps.gaps.setView([31.0, 121.3], 12, {animate: false})")
    views = page.evaluate(
        "Object.values(parkgap.app.maps).map((m) => [m.getZoom(), m.getCenter().lat.toFixed(4)])"
    )
    assert views == [[12, "31.0000"], [12, "31.0000"]]
    page.locator(".side-layout .leaflet-control-zoom-in").click()
    page.wait_for_timeout(500)
    zooms = page.evaluate("Object.values(parkgap.app.maps).map((m) => m.getZoom())")
    assert zooms == [12.5, 12.5]


def test_swipe_reveals_the_layout_left_of_the_bar(open_offline: Open, overview: Path) -> None:
    page = open_offline(overview, fragment="mode=swipe&split=50").page
    assert (
        page.evaluate("parkgap.app.maps.gaps.getContainer().style.clipPath")
        == "inset(0px 0px 0px 50%)"
    )
    bar = page.locator(".swipe-bar i").bounding_box()
    x, y = bar["x"] + bar["width"] / 2, bar["y"] + bar["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 200, y, steps=4)
    page.mouse.up()
    assert page.evaluate("parkgap.app.state.split") > 60
    page.locator("#swipe").focus()
    page.keyboard.press("Home")
    assert page.evaluate("parkgap.app.state.split") == 0


def test_card_says_why(open_offline: Open, overview: Path) -> None:
    page = open_offline(overview, fragment="service=rail").page
    symbol(page, "gaps", "X4").click()
    text = shown_text(page, "#card")
    for part in (
        "湾区生物医药港",
        "为什么是这个颜色",
        "90% 区间",
        "估算",
        "最近设施",
        "2026-05-19",
        "什么会改变它",
    ):
        assert part in text
    page.keyboard.press("Escape")
    assert page.locator("#card").is_hidden()


def test_a_gap_on_a_break_belongs_to_the_class_below(open_offline: Open, overview: Path) -> None:
    page = open_offline(overview).page
    gaps = [0, 0.2, 0.2001, 0.8, 0.81, 1, None]
    classes = page.evaluate("(gaps) => gaps.map((g) => parkgap.classOf(parkgap.app, g))", gaps)
    assert classes == [0, 0, 1, 3, 4, 4, None]


def test_route_to_the_nearest_is_drawn_as_it_runs(open_offline: Open, tmp_path: Path) -> None:
    data = reference_overview()
    bent = LineString([(121.74, 30.88), (121.7, 30.88), (121.7, 30.95)])
    routes = [
        bent if (place, service) == ("K2", "school") else None
        for place, service in zip(data.gaps["place_id"], data.gaps["service"], strict=True)
    ]
    path = tmp_path / "route.html"
    page_text = build_overview(replace(data, gaps=data.gaps.assign(route=routes)), MapsSettings())
    path.write_text(page_text, encoding="utf-8")
    page = open_offline(path, fragment="selected=K2&service=school").page
    drawn = page.evaluate("parkgap.app.routes.find((r) => r.getLatLngs).getLatLngs().flat()")
    assert [(round(p["lng"], 3), round(p["lat"], 3)) for p in drawn] == list(bent.coords)


def test_measured_and_estimated_are_drawn_differently(open_offline: Open, overview: Path) -> None:
    page = open_offline(overview, fragment="service=rail").page
    assert "url(#hatch-" in symbol(page, "gaps", "X4").inner_html()
    assert "url(#hatch-" not in symbol(page, "gaps", "T1").inner_html()


@pytest.mark.parametrize("typed", ["湾区", "wanqu", "wqsw", "Bay Area"])
def test_search_finds_in_every_spelling(open_offline: Open, overview: Path, typed: str) -> None:
    page = open_offline(overview).page
    page.locator("#search").fill(typed)
    page.keyboard.press("Enter")
    assert "湾区生物医药港" in shown_text(page, "#card")


def test_search_finds_a_station(open_offline: Open, overview: Path) -> None:
    page = open_offline(overview).page
    page.locator("#search").fill("renminguangchang")
    assert "人民广场" in shown_text(page, "#found")
    page.keyboard.press("Enter")
    assert "人民广场" in shown_text(page, "#card")


def test_language_switch_leaves_no_text_of_the_other(open_offline: Open, overview: Path) -> None:
    page = open_offline(overview).page
    assert "图例" in shown_text(page, "body")
    page.locator("#language").click()
    text = shown_text(page, "#tab-body") + shown_text(page, "#choices")
    assert "Legend" in shown_text(page, "#tabs")
    assert not [character for character in text if "\u4e00" <= character <= "\u9fff"]
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.locator("#search").get_attribute("placeholder").startswith("Search")


def test_address_brings_the_view_back(open_offline: Open, overview: Path) -> None:
    page = open_offline(overview, fragment="service=school&mode=gaps&lang=en&selected=K2").page
    page.evaluate("parkgap.app.maps.gaps.setView([31.1, 121.4], 11, {animate: false})")
    fragment = page.evaluate("location.hash")[1:]
    other = open_offline(overview, fragment=fragment).page
    state = other.evaluate("parkgap.app.state")
    assert (state["service"], state["mode"], state["lang"], state["selected"]) == (
        "school", "gaps", "en", "K2",
    )  # fmt: skip
    assert other.evaluate("parkgap.app.maps.gaps.getZoom()") == 11


@pytest.mark.parametrize(
    "fragment", ["at=x/y/z", "service=nope&mode=?&tab=zzz", "%%%", "selected=<b>"]
)
def test_a_damaged_address_still_opens(open_offline: Open, overview: Path, fragment: str) -> None:
    watch = open_offline(overview, fragment=fragment)
    watch.assert_quiet()


def test_layers_switch_off_and_on(open_offline: Open, overview: Path) -> None:
    page = open_offline(overview).page
    page.locator("#tab-layers").click()
    assert symbol(page, "layout", "M1").count() == 1
    page.locator("#layer-carrier").uncheck()
    assert symbol(page, "layout", "M1").count() == 0
    assert symbol(page, "gaps", "M1").count() == 0
    assert page.evaluate("document.activeElement.id") == "layer-carrier"
    page.locator("#layer-carrier").check()
    assert symbol(page, "layout", "M1").count() == 1
    page.locator("#layer-rail_future").check()
    assert page.evaluate(
        "parkgap.app.maps.layout.hasLayer(parkgap.app.facilityGroups.layout.rail_future)"
    )


def test_everything_works_from_the_keyboard(open_offline: Open, overview: Path) -> None:
    page = open_offline(overview, fragment="service=rail").page
    page.locator("#service-rail").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("parkgap.app.state.service") == "hospital"
    page.locator("#tab-legend").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("parkgap.app.state.tab") == "ranking"
    symbol(page, "gaps", "K2").focus()
    page.keyboard.press("Enter")
    assert "生命蓝湾" in shown_text(page, "#card")


def test_ranking_starts_with_the_largest_gap_and_ends_with_the_unknown(
    open_offline: Open, overview: Path
) -> None:
    page = open_offline(overview, fragment="tab=ranking&service=rail").page
    values = page.locator("#tab-body .ranking .value").all_inner_texts()
    known = [float(value) for value in values if value != "—"]
    assert known == sorted(known, reverse=True)
    assert values[len(known) :] == ["—"] * (len(values) - len(known))
    assert len(known) < len(values)


def test_summary_counts_only_what_is_known(open_offline: Open, overview: Path) -> None:
    page = open_offline(overview, fragment="tab=summary").page
    row = page.locator("#tab-body .matrix tbody tr").filter(has_text="特色区")
    gaps = reference_overview().gaps
    rail = gaps[gaps["service"].eq("rail") & gaps["place_id"].str.match(r"Z\d")]["gap"]
    cell = row.locator("td").first.inner_text().split()
    assert cell == [f"{rail.median():.2f}", f"{rail.notna().sum()}/5"]


def test_only_a_plain_file_is_linked(open_offline: Open, tmp_path: Path) -> None:
    data = reference_overview()
    pages = {
        "K2": "parks/K2.html",
        "K1": "javascript:alert(1)//.html",
        "K3": "https://x.org/a.html",
    }
    places = data.places.assign(page=data.places["place_id"].map(pages))
    path = tmp_path / "linked.html"
    path.write_text(build_overview(replace(data, places=places), MapsSettings()), encoding="utf-8")
    page = open_offline(path, fragment="selected=K2").page
    assert page.locator("#card .onward").get_attribute("href") == "parks/K2.html"
    for place in ("K1", "K3"):
        page.evaluate("(id) => parkgap.app.select(id, 'gaps')", place)
        assert page.locator("#card .onward").count() == 0


def test_phone_width_has_no_sideways_scroll(open_offline: Open, overview: Path) -> None:
    watch = open_offline(overview, size=PHONE)
    page = watch.page
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    assert page.evaluate("document.getElementById('stage').dataset.mode") == "swipe"
    page.locator("#menu").click()
    assert page.locator("#tab-body").is_visible()
    page.locator("#menu").click()
    page.evaluate("parkgap.app.select('K2', 'gaps')")
    card = page.locator("#card").bounding_box()
    spot = page.locator(".side-gaps .place-symbol.selected").bounding_box()
    assert spot["y"] + spot["height"] < card["y"]
    watch.assert_quiet()


def test_print_shows_the_map_the_legend_and_the_credits(open_offline: Open, overview: Path) -> None:
    page = open_offline(overview).page
    page.emulate_media(media="print")
    page.wait_for_timeout(200)
    assert page.locator("#print-body").is_visible()
    assert "OpenStreetMap" in shown_text(page, "#foot")
    assert "188" in shown_text(page, "#print-body")
    assert page.locator("#choices input").first.is_hidden()
    assert page.locator(".banner").first.is_visible()


def test_credits_and_marks_stay_in_view(open_offline: Open, overview: Path) -> None:
    page = open_offline(overview, size=PHONE).page
    assert "ODbL" in shown_text(page, "#foot")
    assert "2026-05-19" in shown_text(page, "#foot")
    assert "合成" in shown_text(page, ".banner")
