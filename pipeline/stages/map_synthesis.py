"""Draw layout against gaps: rings, carriers and their pairs, clusters, sites that would help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import geopandas as gpd
import pandas as pd
import shapely

from pipeline.publish.map_glossary import GLOSSARY
from pipeline.publish.overview_map import first_extent
from pipeline.publish.park_layers import DISTRICTS, METRO, NOTHING
from pipeline.publish.synthesis_words import PROPOSALS, answers
from pipeline.publish.themed_map import (
    Fact,
    MapClass,
    MapLayer,
    MapList,
    MapTable,
    Paint,
    ThemedPage,
)
from pipeline.stages.context import StageContext
from pipeline.stages.map_tables import MapTables

TITLE = ("布局与缺口：配对、集聚、选址", "Layout against gaps: pairs, clusters, sites")
TABLES = (
    "siting", "sites", "pairing", "prices", "layout_targets", "cluster_classes", "costs", "rings",
    "carrier_status",
)  # fmt: skip
STRATEGY = ("two_tier", "fit")
SIZES = ((0.0, 40.0, 6.0), (40.0, 60.0, 9.0), (60.0, 1e9, 12.0))  # target, radius of its mark
INK = "#14324a"
KINDS = {
    "service_research": "#1b7837",
    "service_business": "#762a83",
    "service_policy": "#b35806",
}
SITES = {
    "rail station": ("circle", "#0072b2"),
    "rail shuttle": ("circle", "#56b4e9"),
    "hospital campus": ("cross", "#d55e00"),
    "school campus": ("pennant", "#009e73"),
}
RINGS = MapLayer(
    "rings", ("环线", "Ring roads"), "line", NOTHING,
    Paint(color="#8a4b08", weight=2.2, dashArray="7 4"),
    facts=(Fact("name_zh", "名称", "Name"), Fact("area_km2", "所围面积", "Area inside", "km²")),
    note=("划分中心城区、近郊、远郊", "central city, near and outer suburbs"),
)  # fmt: skip
FLOWS = MapLayer(
    "flows", ("研发与制造配对", "Research paired with carriers"), "line", NOTHING,
    Paint(color="#5b6770", weight=1.5),
    class_column="order",
    classes=(
        MapClass("first", "首选", "first partner", Paint(color="#b2182b", weight=3)),
        MapClass("other", "其余", "further", Paint(color="#b2182b", weight=1.2, dashArray="5 4")),
    ),
    facts=(
        Fact("flow_10k_m2", "配置面积", "Floor area", "10⁴ m²"),
        Fact("minutes", "驾车", "By car", "min"),
        Fact("first_share", "点位移动后仍为首选", "First when points move", "share"),
    ),
)  # fmt: skip
CARRIERS = MapLayer(
    "carriers", ("制造载体（按两年目标）", "Carriers by targets of both years"), "point", NOTHING,
    Paint(color=INK, weight=1.4, fillColor="#f2c14e", fillOpacity=0.95, glyph="circle", radius=8),
    class_column="size",
    facts=(
        Fact("target_10k_m2", "两年目标", "Targets of both years", "10⁴ m²"),
        Fact("told_zh", "扩容的价值", "What more room is worth"),
    ),
    title=("label_zh", "label_en"),
    named=True,
)  # fmt: skip
RESEARCH = MapLayer(
    "research", ("研发地点", "Research nodes"), "point", NOTHING,
    Paint(color="#fff", weight=1, fillColor="#b2182b", fillOpacity=1, glyph="circle", radius=4),
    note=("配对的研发一方", "the research side of the pairs"),
)  # fmt: skip
CLUSTERS = MapLayer(
    "clusters", ("服务集聚区", "Service clusters"), "point", NOTHING,
    Paint(color="#fff", weight=1.2, fillOpacity=1, glyph="square", radius=6),
    class_column="category",
    classes=tuple(
        MapClass(kind, *GLOSSARY[kind], Paint(fillColor=colour)) for kind, colour in KINDS.items()
    ),
    facts=(
        Fact("category", "类型", "Kind"),
        Fact("reproduced", "由周边推断", "Told from surroundings"),
        Fact("why_zh", "理由", "Why"),
    ),
)  # fmt: skip
BEST = MapLayer(
    "sites", ("再增一处最有用的位置", "Where one more helps most"), "point", NOTHING,
    Paint(color="#111", weight=1.4, fillOpacity=1, radius=8),
    class_column="proposal",
    classes=tuple(
        MapClass(name, *PROPOSALS[tuple(name.split(" "))], Paint(fillColor=fill, glyph=glyph))  # type: ignore[index]
        for name, (glyph, fill) in SITES.items()
    ),
    facts=(
        Fact("proposal", "做法", "Proposal"),
        Fact("helped_places", "达标的地点", "Places that meet the standard"),
        Fact("demand_places", "缺口地点", "Places short"),
        Fact("gap_share", "最优性差距", "Optimality gap", "share"),
    ),
)  # fmt: skip
SITE_TABLE = (
    Fact("what_zh", "做法", "Proposal", small=("what_en",)),
    Fact("where_zh", "位置", "Where", small=("where_en",)),
    Fact("told", "受益", "Helped"),
)
PRICE_TABLE = (Fact("told_zh", "说明", "In words", small=("told_en",)),)
ITEM_TABLE = (
    Fact("name_zh", "事项", "Item", small=("name_en",)),
    Fact("target", "目标", "Target", unit="share"),
    Fact("known", "有数据", "With data"),
    Fact("missing_zh", "缺少的数据", "What is missing", small=("missing_en",)),
)
NOTES = (
    (
        "配对只说明“若研发地点需求均等，最近的安排是这样”；各地点的真实需求没有来源。",
        "Pairs tell the nearest arrangement if every node needed equal space; no source says so.",
    ),
    (
        "位置是方位，不是选址结论；格网点间隔 2.5 公里。",
        "Sites show a direction, not a plot: the grid of candidates is 2.5 km wide.",
    ),
    (
        "成本只是背景，不进入缺口。",
        "Costs are context and no part of a gap.",
    ),
)


def synthesis_page(context: StageContext, tables: MapTables) -> ThemedPage | None:
    """Gather the page; none in a study without carriers, clusters or sites."""
    read = {name: context.frame("synthesis", f"{name}.parquet") for name in TABLES}
    read |= {name: context.frame("access", f"{name}.parquet") for name in STRATEGY}
    places = tables.prepared.set_index("place_id")
    names = {str(key): (row["name_zh"], row["name_en"]) for key, row in places.iterrows()}
    rings = context.layer("synthesis", "rings.parquet").to_crs(4326)
    layers = [
        replace(RINGS, frame=rings),
        replace(FLOWS, frame=_flows(read["pairing"], places)),
        _carriers(read["prices"], places),
        replace(RESEARCH, frame=_research(read["prices"], places)),
        replace(CLUSTERS, frame=_clusters(read["cluster_classes"], places)),
        replace(BEST, frame=_best(read["siting"], read["sites"])),
    ]
    shown = [layer for layer in layers if len(layer.frame)]
    if not shown:
        return None
    ground = [
        replace(layer, frame=frame)
        for layer, frame in ((DISTRICTS, tables.districts), (METRO, tables.lines))
        if len(frame)
    ]
    return ThemedPage(
        title=TITLE,
        subtitle=tables.title,
        banner=tables.banner,
        layers=[*ground, *shown],
        back="overview.html",
        extent=first_extent(places.reset_index(), tables.districts),
        lists=[MapList(("主要回答", "Main answers"), answers(read, names, tables.words))],
        tables=[table for table in _tables(read) if len(table.frame)],
        notes=NOTES,
        sources=tables.sources,
        glossary={**tables.words, **_proposal_words()},
    )


def _proposal_words() -> dict[str, tuple[str, str]]:
    return {" ".join(key): words for key, words in PROPOSALS.items()}


def _flows(pairing: pd.DataFrame, places: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Draw a straight line for every pair that carries something."""
    used = pairing[pairing["flow_10k_m2"].gt(0)] if len(pairing) else pairing.iloc[:0]
    ends = [
        places.loc[used[name], ["lon", "lat"]].to_numpy() for name in ("research_id", "carrier_id")
    ]
    named = [places.loc[used[name], "name_zh"].to_numpy() for name in ("research_id", "carrier_id")]
    also = [places.loc[used[name], "name_en"].to_numpy() for name in ("research_id", "carrier_id")]
    frame = used.assign(
        order=used["first"].map({True: "first", False: "other"}),
        name_zh=[f"{one} → {other}" for one, other in zip(*named, strict=True)],
        name_en=[f"{one} → {other}" for one, other in zip(*also, strict=True)],
    )
    lines = [shapely.LineString(pair) for pair in zip(*ends, strict=True)]
    return gpd.GeoDataFrame(frame, geometry=lines, crs=4326)


