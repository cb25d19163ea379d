"""Set the tables that hold layout against gaps: pairs, sites, two tiers, fit with the strategy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from pipeline.publish.report_cells import DASH, Cell, Column, Table, Words, clean, name_cell
from pipeline.publish.report_data import ReportData
from pipeline.publish.synthesis_words import PROPOSALS, answers, records

MODELS: Mapping[str, tuple[str, str]] = {
    "mclp": ("覆盖缺口最多", "most gap within the threshold"),
    "p_median": ("节省时间最多", "most travel time saved"),
    "lscp": ("全部达标所需最少", "fewest that bring all within it"),
}
TWO_TIERS: Mapping[str, tuple[str, str]] = {
    "basic_and_quality": ("两者皆有", "both"),
    "basic_only": ("有基本、缺优质", "basic only"),
    "quality_only": ("有优质、缺基本", "quality only"),
    "neither": ("两者皆缺", "neither"),
    "not_testable": ("不能判定", "not testable"),
}
BASICS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("school", "primary_public"): ("公办小学", "public primary school"),
    ("school", "junior_public"): ("公办初中", "public junior school"),
    ("clinic", "all"): ("诊所", "clinic"),
    ("food", "all"): ("食品店", "food shop"),
}
LONG = 160
MOST_NAMED = 6
EACH = "site"
RANKINGS: Mapping[str, tuple[str, str]] = {
    "tier": ("战略层级（核心、特色区、园区）", "strategic tier (core, zone, park)"),
    "planned_floor_area": ("计划建筑面积", "planned floor area"),
    "planned_area": ("规划用地面积", "planned land"),
}


def synthesis_tables(data: ReportData) -> list[Table | None]:
    """Give the answers of the synthesis as tables; none where a run has no synthesis."""
    if data.synthesis is None:
        return []
    names = place_names(data)
    return [
        _siting(data.synthesis["siting"], data.synthesis["sites"], names),
        _pairing(data.synthesis["pairing"], names),
        _carriers(data.synthesis["prices"]),
        _two_tier(data.synthesis["two_tier"], data),
        _fit(data.synthesis["fit"], data.words),
    ]


def synthesis_words(data: ReportData) -> list[Words]:
    """Give the answers as sentences to stand before their tables."""
    if data.synthesis is None:
        return []
    return [Words(zh, en) for zh, en in answers(data.synthesis, place_names(data), data.words)]


def place_names(data: ReportData) -> dict[str, tuple[str, str]]:
    """Name every place in both languages."""
    rows = data.places[["place_id", "name_zh", "name_en"]].itertuples(index=False)
    return {str(key): (clean(zh), clean(en)) for key, zh, en in rows}


def _listed(ids: Sequence[str], names: Mapping[str, tuple[str, str]]) -> Cell:
    """List places by name in both languages, the first few of many; a dash where there are none."""
    known = [names.get(one, (one, one)) for one in ids[:MOST_NAMED]]
    if not known:
        return Cell(DASH)
    more = len(ids) - len(known)
    zh, en = "、".join(zh for zh, _ in known), ", ".join(en for _, en in known)
    return Cell(f"{zh} 等 {len(ids)} 处", f"{en} and {more} more") if more else Cell(zh, en)


def _split(text: object) -> list[str]:
    return [part for part in str(text).split("|") if part] if isinstance(text, str) else []


def _siting(
    table: pd.DataFrame, sites: pd.DataFrame, names: Mapping[str, tuple[str, str]]
) -> Table | None:
    """Say where one more facility would help most, and how near to the best that answer is."""
    shown = table[table["model"].eq("lscp") | table["sites"].eq(1)]
    if shown.empty:
        return None
    keys = ["service", "proposal", "model", "sites"]
    called = {
        key: list(zip(part["name_zh"], part["name_en"], strict=True))
        for key, part in sites.groupby(keys, sort=False)
    }
    rows = []
    for row in records(shown):
        stands = called.get((row.service, row.proposal, row.model, row.sites), [])
        proven = pd.notna(row.gap_share)
        rows.append(
            [
                name_cell(*PROPOSALS.get((row.service, row.proposal), (row.proposal, ""))),
                Cell(*MODELS.get(str(row.model), (str(row.model), "")), kind="name"),
                Cell(str(int(row.sites)), kind="number"),
                _stands(stands),
                Cell(f"{row.helped_places}/{row.demand_places}", kind="number"),
                _listed(_split(row.helped), names),
                Cell(f"{100 * row.gap_share:.1f}" if proven else DASH, kind="number"),
            ]
        )
    return Table(
        "siting",
        Words("再增一处，放在哪里补缺最多", "Where one more facility closes most gap"),
        [
            Column("做法", "Proposal", kind="name"),
            Column("目标", "Aim", kind="name"),
            Column("处数", "Sites", kind="number"),
            Column("位置", "Where"),
            Column("受益", "Helped", "/ 缺口地点 places short", "number"),
            Column("受益地点", "Places helped"),
            Column("最优性差距", "Optimality gap", "%", "number"),
        ],
        rows,
        notes=(
            Words(
                "候选点为在建与规划车站、运营车站，或 2.5 公里格网与各地点本身；时间由本研究的"
                "通行时间表而来。差距 0% 表示已证明没有更好的选择。格网点只指方位，不是选址结论。",
                "Candidates are planned stations, stations in operation, or a 2.5 km grid with the "
                "places themselves; times are this study's own. A gap of 0 % means that no better "
                "choice exists. A grid point shows a direction, not a plot.",
            ),
            Words(
                "选址以登记点位计时，缺口与情景取可能边界的中位数，两者对同一地点可以不同；"
                "只计布局所列层级的地点，同一点位只计一次，因此少于摘要中的缺口地点数。"
                "“最少”一行只保证候选点够得着的地点达标。",
                "Sites are timed from the recorded point, gaps and scenarios by the median of the "
                "plausible extents: the two can differ for one place. Only the tiers of the layout "
                "count, one place at each point, so there are fewer than the gaps of the summary. "
                "The row of the fewest sites holds for the places that any candidate can reach.",
            ),
        ),
    )


def _stands(sites: Sequence[tuple[object, object]]) -> Cell:
    """Name the chosen sites; a dash where none is chosen."""
    zh = "、".join(clean(name, LONG) for name, _ in sites)
    return Cell(zh or DASH, ", ".join(clean(name, LONG) for _, name in sites))


def _pairing(table: pd.DataFrame, names: Mapping[str, tuple[str, str]]) -> Table | None:
    """List what each research node sends where, first partner first."""
    used = table[table["flow_10k_m2"].gt(0)] if len(table) else table
    if used.empty:
        return None
    ordered = used.sort_values(["research_id", "first", "minutes"], ascending=[True, False, True])
    rows = [
        [
            name_cell(*names.get(str(row.research_id), (row.research_id, ""))),
            name_cell(*names.get(str(row.carrier_id), (row.carrier_id, ""))),
            Cell(f"{row.flow_10k_m2:.0f}", kind="number"),
            Cell(
                f"{'' if row.method == 'measured_network' else '≈'}{row.minutes:.0f}", kind="number"
            ),
            Cell("首选" if row.first else "", "first" if row.first else ""),
            Cell(f"{100 * row.carried_share:.0f}", kind="number"),
        ]
        for row in records(ordered)
    ]
    return Table(
        "pairing",
        Words(
            "研发地点与制造载体的配对",
            "Research nodes paired with manufacturing carriers",
        ),
        [
            Column("研发地点", "Research node", kind="name"),
            Column("制造载体", "Carrier", kind="name"),
            Column("配置面积", "Floor area", "10⁴ m²", "number"),
            Column("驾车", "By car", "min", "number"),
            Column("次序", "Order"),
            Column("点位移动后仍配对", "Pairs again when points move", "%", "number"),
        ],
        rows,
        notes=(
            Words(
                "运输问题：在载体目标容量内，使总驾车时间最少。各研发地点的需求没有来源，设为均分"
                "（共占容量的八成），因此配对只说明“若如此，最近的安排是这样”。",
                "A transport problem: least driving in all within the carriers' target "
                "capacity. No "
                "source states how much space each node needs; equal parts of 80 % are assumed, so "
                "this tells what the nearest arrangement would be if so.",
            ),
            Words(
                "末列只问该研发地点与该载体是否仍有配置，不问是否仍为首选；首选是否稳定见摘要句。",
                "The last column asks whether the two are still paired, not whether the carrier is "
                "still the first choice; how stable that is stands in the sentence above.",
            ),
        ),
    )


def _carriers(table: pd.DataFrame) -> Table | None:
    """Tell in words what more room at each carrier would be worth."""
    carriers = table[table["role"].eq("carrier")] if len(table) else table
    if carriers.empty:
        return None
    rows = [
        [
            Cell(clean(row.told_zh, LONG), clean(row.told_en, LONG), kind="name"),
            Cell(f"{row.price_min:.0f}", kind="number"),
        ]
        for row in records(carriers.sort_values("price_min", ascending=False))
    ]
    return Table(
        "shadow_prices",
        Words("哪个载体再扩容最有用", "Which carrier's growth would help most"),
        [
            Column("说明", "In words", kind="name"),
            Column("影子价格", "Shadow price", "min / 10⁴ m²", "number"),
        ],
        rows,
    )


def _two_tier(table: pd.DataFrame, data: ReportData) -> Table | None:
    """Count places by whether the basic and the quality service of a kind are there."""
    if "basic_variant" not in table.columns or table.empty:
        return None
    names = place_names(data)
    told = table.assign(kind=table["tier"].astype("object").fillna("not_testable"))
    rows = []
    keys = ["basic_service", "basic_variant", "quality_service"]
    for (service, variant, quality), part in told.groupby(keys, sort=True):
        counts = part["kind"].value_counts()
        only = part.loc[part["kind"].eq("basic_only"), "place_id"]
        rows.append(
            [
                name_cell(*_against((str(service), str(variant)), str(quality), data.words)),
                *(Cell(str(int(counts.get(kind, 0))), kind="number") for kind in TWO_TIERS),
                _listed([str(one) for one in only], names),
            ]
        )
    return Table(
        "two_tier",
        Words("“从无到有”与“从有到优”：两级服务", "Basic services present, quality ones absent"),
        [
            Column("基本服务 / 优质服务", "Basic against quality", kind="name"),
            *(Column(zh, en, kind="number") for zh, en in TWO_TIERS.values()),
            Column("“有基本、缺优质”的地点", "Places with the basic one only"),
        ],
        rows,
        notes=(
            Words(
                "基本服务来自 OSM 摘录；没有摘录时全部不能判定，不等于没有。摘录只能证明有，"
                "不能证明无。",
                "Basic services come from the OSM extract; without one nothing can be told, which "
                "is not the same as absent. An extract shows that a service is there, never that "
                "it is not.",
            ),
        ),
    )


def _against(
    basic: tuple[str, str], quality: str, words: Mapping[str, tuple[str, str]]
) -> tuple[str, str]:
    first = BASICS.get(basic, ("、".join(basic), ", ".join(basic)))
    second = words.get(quality, (quality, quality))
    return f"{first[0]} / {second[0]}", f"{first[1]} against {second[1].lower()}"


def _fit(table: pd.DataFrame, words: Mapping[str, tuple[str, str]]) -> Table | None:
    """Say whether provision follows tier and planned floor area, with the interval."""
    if "ranking" not in table.columns:
        return None
    keys = ["service", "ranking"]
    # the concentration index is told for places that count one each
    each = table["weight"].fillna(EACH).eq(EACH) if "weight" in table.columns else True
    named = table[table["ranking"].isin(RANKINGS) & each]
    shown = named[named["index"].eq("rank_correlation") & named["observations"].gt(0)]
    index = named[named["index"].eq("concentration")].set_index(keys)["value"]
    if shown.empty:
        return None
    rows = [
        [
            name_cell(*words.get(str(row.service), (row.service, ""))),
            name_cell(*RANKINGS[str(row.ranking)]),
            Cell(
                DASH if pd.isna(row.value) else f"{row.value:+.2f}",
                interval="" if pd.isna(row.low) else f"[{row.low:+.2f}, {row.high:+.2f}]",
                kind="number",
            ),
            _signed(index.get((row.service, row.ranking))),
            Cell(str(int(row.observations)), kind="number"),
            Cell(*_reading(row.low, row.high)),
        ]
        for row in records(shown)
    ]
    return Table(
        "fit",
        Words("供给是否跟着战略走", "Does provision follow the strategy?"),
        [
            Column("服务", "Service", kind="name"),
            Column("对照", "Against", kind="name"),
            Column("秩相关 ρ", "Rank correlation ρ", "−1 … +1", "number"),
            Column("集中指数", "Concentration index", "−1 … +1", "number"),
            Column("地点", "Places", kind="number"),
            Column("读法", "Reading"),
        ],
        rows,
        notes=(
            Words(
                "正数表示层级高或规模大的地点供给较好。方括号为重抽样 90% 区间，"
                "跨过 0 表示看不出关系；"
                "地点很少，看不出不等于没有。",
                "Above zero: higher tiers or larger plans are better served. In brackets the 90 % "
                "interval by resampling; one that holds 0 shows no relation, and with so few "
                "places that is no proof of none.",
            ),
        ),
    )


def _signed(value: float | None) -> Cell:
    return Cell(DASH if value is None or pd.isna(value) else f"{value:+.2f}", kind="number")


def _reading(low: float, high: float) -> tuple[str, str]:
    if pd.isna(low) or pd.isna(high):
        return "仅描述", "descriptive"
    if low > 0:
        return "供给跟随", "provision follows"
    if high < 0:
        return "供给相反", "provision runs against it"
    return "看不出关系", "no relation shown"
