"""Set the tables about parcels: types and routes, state of the land, documented cases, targets."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from pipeline.publish.report_cells import (
    DASH,
    Badge,
    Cell,
    Column,
    Table,
    Words,
    clean,
    name_cell,
    number,
    number_cell,
)
from pipeline.publish.report_data import ReportData, Row

M2_PER_HA = 1e4
M2_PER_MU = 1e4 / 15.0
M2_PER_10K = 1e4
SYNTHETIC = Words(
    "合成 synthetic：本节地块由程序生成，只演示方法，不代表任何真实地块或权属。",
    "Synthetic: the parcels of this section are generated to show the method; they stand for no "
    "real parcel or owner.",
)
_STANDING = {
    "statutory": Badge("no-gap-robust", "法定", "statutory"),
    "documented": Badge("no-gap-likely", "文件载明", "documented"),
    "policy": Badge("no-gap-likely", "政策", "policy"),
    "proposal": Badge("undecided", "建议（设置）", "proposal (setting)"),
}
_LEFT = {
    "possible": Words("待核：缺字段，可能属于某类", "to check: fields are missing"),
    "none": Words("未触发任何规则", "no rule fired"),
}
_STATES = (("before", Words("更新前", "before renewal")), ("now", Words("现状", "now")))


def is_synthetic(data: ReportData) -> bool:
    """Tell whether any parcel of the run is generated."""
    return data.parcels is not None and bool(data.parcels["parcels"]["synthetic"].any())


def parcel_tables(data: ReportData) -> list[Table | None]:
    """Give the tables of the section; without parcels there is none."""
    found = data.parcels
    if found is None or found["parcels"].empty:
        return []
    mark = "（合成 synthetic）" if is_synthetic(data) else ""
    return [
        _types(found["parcels"], mark),
        _totals(data, found["totals"], mark),
        _checks(found["checks"], mark),
        _targets(found["targets"], mark),
    ]


def parcel_words(data: ReportData) -> list[Words]:
    """Say why there is no summary by park, where no parcel belongs to one."""
    found = data.parcels
    if found is None or found["totals"]["level"].eq("park").any():
        return []
    return [
        Words(
            "没有一宗地块归到名录中的园区，因此没有按园区的汇总：请在地块文件中填写所属园区编号"
            "（park_id），编号见 tables/places.csv。",
            "No parcel belongs to a park of the register, so there is no summary by park: fill in "
            "the id of the park (park_id) in the parcel file; tables/places.csv lists the ids.",
        )
    ]


def headline(found: Mapping[str, pd.DataFrame]) -> Words:
    """Say in one sentence how many parcels a rule fired for, and how much floor area fits."""
    parcels = found["parcels"]
    low = parcels[parcels["outcome"].notna()]
    land, room = low["area_m2"].sum(min_count=1), parcels["uplift_m2"].sum(min_count=1)
    known = int(parcels["uplift_m2"].notna().sum())
    made = bool(parcels["synthetic"].any())
    zh_sign, en_sign = "合成地块：" if made else "地块：", "Synthetic p" if made else "P"
    room_text = number(None if pd.isna(room) else round(float(room) / M2_PER_10K), "10k_m2")
    return Words(
        f"{zh_sign}{len(parcels)} 宗中 {len(low)} 宗判为低效（{number(land / M2_PER_HA, 'count')} "
        f"公顷）；提容潜力 {room_text} 万平方米（{known} 宗可算）。",
        f"{en_sign}arcels: {len(low)} of {len(parcels)} judged low-efficiency "
        f"({number(land / M2_PER_HA, 'count')} ha); room for {room_text} × 10⁴ m² more floor area "
        f"({known} parcels with the fields it needs).",
    )


def _types(parcels: pd.DataFrame, mark: str) -> Table:
    judged = parcels[parcels["outcome"].notna()]
    rows = [
        _type_row(group)
        for _, group in judged.groupby(["outcome_no", "outcome"], sort=True, dropna=False)
    ]
    for verdict, words in _LEFT.items():
        left = parcels[parcels["outcome"].isna() & parcels["verdict"].eq(verdict)]
        if len(left):
            empty = [Cell(DASH), Cell(DASH), Cell("")]
            rows.append([Cell(words.zh, words.en, kind="name"), *empty, *_sizes(left)])
    return Table(
        "parcel-types",
        Words(f"低效用地类型与处置路径{mark}", "Types of low-efficiency land and their routes"),
        [
            Column("类型", "Type", kind="name"),
            Column("处置路径", "Route"),
            Column("牵头", "Lead"),
            Column("规则依据", "Standing"),
            Column("宗数", "Parcels", kind="number"),
            Column("面积", "Land", "ha", "number"),
            Column("面积", "Land", "亩 mu", "number"),
            Column("提容潜力", "Room for floor area", "10⁴ m²", "number"),
        ],
        rows,
        total=[
            Cell("合计", "Total", kind="name"), Cell(""), Cell(""), Cell(""), *_sizes(parcels)
        ],
        notes=(
            Words(
                "只有“闲置”有法定规则（闲置土地处置办法）；其余界线是设置，可在研究文件中改。",
                "Only the idle type has a statutory rule (Order 53); all other cut-offs are "
                "settings of the study.",
            ),
        ),
    )  # fmt: skip


def _type_row(group: pd.DataFrame) -> list[Cell]:
    first = group.iloc[0]
    standing = _STANDING.get(str(first["standing"]))
    return [
        name_cell(first["zh"], first["en"]),
        Cell(clean(first["route_zh"]) or DASH, clean(first["route_en"])),
        Cell(clean(first["lead_zh"]) or DASH, clean(first["lead_en"])),
        Cell("", badges=() if standing is None else (standing,)),
        *_sizes(group),
    ]


def _sizes(rows: pd.DataFrame) -> list[Cell]:
    land, room = (rows[name].sum(min_count=1) for name in ("area_m2", "uplift_m2"))
    return [
        Cell(str(len(rows)), kind="number"),
        _figure(land / M2_PER_HA, 1),
        _figure(land / M2_PER_MU, 0),
        _figure(room / M2_PER_10K, 1),
    ]


def _totals(data: ReportData, totals: pd.DataFrame, mark: str) -> Table | None:
    names = data.places.set_index("place_id")
    parks = totals[totals["level"].eq("park")]
    rows = []
    for group in sorted(parks["group"].unique()):
        known = group in names.index
        name = names.loc[group, ["name_zh", "name_en"]] if known else (group, "")
        for state, words in _STATES:
            found = parks[parks["group"].eq(group) & parks["state"].eq(state)]
            if len(found):
                head = [name_cell(*name), Cell(words.zh, words.en)]
                rows.append([*head, *_state_cells(found.iloc[0])])
    if not rows:
        return None
    return Table(
        "parcel-totals",
        Words(f"园区用地状况{mark}", "State of the land by park"),
        [
            Column("园区", "Park", kind="name"),
            Column("时点", "State"),
            Column("宗数", "Parcels", kind="number"),
            Column("面积", "Land", "ha", "number"),
            Column("综合容积率", "Floor area ratio", kind="number"),
            Column("地均税收", "Tax", "10⁴ 元 yuan/ha", "number"),
            Column("土地开发率", "Developed", "%", "number"),
            Column("提容潜力", "Room for floor area", "10⁴ m²", "number"),
        ],
        rows,
    )


def _state_cells(row: Row) -> list[Cell]:
    return [
        Cell(str(row["parcels"]), kind="number"),
        _figure(row["land_m2"] / M2_PER_HA, 1),
        _figure(row["far"], 2),
        _figure(row["tax_10k_yuan_ha"], 1),
        _figure(100.0 * row["developed_share"], 1),
        _figure(row["uplift_m2"] / M2_PER_10K, 1),
    ]


def _checks(checks: pd.DataFrame, mark: str) -> Table | None:
    rows = [
        [
            name_cell(row["zh"], row["en"]),
            Cell(clean(row["claim"]), kind="number"),
            Cell(_short(row["computed"]), kind="number"),
            Cell(clean(row["unit"])),
            Cell("", badges=(_agreement(row["agrees"]),)),
            Cell(clean(row["source"])),
        ]
        for _, row in checks.iterrows()
    ]
    if not rows:
        return None
    return Table(
        "parcel-checks",
        Words(f"文件数字与计算值{mark}", "Documented figures against computed ones"),
        [
            Column("事项", "Figure", kind="name"),
            Column("文件", "Document", kind="number"),
            Column("计算", "Computed", kind="number"),
            Column("单位", "Unit"),
            Column("核对", "Check"),
            Column("出处", "Source"),
        ],
        rows,
    )


def _agreement(agrees: object) -> Badge:
    if agrees is None or pd.isna(agrees):  # type: ignore[call-overload]
        return Badge("no-value", "未计算", "not computed")
    if bool(agrees):
        return Badge("no-gap-robust", "一致", "agrees")
    return Badge("gap-robust", "不一致", "differs")


def _targets(targets: pd.DataFrame, mark: str) -> Table | None:
    rows = [
        [
            Cell(clean(row["group"]) or DASH, kind="name"),
            Cell(str(row["carriers"]), kind="number"),
            number_cell(row["target_10k_m2"], "10k_m2"),
            _figure(row["uplift_10k_m2"], 1),
            _figure(row["uplift_of_target_share"], 1),
        ]
        for _, row in targets.iterrows()
    ]
    if not rows:
        return None
    return Table(
        "parcel-targets",
        Words(
            f"提容潜力与载体目标，按区{mark}", "Room for floor area against targets, by district"
        ),
        [
            Column("区", "District", kind="name"),
            Column("载体", "Carriers", kind="number"),
            Column("两年目标", "Targets", "10⁴ m²", "number"),
            Column("提容潜力", "Room for floor area", "10⁴ m²", "number"),
            Column("潜力/目标", "Room to target", "倍 times", "number"),
        ],
        rows,
        notes=(
            Words(
                f"“{DASH}”为该区没有地块数据，不是没有潜力。",
                "A dash: no parcel data for the district, which does not mean no room.",
            ),
        ),
    )


def _figure(value: float | None, decimals: int) -> Cell:
    known = value is not None and not pd.isna(value)
    return Cell(f"{value:,.{decimals}f}" if known else DASH, kind="number")


def _short(value: float | None) -> str:
    return DASH if value is None or pd.isna(value) else f"{value:,.6g}"
