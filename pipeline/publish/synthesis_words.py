"""Say in sentences what layout against gaps answers, from the tables alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from pipeline.publish.map_glossary import GLOSSARY

Names = Mapping[str, tuple[str, str]]
Sentence = tuple[str, str]
SURE = 0.95
PROPOSALS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("rail", "station"): ("提前开通一座在建或规划车站", "one planned station opened"),
    ("rail", "shuttle"): ("从一座运营车站开接驳车", "a shuttle from one station in operation"),
    ("hospital", "campus"): ("新设一处医院院区", "one more hospital campus"),
    ("school", "campus"): ("新设一所学校", "one more school"),
}


def records(frame: pd.DataFrame) -> list[Any]:
    """Give the rows of a table, each with its columns as attributes."""
    return list(frame.itertuples(index=False))


def answers(
    tables: Mapping[str, pd.DataFrame], names: Names, words: Names = GLOSSARY
) -> list[Sentence]:
    """Give the answers that planners ask for first; what a table cannot tell is left out.

    Parameters
    ----------
    tables
        Tables of the synthesis by name, with `two_tier` and `fit`.
    names
        Chinese and English names of the places.
    words
        Names of the codes, the study's own where it has them.
    """
    return [
        *_sites(tables["siting"], tables["sites"]),
        *_pairs(tables["pairing"], names),
        *_room(tables["prices"]),
        *_two_tier(tables["two_tier"]),
        *_fit(tables["fit"], words),
        *_ring(tables["layout_targets"], *first_ring(tables["rings"])),
    ]


def _sites(siting: pd.DataFrame, sites: pd.DataFrame) -> list[Sentence]:
    said = []
    best = siting[
        siting["model"].eq("mclp") & siting["sites"].eq(1) & siting["helped_places"].gt(0)
    ]
    one = sites[sites["model"].eq("mclp") & sites["sites"].eq(1)]
    for row in records(best):
        chosen = one[one["service"].eq(row.service) & one["proposal"].eq(row.proposal)]
        named = PROPOSALS.get((str(row.service), str(row.proposal)))
        zh, en = named or (str(row.proposal), str(row.proposal))
        at_zh, at_en = "、".join(chosen["name_zh"]), ", ".join(chosen["name_en"])
        helped, of = row.helped_places, row.demand_places
        told = f"{zh}，补缺最多的位置是“{at_zh}”：{of} 处缺口地点中有 {helped} 处因此达标。"
        also = (
            f"{en}: best at {at_en}, where {helped} of {of} places short would meet the standard."
        )
        said.append((told, also[0].upper() + also[1:]))
    return said


def _pairs(pairing: pd.DataFrame, names: Names) -> list[Sentence]:
    first = pairing[pairing["first"].eq(other=True)] if len(pairing) else pairing
    said = []
    for row in records(first):
        (zh, en), (to_zh, to_en) = (
            names.get(str(key), (str(key), str(key))) for key in (row.research_id, row.carrier_id)
        )
        share, minutes = f"{row.first_share:.0%}", f"{row.minutes:.0f}"
        sure, firm = ("稳健", "stable") if row.first_share >= SURE else ("不稳定", "not stable")
        told = (
            f"{zh}首先与{to_zh}配对，驾车约 {minutes} 分钟；点位移动后 {share} 仍为首选（{sure}）。"
        )
        also = f"{en} pairs first with {to_en}, {minutes} min by car; in {share} of draws ({firm})."
        said.append((told, also))
    return said


def _room(prices: pd.DataFrame) -> list[Sentence]:
    carriers = prices[prices["role"].eq("carrier")] if len(prices) else prices
    if carriers.empty or not carriers["price_min"].max() > 0:
        return []
    top = carriers.sort_values("price_min", kind="stable").iloc[-1]
    return [
        (f"扩容最有用的载体：{top['told_zh']}。", f"Room would help most here: {top['told_en']}.")
    ]


def _two_tier(table: pd.DataFrame) -> list[Sentence]:
    if "tier" not in table.columns or table.empty:
        return []
    known = table[table["tier"].notna()]
    if known.empty:
        told = "“基本服务已有、优质服务缺乏”：没有摘录时不能判定。"
        return [
            (told, "Basic services there, quality ones absent: not to be told without streets.")
        ]
    only = known["tier"].eq("basic_only").sum()
    told = f"“基本服务已有、优质服务缺乏”：可判定的 {len(known)} 项中有 {only} 项如此。"
    return [(told, f"Basic service there, quality one absent: {only} of {len(known)} pairs told.")]


def _fit(table: pd.DataFrame, words: Names) -> list[Sentence]:
    """Tell per service whether provision follows the tier, by the interval of its correlation."""
    if "ranking" not in table.columns:
        return []
    rows = table[table["index"].eq("rank_correlation") & table["ranking"].eq("tier")]
    said = []
    for row in records(rows.dropna(subset=["value", "low", "high"])):
        zh, en = words.get(str(row.service), (str(row.service), str(row.service)))
        how = ("看不出跟随", "does not visibly follow")
        if row.low > 0:
            how = ("跟随", "follows")
        elif row.high < 0:
            how = ("相反于", "runs against")
        value, low, high = (f"{number:+.2f}" for number in (row.value, row.low, row.high))
        told = f"秩相关 {value}，区间 {low} 至 {high}，{row.observations} 处"
        also = f"rank correlation {value}, {low} to {high}, {row.observations} places"
        said.append(
            (
                f"{zh}的供给{how[0]}战略层级（{told}）。",
                f"{en} {how[1]} the strategic tier ({also}).",
            )
        )
    return said


def first_ring(rings: pd.DataFrame) -> Sentence:
    """Name the ring road around the central city; the central city itself where none is given."""
    if rings.empty:
        return "中心城区", "central city"
    return str(rings["name_zh"].iloc[0]), str(rings["name_en"].iloc[0])


def _ring(targets: pd.DataFrame, zh: str, en: str) -> list[Sentence]:
    inside = targets[targets["kind"].eq("outer_ring") & targets["group"].eq("inside")]
    if inside.empty:
        return []
    row = inside.iloc[0]
    amount, low, high = (
        f"{row[name]:.0f}" for name in ("target_10k_m2", "target_low", "target_high")
    )
    share = f"{row['share']:.0%}"
    told = f"{zh}以内的载体目标为 {amount} 万平方米，占 {share}（点位误差内为 {low} 至 {high}）。"
    also = f"Inside the {en} lie {amount} of the targets (10⁴ m²), {share}; {low} to {high}"
    return [(told, f"{also} within the precision of the points.")]