def _points(frame: pd.DataFrame) -> gpd.GeoDataFrame:
    where = gpd.points_from_xy(frame["lon"].astype(float), frame["lat"].astype(float))
    return gpd.GeoDataFrame(
        frame.drop(columns="geometry", errors="ignore"), geometry=where, crs=4326
    )


def _carriers(prices: pd.DataFrame, places: gpd.GeoDataFrame) -> MapLayer:
    """Mark the carriers by the size of their targets."""
    own = prices[prices["role"].eq("carrier")] if len(prices) else prices.iloc[:0]
    joined = own.set_index("place_id").join(
        places[["label_zh", "label_en", "lon", "lat"]], how="inner"
    )
    sized = joined.assign(
        target_10k_m2=joined["amount_10k_m2"],
        size=[_size(float(amount)) for amount in joined["amount_10k_m2"]],
    )
    classes = [
        MapClass(
            str(number),
            _between(low, high, "万平方米"),
            _between(low, high, "10⁴ m²"),
            Paint(radius=radius),
        )
        for number, (low, high, radius) in enumerate(SIZES)
    ]
    return replace(CARRIERS, frame=_points(sized.reset_index()), classes=classes)


def _research(prices: pd.DataFrame, places: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    nodes = prices[prices["role"].eq("research")]["place_id"].tolist()
    return _points(places.loc[nodes, ["name_zh", "name_en", "lon", "lat"]])


def _size(amount: float) -> str:
    return str(next(i for i, (low, high, _) in enumerate(SIZES) if low <= amount < high))


def _between(low: float, high: float, unit: str) -> str:
    if low <= 0:
        return f"< {high:g} {unit}"
    return f"≥ {low:g} {unit}" if high > 1e6 else f"{low:g}–{high:g} {unit}"  # noqa: PLR2004 (open end)


def _clusters(classes: pd.DataFrame, places: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    own = classes.set_index("place_id") if len(classes) else pd.DataFrame(index=pd.Index([]))
    joined = own.join(places[["name_zh", "name_en", "lon", "lat"]], how="inner")
    return _points(joined.reset_index())


def _best(siting: pd.DataFrame, sites: pd.DataFrame) -> gpd.GeoDataFrame:
    """Give the one site of each proposal that covers most gap."""
    keys = ["service", "proposal", "model", "sites"]
    columns = [*keys, "helped_places", "demand_places", "gap_share"]
    one = sites[sites["model"].eq("mclp") & sites["sites"].eq(1)]
    joined = one.merge(siting[columns], on=keys, how="left")
    return _points(joined.assign(proposal=joined["service"] + " " + joined["proposal"]))


def _tables(read: Mapping[str, pd.DataFrame]) -> list[MapTable]:
    return [
        MapTable(("再增一处", "One more facility"), _site_rows(read), SITE_TABLE),
        MapTable(
            ("载体扩容的价值", "What more room is worth"),
            read["prices"][read["prices"]["role"].eq("carrier")],
            PRICE_TABLE,
            folded=True,
        ),
        MapTable(
            ("成本背景", "Costs as context"), read["costs"], _cost_facts(read["costs"]), folded=True
        ),
        MapTable(
            ("载体应查事项", "What to watch at the carriers"),
            _item_rows(read["carrier_status"]),
            ITEM_TABLE,
            note=("没有公开数据。", "No public data."),
            folded=True,
        ),
    ]


def _cost_facts(costs: pd.DataFrame) -> tuple[Fact, ...]:
    """Head the columns of the two cities with their names."""
    if costs.empty:
        return ()
    row = costs.iloc[0]
    return (
        Fact("zh", "项目", "Item", small=("en",)),
        Fact("here", row["here_zh"], row["here_en"]),
        Fact("there", row["there_zh"], row["there_en"]),
        Fact("ratio", "比值", "Ratio"),
        Fact("check_value", "独立核对", "Check", small=("check_source",)),
    )


def _site_rows(read: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    best = _best(read["siting"], read["sites"])
    words = [_proposal_words().get(name, (name, name)) for name in best["proposal"]]
    return pd.DataFrame(
        {
            "what_zh": [zh for zh, _ in words],
            "what_en": [en for _, en in words],
            "where_zh": best["name_zh"],
            "where_en": best["name_en"],
            "told": [
                f"{helped}/{of}"
                for helped, of in zip(best["helped_places"], best["demand_places"], strict=True)
            ],
        }
    )


def _item_rows(status: pd.DataFrame) -> pd.DataFrame:
    grouped = status.groupby("item", sort=False)
    first = grouped[["name_zh", "name_en", "target", "missing_zh", "missing_en"]].first()
    return first.assign(
        known=[f"{n}/{of}" for n, of in zip(grouped["value"].count(), grouped.size(), strict=True)]
    ).reset_index(drop=True)
