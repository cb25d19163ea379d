"""Check the maps that a run of the embedded study writes."""

from __future__ import annotations

import base64
import json
import re
import zlib
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipeline.publish.map_addresses import park_pages
from tests.built import contents

BUDGET_BYTES = 5_000_000
PARK_BYTES = 600_000


def given(page: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read back what a page carries: its settings and its packed data."""
    text = page.read_text("utf-8")
    found = {
        name: re.search(rf'id="map-{name}">(.*?)</script>', text, re.DOTALL)
        for name in ("settings", "data")
    }
    assert found["settings"]
    assert found["data"]
    packed = base64.b64decode(found["data"][1])
    return json.loads(found["settings"][1]), json.loads(zlib.decompress(packed))


def column(block: dict[str, Any], name: str) -> list[Any]:
    """Unfold a stored column."""
    stored = block["c"][name]
    if isinstance(stored, dict):
        return [None if i is None else stored["w"][i] for i in stored["i"]]
    return list(stored)


@pytest.fixture(scope="session")
def maps(embedded: Path) -> Path:
    """Give the folder of maps of the embedded study."""
    return embedded / "outputs" / "shanghai" / "maps"


@pytest.fixture(scope="session")
def built(embedded: Path) -> Path:
    """Give the folder of tables of the embedded study."""
    return embedded / "layers" / "built" / "shanghai"


def test_every_located_place_has_a_page_and_the_overview_links_it(maps: Path, built: Path) -> None:
    places = pd.read_parquet(built / "ingest" / "places.parquet").sort_values("place_id")
    located = places.loc[places["x"].notna(), "place_id"]
    pages = park_pages(located)
    assert len(pages) > 40
    assert {f"parks/{path.name}" for path in (maps / "parks").iterdir()} == set(pages.values())
    _, data = given(maps / "overview.html")
    linked = dict(
        zip(column(data["places"], "place_id"), column(data["places"], "page"), strict=True)
    )
    assert {key: page for key, page in linked.items() if page} == pages


def test_pages_stay_small_and_name_no_host(maps: Path) -> None:
    for page in maps.rglob("*.html"):
        budget = PARK_BYTES if page.parent.name == "parks" else BUDGET_BYTES
        assert page.stat().st_size < budget, page.name
        policy = re.search(r"img-src ([^;]*);", page.read_text("utf-8"))
        assert policy
        assert policy[1] == "data: blob:"


def test_the_overview_shows_the_gaps_of_the_table(maps: Path, built: Path) -> None:
    gaps = pd.read_parquet(built / "gaps" / "gaps.parquet").set_index(["place_id", "service"])
    _, data = given(maps / "overview.html")
    block = data["gaps"]
    shown = pd.DataFrame(
        {name: column(block, name) for name in ("place_id", "service", "gap", "value")}
    ).set_index(["place_id", "service"])
    both = shown.join(gaps[["gap", "value"]].add_suffix("_table"), how="inner")
    assert len(both) == len(gaps)
    for name in ("gap", "value"):
        one, other = (both[key].astype("float64") for key in (name, f"{name}_table"))
        assert (one.isna() == other.isna()).all()
        assert ((one - other).abs().dropna() <= 1e-5 * other.abs().dropna() + 1e-9).all()


def test_every_code_on_the_overview_has_words(maps: Path) -> None:
    settings, data = given(maps / "overview.html")
    codes = {
        code
        for name in ("measure", "variant", "mode", "status", "method", "verdict")
        for code in column(data["access"], name)
        if code is not None
    }
    assert len(codes) > 30
    assert codes - set(settings["glossary"]) == set()


def test_the_planned_stations_change_what_they_should(maps: Path, built: Path) -> None:
    access = pd.read_parquet(built / "rail" / "access.parquet")
    rows = access[access["measure"].eq("minutes_nearest_median") & access["mode"].eq("walk")]
    wide = rows.pivot_table(index="place_id", columns="variant", values="value")
    sooner = set(wide.index[wide["with_planned"] < wide["operating"] - 0.5])
    assert sooner
    _, data = given(maps / "overview.html")
    block = data["gaps"]
    told = {
        place: text
        for place, service, text in zip(
            column(block, "place_id"),
            column(block, "service"),
            column(block, "change_zh"),
            strict=True,
        )
        if service == "rail"
    }
    assert all("全部开通后" in told[place] and "不变" not in told[place] for place in sooner)
    settings, page = given(maps / "scenario_planned_stations.html")
    assert [layer["key"] for layer in settings["layers"]][-3:-1] == ["before", "after"]
    ledger = column(page["table 0"], "gap")
    assert sum(value is not None and value < 0 for value in ledger) > 3
    known = [value for value in ledger if value is not None]
    assert known == sorted(known)


def test_without_streets_no_route_is_drawn_and_every_page_says_estimated(maps: Path) -> None:
    _, data = given(maps / "overview.html")
    assert not [route for route in column(data["gaps"], "route") if route]
    for page in (maps / "parks").glob("K*.html"):
        _, park = given(page)
        assert set(column(park["routes"], "method")) == {"estimated_straight_line"}
        assert "无街道数据" in page.read_text("utf-8")


def test_a_park_page_shows_both_meanings_of_the_island_effect(maps: Path, built: Path) -> None:
    ranks = pd.read_parquet(built / "island" / "ranks.parquet").set_index(["theme", "place_id"])
    _, park = given(maps / park_pages(pd.Series(["K2"]))["K2"].replace("../", ""))
    scores = dict(
        zip(*(column(park["table 0"], name) for name in ("service", "value")), strict=True)
    )
    assert scores["island"] == pytest.approx(ranks.loc[("contrast", "K2"), "score"], rel=1e-4)
    reasons = pd.read_parquet(built / "island" / "reasons.parquet").set_index(["theme", "place_id"])
    separation = reasons.loc[("separation", "K2")]
    told = dict(zip(*(column(park["table 0"], n) for n in ("service", "told")), strict=True))
    assert (told["separation"] or "ok") == separation["status"]
    assert (scores["separation"] is None) == (separation["status"] != "ok")
    _, data = given(maps / "overview.html")
    assert "separation" not in column(data["gaps"], "service")


def test_parcels_carry_the_synthetic_mark(maps: Path) -> None:
    text = (maps / "parcels.html").read_text("utf-8")
    assert '<p class="banner"><span lang="zh-CN">合成数据' in text


@pytest.mark.shared
def test_on_mapped_streets_routes_follow_them(with_extract: Path) -> None:
    maps = with_extract / "outputs" / "shanghai" / "maps"
    _, data = given(maps / "overview.html")
    block = data["gaps"]
    routed = {
        place
        for place, route in zip(column(block, "place_id"), column(block, "route"), strict=True)
        if route
    }
    assert routed
    _, park = given(maps / "parks" / "T1.html")
    assert "measured_network" in column(park["routes"], "method")
    assert column(park["catchments"], "method") == ["measured_network"] * 3
    assert contents(maps)
